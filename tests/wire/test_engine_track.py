"""How a channel moved between readings: counters that are reset, queues, ages, time to drain."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from probes.contract import Outcome
from probes.wire.engine import Reading, State
from probes.wire.engine_judge import Limits, judge
from probes.wire.engine_track import Movement, Track

MINUTE_MS = 60_000


def walk(*readings: Reading, every_ms: int = MINUTE_MS) -> list[Movement]:
    track = Track()
    return [track.take(one, 1_000 + n * every_ms) for n, one in enumerate(readings)]


def flow(sent: int, queued: int, errored: int = 0) -> Reading:
    return Reading(
        State.STARTED, received=sent + queued, sent=sent, errored=errored, filtered=0, queued=queued
    )


def test_the_first_reading_says_nothing_of_movement() -> None:
    assert walk(flow(100, 5)) == [Movement()]


def test_what_came_in_and_failed_is_counted_from_reading_to_reading() -> None:
    moved = walk(Reading(received=10, errored=1), Reading(received=17, errored=3))[-1]
    assert (moved.received, moved.errored, moved.was_reset) == (7, 2, False)


def test_a_counter_that_goes_back_is_a_reset_and_hides_what_came_in() -> None:
    moved = walk(Reading(received=100, errored=9), Reading(received=3, errored=2))[-1]
    assert (moved.received, moved.errored, moved.was_reset) == (None, 2, True)
    one_back = walk(Reading(received=100, sent=90), Reading(received=130, sent=2))[-1]
    assert (one_back.received, one_back.was_reset) == (None, True)


def test_a_reset_is_no_movement() -> None:
    moved = walk(flow(50, 4), flow(50, 4), flow(0, 4), flow(0, 4))
    assert [one.still_ms for one in moved] == [0, 60_000, 120_000, 180_000]
    assert [one.stuck_ms for one in moved] == [0, 60_000, 120_000, 180_000]


def test_a_reset_of_a_quiet_channel_makes_nothing_old() -> None:
    restarts = [Reading(sent=9 - n, queued=0) for n in range(5)]
    assert walk(*restarts, Reading(sent=3, queued=2))[-1].stuck_ms == 0
    assert walk(*restarts, Reading(sent=5, queued=2))[-1].stuck_ms == 0


def test_a_queue_that_stands_for_days_costs_little_and_is_no_younger() -> None:
    track = Track()
    for n in range(3000):
        moved = track.take(Reading(sent=100 + n // 300, queued=500 + n), n * MINUTE_MS)
    assert moved.oldest_ms == 2999 * MINUTE_MS
    assert len(track._came) <= 65


def test_messages_are_stuck_from_when_they_were_first_seen_to_wait() -> None:
    quiet = [flow(50, 0)] * 3
    moved = walk(*quiet, flow(50, 2), flow(50, 2), flow(50, 3))
    assert [one.stuck_ms for one in moved] == [0, 0, 0, 0, 60_000, 120_000]
    assert moved[-1].still_ms == 0  # it still takes in


def test_what_leaves_ends_being_stuck() -> None:
    assert walk(flow(50, 4), flow(50, 4), flow(51, 9))[-1].stuck_ms == 0


def test_a_queue_alone_proves_nothing_of_what_leaves() -> None:
    assert {one.stuck_ms for one in walk(*[Reading(queued=9)] * 9)} == {0}
    idle = walk(*[Reading(queued=9, idle_s=s) for s in (500, 560, 5, 65)])
    assert [one.stuck_ms for one in idle] == [0, 60_000, 5_000, 65_000]
    fresh = walk(*[Reading(queued=q, idle_s=900) for q in (0, 4, 4)])
    assert [one.stuck_ms for one in fresh] == [0, 0, 60_000]


def test_a_queue_that_grows_at_every_reading_is_counted_until_it_does_not() -> None:
    moved = walk(*[Reading(queued=q) for q in (0, 1, 2, 5, 5, 6)])
    assert [one.risen for one in moved] == [0, 1, 2, 3, 0, 1]


def test_an_age_is_what_the_counters_prove_and_no_more() -> None:
    # 10 waited at the first reading, and 9 left since: one of the 10 is still here.
    assert walk(flow(100, 10), flow(104, 8), flow(109, 7))[-1].oldest_ms == 120_000
    # All 10 left: those that wait came later.
    assert walk(flow(100, 10), flow(104, 8), flow(110, 7))[-1].oldest_ms == 60_000
    assert walk(flow(100, 10), flow(118, 2))[-1].oldest_ms == 0
    assert walk(flow(100, 10), flow(110, 0))[-1].oldest_ms == 0


def test_messages_taken_out_of_a_queue_by_hand_make_no_later_one_old() -> None:
    def at(sent: int, queued: int) -> Reading:
        return Reading(sent=sent, queued=queued)

    assert walk(at(100, 10), at(100, 0), at(100, 2))[-1].oldest_ms == 0
    assert walk(at(100, 10), at(100, 4), at(100, 4))[-1].oldest_ms == 60_000


def test_time_to_drain_is_the_pace_of_the_last_readings() -> None:
    moved = walk(*[flow(100 + 10 * n, 100 - 10 * n) for n in range(4)])
    assert [one.drain_ms for one in moved] == [None, 540_000, 480_000, 420_000]


def test_a_queue_that_does_not_shrink_has_no_time_to_drain() -> None:
    for depths in ((5, 5), (5, 6), (9, 5, 6), (4, 0)):
        assert walk(*[Reading(queued=q) for q in depths])[-1].drain_ms is None


def test_the_same_export_read_again_is_no_new_reading() -> None:
    one, two = Reading(queued=3, received=5, at_s=100), Reading(queued=4, received=6, at_s=160)
    moved = walk(one, two, two)
    assert [m.risen for m in moved] == [0, 1, 1]
    assert moved[-1].received == 0


steps = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 20), st.booleans()), min_size=1, max_size=40
)


@given(steps)
def test_what_is_counted_is_never_more_than_there_was_and_never_negative(
    steps: list[tuple[int, int, bool]],
) -> None:
    """`received` and `errored` of each step, and whether the engine began to count anew before it."""
    track = Track()
    received = errored = 0
    track.take(Reading(received=0, errored=0), 0)
    told_received = told_errored = true_received = true_errored = 0
    for n, (came, failed, is_reset) in enumerate(steps, 1):
        if is_reset:
            received = errored = 0
        received, errored = received + came, errored + failed
        true_received, true_errored = true_received + came, true_errored + failed
        moved = track.take(Reading(received=received, errored=errored), n * MINUTE_MS)
        assert moved.received is None or moved.received >= 0
        assert moved.errored is not None
        assert moved.errored >= 0
        told_received += moved.received or 0
        told_errored += moved.errored
    assert told_received <= true_received
    assert told_errored <= true_errored


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=40))
def test_an_age_is_never_more_than_the_oldest_has(steps: list[tuple[int, int]]) -> None:
    """A queue first in, first out, played: came and left of each minute."""
    track, queue, sent = Track(), list[int](), 0
    for n, (came, left) in enumerate(steps):
        now_ms = n * MINUTE_MS
        queue += [now_ms] * came
        gone = min(left, len(queue))
        queue, sent = queue[gone:], sent + gone
        moved = track.take(Reading(sent=sent, queued=len(queue)), now_ms)
        true_ms = now_ms - queue[0] if queue else 0
        assert true_ms - MINUTE_MS <= moved.oldest_ms <= true_ms


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 9), st.booleans()),
        min_size=2,
        max_size=40,
    )
)
def test_an_age_is_no_more_than_that_in_any_order_and_with_hands_in_the_queue(
    steps: list[tuple[int, int, int, bool]],
) -> None:
    """Came; left, the newest first; taken out by hand in a minute when nothing came; a reset, of
    which nobody knows where it leaves the counter as it was.
    """
    track, queue, sent, told = Track(), list[int](), 0, 0
    for n, (came, left, purged, is_reset) in enumerate(steps):
        now_ms = n * MINUTE_MS
        gone = min(left, len(queue))
        queue, sent = queue[: len(queue) - gone], sent + gone
        if purged > 6:
            queue = queue[purged:]
        else:
            queue += [now_ms] * came
        sent = 0 if is_reset and told else sent
        told = sent
        moved = track.take(Reading(sent=sent, queued=len(queue)), now_ms)
        assert moved.oldest_ms <= (now_ms - queue[0] if queue else 0)


def verdict(reading: Reading, moved: Movement, limits: Limits) -> tuple[str, str]:
    outcome, reason = judge(reading, moved, limits)
    return outcome.value, reason.value


def test_the_worst_is_told_and_of_equals_the_nearest_to_the_cause() -> None:
    limits = Limits(max_queued=5, down_queued=50, max_errors=0, within_ms=MINUTE_MS)
    reading = Reading(State.STARTED, sent=1, queued=9)
    empty, seen = Reading(State.STARTED, queued=0), Movement(left_seen=True)
    assert verdict(empty, Movement(), limits) == ("up", "ok")
    assert verdict(reading, seen, limits) == ("degraded", "engine.queue")
    assert verdict(reading, replace(seen, errored=1), limits) == ("degraded", "engine.queue")
    assert verdict(reading, Movement(stuck_ms=MINUTE_MS), limits) == ("down", "engine.stalled")
    gone = Reading(State.STOPPED, queued=99, connected=False)
    assert verdict(gone, Movement(stuck_ms=MINUTE_MS), limits) == ("down", "engine.stopped")
    strange = Reading(State.OTHER, queued=9)
    assert verdict(strange, Movement(), limits) == ("unknown", "engine.not_status")


def test_limits_are_reached_only_above_them() -> None:
    limits = Limits(max_queued=5, max_oldest_ms=1000, max_errors=2)
    at = Reading(queued=5, oldest_s=1)
    assert judge(at, Movement(errored=2), limits)[0] is Outcome.UP
    assert judge(Reading(queued=6, oldest_s=1), Movement(), limits)[0] is Outcome.DEGRADED
    assert judge(Reading(queued=1, oldest_s=2), Movement(), limits)[0] is Outcome.DEGRADED
    assert verdict(at, Movement(errored=3), limits) == ("degraded", "engine.errors")


def test_a_deep_queue_is_not_down_while_it_drains_in_time() -> None:
    limits = Limits(max_queued=5, down_queued=50, drain_ms=600_000)
    deep = Reading(State.STARTED, queued=100)
    assert verdict(deep, Movement(drain_ms=600_000), limits) == ("degraded", "engine.queue")
    assert verdict(deep, Movement(drain_ms=600_001), limits) == ("down", "engine.queue")
    assert verdict(deep, Movement(), limits) == ("down", "engine.queue")
    unlimited = Limits(down_queued=50)
    assert verdict(deep, Movement(drain_ms=1), unlimited) == ("down", "engine.queue")


def test_silence_is_only_wrong_where_messages_are_expected() -> None:
    counted = Reading(State.STARTED, received=5, queued=0)
    still = Movement(still_ms=MINUTE_MS, counted_seen=True)
    assert verdict(counted, still, Limits(within_ms=MINUTE_MS)) == ("up", "ok")
    always = Limits(within_ms=MINUTE_MS, expects_always=True)
    assert verdict(counted, still, always) == ("down", "engine.stalled")
    # Without counters it is the engine itself that tells how long.
    assert verdict(Reading(State.STARTED, idle_s=60), Movement(), always)[0] == "down"
    assert verdict(Reading(State.STARTED, idle_s=59), still, always) == ("up", "ok")


NOT_TOLD = ("unknown", "engine.not_status")


def test_what_is_to_be_judged_and_is_not_told_is_never_taken_for_zero() -> None:
    started = Reading(State.STARTED)
    for limits in (
        Limits(max_queued=5),
        Limits(down_queued=5),
        Limits(rising=3),
        Limits(drain_ms=1),
        Limits(max_oldest_ms=1),
        Limits(down_oldest_ms=1),
        Limits(within_ms=1),
        Limits(within_ms=1, expects_always=True),
    ):
        assert verdict(started, Movement(counted_seen=True), limits) == NOT_TOLD
    waits = replace(started, queued=1)
    assert verdict(waits, Movement(left_seen=True), Limits(within_ms=9)) == NOT_TOLD
    assert verdict(waits, Movement(), Limits(max_oldest_ms=1)) == NOT_TOLD
    # None waits: nothing is old, and nothing has to move.
    nothing = replace(started, queued=0)
    for limits in (Limits(max_oldest_ms=1), Limits(within_ms=1)):
        assert verdict(nothing, Movement(), limits) == ("up", "ok")
    assert verdict(Reading(State.STOPPED), Movement(), Limits(max_queued=5))[0] == "down"


def test_a_channel_of_which_nothing_is_told_is_not_up() -> None:
    assert verdict(Reading(queued=4), Movement(), Limits()) == NOT_TOLD
    assert verdict(Reading(queued=4), Movement(), Limits(max_queued=5)) == ("up", "ok")
    assert verdict(Reading(errored=4), Movement(), Limits()) == ("up", "ok")


def told(limits: Limits, *readings: Reading) -> list[str]:
    moved = walk(*readings)
    return [verdict(*pair, limits)[1] for pair in zip(readings, moved, strict=True)]


def test_who_began_to_ask_just_now_does_not_know_whether_it_moves() -> None:
    limits = Limits(within_ms=2 * MINUTE_MS)
    stands, leaves = flow(50, 4), flow(51, 4)
    assert told(limits, stands, stands, stands) == ["engine.not_yet"] * 2 + ["engine.stalled"]
    assert told(limits, stands, leaves, leaves) == ["engine.not_yet", "ok", "ok"]
    assert told(limits, flow(50, 0), stands, stands) == ["ok"] * 3
    idle = [Reading(State.STARTED, queued=4, idle_s=s) for s in (119, 500, 560)]
    assert told(limits, *idle) == ["ok", "engine.not_yet", "engine.stalled"]


def test_nor_whether_a_feed_that_never_sleeps_has_fallen_silent() -> None:
    limits = Limits(within_ms=2 * MINUTE_MS, expects_always=True)
    quiet, more = flow(50, 0), flow(51, 0)
    assert told(limits, quiet, quiet, quiet) == ["engine.not_yet"] * 2 + ["engine.stalled"]
    assert told(limits, quiet, more, more) == ["engine.not_yet", "ok", "ok"]
    assert told(limits, replace(quiet, idle_s=5)) == ["ok"]


def test_the_same_export_read_twice_is_no_second_sight_of_a_lost_line() -> None:
    lost = Reading(State.STARTED, queued=3, connected=False, at_s=100)
    found = walk(lost, lost, replace(lost, at_s=160), replace(lost, at_s=160))
    assert [one.is_lost for one in found] == [False, False, True, True]


def test_a_line_that_is_lost_is_down_once_messages_wait_for_it() -> None:
    limits = Limits()
    alone = Reading(State.STARTED, queued=0, connected=False)
    waits = Reading(State.STARTED, queued=1, connected=False)
    assert verdict(alone, Movement(), limits) == ("degraded", "engine.disconnected")
    assert verdict(waits, Movement(), limits) == ("degraded", "engine.disconnected")
    lost = Movement(stuck_ms=1, is_lost=True)
    assert verdict(waits, lost, limits) == ("down", "engine.disconnected")
    assert verdict(waits, lost, Limits(within_ms=1)) == ("down", "engine.stalled")


def test_a_line_is_lost_when_messages_wait_for_it_at_two_readings_and_none_left() -> None:
    def at(sent: int | None, queued: int, *, connected: bool) -> Reading:
        return Reading(sent=sent, queued=queued, connected=connected)

    gone = [at(None, 3, connected=False)] * 2
    assert [one.is_lost for one in walk(*gone)] == [False, True]
    for two in (
        (at(5, 3, connected=False), at(6, 3, connected=False)),
        (at(5, 0, connected=False), at(5, 3, connected=False)),
        (at(5, 3, connected=True), at(5, 3, connected=False)),
        (at(5, 3, connected=False), at(5, 3, connected=True)),
    ):
        assert not walk(*two)[-1].is_lost
