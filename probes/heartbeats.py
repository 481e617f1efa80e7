"""What jobs have sent, and what follows from it. Pure: instants are arguments, UTC ms.

A job is due by cron or so long after it last ended. It is **on time** when it ends before its grace
does. Until then nothing is said; from then on it is **missed** until it succeeds, and that success
is called **late**, once. With `max_run` a job that has told its start is judged as of that start
until it has run for too long. What may have been told while the collector was away is **unheard**.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from probes import cron
from probes.contract import Fact, Observation, Outcome
from probes.reasons import Reason

EARLY_MS = 30_000
"""How long before its due time a ping is of that time, at most half the grace: the job goes by
another clock."""
KEPT = 50
"""Pings of each kind that are kept of a check."""


class PingKind(StrEnum):
    START = "start"
    SUCCESS = "success"
    FAIL = "fail"


class Ping(NamedTuple):
    """`at_ms`: when the collector received it."""

    at_ms: int
    kind: PingKind


@dataclass(frozen=True, slots=True)
class Heard:
    """`pings` by time, as many as `needless` leaves. `since_ms`: from when on the check waits for
    them as it does now. `zone`: the organization's. `away`: when no pings were taken (start, end).
    """

    pings: Sequence[Ping]
    since_ms: int
    zone: ZoneInfo
    away: Sequence[tuple[int, int]] = ()


class Pings(Protocol):
    async def of(self, check: str) -> Heard:
        """StoreAwayError where the collector's store does not answer."""
        ...


class StoreAwayError(Exception):
    """The collector's own store does not answer."""


@dataclass(frozen=True, slots=True)
class Expected:
    """`last_due(end, before)`: the latest instant before `before` at which the job was due, given
    when it last ended, or since when it is waited for; None before the first. `anytime`: it may end
    as early as it likes, and is due so long after that.
    """

    last_due: Callable[[int, int], int | None]
    grace_ms: int
    max_run_ms: int | None = None
    anytime: bool = False

    @property
    def early_ms(self) -> int:
        return min(EARLY_MS, self.grace_ms // 2)


def by_cron(expression: str, zone: ZoneInfo) -> Callable[[int, int], int | None]:
    return lambda _end, before: next(cron.dues_before(expression, zone, before), None)


def by_interval(interval_ms: int) -> Callable[[int, int], int | None]:
    """So long after it last ended, and once: who has missed one is not due again."""
    return lambda end, before: end + interval_ms if end + interval_ms < before else None


def judge(expected: Expected, heard: Heard, slot: tuple[int, int], now_ms: int) -> Observation:
    """`slot`: the time it speaks for, from the slot before (not included) to this one: what came in
    it is counted, and told as late, by no other slot.
    """
    after, upto = slot
    reason = _reason(expected, heard.pings, heard, now_ms)
    if reason is Reason.OK and _came_late(expected, heard, slot):
        reason = Reason.HEARTBEAT_LATE
    facts = {Fact.PINGS: sum(after < ping.at_ms <= upto for ping in heard.pings)}
    succeeded = _last(heard.pings, PingKind.SUCCESS)
    if succeeded is not None:
        facts[Fact.AGE_S] = max(now_ms - succeeded.at_ms, 0) // 1000
        began = _began(heard.pings, succeeded)
        if began is not None:
            facts[Fact.RUN_S] = (succeeded.at_ms - began.at_ms) // 1000
    return Observation(_OUTCOMES[reason], reason, facts=facts)


def _came_late(expected: Expected, heard: Heard, slot: tuple[int, int]) -> bool:
    """Did a success of this slot's time end a time of missing, or of running for too long?"""
    after, upto = slot
    successes = [n for n, ping in enumerate(heard.pings) if ping.kind is PingKind.SUCCESS]
    if len(successes) >= KEPT:
        del successes[0]  # what came before it may be gone
    for position in successes:
        at_ms = heard.pings[position].at_ms
        if after < at_ms <= upto:
            was = _reason(expected, heard.pings[:position], heard, at_ms)
            if was in (Reason.HEARTBEAT_MISSED, Reason.HEARTBEAT_STUCK):
                return True
    return False


_OUTCOMES = {
    Reason.OK: Outcome.UP,
    Reason.HEARTBEAT_LATE: Outcome.DEGRADED,
    Reason.HEARTBEAT_MISSED: Outcome.DOWN,
    Reason.HEARTBEAT_FAILED: Outcome.DOWN,
    Reason.HEARTBEAT_STUCK: Outcome.DOWN,
    Reason.HEARTBEAT_NEVER: Outcome.UNKNOWN,
    Reason.HEARTBEAT_UNHEARD: Outcome.UNKNOWN,
}


def _reason(expected: Expected, pings: Sequence[Ping], heard: Heard, now_ms: int) -> Reason:
    """By these pings, as of `now_ms`. Nothing that is due exactly then has been missed."""
    ended = next((p for p in reversed(pings) if p.kind is not PingKind.START), None)
    running = _unended(pings, ended)
    as_of, unheard = now_ms, False
    if running is not None and expected.max_run_ms is not None:
        longest_ms = running.at_ms + expected.max_run_ms
        if now_ms <= longest_ms:
            as_of = min(running.at_ms, now_ms)
        elif _lost(heard, running.at_ms, longest_ms) is None:
            return Reason.HEARTBEAT_STUCK
        else:
            unheard = True  # how it ended
    due = _overdue(expected, ended, heard, as_of)
    if due is not None and not (unheard and running and running.at_ms >= due - expected.early_ms):
        return _missed(expected, ended, heard, due, as_of)
    if unheard:
        return Reason.HEARTBEAT_UNHEARD
    if ended is None:
        return Reason.HEARTBEAT_NEVER
    return Reason.OK if ended.kind is PingKind.SUCCESS else Reason.HEARTBEAT_FAILED


def _overdue(expected: Expected, ended: Ping | None, heard: Heard, as_of: int) -> int | None:
    """When the job was due last, if its grace is over and no end is of that time."""
    due = expected.last_due(_since(ended, heard), as_of - expected.grace_ms)
    if due is None or due <= heard.since_ms:
        return None
    return None if ended is not None and ended.at_ms >= due - expected.early_ms else due


def _missed(expected: Expected, ended: Ping | None, heard: Heard, due: int, as_of: int) -> Reason:
    """Missed, unless the collector was away when it may have been told."""
    since = _since(ended, heard)
    told_from = since if expected.anytime else due - expected.early_ms
    told_until = as_of if expected.anytime else due + expected.grace_ms
    back = _lost(heard, told_from, told_until)
    if back is None:
        return Reason.HEARTBEAT_MISSED
    again = expected.last_due(max(since, back), as_of - expected.grace_ms)
    is_later = expected.anytime and again is not None
    return Reason.HEARTBEAT_MISSED if is_later else Reason.HEARTBEAT_UNHEARD


def _since(ended: Ping | None, heard: Heard) -> int:
    return heard.since_ms if ended is None else max(ended.at_ms, heard.since_ms)


def _lost(heard: Heard, start_ms: int, end_ms: int) -> int | None:
    """When the collector was last back, of the times it was away within this one."""
    backs = [back for gone, back in heard.away if gone <= end_ms and back >= start_ms]
    return max(backs, default=None)


def _last(pings: Sequence[Ping], kind: PingKind) -> Ping | None:
    return next((ping for ping in reversed(pings) if ping.kind is kind), None)


def _unended(pings: Sequence[Ping], ended: Ping | None) -> Ping | None:
    """The first start since a run last ended: one that crashed and began anew goes on failing."""
    later = pings if ended is None else pings[_position(pings, ended) + 1 :]
    return next((ping for ping in later if ping.kind is PingKind.START), None)


def _began(pings: Sequence[Ping], ended: Ping) -> Ping | None:
    """The start of the run that ended so."""
    before = pings[: _position(pings, ended)]
    end = next((p for p in reversed(before) if p.kind is not PingKind.START), None)
    return _unended(before, end)


def _position(pings: Sequence[Ping], ping: Ping) -> int:
    return len(pings) - 1 - [*reversed(pings)].index(ping)


def needless(pings: Sequence[Ping]) -> list[int]:
    """Positions of those that no verdict asks for any longer: all but the newest of each kind, and
    the start of a run that has not ended, however many followed it.
    """
    ended = next((p for p in reversed(pings) if p.kind is not PingKind.START), None)
    running = _unended(pings, ended)
    keep = {PingKind.START: KEPT, PingKind.SUCCESS: KEPT, PingKind.FAIL: KEPT}
    found: list[int] = []
    for position in range(len(pings) - 1, -1, -1):
        ping = pings[position]
        keep[ping.kind] -= 1
        if keep[ping.kind] < 0 and ping is not running:
            found.append(position)
    return found
