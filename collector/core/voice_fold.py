"""One (check, agent), result by result: holds, confirmation and intermittence (semantics 2.1-2.3).

Resumable: what it must remember is short, so a fold can be put down, stored and taken up again.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from probes.config_checks import Check
from probes.contract import Outcome
from probes.spans import Interval


class AgentState(StrEnum):
    """`misconfigured` is unknown time with that cause, confirmed; `silent` and `flooded` are what a
    feed's check calls degraded.
    """

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"
    MISCONFIGURED = "misconfigured"
    SILENT = "silent"
    FLOODED = "flooded"


FEED_STATES = (AgentState.SILENT, AgentState.FLOODED)
_GOOD = {Outcome.UP: AgentState.UP, Outcome.DEGRADED: AgentState.DEGRADED}

WINDOW = 10
WINDOW_MS = 3_600_000
RUNS = 3
HALF = 5
PATIENCE_MS = 86_400_000
"""How long a run or a row may stay undecided before what it says so far is settled all the same."""
NEVER = 1 << 60
DAY_MS = 86_400_000
MOST_DAYS = 4_000_000
"""What a certificate can be good for: none ends after the year 9999."""


class Segment(msgspec.Struct, gc=False):
    """The time one judged or misconfigured result speaks for, or several good ones in a row that no
    later result mends or looks at.

    `base` is its state by semantics 2.1 and 2.2; `own` is what it is if a recovery takes it in;
    `worse` is what 2.3 makes of it at least; `broken`: a gap since the judged result before it.
    """

    start: int
    end: int
    outcome: Outcome
    base: AgentState
    own: AgentState
    broken: bool
    worse: AgentState | None = None

    @property
    def state(self) -> AgentState:
        if self.worse is AgentState.DOWN:
            return AgentState.DOWN
        if self.worse is not None and self.base in (AgentState.UP, AgentState.UNKNOWN):
            return self.worse
        return self.base


class Told(msgspec.Struct, frozen=True, array_like=True):
    """From `since` on it was known that the certificate ends before `by`; UTC milliseconds."""

    since: int
    by: int


class VoiceFold(msgspec.Struct):
    """Takes results in order of `t`, one an instant, without explicit unknowns.

    `segments` are those since the fold was taken up, and before them what a later result may
    still mend or look at. They are named by number: `first` is that of `segments[0]`. `blips`,
    `judged`, `good` and `failing` (instants), and `told`, are of the results taken since.
    """

    first: int = 0
    segments: list[Segment] = []
    hold_end: int = 0
    in_outage: bool = False
    failures: int = 0
    first_failing: int = 0
    undecided: list[int] = []
    good_run: int = 0
    recovering: list[int] = []
    row: list[int] = []
    row_confirmed: bool = False
    recent: list[int] = []
    """The last ten judged, or all there are."""
    gap_since_judged: bool = False
    since_down: int = WINDOW
    """How many judged results came after the last down, as far as it matters."""
    running: AgentState | None = None
    """What the failing run that goes on has been made by semantics 2.3."""
    steady: int = 0
    """How many last results in a row were judged alike, without a gap."""
    overdue: int = NEVER
    """The start of an undecided run whose segments are forgotten."""
    mended: int = NEVER
    """The first instant whose state changed with a later result, of those since taken up."""
    blips: list[Interval] = []
    judged: list[int] = []
    good: list[int] = []
    failing: list[int] = []
    told: list[Told] = []
    ends_by: int | None = None
    """Before when the certificate ends, as the results so far say."""
    heard_in: int | None = None
    """The start of the version under which that was said last."""
    later: int = 0
    """How many last results in a row have said that it ends later than that."""

    def resumed(self) -> VoiceFold:
        """A fold that goes on from here and leaves this one as it is."""
        return msgspec.structs.replace(
            self,
            segments=[msgspec.structs.replace(segment) for segment in self.segments],
            undecided=list(self.undecided),
            recovering=list(self.recovering),
            row=list(self.row),
            recent=list(self.recent),
            mended=NEVER,
            blips=[],
            judged=[],
            good=[],
            failing=[],
            told=[],
        )

    def take(self, t: int, outcome: Outcome, check: Check, reason: str = "") -> None:
        """The next result; `check` is as in force at `t`. Those about a feed count as no runs of
        their system.
        """
        previous = self.segments[-1] if self.segments else None
        gap = previous is None or self.hold_end < t
        if previous is not None:
            previous.end = min(self.hold_end, t)
        alike = previous is not None and not gap and previous.outcome is outcome
        self.steady = self.steady + 1 if alike and outcome.judged else int(outcome.judged)
        if gap:
            self._break_runs()
            self.gap_since_judged = True
        self.hold_end = t + check.hold_ms
        number = self.first + len(self.segments)
        segment = Segment(
            t, t, outcome, AgentState.UNKNOWN, AgentState.UNKNOWN, self.gap_since_judged
        )
        self.segments.append(segment)
        if outcome is Outcome.MISCONFIGURED:
            self._misconfigured(number, segment, None if gap else previous, check.confirm.down)
            return
        self.row = []
        self.row_confirmed = False
        if not check.is_feed:
            self.judged.append(t)
        if outcome is Outcome.DOWN:
            self.failing.append(t)
            self._down(number, segment, check.confirm.down)
        else:
            if not check.is_feed:
                self.good.append(t)
            segment.own = _good_state(outcome, check, reason)
            self._good(number, segment, check.confirm.up)
        self.gap_since_judged = False
        self._intermittence(number, segment)

    @property
    def is_steady(self) -> bool:
        """Is nothing open, so that another good result like the last ones is only more of it?"""
        return (
            self.steady >= WINDOW
            and self.since_down >= WINDOW
            and not self.in_outage
            and self.segments[-1].outcome in _GOOD
            and self.segments[-1].own not in FEED_STATES
        )

    @property
    def only_goes_on(self) -> bool:
        """Does another result like the last one, before the hold ends, change no state?

        So it is once the run is decided, and the last ten hold fewer failing runs than 2.3 asks
        for: one more of the same adds none.
        """
        if self.segments[-1].own in FEED_STATES:
            return False
        last = self.segments[-1].outcome
        if last is Outcome.DOWN:
            decided = self.in_outage
        else:
            decided = last in _GOOD and not self.in_outage and not self.failures
        if not decided or self.since_down >= WINDOW:
            return decided
        return sum(_begins([self._at(n) for n in self.recent])) < RUNS

    def take_alike(self, instants: list[int], check: Check) -> None:
        """Good results like the last one, each within the hold of the one before; `is_steady`."""
        if not instants:
            return
        last = self.segments[-1]
        for t in instants[-WINDOW:]:
            last.end = t
            last = Segment(t, t, last.outcome, last.base, last.own, broken=False)
            self.recent.append(self.first + len(self.segments))
            self.segments.append(last)
        del self.recent[:-WINDOW]
        self.steady += len(instants)
        self.since_down += len(instants)
        if not check.is_feed:
            self.judged += instants
            self.good += instants
        self.hold_end = instants[-1] + check.hold_ms

    def hear(self, t: int, days_left: int, version: int) -> None:
        """A result at `t` saw a certificate good for so many whole days; `version` judges it.

        Days round down, so the earliest bound of all is the closest. Behind a load balancer half
        of the certificates may be old ones: a later end counts once ten in a row have shown it.
        """
        by = _ends_by(t, days_left)
        if self.ends_by is not None:
            self.later = self.later + 1 if by - DAY_MS >= self.ends_by else 0
            by = by if self.later == WINDOW else min(by, self.ends_by)
            self.later %= WINDOW
        if by != self.ends_by or version != self.heard_in:
            self.told.append(Told(t, by))
        self.ends_by, self.heard_in = by, version

    def says_the_same(self, t: int, days_left: int, version: int) -> bool:
        """Would `hear` change nothing?"""
        return ends_alike(t, days_left, self.expected_end(version))

    def expected_end(self, version: int) -> int | None:
        """`ends_by`, where hearing of such an end once more under this version changes nothing."""
        return None if self.later or version != self.heard_in else self.ends_by

    def close(self, now: int) -> None:
        """Nothing more is known before `now`."""
        if self.segments:
            self.segments[-1].end = min(self.hold_end, now)

    def mendable_from(self, edge: int) -> int:
        """The first instant whose state a result at or after `edge` may still change.

        Of what has been undecided for very long the end is not waited for: it shows in `mended`.
        """
        pending = [*self.row[:1]]
        if self.hold_end >= edge:
            pending += [*self.undecided[:1], *self.recovering[:1]]
        starts = [self._at(n).start for n in pending]
        firsts = [edge, *(t for t in starts if edge - t <= PATIENCE_MS)]
        # A window of ten that holds a later result begins with one of the last nine.
        nine = [self._at(n) for n in self.recent[-(WINDOW - 1) :]]
        firsts += [
            s.start for s in nine if s.outcome is Outcome.DOWN and edge - s.start <= WINDOW_MS
        ]
        return min(firsts)

    def undecided_from(self, edge: int) -> int:
        """Where the run or row that is not decided at an edge begins; the edge if none is."""
        pending = [*self.undecided[:1], *self.recovering[:1], *self.row[:1]]
        return min([edge, *(self._at(n).start for n in pending)])

    def prune(self) -> None:
        """Forget the segments that no later result mends or looks at."""
        if not self.segments:
            return
        for run in (self.undecided, self.recovering):
            if run and self.segments[-1].start - self._at(run[0]).start > PATIENCE_MS:
                self.overdue = self._at(run[0]).start
                run.clear()
        oldest = self.segments[-1].start - WINDOW_MS
        self.recent = [n for n in self.recent if self._at(n).start >= oldest]
        last = self.first + len(self.segments) - 1
        kept = min([last, *self.undecided, *self.recovering, *self.row, *self.recent])
        del self.segments[: kept - self.first]
        self.first = kept

    def _at(self, number: int) -> Segment:
        return self.segments[number - self.first]

    def _break_runs(self) -> None:
        # An unconfirmed run before a gap stays unknown; inside an outage a short good run is down.
        self.failures = 0
        self.undecided = []
        self.good_run = 0
        self.recovering = []
        self.overdue = NEVER

    def _misconfigured(
        self, number: int, segment: Segment, previous: Segment | None, need: int
    ) -> None:
        # Only judged results break the row: a gap inside it is a gap, and no recovery.
        self.row.append(number)
        if self.row_confirmed or len(self.row) >= need:
            self.row_confirmed = True
            for one in map(self._at, self.row):
                one.base = AgentState.MISCONFIGURED
                self.mended = min(self.mended, one.start)
            self.row = []
            return
        if previous is None:
            return
        segment.base, segment.own = previous.base, previous.own
        if self.undecided and self.undecided[-1] == number - 1:
            self.undecided.append(number)
        if self.recovering and self.recovering[-1] == number - 1:
            self.recovering.append(number)

    def _down(self, number: int, segment: Segment, need: int) -> None:
        self.good_run = 0
        self.recovering = []
        if self.in_outage:
            self.overdue = NEVER
            segment.base = AgentState.DOWN
            return
        if self.failures == 0:
            self.first_failing = segment.start
        self.failures += 1
        self.undecided.append(number)
        if self.failures >= need:
            self._decide(AgentState.DOWN)
            self.in_outage = True

    def _good(self, number: int, segment: Segment, need: int) -> None:
        if not self.in_outage:
            if self.failures:
                self.blips.append(Interval(self.first_failing, segment.start))
                self._decide(AgentState.DEGRADED)
            segment.base = segment.own
            return
        segment.base = AgentState.DOWN
        self.good_run += 1
        self.recovering.append(number)
        if self.good_run >= need:
            for one in map(self._at, self.recovering):
                if one.base is not AgentState.MISCONFIGURED:
                    one.base = one.own
                    self.mended = min(self.mended, one.start)
            self.mended = min(self.mended, self.overdue)
            self.overdue = NEVER
            self.in_outage = False
            self.good_run = 0
            self.recovering = []

    def _decide(self, state: AgentState) -> None:
        for one in map(self._at, self.undecided):
            if one.base is not AgentState.MISCONFIGURED:
                one.base = state
                self.mended = min(self.mended, one.start)
        self.mended = min(self.mended, self.overdue)
        self.overdue = NEVER
        self.undecided = []
        self.failures = 0

    def _intermittence(self, number: int, segment: Segment) -> None:
        """Semantics 2.3: ten judged results in an hour, failing in three separate runs or more.

        The last of a window's ten is the newest result; a failing run that goes on past the
        window is made worse with it, until the first good result.
        """
        self.recent.append(number)
        if len(self.recent) > WINDOW:
            del self.recent[0]
        if segment.outcome is Outcome.DOWN:
            self.since_down = 0
            segment.worse = self.running
        else:
            self.since_down += 1
            self.running = None
            if self.since_down >= WINDOW:
                return  # none of the ten is down
        ten = [self._at(n) for n in self.recent]
        count = sum(s.outcome is Outcome.DOWN for s in ten)
        if len(ten) < WINDOW or count < RUNS or ten[-1].start - ten[0].start > WINDOW_MS:
            return
        if sum(_begins(ten)) < RUNS:
            return
        level = AgentState.DOWN if count >= HALF else AgentState.DEGRADED
        failing = [n for n, s in enumerate(ten) if s.outcome is Outcome.DOWN]
        for one in ten[failing[0] : failing[-1] + 1]:
            one.worse = _worse(one.worse, level)
        if segment.outcome is Outcome.DOWN:
            self.running = _worse(self.running, level)


def _good_state(outcome: Outcome, check: Check, reason: str) -> AgentState:
    if outcome is Outcome.DEGRADED and check.is_feed:
        return AgentState.FLOODED if reason == "feed.flooded" else AgentState.SILENT
    return _GOOD[outcome]


def ends_alike(t: int, days_left: int, by: int | None) -> bool:
    """May a certificate that has so many whole days left at `t` be one that ends before `by`?"""
    latest = _ends_by(t, days_left)
    return by is not None and latest - DAY_MS < by <= latest


def _ends_by(t: int, days_left: int) -> int:
    """The last instant by which it can end: days left are whole ones."""
    return t + (max(-1, min(days_left, MOST_DAYS)) + 1) * DAY_MS


def _begins(ten: list[Segment]) -> Iterator[bool]:
    """Which of these judged results begin a failing run, as seen from these alone."""
    before: Segment | None = None
    for one in ten:
        fails = one.outcome is Outcome.DOWN
        yield fails and (before is None or before.outcome is not Outcome.DOWN or one.broken)
        before = one


def _worse(one: AgentState | None, level: AgentState) -> AgentState:
    return AgentState.DOWN if AgentState.DOWN in (one, level) else level
