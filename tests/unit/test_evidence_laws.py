"""The checker of deliveries names each breach: one history that is right, and it with each law broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from probes import batch
from probes.contract import Outcome
from tests.support.chains import NOW, a_chain, a_run
from tests.support.evidence_laws import (
    Acknowledged,
    Counted,
    Event,
    Folded,
    Gap,
    History,
    Link,
    Promised,
    Ran,
    Sealed,
    Stored,
    broken,
    taken_apart,
)

EVERY = 10_000
H1, H2, H3 = "1" * 64, "2" * 64, "3" * 64


def run(n: int, outcome: Outcome = Outcome.UP, t: int = 3) -> Ran:
    """Of the n-th slot, begun 3 ms after it."""
    return Ran("north-1", "ehr-read", n * EVERY, n * EVERY + t, outcome, "ok")


FIRST = (Link("north-1", "e1", 1, batch.NO_PREVIOUS, H1), (run(1), run(2)))
SECOND = (Link("north-1", "e1", 2, H1, H2), (run(3),))


def fold(one: Ran, life: int = 1) -> Folded:
    return Folded(life, one.agent, one.check, one.t)


def right() -> History:
    """Four slots: the first two in one batch, the third in another, the fourth in a gap."""
    return History(
        [Promised("north-1", "ehr-read", (10_000, 20_000, 30_000, 40_000))],
        [
            Counted(run(1)),
            Counted(run(2)),
            Sealed(*FIRST),
            Counted(run(3)),
            Sealed(*SECOND),
            Stored(*SECOND),
            Acknowledged("north-1", "e1", 2, 2),
            Stored(*FIRST),
            fold(run(3)),
            Acknowledged("north-1", "e1", 1, 2),
            Acknowledged("north-1", "e1", 1, 2),
            *(fold(run(n)) for n in (1, 2)),
            *(fold(run(n), life=2) for n in (1, 2, 3)),
            Gap("north-1", 40_000, 50_000, "no process"),
        ],
    )


def test_a_history_in_which_everything_is_right_breaks_no_law() -> None:
    assert broken(right()) == []


def test_an_empty_history_breaks_no_law() -> None:
    assert broken(History()) == []


Change = Callable[[History], None]


def swap(old: Event, new: Event) -> Change:
    def change(history: History) -> None:
        history.events[history.events.index(old)] = new

    return change


def drop(kind: type, at: int) -> Change:
    """The `at`-th event of this kind."""

    def change(history: History) -> None:
        found = [event for event in history.events if isinstance(event, kind)]
        history.events.remove(found[at])

    return change


def more(*events: Event) -> Change:
    def change(history: History) -> None:
        history.events += events

    return change


def first(*events: Event) -> Change:
    def change(history: History) -> None:
        history.events[:0] = events

    return change


def both(one: Change, other: Change) -> Change:
    def change(history: History) -> None:
        one(history)
        other(history)

    return change


THIRD = Link("north-1", "e1", 3, H2, H3)
FORGED = replace(Stored(*SECOND), runs=(run(3, Outcome.DOWN),))
OTHER_HEADER = (SECOND[0]._replace(hash=H3), SECOND[1])
UNCHAINED = (SECOND[0]._replace(prev=H3), SECOND[1])

BREACHES: list[tuple[str, Change, list[str]]] = [
    (
        "acknowledged and never stored",
        more(Acknowledged("north-1", "e1", 1, 3)),
        ["acknowledged, not stored: north-1 e1 3"],
    ),
    (
        "acknowledged in another epoch",
        more(Acknowledged("north-1", "e2", 1, 1)),
        ["acknowledged, not stored: north-1 e2 1"],
    ),
    (
        "acknowledged before it was stored",
        first(Acknowledged("north-1", "e1", 1, 1)),
        ["acknowledged, not stored: north-1 e1 1"],
    ),
    (
        "stored and never sealed",
        more(Stored(THIRD, ())),
        ["stored, never sealed: north-1 e1 3"],
    ),
    (
        "stored with another result",
        swap(Stored(*SECOND), FORGED),
        [
            "stored otherwise than sealed: north-1 e1 2",
            "counted, not stored: north-1 ehr-read at 30000",
        ],
    ),
    (
        "counted and lost",
        more(Counted(run(4))),
        ["counted, not stored: north-1 ehr-read at 40000"],
    ),
    (
        "a batch stored twice",
        more(Stored(*SECOND)),
        ["stored 2 times: north-1 e1 2"],
    ),
    (
        "a run in two batches",
        more(Sealed(THIRD, (run(3),)), Stored(THIRD, (run(3),))),
        ["in 2 batches: north-1 ehr-read run at 30003"],
    ),
    (
        "folded twice by one process",
        more(fold(run(2))),
        ["folded 2 times in life 1: north-1 ehr-read run at 20003"],
    ),
    (
        "stored and never folded",
        both(drop(Folded, 0), drop(Folded, -1)),
        ["stored, not folded: north-1 ehr-read run at 30003"],
    ),
    (
        "folded and not stored",
        more(fold(run(4))),
        ["folded, not stored: north-1 ehr-read run at 40003"],
    ),
    (
        "one number, two headers",
        more(Sealed(*OTHER_HEADER)),
        [
            "stored otherwise than sealed: north-1 e1 2",
            "2 headers sealed as north-1 e1 2",
        ],
    ),
    (
        "sealed out of order",
        both(drop(Counted, 0), more(Counted(run(1)))),
        ["sealed out of order: north-1 e1 2"],
    ),
    (
        "a number left out",
        more(Sealed(THIRD._replace(seq=4), ()), Stored(THIRD._replace(seq=4), ())),
        [
            "number missing among those sealed: north-1 e1 3",
            "number missing among those stored: north-1 e1 3",
        ],
    ),
    (
        "a chain that is cut",
        both(swap(Sealed(*SECOND), Sealed(*UNCHAINED)), swap(Stored(*SECOND), Stored(*UNCHAINED))),
        [
            "not chained to the one before: north-1 e1 2",
            "not chained to the one before: north-1 e1 2",
        ],
    ),
    (
        "a first batch that claims to follow another",
        both(
            swap(Sealed(*FIRST), Sealed(FIRST[0]._replace(prev=H3), FIRST[1])),
            swap(Stored(*FIRST), Stored(FIRST[0]._replace(prev=H3), FIRST[1])),
        ),
        [
            "not chained to the one before: north-1 e1 1",
            "not chained to the one before: north-1 e1 1",
        ],
    ),
    (
        "a slot without a result or a gap",
        drop(Gap, 0),
        ["no result and no gap: north-1 ehr-read at 40000"],
    ),
    (
        "a gap of another agent",
        swap(
            Gap("north-1", 40_000, 50_000, "no process"),
            Gap("south-1", 40_000, 50_000, "no process"),
        ),
        ["no result and no gap: north-1 ehr-read at 40000"],
    ),
    (
        "a gap that ends at the slot",
        swap(
            Gap("north-1", 40_000, 50_000, "no process"),
            Gap("north-1", 30_000, 40_000, "no process"),
        ),
        ["no result and no gap: north-1 ehr-read at 40000"],
    ),
    (
        "a slot with two results",
        more(
            Sealed(THIRD, (run(3, t=9),)),
            Stored(THIRD, (run(3, t=9),)),
            fold(run(3, t=9)),
        ),
        ["ended 2 times: north-1 ehr-read at 30000"],
    ),
    (
        "a result of a slot that never was",
        more(Sealed(THIRD, (run(5),)), Stored(THIRD, (run(5),)), fold(run(5))),
        ["no such slot: north-1 ehr-read at 50000"],
    ),
]


@pytest.mark.parametrize(
    ("change", "said"), [b[1:] for b in BREACHES], ids=[b[0] for b in BREACHES]
)
def test_a_breach_is_named(change: Change, said: list[str]) -> None:
    history = right()
    change(history)
    assert broken(history) == said


def test_an_explicit_unknown_beside_the_slots_is_no_breach() -> None:
    history, stepped = right(), run(5, Outcome.UNKNOWN, t=0)
    history.add(Sealed(THIRD, (stepped,)), Stored(THIRD, (stepped,)), fold(stepped))
    assert broken(history) == []


def test_what_comes_late_and_out_of_order_is_no_breach() -> None:
    """Newest first, and the whole again after a lost reply: `right` has both."""
    events = right().events
    assert events.index(Stored(*SECOND)) < events.index(Stored(*FIRST))


def test_an_envelope_is_taken_apart_with_its_clock_offset_applied() -> None:
    runs = [[a_run(NOW, Outcome.UP)], [a_run(NOW + 10_000, Outcome.DOWN)]]
    one, two = a_chain(runs, offsets_ms=(0, 250))
    (link, _), (after, late) = (taken_apart(_bytes(each)) for each in (one, two))
    assert (link.seq, link.prev, link.hash) == (1, batch.NO_PREVIOUS, batch.header_hash(one))
    assert (after.seq, after.prev) == (2, link.hash)
    assert late == (
        Ran("north-1", "ehr-read", NOW + 10_000, NOW + 10_250, Outcome.DOWN, "tcp.refused"),
    )


def _bytes(one: batch.Batch) -> bytes:
    size = len(one.header_bytes).to_bytes(4, "big")
    return batch.MAGIC + size + one.header_bytes + one.signature + one.body
