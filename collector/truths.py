"""The truth of each system, kept up with results as they come.

A result that says what its agent said before costs the same however much lies behind it: it only
prolongs. Any other folds the system again from what is settled. Between two folds a view is
prolonged: what held at the edge of knowledge still holds until `until`.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter

from alerts.events import SystemView
from collector.core.settled import NOTHING, Settled, Source, taken_back
from collector.core.settling import settle
from collector.core.truth import SystemTruth, fold_system, rules
from collector.core.view import view
from collector.core.voice_fold import ends_alike
from collector.core.windows import FAR
from collector.lasting import truth_later, view_later
from probes.config import Config
from probes.contract import Outcome
from probes.history import History
from probes.results import Result
from probes.spans import Interval, intersect
from probes.spans import until as earlier_than

GRACE_MS = 900_000
"""What comes no later than this is not late: nothing younger is settled."""
SETTLE_MS = 900_000
"""How much may gather before it is settled."""
FOLDED_MS = 21_600_000
"""How long a system that changes in nothing is settled without a fold."""


@dataclass(slots=True)
class _Pulse:
    """A voice that says the same again and again: until when another of that changes nothing."""

    outcome: Outcome
    last_t: int
    hold_end: int
    hold_ms: int
    rules_end: int
    ends_by: int | None
    """Before when its certificate ends, where hearing that once more changes nothing."""
    settled: Settled | None = None
    late_before: int = FAR
    """A result before that comes for a time that `settled` has."""


@dataclass(frozen=True, slots=True)
class _Before:
    """What a fold replaced: the view as of `at`, good until `until`. It took in results that had
    ended by `heard`; those that came since and changed something had ended at `news` at the
    earliest, and the others were more of the same: of `holds`, by (check, agent) in milliseconds.
    """

    history: History
    view: SystemView
    at: int
    until: int | None
    heard: int
    news: int
    holds: Mapping[Source, int]


@dataclass(slots=True)
class Live:
    """One system. `truth` and `view` are as of `at`, as `fold` left them.

    `tail`: what is not settled, each line in order of `t`.
    `changed`: anything but the passing of time has changed what is seen, since somebody unset it.
    `edition`: another object each time it has.
    `older`: a result came for a time before this instant that what is settled cannot take in.
    """

    system: str
    settled: Settled = NOTHING
    tail: dict[Source, list[Result]] = field(default_factory=dict)
    at: int = -FAR
    stale: bool = True
    changed: bool = False
    edition: object = field(default_factory=object, compare=False)
    older: int | None = None
    ended: int = -FAR
    """When the last of the settled results had ended."""
    _truth: SystemTruth | None = None
    _view: SystemView | None = None
    _pulses: dict[Source, _Pulse] = field(default_factory=dict)
    _holds: dict[Source, int] = field(default_factory=dict)
    _edge: int = FAR
    _history: History | None = None
    _heard: int = -FAR
    _latest: int = -FAR
    _news: int = FAR
    _last_news: int = -FAR
    _hold_ms: dict[Source, int] = field(default_factory=dict)
    _before: _Before | None = None

    def __post_init__(self) -> None:
        for line in self.tail.values():
            line.sort(key=_t)
        ends = (r.t + r.duration_ms for line in self.tail.values() for r in line)
        self._latest = self._last_news = max(ends, default=self.ended)

    @property
    def folded(self) -> bool:
        """Has `fold` been called at all? A system that a new version brings waits for it."""
        return self._truth is not None

    @property
    def truth(self) -> SystemTruth:
        """RuntimeError before the first `fold`."""
        if self._truth is None:
            raise RuntimeError("not folded yet")
        return self._truth

    @property
    def view(self) -> SystemView:
        """RuntimeError before the first `fold`."""
        if self._view is None:
            raise RuntimeError("not folded yet")
        return self._view

    @property
    def until(self) -> int | None:
        """The first instant after `at` at which time alone may change the truth.

        A hold ends, a result from a clock ahead of ours comes of age, a window begins or ends, a
        version or a system's `effective_from` begins, a burn-rate row starts or ceases to fire. At that very instant knowledge is still
        `[.., instant)`, so it shows one millisecond later.
        """
        first = min((t for t in self._holds.values() if t >= self.at), default=FAR)
        first = min(first, self._edge)
        return None if first == FAR else first + 1

    @property
    def gathered(self) -> int:
        """How many results are not settled."""
        return sum(map(len, self.tail.values()))

    def take(self, results: Iterable[Result], now: int) -> None:
        """Results of this system's checks, in order of `t`."""
        self.take_lines(by_source(results), now)

    def take_lines(self, lines: Mapping[Source, Sequence[Result]], now: int) -> None:
        """The same by (check, agent), each line in order of `t` and not empty."""
        for source, line in lines.items():
            self.take_line(source, line, now)

    def take_line(self, source: Source, line: Sequence[Result], now: int) -> None:
        """The same of one (check, agent)."""
        line = self._without_silent(source, line)
        same = self._more_of_the_same(source, line, now) if line else 0
        if same == len(line):
            return
        self._pulses.pop(source, None)
        tail = self.tail.setdefault(source, [])
        for result in line[same:]:
            self.stale = True
            ended = result.t + result.duration_ms
            self._latest, self._news = max(self._latest, ended), min(self._news, ended)
            self._last_news = max(self._last_news, ended)
            if self.settled.is_late(source, result.t) and not self._takes_back(source, result.t):
                self.older = result.t if self.older is None else min(self.older, result.t)
            insort(tail, result, key=_t)

    def fold(self, history: History, now: int) -> None:
        """Fold up to `now`."""
        expected = None if self._view is None else prolonged(self, now)
        if self._view is not None and self._history is not None:
            self._before = _Before(
                self._history,
                self._view,
                self.at,
                self.until,
                self._heard,
                self._news,
                self._hold_ms,
            )
        truth = fold_system(self.system, history, self.tail, now, None, self.settled)
        seen = view(truth)
        self._view, self.at, self.stale = seen, now, False
        self._history, self._news = history, FAR
        self._heard = self._latest
        edges = [*_edges(self.system, seen, history, self.tail, now), truth.burning.due or FAR]
        self._edge = min(edges)
        self._holds = {s: f.hold_end for s, f in truth.folds.items() if f.segments}
        self._pulses = dict(_pulses(truth, self.tail, now))
        self._hold_ms = {source: pulse.hold_ms for source, pulse in self._pulses.items()}
        # Nobody asks for them any more, and they are half of what a system takes.
        self._truth = replace(truth, folds={})
        if seen != expected:
            self.changed, self.edition = True, object()
        if truth.mended is not None:
            self.older = truth.mended if self.older is None else min(self.older, truth.mended)

    def earlier(self, history: History, moment: int) -> Live:
        """The same system as it was to be known at a moment, that moment included: by the results
        that had ended by then. Nothing may be settled that had not.
        """
        tail = {
            source: [r for r in line if r.t + r.duration_ms <= moment]
            for source, line in self.tail.items()
        }
        then = Live(self.system, self.settled, tail)
        then.fold(history, moment + 1)
        return then

    def known_before(self, history: History, moment: int) -> tuple[SystemView, int | None] | None:
        """The view at `moment + 1`, and when time alone may change it, where the results that had
        ended by the moment are just those that were known before the last fold.
        """
        before, now = self._before, moment + 1
        if before is None or before.history is not history or before.at > now:
            return None
        if not before.heard <= moment < before.news:
            return None
        until = self._lasts(before.until, before.holds, moment)
        if until <= now:
            return None
        return view_later(before.view, before.at, now), None if until == FAR else until

    def rewound(self, history: History, moment: int) -> tuple[SystemView, int | None] | None:
        """The view at `moment + 1`, `at` or before, and when time alone may change it, where what had
        not ended by the moment was more of the same; None where time alone has changed the truth
        since.
        """
        now = moment + 1
        if self.stale or now > self.at or self.view.burning:
            return None  # a budget is judged over time, not by results alone
        if moment < self._last_news or self._history is not history:
            return None
        holds = {
            **dict.fromkeys(self.tail, -FAR),
            **({} if self._before is None else self._before.holds),
            **self._hold_ms,
        }
        until = self._lasts(self.until, holds, moment)
        if until <= now:
            return None
        edges = (*self._holds.values(), *_edges(self.system, self.view, history, self.tail, now))
        if any(now <= t < self.at for t in edges):
            return None
        seen, past = self.view, (Interval(-FAR, now),)
        then = replace(
            seen,
            states=earlier_than(seen.states, now),
            site_states={site: earlier_than(line, now) for site, line in seen.site_states.items()},
            access=intersect(seen.access, past),
            rejected_by_all=intersect(seen.rejected_by_all, past),
            feed=earlier_than(seen.feed, now),
            expires=earlier_than(seen.expires, now),
        )
        return then, None if until == FAR else until

    def _lasts(self, until: int | None, holds: Mapping[Source, int], moment: int) -> int:
        """When time alone may change what was known at a moment, where all that had not ended by
        then only prolonged: `until`, or when a hold would have ended that one of those prolonged.
        -FAR where that cannot be said.
        """
        first = FAR if until is None else until
        for source, line in self.tail.items():
            late = sum(r.t + r.duration_ms > moment for r in line)
            if not late:
                continue
            before, after = line[: len(line) - late], line[len(line) - late :]
            told = [r.t for r in before if r.outcome is not Outcome.UNKNOWN]
            if any(r.t + r.duration_ms <= moment for r in after):
                return -FAR
            if source in holds and told:
                first = min(first, told[-1] + holds[source] + 1)
            elif source in holds:
                return -FAR
        return first

    def only_lasts(self, history: History, now: int) -> bool:
        """May it be settled by the last fold, nothing but more of the same having come since? What
        an outage is known by may be more of the same, too: one that is not settled needs a fold.
        """
        truth = self._truth
        return (
            truth is not None
            and not self.stale
            and self._history is history
            and now - self.at < FOLDED_MS
            and truth.outages == self.settled.outages
        )

    def settle(self, edge: int, now: int) -> None:
        """Make final what results from `edge` on cannot change; `fold` must be up to date, or the
        system, which is not due, one that `only_lasts`.
        """
        truth = self.truth if now <= self.at else truth_later(self.truth, now)
        self.settled = settle(truth, self.tail, self.settled, edge)
        for source, line in self.tail.items():
            taken = bisect_left(line, self.settled.upto(source), key=_t)
            if taken:
                self.ended = max(self.ended, *(r.t + r.duration_ms for r in line[:taken]))
                self.tail[source] = line[taken:]

    def _without_silent(self, source: Source, line: Sequence[Result]) -> Sequence[Result]:
        """Take what says nothing (semantics 2.1) of instants that lie behind, and return the rest:
        missed slots come after what was measured since.
        """
        pulse = self._pulses.get(source)
        if pulse is None or line[0].t > pulse.last_t:
            return line
        tail, rest = self.tail[source], []
        for result in line:
            place = bisect_left(tail, result.t, key=_t)
            if (
                result.outcome is Outcome.UNKNOWN
                and self._late_before(source, pulse) <= result.t < pulse.last_t
                and tail[place].t != result.t  # else the worse of the two stands
            ):
                tail.insert(place, result)
            else:
                rest.append(result)
        return rest

    def _late_before(self, source: Source, pulse: _Pulse) -> int:
        if pulse.settled is not self.settled:
            pulse.settled, pulse.late_before = self.settled, self.settled.late_before(source)
        return pulse.late_before

    def _more_of_the_same(self, source: Source, line: Sequence[Result], now: int) -> int:
        """Take as many of a line as change nothing; how many?"""
        pulse = self._pulses.get(source)
        if pulse is None or pulse.hold_end < self.at:
            return 0  # or it came late: the silence that was seen after the last one was none
        if line[0].t < self._late_before(source, pulse):
            return 0
        taken = 0
        for result in line:
            t = result.t
            if t <= pulse.last_t or t >= now or t >= pulse.rules_end:
                break
            if result.outcome is not Outcome.UNKNOWN:
                if result.outcome is not pulse.outcome or t > pulse.hold_end:
                    break
                days = result.cert_days_left
                if days is not None and not ends_alike(t, days, pulse.ends_by):
                    break
                pulse.hold_end = t + pulse.hold_ms
            pulse.last_t = t
            self._latest = max(self._latest, t + result.duration_ms)
            taken += 1
        self._holds[source] = pulse.hold_end
        self.tail[source] += line if taken == len(line) else line[:taken]
        return taken

    def _takes_back(self, source: Source, t: int) -> bool:
        if self._truth is None:
            return False
        decided = self.truth.decided
        back = taken_back(
            self.settled,
            source,
            self.tail.get(source, ()),
            rules(source, self.system, decided.versions),
            t,
            waiting=len(decided.dates) > len(self.settled.decided.dates),
        )
        if back is None:
            return False
        self.settled = back
        return True


_t = attrgetter("t")


def by_source(results: Iterable[Result]) -> dict[Source, list[Result]]:
    lines: dict[Source, list[Result]] = {}
    for result in results:
        source = (result.check, result.agent)
        line = lines.get(source)
        if line is None:
            lines[source] = [result]
        else:
            line.append(result)
    return lines


def systems_of(history: History) -> tuple[str, ...]:
    """Every system of any version: a removed one keeps its history."""
    return tuple(dict.fromkeys(s for v in history.versions for s in v.config.systems))


def systems_by_check(history: History) -> dict[str, frozenset[str]]:
    """Which systems a result of a check can touch, in whatever version."""
    alone: dict[str, frozenset[str]] = {}
    out: dict[str, frozenset[str]] = {}
    for version in history.versions:
        for name, check in version.config.checks.items():
            one = alone.setdefault(check.system, frozenset((check.system,)))
            known = out.setdefault(name, one)
            if not one <= known:
                out[name] = known | one
    return out


def is_due(live: Live, now: int) -> bool:
    """May time alone have changed the truth by `now`?"""
    until = live.until
    return until is not None and until <= now


def prolonged(live: Live, now: int) -> SystemView:
    """The view at a later `now` at which the system is not due."""
    return view_later(live.view, live.at, now)


def _edges(
    system: str,
    seen: SystemView,
    history: History,
    tail: Mapping[Source, Sequence[Result]],
    now: int,
) -> Iterable[int]:
    """Instants from `now` on at which something begins or ends whatever agents say."""
    edges = [r.t for line in tail.values() for r in line[bisect_left(line, now, key=_t) :]]
    edges += [t for w in seen.windows for t in (w.start, w.end)]
    edges += history.instants
    edges += [_effective(system, v.config) for v in history.versions]
    return (t for t in edges if t >= now)


def _effective(system: str, config: Config) -> int:
    found = config.systems.get(system)
    return -1 if found is None or found.effective_from is None else config.ms(found.effective_from)


def _pulses(
    truth: SystemTruth, tail: Mapping[Source, Sequence[Result]], now: int
) -> Iterable[tuple[Source, _Pulse]]:
    """Voices of which another result like the last one changes nothing."""
    starts = [v.start for v in truth.versions]
    for source, fold in truth.folds.items():
        line = tail.get(source, ())
        if not line or not fold.segments:
            continue
        last = fold.segments[-1]
        own = rules(source, truth.system, truth.versions)
        check = own.at(last.start)
        last_t = line[-1].t
        if check is None or last_t >= now:
            continue
        if fold.only_goes_on:
            rules_end = min((s for s in starts if s > last.start), default=FAR)
            version = own.version(last.start)
            ends_by = fold.expected_end(version)
            hold = (fold.hold_end, check.hold_ms)
            yield source, _Pulse(last.outcome, last_t, *hold, rules_end, ends_by)
