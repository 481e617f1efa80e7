"""When the error budget burns too fast: the exact instants at which a row starts and ceases to fire.

Between two changes of state the down and the judged time in a sliding window grow evenly, so that
whether a ratio exceeds its threshold is solved on integers. At each instant this says what
`core/burn.py` says with that instant as its edge.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from alerts.events import State
from collector.core import periods
from collector.core.amounts import monitored
from collector.core.burn import LONGEST_MS, ROWS
from collector.core.verdict import ratio
from collector.core.versions import InForce
from probes.config import Config
from probes.config_systems import Slo
from probes.spans import Interval, Span, Timeline, intersect, onwards, subtract, unite

JUDGED = (State.UP, State.DEGRADED, State.DOWN)
Weighted = tuple[Timeline[State], int]


@dataclass(frozen=True, slots=True)
class Burning:
    """`spans` end at the edge of knowledge. `due`: when time alone changes it next, if all states
    last; None where nothing can burn.
    """

    spans: tuple[Interval, ...] = ()
    due: int | None = None


def burning(
    system: str,
    states: Timeline[State],
    sites: Mapping[str, Timeline[State]],
    versions: Sequence[InForce],
    out: Callable[[int, int], Sequence[Interval]],
    before: tuple[Interval, ...],
    since: int,
    now: int,
) -> Burning:
    """From `since` on; `before` is settled. `out(until, since)` is approved maintenance, united.

    An instant is judged by the version and the calendar month of the millisecond before it.
    """
    knowing = [v for v in versions if system in v.config.systems]
    lines: dict[str | None, Timeline[State]] = {None: states}
    lines.update((site, line) for site, line in sites.items())
    since = max(since, states[0].start) if states else now
    far = now + LONGEST_MS
    if not any(v.config.systems[system].slo for v in knowing) or not any(
        span.value is State.DOWN
        for line in lines.values()
        for span in onwards(line, since - LONGEST_MS)
    ):
        return Burning(before)
    lasting = {site: _lasting(line, now, far) for site, line in lines.items()}
    excluded = out(far, since - LONGEST_MS)
    found: list[Interval] = []
    for n, version in enumerate(knowing):
        start = since if n == 0 else max(version.start + 1, since)
        end = min(knowing[n + 1].start + 1, far) if n + 1 < len(knowing) else far
        slo = version.config.systems[system].slo
        while slo is not None and start < end:
            month = periods.month(start - 1, version.config.organization.zone)
            part = Interval(start, min(end, month.end + 1))
            for heard in scope(slo, lasting, version.config):
                found += firing(slo, heard, excluded, month.length, part)
            start = part.end
    whole = unite(found)
    changes = [t for one in whole for t in (one.start, one.end) if t >= now]
    past = intersect(whole, (Interval(since, now),))
    return Burning(unite((*before, *past)), min(changes, default=far))


def scope(
    slo: Slo, lines: Mapping[str | None, Timeline[State]], config: Config
) -> list[list[Weighted]]:
    """What the contract judges: together each inner list, and any of the outer ones fires."""
    sites = sorted(site for site in lines if site is not None)
    if slo.scope == "worst_site":
        return [[(lines[site], 1)] for site in sites]
    if slo.scope == "user_weighted":
        weights = [config.sites[s].users or 0 if s in config.sites else 0 for s in sites]
        return [[(lines[site], weight) for site, weight in zip(sites, weights, strict=True)]]
    return [[(lines[None], 1)]]


def firing(
    slo: Slo, heard: Iterable[Weighted], out: Sequence[Interval], month_ms: int, span: Interval
) -> tuple[Interval, ...]:
    """The edges in `span` at which some row fires, by lines known up to the end of it."""
    counted = _Counted.of(heard, out, slo.formula, span.start - LONGEST_MS)
    found: list[Interval] = []
    for _, long_ms, short_ms, share in ROWS:
        threshold = share * month_ms / long_ms * (1 - ratio(slo.target))
        long, short = (
            tuple(counted.exceeding(length, threshold, span)) for length in (long_ms, short_ms)
        )
        found += intersect(unite(long), unite(short))
    return unite(found)


@dataclass(frozen=True, slots=True)
class _Counted:
    """Down and judged time summed up over time: `down[n]` and `judged[n]` by `at[n]`, from where
    on `pace[n]` of each is added a millisecond.
    """

    at: tuple[int, ...]
    down: tuple[int, ...]
    judged: tuple[int, ...]
    pace: tuple[tuple[int, int], ...]

    @classmethod
    def of(
        cls, heard: Iterable[Weighted], out: Sequence[Interval], formula: str, since: int
    ) -> _Counted:
        steps: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        for line, weight in heard:
            for part, is_down in _parts(onwards(line, since), out, formula):
                for t, sign in ((part.start, weight), (part.end, -weight)):
                    steps[t][0] += sign * is_down
                    steps[t][1] += sign
        at = sorted(steps)
        down, judged, pace = [0], [0], [(0, 0)]
        for n, t in enumerate(at):
            length = t - at[n - 1] if n else 0
            down.append(down[-1] + pace[-1][0] * length)
            judged.append(judged[-1] + pace[-1][1] * length)
            pace.append((pace[-1][0] + steps[t][0], pace[-1][1] + steps[t][1]))
        return cls(tuple(at), tuple(down[1:]), tuple(judged[1:]), tuple(pace[1:]))

    def exceeding(self, length: int, threshold: Fraction, span: Interval) -> Iterator[Interval]:
        """Edges at which more than `threshold` of the judged time of the window before is down."""
        shifted = (t + moved for t in self.at for moved in (0, length))
        cuts = [span.start, *sorted({t for t in shifted if span.start < t < span.end}), span.end]
        for left, right in pairwise(cuts):
            down, judged, falls, grows = self._window(left, length)
            over = threshold.denominator * down - threshold.numerator * judged
            pace = threshold.denominator * falls - threshold.numerator * grows
            # `over + pace * (t - left) > 0` on whole milliseconds
            start, end = left, right
            if pace > 0 and over <= 0:
                start = left + -over // pace + 1
            elif pace <= 0 and over <= 0:
                continue
            elif pace < 0:
                end = left - (over // pace)
            if start < min(end, right):
                yield Interval(start, min(end, right))

    def _window(self, edge: int, length: int) -> tuple[int, int, int, int]:
        """Down and judged time in the window before `edge`, and how fast each changes after it."""
        (down, judged, more_down, more), (lost_down, lost, less_down, less) = (
            self._until(edge),
            self._until(edge - length),
        )
        return down - lost_down, judged - lost, more_down - less_down, more - less

    def _until(self, t: int) -> tuple[int, int, int, int]:
        n = bisect.bisect_right(self.at, t) - 1
        if n < 0:
            return 0, 0, 0, 0
        down, judged = self.pace[n]
        length = t - self.at[n]
        return self.down[n] + down * length, self.judged[n] + judged * length, down, judged


def _parts(
    line: Iterable[Span[State]], out: Sequence[Interval], formula: str
) -> Iterator[tuple[Interval, bool]]:
    """Time that counts as judged, and whether as down (semantics 3: `U` and `D`)."""
    for span in line:
        whole = (Interval(span.start, span.end),)
        if span.value in JUDGED:
            for part in subtract(whole, out):
                yield part, span.value is State.DOWN
        if formula == "whole-period-v1" and monitored(span.value):
            for part in intersect(whole, out):
                yield part, False


def _lasting(line: Timeline[State], now: int, far: int) -> Timeline[State]:
    """The line, if what holds at the edge of knowledge holds up to `far`."""
    if not line or line[-1].end < now:
        return line
    return (*line[:-1], Span(line[-1].start, far, line[-1].value))
