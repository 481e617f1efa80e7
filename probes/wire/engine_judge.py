"""The verdict on one channel, the same for every engine. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from probes.contract import Outcome
from probes.reasons import Reason
from probes.wire.engine import UP, Reading, State, Verdict
from probes.wire.engine_track import Movement

_BADNESS = (Outcome.DOWN, Outcome.UNKNOWN, Outcome.DEGRADED, Outcome.UP)


@dataclass(frozen=True, slots=True)
class Limits:
    """None: not judged."""

    max_queued: int | None = None
    down_queued: int | None = None
    rising: int | None = None
    max_oldest_ms: int | None = None
    down_oldest_ms: int | None = None
    max_errors: int | None = None
    within_ms: int | None = None
    expects_always: bool = False
    """Messages come all the time, not only where some wait."""
    drain_ms: int | None = None


def judge(reading: Reading, moved: Movement, limits: Limits) -> Verdict:
    """The worst that can be said; of equally bad ones the first."""
    found = [verdict for verdict in _found(reading, moved, limits) if verdict is not None]
    return min(found, key=lambda verdict: _BADNESS.index(verdict[0]), default=UP)


def _found(reading: Reading, moved: Movement, limits: Limits) -> list[Verdict | None]:
    return [
        _of_state(reading.state),
        _untold(reading, limits),
        _stalled(reading, moved, limits),
        _unproved(reading, moved, limits),
        _disconnected(reading, moved),
        _queue(reading, moved, limits),
        _errors(moved, limits),
    ]


def _of_state(state: State | None) -> Verdict | None:
    return {
        State.STOPPED: (Outcome.DOWN, Reason.ENGINE_STOPPED),
        State.STARTING: (Outcome.DEGRADED, Reason.ENGINE_STARTING),
        State.OTHER: (Outcome.UNKNOWN, Reason.ENGINE_NOT_STATUS),
    }.get(state or State.STARTED)


def _untold(reading: Reading, limits: Limits) -> Verdict | None:
    """What is to be judged and is not told is unknown, never zero: nor is nothing at all `up`."""
    queued, sent, idle_s = reading.queued, reading.sent, reading.idle_s
    judged = (limits.max_queued, limits.down_queued, limits.rising, limits.drain_ms)
    wants_queued = any(limit is not None for limit in judged)
    wants_age = limits.max_oldest_ms is not None or limits.down_oldest_ms is not None
    moves = limits.within_ms is not None
    waits = queued != 0
    missing = (
        (wants_queued and queued is None)
        or (wants_age and waits and reading.oldest_s is None and None in (queued, sent))
        or (moves and not limits.expects_always and queued is None)
        or (moves and not limits.expects_always and waits and sent is None and idle_s is None)
        or (moves and limits.expects_always and {idle_s, *reading.counters} == {None})
        or not (moves or wants_age or wants_queued or _says_something(reading))
    )
    return (Outcome.UNKNOWN, Reason.ENGINE_NOT_STATUS) if missing else None


def _says_something(reading: Reading) -> bool:
    return (reading.state, reading.connected, reading.errored) != (None, None, None)


def _stalled(reading: Reading, moved: Movement, limits: Limits) -> Verdict | None:
    if limits.within_ms is None:
        return None
    idle_ms = 0 if reading.idle_s is None else reading.idle_s * 1000
    still_ms = idle_ms if reading.counters == (None,) * 4 else moved.still_ms
    silent = limits.expects_always and still_ms >= limits.within_ms
    stuck = moved.stuck_ms >= limits.within_ms
    return (Outcome.DOWN, Reason.ENGINE_STALLED) if stuck or silent else None


def _unproved(reading: Reading, moved: Movement, limits: Limits) -> Verdict | None:
    """It may have stood still long before the first reading: a restart of ours ends no outage."""
    if limits.within_ms is None:
        return None
    idle_s = reading.idle_s
    idle_is_short = idle_s is not None and idle_s * 1000 < limits.within_ms
    if limits.expects_always:
        proved = moved.counted_seen or idle_is_short
    else:
        is_told = reading.sent is None and idle_is_short
        proved = not reading.queued or moved.left_seen or is_told
    return None if proved else (Outcome.UNKNOWN, Reason.ENGINE_NOT_YET)


def _disconnected(reading: Reading, moved: Movement) -> Verdict | None:
    """With messages that wait it is the interface that is down, not a line nobody uses."""
    if reading.connected is not False:
        return None
    return (Outcome.DOWN if moved.is_lost else Outcome.DEGRADED, Reason.ENGINE_DISCONNECTED)


def _queue(reading: Reading, moved: Movement, limits: Limits) -> Verdict | None:
    queued = reading.queued or 0
    oldest_ms = oldest_known_ms(reading, moved)
    over = (
        _above(queued, limits.max_queued)
        or _above(oldest_ms, limits.max_oldest_ms)
        or (limits.rising is not None and moved.risen >= limits.rising)
    )
    far = _above(queued, limits.down_queued) or _above(oldest_ms, limits.down_oldest_ms)
    if not (over or far):
        return None
    drains = (
        limits.drain_ms is not None
        and moved.drain_ms is not None
        and moved.drain_ms <= limits.drain_ms
    )
    return (Outcome.DOWN if far and not drains else Outcome.DEGRADED, Reason.ENGINE_QUEUE)


def oldest_known_ms(reading: Reading, moved: Movement) -> int:
    """What the engine tells, else what its counters prove."""
    return moved.oldest_ms if reading.oldest_s is None else reading.oldest_s * 1000


def _errors(moved: Movement, limits: Limits) -> Verdict | None:
    new = moved.errored or 0
    return (Outcome.DEGRADED, Reason.ENGINE_ERRORS) if _above(new, limits.max_errors) else None


def _above(value: int, limit: int | None) -> bool:
    return limit is not None and value > limit
