"""Milliseconds of a period by class, and the exact ratios made of them (semantics 3)."""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alerts.events import State
from probes.spans import Interval, Span, Timeline, intersect, subtract, total


@dataclass(frozen=True, slots=True)
class Amounts:
    """Milliseconds of a period. `eligible` follows the formula; `up` never holds maintenance."""

    eligible: int
    up: int
    degraded: int
    down: int
    unknown: int
    excluded: int
    not_monitored: int

    @property
    def numerator(self) -> int:
        """`U` of the formula: eligible time that is neither down nor unknown."""
        return self.eligible - self.down - self.unknown


@dataclass(frozen=True, slots=True)
class Sums:
    """`U`, `D`, `K` and `E` of a scope: milliseconds, or milliseconds times users."""

    up: int
    down: int
    unknown: int
    eligible: int
    seen: int
    """Judged time outside windows: none means no data."""

    whole: int
    """Eligible time of the whole period, future windows removed."""

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.up + other.up,
            self.down + other.down,
            self.unknown + other.unknown,
            self.eligible + other.eligible,
            self.seen + other.seen,
            self.whole + other.whole,
        )

    def times(self, weight: int) -> Sums:
        return Sums(
            self.up * weight,
            self.down * weight,
            self.unknown * weight,
            self.eligible * weight,
            self.seen * weight,
            self.whole * weight,
        )

    @property
    def known(self) -> str | None:
        return percent(self.up, self.up + self.down)

    @property
    def least(self) -> str | None:
        """`min`: as if all unknown time had been down."""
        return percent(self.up, self.eligible) if self.up + self.down else None

    @property
    def most(self) -> str | None:
        """`max`: as if all unknown time had been up."""
        return percent(self.up + self.unknown, self.eligible) if self.up + self.down else None

    @property
    def coverage(self) -> str | None:
        return percent(self.up + self.down, self.eligible)


NOTHING = Sums(0, 0, 0, 0, 0, 0)


def percent(numerator: int, denominator: int) -> str | None:
    """Four decimals, truncated; None where there is nothing to divide by."""
    return None if denominator == 0 else decimals(100 * numerator, denominator)


def decimals(numerator: int, denominator: int) -> str:
    """A ratio that is not negative, with four decimals, truncated."""
    whole = numerator * 10_000 // denominator
    return f"{whole // 10_000}.{whole % 10_000:04d}"


def sums(a: Amounts, whole: int = 0) -> Sums:
    """`whole` is the eligible time of the whole period, where that matters."""
    seen = a.up + a.degraded + a.down
    return Sums(a.numerator, a.down, a.unknown, a.eligible, seen, whole)


def monitored(state: State) -> bool:
    return state is not State.NOT_MONITORED


def amounts(
    states: Timeline[State], period: Interval, out: Sequence[Interval], now: int, formula: str
) -> Amounts:
    """Of `period`, with `out` excluded (united); time from `now` on is not monitored."""
    range_ = (Interval(period.start, max(period.start, min(period.end, now))),)
    whole = _by_state(states, range_)
    seen = _monitored_ms(whole)
    parts = _by_state(states, subtract(range_, out)) if out else whole
    excluded = seen - _monitored_ms(parts)
    whole_period = formula == "whole-period-v1"
    return Amounts(
        eligible=seen - (0 if whole_period else excluded),
        up=parts[State.UP],
        degraded=parts[State.DEGRADED],
        down=parts[State.DOWN],
        unknown=parts[State.UNKNOWN],
        excluded=excluded,
        not_monitored=period.length - seen,
    )


def whole_of(
    so_far: Amounts,
    states: Timeline[State],
    period: Interval,
    out: Sequence[Interval],
    now: int,
    formula: str,
    to_come: Sequence[Interval] = (),
) -> int:
    """`E_whole`: eligible time so far, all the rest of the period if it is still monitored, and
    what begins to be later in it.
    """
    rest = intersect(to_come, (period,))
    if states and monitored(states[-1].value) and states[-1].end >= now and now < period.end:
        rest = (Interval(max(now, period.start), period.end),)
    return so_far.eligible + total(subtract(rest, out if formula == "contract-v1" else ()))


def watched(states: Timeline[State]) -> tuple[Interval, ...]:
    """Monitored time, united; a timeline is in order, so nothing needs sorting."""
    found: list[Interval] = []
    begun = ended = None
    for span in states:
        if span.value is State.NOT_MONITORED:
            continue
        if begun is None or span.start != ended:
            if begun is not None and ended is not None:
                found.append(Interval(begun, ended))
            begun = span.start
        ended = span.end
    if begun is not None and ended is not None:
        found.append(Interval(begun, ended))
    return tuple(found)


def _by_state(states: Timeline[State], inside: Sequence[Interval]) -> dict[State, int]:
    """Milliseconds of each state inside united intervals, in one pass over those spans."""
    found = dict.fromkeys(State, 0)
    for interval in inside:
        first = bisect.bisect_right(states, interval.start, key=_ends)
        last = bisect.bisect_left(states, interval.end, lo=first, key=_starts)
        for span in states[first:last]:
            found[span.value] += span.end - span.start
        if first < last:  # less what stands out at both ends
            left, right = states[first], states[last - 1]
            found[left.value] -= max(interval.start - left.start, 0)
            found[right.value] -= max(right.end - interval.end, 0)
    return found


def _monitored_ms(found: Mapping[State, int]) -> int:
    return sum(length for state, length in found.items() if monitored(state))


def _ends(span: Span[State]) -> int:
    return span.end


def _starts(span: Span[State]) -> int:
    return span.start
