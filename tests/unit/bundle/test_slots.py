"""Expected and received runs: by the agent's schedule, however its clock is off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from collector.bundle import reading
from collector.bundle.evidence import Asked, Evidence
from collector.bundle.reading import Order, Record
from collector.bundle.samplestory import Fault
from collector.bundle.slots import Slots
from probes.batch import Clock
from probes.contract import Outcome
from tests.support import bundles

QUIET = replace(bundles.SMALL, noise=0, faults=frozenset[Fault]())
EVERY = QUIET.every
SLOTS = 6 * 96


def read(evidence: Evidence, system: str) -> list[Record]:
    return list(reading.records(evidence.members, evidence.log, Order(evidence.log), system))


def seen(offset: int = 0, error: int = 7) -> Slots:
    """All of `lab`, its agents' clocks off by so much."""
    _, evidence, asked = bundles.opened(QUIET)
    slots = Slots("lab", evidence.rows.histories["lab"], asked)
    for record in read(evidence, "lab"):
        slots.see(replace(record, clock=Clock(offset, error)))
    return slots


@pytest.mark.parametrize("offset", [-400_000, -1_000, -1, 0, 1, 1_000, 400_000])
def test_runs_count_for_their_slots_whatever_the_clock_was_worth(offset: int) -> None:
    slots = seen(offset)
    assert slots.expected == 3 * SLOTS
    # at an edge of the period one that is off falls to the other side
    assert 3 * SLOTS - 3 <= slots.received <= 3 * SLOTS
    assert len(list(slots.missing())) == 3 * SLOTS - slots.received


def test_a_clock_that_wavers_leaves_no_gap() -> None:
    _, evidence, asked = bundles.opened(QUIET)
    slots = Slots("lab", evidence.rows.histories["lab"], asked)
    for n, record in enumerate(read(evidence, "lab")):
        slots.see(replace(record, clock=Clock(40 if n % 2 else -40, 7)))
    assert slots.received == 3 * SLOTS


def test_nothing_seen_is_one_gap_of_each_agent() -> None:
    _, evidence, asked = bundles.opened(QUIET)
    slots = Slots("lab", evidence.rows.histories["lab"], asked)
    found = list(slots.missing())
    assert [(one.check, one.agent, one.slots) for one in found] == [
        ("lab-read", agent, SLOTS) for agent in ("north-1", "outside-1", "south-1")
    ]
    for one in found:
        assert asked.start <= one.start < asked.start + EVERY
        assert one.end == asked.end
    assert (slots.received, slots.outcomes.total()) == (0, 0)


def test_a_clock_that_is_not_known_makes_outcomes_unknown_and_the_runs_are_there() -> None:
    slots = seen(error=2_001)
    assert slots.outcomes == {Outcome.UNKNOWN: 3 * SLOTS}
    assert slots.received == 3 * SLOTS


def test_a_schedule_that_changes_is_expected_as_it_was_recorded() -> None:
    story = replace(QUIET, faults=frozenset({Fault.VERSION}))
    _, evidence, asked = bundles.opened(story)
    slots = Slots("lab", evidence.rows.histories["lab"], asked)
    before = (story.at(330) - story.start) // EVERY
    after = (story.end - story.at(330)) // (2 * EVERY)
    assert abs(slots.expected - 3 * (before + after)) <= 3
    for record in read(evidence, "lab"):
        slots.see(record)
    assert slots.received == slots.expected


def test_a_system_that_is_not_monitored_yet_owes_nothing() -> None:
    _, evidence, asked = bundles.opened(QUIET)
    history = evidence.rows.histories["lab"]
    early = Asked(asked.start - 40 * 86_400_000, asked.start - 30 * 86_400_000, 0, {})
    assert Slots("lab", history, early).expected == 0
