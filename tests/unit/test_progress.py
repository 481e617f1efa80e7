"""What keeps a heartbeat back, part by part."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.outbox import Lane
from collector.progress import LATE_MS, Marks, Part, held_by
from tests.support.soak import longer

NOW = 1_767_225_600_000
LAST = Marks(7, 4, NOW - 1, {"desk": Lane(9, 3), "nurses": Lane(2, 0)}, {})
WELL = Marks(8, 5, NOW + 500, {"desk": Lane(10, 3), "nurses": Lane(3, 0)}, {})
LONG_AGO = NOW - LATE_MS - 1


def test_nothing_keeps_it_back_when_every_part_has_got_on() -> None:
    assert held_by(LAST, WELL, NOW) == ()


def test_before_anything_has_happened_every_part_but_the_timers_does() -> None:
    first = Marks(lanes={"desk": Lane()})
    assert held_by(first, first, NOW) == (Part.INGEST, Part.EVALUATION, Part.OUTBOX)


@pytest.mark.parametrize(
    ("marks", "part"),
    [
        (replace(WELL, ingest=7), Part.INGEST),
        (replace(WELL, evaluation=4), Part.EVALUATION),
        (replace(WELL, due=LONG_AGO), Part.TIMERS),
        # one lane hangs, the other works
        (replace(WELL, lanes={"desk": Lane(9, 3), "nurses": Lane(3, 0)}), Part.OUTBOX),
        # the store does not say what waits
        (replace(WELL, waiting=None), Part.OUTBOX),
        # a lane goes round and never tries what has been due for long
        (replace(WELL, waiting={"desk": LONG_AGO}), Part.OUTBOX),
        # a receiver without a lane
        (replace(WELL, waiting={"pager": LONG_AGO}), Part.OUTBOX),
    ],
)
def test_each_part_alone_keeps_it_back(marks: Marks, part: Part) -> None:
    assert held_by(LAST, marks, NOW) == (part,)


@pytest.mark.parametrize(
    "marks",
    [
        # due for exactly as long as it may be
        replace(WELL, due=NOW - LATE_MS, waiting={"desk": NOW - LATE_MS}),
        # the receiver is down: its queue grows old, its lane tries on
        replace(
            WELL,
            lanes={"desk": Lane(10, 7), "nurses": Lane(3, 0)},
            waiting={"desk": NOW - 9_000_000},
        ),
        # what is due later keeps nothing back
        replace(WELL, due=None, waiting={"desk": NOW + 900_000}),
    ],
)
def test_a_receiver_that_is_down_and_what_is_not_late_do_not(marks: Marks) -> None:
    assert held_by(LAST, marks, NOW) == ()


def some_marks() -> st.SearchStrategy[Marks]:
    few = st.integers(0, 3)
    at = st.integers(NOW - 2 * LATE_MS, NOW + 1_000)
    names = st.sampled_from(["desk", "nurses"])
    return st.builds(
        Marks,
        few,
        few,
        st.none() | at,
        st.dictionaries(names, st.builds(Lane, few, few)),
        st.none() | st.dictionaries(names, at),
    )


@settings(max_examples=longer(60), deadline=None)
@given(some_marks(), some_marks(), st.sampled_from(["ingest", "evaluation", "rounds", "time"]))
def test_more_progress_never_keeps_back_what_went_and_more_time_never_lets_go(
    last: Marks, marks: Marks, more: str
) -> None:
    before = set(held_by(last, marks, NOW))
    match more:
        case "ingest" | "evaluation":
            after = set(held_by(last, replace(marks, **{more: getattr(marks, more) + 1}), NOW))
            assert after <= before
        case "rounds":
            lanes = {r: Lane(lane.rounds + 1, lane.attempts) for r, lane in marks.lanes.items()}
            assert set(held_by(last, replace(marks, lanes=lanes), NOW)) <= before
        case _:
            assert before <= set(held_by(last, marks, NOW + 1_000))
