"""One agent's results of one check, read next to the fold: what an explanation can point at.

The fold says what is true; this names the results behind it: which run confirmed an outage, which
good result ended a run, which ten results were intermittent. Every answer is held against the
fold's own, so that an explanation can never contradict the truth.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from collector.core.voice_fold import HALF, RUNS, WINDOW, WINDOW_MS
from probes.config_checks import Check
from probes.contract import Outcome
from probes.results import Result


@dataclass(frozen=True, slots=True)
class Held:
    """A judged or misconfigured result and the time `[t, end)` it speaks for.

    `cut` says that a later result ended the hold; `after_gap`, that nothing spoke just before.
    """

    t: int
    end: int
    outcome: Outcome
    reason: str
    after_gap: bool
    cut: bool
    check: Check


@dataclass(frozen=True, slots=True)
class Run:
    """Judged results of one side in a row (semantics 2.2), as positions among the held.

    `ended_by` is the position of the judged result of the other side, None where a gap ended it
    or nothing has come yet; `gap` tells these apart.
    """

    fails: bool
    members: tuple[int, ...]
    ended_by: int | None
    gap: bool


@dataclass(frozen=True, slots=True)
class AgentOutage:
    """Positions among the held: `confirming` are the failing results that confirmed it, the
    first of them its start; `recovering` the good ones that ended it, empty while it is open.
    """

    confirming: tuple[int, ...]
    recovering: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ten:
    """Ten judged results that were intermittent (semantics 2.3), as positions among the held."""

    members: tuple[int, ...]
    failing: tuple[int, ...]
    runs: int

    @property
    def is_down(self) -> bool:
        return len(self.failing) >= HALF


@dataclass(frozen=True, slots=True)
class Reading:
    held: tuple[Held, ...]
    runs: tuple[Run, ...]
    outages: tuple[AgentOutage, ...]

    def last_before(self, at: int) -> int | None:
        """The last held result that began at or before `at`."""
        n = bisect.bisect_right(self.held, at, key=lambda h: h.t) - 1
        return None if n < 0 else n

    def holder(self, at: int) -> int | None:
        """The result that speaks for `at`; None in a gap."""
        n = self.last_before(at)
        return n if n is not None and at < self.held[n].end else None

    def run_of(self, position: int) -> Run:
        """The run of a judged result: each is in one."""
        return next(r for r in self.runs if position in r.members)

    def outage_at(self, at: int) -> AgentOutage | None:
        """The outage open at `at`, back-dated at both ends."""
        for one in self.outages:
            ends = self.held[one.recovering[0]].t if one.recovering else None
            if self.held[one.confirming[0]].t <= at and (ends is None or at < ends):
                return one
        return None

    def row_of(self, position: int) -> tuple[int, ...]:
        """Misconfigured results around this one with no judged result between."""
        first = last = position
        while first > 0 and not self.held[first - 1].outcome.judged:
            first -= 1
        while last + 1 < len(self.held) and not self.held[last + 1].outcome.judged:
            last += 1
        return tuple(range(first, last + 1))

    def tens(self, position: int) -> tuple[Ten, ...]:
        """Every ten whose intermittent span holds this judged result."""
        judged = [n for n, h in enumerate(self.held) if h.outcome.judged]
        begins = {r.members[0] for r in self.runs}
        place = bisect.bisect_left(judged, position)
        # A ten before the good result that ended the downs before this one reaches no further.
        chain = place
        while chain > 0 and self.held[judged[chain - 1]].outcome is Outcome.DOWN:
            chain -= 1
        out: list[Ten] = []
        for first in range(max(chain - WINDOW + 1, 0), min(place + 1, len(judged) - WINDOW + 1)):
            ten = tuple(judged[first : first + WINDOW])
            failing = tuple(n for n in ten if self.held[n].outcome is Outcome.DOWN)
            separate = sum(n == ten[0] or n in begins for n in failing)
            long = self.held[ten[-1]].t - self.held[ten[0]].t > WINDOW_MS
            if separate < RUNS or long or position < failing[0]:
                continue
            after = judged[bisect.bisect_right(judged, failing[-1]) : place + 1]
            if all(self.held[n].outcome is Outcome.DOWN for n in after):
                out.append(Ten(ten, failing, separate))
        return tuple(out)


def read(line: Sequence[Result], check_at: Callable[[int], Check | None], now: int) -> Reading:
    """`line` is distinct and in order; what is not before `now` is not known."""
    given = [
        (r, check)
        for r in line
        if r.t < now and r.outcome is not Outcome.UNKNOWN
        for check in [check_at(r.t)]
        if check is not None
    ]
    held: list[Held] = []
    for n, (result, check) in enumerate(given):
        limit = result.t + check.hold_ms
        following = given[n + 1][0].t if n + 1 < len(given) else None
        before = given[n - 1] if n else None
        held.append(
            Held(
                result.t,
                min(limit, now if following is None else following),
                result.outcome,
                result.reason,
                before is None or before[0].t + before[1].hold_ms < result.t,
                following is not None and following <= limit,
                check,
            )
        )
    runs = _runs(held, now)
    return Reading(tuple(held), tuple(runs), tuple(_outages(held, runs)))


def _runs(held: Sequence[Held], now: int) -> list[Run]:
    out: list[Run] = []
    members: list[int] = []
    fails = False
    for n, one in enumerate(held):
        if members and one.after_gap:
            out.append(Run(fails, tuple(members), None, gap=True))
            members = []
        if not one.outcome.judged:
            continue
        if members and (one.outcome is Outcome.DOWN) is not fails:
            out.append(Run(fails, tuple(members), n, gap=False))
            members = []
        fails = one.outcome is Outcome.DOWN
        members.append(n)
    if members:
        out.append(Run(fails, tuple(members), None, gap=held[-1].end < now))
    return out


def _outages(held: Sequence[Held], runs: Sequence[Run]) -> list[AgentOutage]:
    """An outage opens with the first long enough failing run and ends with such a good one."""
    out: list[AgentOutage] = []
    for run in runs:
        is_open = bool(out) and not out[-1].recovering
        if run.fails is is_open:
            continue
        for count, position in enumerate(run.members, 1):
            confirm = held[position].check.confirm
            if count >= (confirm.down if run.fails else confirm.up):
                positions = run.members[:count]
                if run.fails:
                    out.append(AgentOutage(positions, ()))
                else:
                    out[-1] = AgentOutage(out[-1].confirming, positions)
                break
    return out
