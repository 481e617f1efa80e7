"""What follows from what a job has sent: a night by the minute, tables, and laws."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.contract import Fact, Outcome
from probes.heartbeats import (
    KEPT,
    Expected,
    Heard,
    Ping,
    PingKind,
    by_cron,
    by_interval,
    judge,
    needless,
)

CHICAGO = ZoneInfo("America/Chicago")
MINUTE = 60_000
WORDS = {"start": PingKind.START, "ok": PingKind.SUCCESS, "fail": PingKind.FAIL}


def ms(text: str) -> int:
    return int(datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC).timestamp() * 1000)


def heard(*told: str, since: str = "01-01T00:00") -> Heard:
    """`told`: instant and word."""
    pings = [Ping(ms(at), WORDS[word]) for at, word in (one.split() for one in told)]
    return Heard(pings, ms(since), CHICAGO)


def reason(expected: Expected, what: Heard, now: str) -> str:
    """Of a look every minute."""
    at = ms(now)
    return judge(expected, what, (at - MINUTE, at), at).reason.value


# Due at 05:00 of Chicago's summer, 10:00 UTC.
DAILY = Expected(by_cron("0 5 * * *", CHICAGO), 10 * MINUTE)
TIMED = Expected(by_cron("0 5 * * *", CHICAGO), 10 * MINUTE, 120 * MINUTE)
HOURLY = Expected(by_interval(60 * MINUTE), 10 * MINUTE, anytime=True)
DONE = "06-30T10:02 ok"


@pytest.mark.parametrize(
    ("expected", "told", "now", "says"),
    [
        (DAILY, [DONE], "07-01T09:59", "ok"),
        (DAILY, [DONE], "07-01T10:10", "ok"),  # what is due exactly now has not been missed
        (DAILY, [DONE], "07-01T10:11", "heartbeat.missed"),
        (DAILY, [DONE], "07-03T10:00", "heartbeat.missed"),
        (DAILY, [DONE, "07-01T10:10 ok"], "07-01T10:10", "ok"),  # and is on time
        (DAILY, [DONE, "07-01T10:05 ok"], "07-01T10:30", "ok"),
        (DAILY, [DONE, "07-01T11:30 ok"], "07-01T11:30", "heartbeat.late"),
        (DAILY, [DONE, "07-01T11:30 ok"], "07-01T11:31", "ok"),  # once
        (DAILY, [DONE, "07-01T11:30 ok", "07-01T11:30:10 ok"], "07-01T11:31", "ok"),
        (DAILY, [DONE, "07-01T11:29:30 ok", "07-01T11:29:50 ok"], "07-01T11:30", "heartbeat.late"),
        (DAILY, [DONE, "07-01T10:04 ok", "07-01T19:00 ok"], "07-01T19:00", "ok"),  # by hand
        (DAILY, [DONE, "07-01T09:59:40 ok"], "07-01T12:00", "ok"),  # its clock is ahead
        (DAILY, [DONE, "07-01T09:58 ok"], "07-01T12:00", "heartbeat.missed"),
        (DAILY, [DONE, "07-01T10:05 fail"], "07-01T10:06", "heartbeat.failed"),
        (DAILY, [DONE, "07-01T10:05 fail"], "07-02T10:10", "heartbeat.failed"),
        (DAILY, [DONE, "07-01T10:05 fail"], "07-02T10:11", "heartbeat.missed"),
        (DAILY, [DONE, "07-01T10:05 fail", "07-01T12:00 ok"], "07-01T12:00", "ok"),
        (DAILY, [DONE, "07-01T10:05 ok", "07-01T10:06 fail"], "07-01T10:30", "heartbeat.failed"),
        (DAILY, [DONE, "07-01T10:00 start"], "07-01T10:11", "heartbeat.missed"),
        (TIMED, [DONE, "07-01T10:00 start"], "07-01T11:59", "ok"),
        (TIMED, [DONE, "07-01T10:00 start"], "07-01T12:00", "ok"),
        (TIMED, [DONE, "07-01T10:00 start"], "07-01T12:01", "heartbeat.stuck"),
        (TIMED, [DONE, "07-01T10:00 start", "07-01T11:40 ok"], "07-01T11:40", "ok"),
        (TIMED, [DONE, "07-01T10:00 start", "07-01T12:40 ok"], "07-01T12:40", "heartbeat.late"),
        (TIMED, [DONE, "07-01T10:00 start", "07-02T10:00 start"], "07-02T10:30", "heartbeat.stuck"),
        (TIMED, [DONE, "07-01T10:30 start"], "07-01T10:40", "heartbeat.missed"),  # began too late
        (TIMED, [DONE, "07-01T10:01 start", "07-01T10:05 fail"], "07-01T13:00", "heartbeat.failed"),
        (TIMED, [DONE, "07-01T18:00 start"], "07-01T18:30", "heartbeat.missed"),
        (HOURLY, [DONE], "06-30T11:12", "ok"),
        (HOURLY, [DONE], "06-30T11:13", "heartbeat.missed"),
        (HOURLY, [DONE, "06-30T11:40 ok"], "06-30T11:40", "heartbeat.late"),
        (HOURLY, [DONE, "06-30T11:40 ok"], "06-30T12:50", "ok"),
        (HOURLY, [DONE, "06-30T11:00 fail"], "06-30T12:10", "heartbeat.failed"),
        (HOURLY, [DONE, "06-30T11:00 fail"], "06-30T12:11", "heartbeat.missed"),
    ],
)
def test_it_is(expected: Expected, told: list[str], now: str, says: str) -> None:
    assert reason(expected, heard(*told), now) == says


@pytest.mark.parametrize(
    ("expected", "told", "now", "says"),
    [
        (DAILY, [], "07-01T10:00", "heartbeat.never"),
        (DAILY, [], "07-01T10:10", "heartbeat.never"),
        (DAILY, [], "07-01T10:11", "heartbeat.missed"),
        (TIMED, ["07-01T10:01 start"], "07-01T11:00", "heartbeat.never"),
        (TIMED, ["07-01T10:01 start"], "07-01T12:30", "heartbeat.stuck"),
        (HOURLY, [], "06-30T22:10", "heartbeat.never"),
        (HOURLY, [], "06-30T22:11", "heartbeat.missed"),
        (DAILY, ["06-01T10:00 ok"], "07-01T10:00", "ok"),  # what was due before is another's
        (DAILY, ["06-01T10:00 ok"], "07-01T10:11", "heartbeat.missed"),
        (HOURLY, ["06-01T10:00 ok"], "06-30T22:10", "ok"),
        (HOURLY, ["06-01T10:00 ok"], "06-30T22:11", "heartbeat.missed"),
    ],
)
def test_since_2100_of_the_day_before_it_is(
    expected: Expected, told: list[str], now: str, says: str
) -> None:
    assert reason(expected, heard(*told, since="06-30T21:00"), now) == says


@pytest.mark.parametrize(
    ("cron", "told", "now", "says"),
    [
        # 02:30 does not exist on 8 March: it is due at 03:00, 08:00 UTC
        ("30 2 * * *", ["03-07T08:31 ok"], "03-08T08:10", "ok"),
        ("30 2 * * *", ["03-07T08:31 ok"], "03-08T08:11", "heartbeat.missed"),
        ("30 2 * * *", ["03-08T08:02 ok"], "03-09T07:40", "ok"),
        ("30 2 * * *", ["03-08T08:02 ok"], "03-09T07:41", "heartbeat.missed"),
        # 01:30 comes twice on 1 November: it is due the first time, 06:30 UTC
        ("30 1 * * *", ["10-31T06:31 ok"], "11-01T06:41", "heartbeat.missed"),
        ("30 1 * * *", ["11-01T06:32 ok"], "11-01T07:45", "ok"),
        ("30 1 * * *", ["11-01T06:32 ok"], "11-02T07:40", "ok"),
        ("30 1 * * *", ["11-01T06:32 ok"], "11-02T07:41", "heartbeat.missed"),
    ],
)
def test_on_the_nights_clocks_change_it_is(cron: str, told: list[str], now: str, says: str) -> None:
    assert reason(Expected(by_cron(cron, CHICAGO), 10 * MINUTE), heard(*told), now) == says


@pytest.mark.parametrize(
    ("expected", "told", "gone", "back", "now", "says"),
    [
        (DAILY, [DONE], "07-01T09:00", "07-01T10:03", "07-01T10:10", "ok"),
        (DAILY, [DONE], "07-01T09:00", "07-01T10:03", "07-01T10:11", "heartbeat.unheard"),
        (DAILY, [DONE], "07-01T10:09", "07-01T11:03", "07-01T11:04", "heartbeat.unheard"),
        (DAILY, [DONE], "07-01T09:00", "07-01T09:58", "07-01T10:11", "heartbeat.missed"),
        (DAILY, [DONE], "07-01T10:11", "07-01T10:50", "07-01T10:51", "heartbeat.missed"),
        (DAILY, [DONE], "07-01T09:00", "07-01T10:03", "07-02T10:10", "heartbeat.unheard"),
        (DAILY, [DONE], "07-01T09:00", "07-01T10:03", "07-02T10:11", "heartbeat.missed"),
        (DAILY, [DONE, "07-01T11:00 ok"], "07-01T09:00", "07-01T10:03", "07-01T11:00", "ok"),
        (HOURLY, [DONE], "06-30T10:20", "06-30T10:50", "06-30T11:13", "heartbeat.unheard"),
        (HOURLY, [DONE], "06-30T10:20", "06-30T10:50", "06-30T12:00", "heartbeat.unheard"),
        (HOURLY, [DONE], "06-30T10:20", "06-30T10:50", "06-30T12:01", "heartbeat.missed"),
        (HOURLY, [DONE], "06-30T09:20", "06-30T09:50", "06-30T11:13", "heartbeat.missed"),
        (TIMED, [DONE, "07-01T10:00 start"], "07-01T11:00", "07-01T11:30", "07-01T12:01", "heartbeat.unheard"),
        (TIMED, [DONE, "07-01T10:00 start"], "07-01T11:00", "07-01T11:30", "07-02T10:11", "heartbeat.missed"),
        (TIMED, [DONE, "07-01T10:00 start"], "07-01T12:30", "07-01T12:40", "07-01T12:41", "heartbeat.stuck"),
    ],
)  # fmt: skip
def test_what_may_have_been_told_while_the_collector_was_away_is(
    expected: Expected, told: list[str], gone: str, back: str, now: str, says: str
) -> None:
    what = replace(heard(*told), away=[(ms(gone), ms(back))])
    assert reason(expected, what, now) == says


def test_an_interval_is_real_time_in_every_night() -> None:
    for night in ("03-08T07:30", "11-01T05:30", "07-01T05:30"):
        at = ms(night)
        what = Heard([Ping(at, PingKind.SUCCESS)], 0, CHICAGO)
        said = [
            judge(HOURLY, what, (at, at), at + minutes * MINUTE).outcome for minutes in (70, 71)
        ]
        assert said == [Outcome.UP, Outcome.DOWN]


def test_a_job_that_begins_anew_each_minute_and_never_ends_is_stuck_since_its_first_start() -> None:
    told: list[Ping] = []
    for minute in range(121):
        told.append(Ping(minute * MINUTE, PingKind.START))
        gone = needless(told)
        told = [ping for position, ping in enumerate(told) if position not in gone]
    assert told[0].at_ms == 0
    assert len(told) == KEPT + 1
    now = 120 * MINUTE
    says = [judge(TIMED, Heard(told, 0, CHICAGO), (at, at), at).reason for at in (now, now + 1)]
    assert [one.value for one in says] == ["heartbeat.never", "heartbeat.stuck"]


def test_facts_are_seconds_and_a_count_of_the_slot() -> None:
    what = heard(DONE, "07-01T10:00:10 start", "07-01T10:04:40 ok")
    at = ms("07-01T10:05")
    assert judge(TIMED, what, (at - 10 * MINUTE, at), at + 5_000).facts == {
        Fact.PINGS: 2,
        Fact.AGE_S: 25,
        Fact.RUN_S: 270,
    }
    assert judge(TIMED, heard(), (at - MINUTE, at), at).facts == {Fact.PINGS: 0}


TOLD = st.lists(
    st.builds(Ping, st.integers(0, 100 * MINUTE), st.sampled_from([*PingKind])), max_size=40
).map(sorted)
EXPECTED = st.builds(
    Expected,
    st.sampled_from([by_interval(7 * MINUTE), by_cron("*/10 * * * *", CHICAGO)]),
    st.integers(1, 12).map(lambda n: n * MINUTE),
    st.sampled_from([None, 5 * MINUTE, 30 * MINUTE]),
)


@given(EXPECTED, TOLD, st.integers(0, 200 * MINUTE))
def test_a_success_that_came_in_time_for_all_that_was_due_is_never_held_against_a_job(
    expected: Expected, told: list[Ping], since: int
) -> None:
    """Whatever came before: right after a success the job is up, be it late."""
    last = max((ping.at_ms for ping in told), default=since)
    told = [*told, Ping(last, PingKind.SUCCESS)]
    now = last + expected.early_ms
    assert judge(expected, Heard(told, since, CHICAGO), (now, now), now).outcome is Outcome.UP


@given(EXPECTED, TOLD, st.integers(0, 200 * MINUTE))
def test_silence_makes_nothing_better(expected: Expected, told: list[Ping], since: int) -> None:
    """While nothing comes a job that is down stays down."""
    what, was = Heard(told, since, CHICAGO), None
    start = max([since, *(ping.at_ms for ping in told)])
    for minutes in range(0, 200, 10):
        now = start + minutes * MINUTE
        outcome = judge(expected, what, (now, now), now).outcome
        assert was is not Outcome.DOWN or outcome is Outcome.DOWN
        was = outcome
    assert was is Outcome.DOWN


@given(
    EXPECTED,
    st.lists(st.tuples(st.integers(0, 3 * MINUTE), st.sampled_from([*PingKind])), max_size=250),
)
def test_what_is_not_kept_changes_no_verdict(
    expected: Expected, steps: list[tuple[int, PingKind]]
) -> None:
    """Row by row, as the store does it."""
    whole: list[Ping] = []
    kept: list[Ping] = []
    at = 0
    for gap, kind in steps:
        at += gap
        whole.append(Ping(at, kind))
        kept.append(Ping(at, kind))
        gone = needless(kept)
        kept = [ping for position, ping in enumerate(kept) if position not in gone]
        assert len(kept) <= 3 * KEPT + 1
    for later in (0, 11 * MINUTE, 45 * MINUTE):
        now = at + later
        slot = (now - MINUTE, now)
        all_of_it, some = (judge(expected, Heard(p, 0, CHICAGO), slot, now) for p in (whole, kept))
        assert (all_of_it.reason, all_of_it.facts.get(Fact.AGE_S)) == (
            some.reason,
            some.facts.get(Fact.AGE_S),
        )
