"""Missed slots: gathered for two seconds, system by system."""

from __future__ import annotations

from agent.missing import Missing, parted
from probes.contract import Outcome
from probes.segments import Run


def missed(system: str, at_ms: int) -> Run:
    return Run(system, "c", at_ms, at_ms, Outcome.UNKNOWN, "agent.missed_slot", 0)


def test_only_a_slot_without_an_attempt_is_missed() -> None:
    clock = Run("ehr", "c", 8, 8, Outcome.UNKNOWN, "agent.clock", 0)
    up = Run("ehr", "c", 9, 9, Outcome.UP, "ok", 5)
    ended = [missed("ehr", 7), clock, missed("lab", 8), up]
    assert parted(ended) == ([clock, up], [missed("ehr", 7), missed("lab", 8)])


def test_they_close_two_seconds_after_the_first() -> None:
    gathered = Missing()
    assert gathered.due_ms() is None
    gathered.add([], 500)
    assert gathered.due_ms() is None
    gathered.add([missed("ehr", 1)], 1_000)
    gathered.add([missed("ehr", 2)], 2_500)
    assert gathered.due_ms() == 3_000
    assert [[run.at_ms for run in part] for part in gathered.take()] == [[1, 2]]
    assert (gathered.due_ms(), gathered.take()) == (None, [])


def test_those_of_one_system_stand_together_a_thousand_for_each_batch() -> None:
    gathered = Missing()
    slots = [missed(system, at) for at in range(700) for system in ("lab", "ehr")]
    gathered.add(slots, 0)
    first, second = gathered.take()
    assert [run.system for run in first] == ["lab"] * 700 + ["ehr"] * 300
    assert [run.system for run in second] == ["ehr"] * 400
    assert sorted(map(id, first + second)) == sorted(map(id, slots))


def test_ten_thousand_close_at_once() -> None:
    gathered = Missing()
    gathered.add([missed("ehr", at) for at in range(9_999)], 0)
    assert gathered.due_ms() == 2_000
    gathered.add([missed("ehr", 9_999)], 70)
    assert gathered.due_ms() == 70
