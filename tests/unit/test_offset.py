"""Which clock is believed: written-out stories, and the bound as a law."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.offset import Belief, Moment, Offset, Reading, compare

S = 1_000_000_000
HOUR = 3600 * S


def at(seconds: int, offset_ms: int, error_ms: int = 30) -> Reading:
    return Reading(offset_ms, error_ms, seconds * S)


def test_half_the_round_trip_is_a_bound_and_not_a_guess() -> None:
    sent, received = Moment(1_000, 5 * S), Moment(1_060, 5 * S + 60_000_000)
    # The collector looked 1 000 ms ahead of the middle; 30 ms either way, 2 for whole milliseconds.
    assert compare(sent, received, 2_030) == Reading(1_000, 32, 5 * S + 60_000_000)


@pytest.mark.parametrize("received_ms", [999, 1_100])
def test_a_reading_during_which_our_clock_was_set_is_none(received_ms: int) -> None:
    assert compare(Moment(1_000, 0), Moment(received_ms, 60_000_000), 1_030) is None


@given(
    true_ms=st.integers(-(10**9), 10**9),
    there_us=st.integers(0, 5_000_000),
    back_us=st.integers(0, 5_000_000),
    start_us=st.integers(10**12, 10**13),
)
def test_the_true_offset_lies_within_the_error_however_lopsided_the_way(
    true_ms: int, there_us: int, back_us: int, start_us: int
) -> None:
    sent = Moment(start_us // 1000, start_us * 1000)
    end_us = start_us + there_us + back_us
    collector_ms = (start_us + there_us) // 1000 + true_ms
    reading = compare(sent, Moment(end_us // 1000, end_us * 1000), collector_ms)
    assert reading is not None
    assert abs(reading.offset_ms - true_ms) <= reading.error_ms


def test_without_a_collector_the_hosts_word_stands_and_says_so() -> None:
    assert Offset().belief(1_000 * HOUR) == Belief(0, 0, "host")


def test_a_host_that_agrees_is_believed_and_the_difference_is_its_error() -> None:
    offset = Offset()
    offset.take(at(0, -400))
    assert offset.belief(1 * S) == Belief(0, 430, "collector")
    # Weeks without a line change nothing: this host keeps its time by its own means.
    assert offset.belief(500 * HOUR) == Belief(0, 430, "collector")
    assert not offset.settle(500 * HOUR)


def test_two_clocks_that_contradict_each_other_are_a_minute_of_unknown_then_the_collectors() -> (
    None
):
    offset = Offset()
    offset.take(at(0, 7_000))
    assert offset.belief(0) == Belief(0, 7_030, "collector")
    assert not offset.settle(59 * S)
    offset.take(at(59, 7_010))
    assert offset.belief(59 * S) == Belief(0, 7_040, "collector")
    assert offset.settle(60 * S)
    assert offset.belief(60 * S) == Belief(7_010, 30, "collector")
    assert not offset.settle(61 * S)


def test_a_collector_that_jumps_for_a_moment_moves_nothing() -> None:
    offset = Offset()
    offset.take(at(0, 10))
    offset.take(at(10, 3_600_000))
    assert offset.belief(10 * S) == Belief(0, 3_600_030, "collector")
    offset.take(at(20, 10))
    assert not offset.settle(100 * S)
    assert offset.belief(100 * S) == Belief(0, 40, "collector")


def test_a_collector_that_says_something_else_each_time_is_never_believed() -> None:
    offset = Offset()
    for second in range(0, 600, 10):
        offset.take(at(second, 10_000 * (second + 1)))
        assert not offset.settle(second * S)
        assert offset.belief(second * S).error_ms > 2_000


def test_the_error_of_a_correction_grows_while_the_line_is_away() -> None:
    offset = Offset()
    offset.take(at(0, 7_000))
    assert offset.settle(60 * S)
    assert offset.belief(10 * HOUR) == Belief(7_000, 30 + 1_800, "collector")
    assert offset.belief(11 * HOUR) == Belief(7_000, 30 + 1_980, "collector")
    assert offset.belief(12 * HOUR).error_ms == 30 + 2_160


def test_a_host_that_was_put_right_is_believed_again() -> None:
    offset = Offset()
    offset.take(at(0, 7_000))
    assert offset.settle(60 * S)
    offset.take(at(70, 100))
    assert offset.belief(70 * S).error_ms == 6_930
    assert offset.settle(130 * S)
    assert offset.belief(130 * S) == Belief(0, 130, "collector")


def test_after_a_step_nothing_is_believed_until_the_collector_speaks_or_a_minute_has_passed() -> (
    None
):
    offset = Offset()
    offset.take(at(0, 7_000))
    offset.settle(60 * S)
    offset.stepped(-7_000, 100 * S)
    assert offset.belief(100 * S) == Belief(0, 7_000, "host")
    assert offset.belief(159 * S) == Belief(0, 7_000, "host")
    assert offset.belief(160 * S) == Belief(0, 0, "host")


def test_a_step_of_long_ago_makes_no_batch_unknown_when_the_collector_speaks_again() -> None:
    offset = Offset()
    offset.stepped(5_000, 100 * S)
    offset.take(at(3_600, 5))
    assert offset.belief(3_600 * S) == Belief(0, 35, "collector")


def test_after_a_step_the_collector_is_heard_from_the_next_batch_on() -> None:
    """The one that is open may hold results of both times."""
    offset = Offset()
    offset.stepped(5_000, 200 * S)
    offset.take(at(201, 5))
    assert not offset.settle(201 * S)
    assert offset.belief(201 * S) == Belief(0, 5_000, "host")
    offset.take(at(203, 5))
    assert offset.belief(203 * S) == Belief(0, 5_000, "host")
    assert not offset.settle(203 * S)
    assert offset.belief(203 * S) == Belief(0, 35, "collector")


def test_a_slow_line_proves_no_agreement_but_a_gross_contradiction() -> None:
    offset = Offset()
    offset.take(at(0, 500, error_ms=1_001))
    assert offset.belief(0) == Belief(0, 0, "host")
    offset.take(at(1, 1_000, error_ms=1_000))
    assert offset.belief(1 * S) == Belief(0, 2_000, "collector")
    offset.take(at(2, 10_000, error_ms=5_000))
    assert offset.belief(2 * S) == Belief(0, 15_000, "collector")


_readings = st.lists(
    st.tuples(st.integers(1, 40), st.integers(-9_000, 9_000), st.integers(2, 3_000)), max_size=40
)


@given(story=_readings)
def test_the_offset_changes_only_after_a_minute_in_which_every_result_was_unknown(
    story: list[tuple[int, int, int]],
) -> None:
    """So no change puts a judged result before an older one."""
    offset, now, well = Offset(), 0, 0
    for wait, measured, error in story:
        for _ in range(wait):
            if offset.belief(now * S).error_ms <= 2_000:
                well = now
            before = offset.belief(now * S).offset_ms
            if not offset.settle(now * S):
                assert offset.belief(now * S).offset_ms == before
            else:
                assert now - well >= 60
            now += 1
        offset.take(at(now, measured, error))


@given(true_ms=st.integers(-9_000, 9_000), story=_readings)
def test_the_true_time_lies_within_what_is_said(
    true_ms: int, story: list[tuple[int, int, int]]
) -> None:
    """Whatever honest readings come: each is wrong by at most its error."""
    offset, now = Offset(), 0
    for wait, wrong, error in story:
        now += wait
        offset.take(at(now, true_ms + wrong % (error + 1), error))
        offset.settle(now * S)
        said = offset.belief(now * S)
        if said.source == "collector":
            assert abs(true_ms - said.offset_ms) <= said.error_ms
