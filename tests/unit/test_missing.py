"""Missed slots: gathered for two seconds, system by system."""

from __future__ import annotations

from agent.missing import Missing, is_missed
from probes.contract import Outcome
from probes.segments import Run


def missed(system: str, at_ms: int) -> Run:
    return Run(system, "c", at_ms, at_ms, Outcome.UNKNOWN, "agent.missed_slot", 0)


def test_only_a_slot_without_an_attempt_is_missed() -> None:
    assert is_missed(missed("ehr", 7))
    assert not is_missed(Run("ehr", "c", 7, 7, Outcome.UNKNOWN, "agent.clock", 0))
    assert not is_missed(Run("ehr", "c", 7, 7, Outcome.UP, "ok", 5))


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
