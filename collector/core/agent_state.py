"""What one agent says of one check over time (semantics 2.1 to 2.3): from results to a `Voice`."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import lt

import msgspec

from collector.core.planned import FAR
from collector.core.tally import Tally
from collector.core.voice_fold import AgentState, Segment, Told, VoiceFold
from probes.config_checks import Check
from probes.contract import Outcome
from probes.results import Result
from probes.spans import Interval, Span, Timeline, joined, merge, onwards, until, where

# Of two different results of one instant the worse stands (semantics 2.1).
_WORST_FIRST = (
    Outcome.DOWN,
    Outcome.MISCONFIGURED,
    Outcome.UNKNOWN,
    Outcome.DEGRADED,
    Outcome.UP,
)
_RANK = {outcome: rank for rank, outcome in enumerate(_WORST_FIRST)}


@dataclass(frozen=True, slots=True)
class Rules:
    """What judges one (check, agent): `checks[n]` from `starts[n]` on, None where the agent is not
    assigned or the check is not there.
    """

    starts: tuple[int, ...]
    checks: tuple[Check | None, ...]

    def at(self, t: int) -> Check | None:
        return self.checks[self._number(t)]

    def version(self, t: int) -> int:
        """The start of the version that judges `t`."""
        return self.starts[self._number(t)]

    def until(self, t: int) -> int:
        """From when another version judges what follows `t`."""
        following = self._number(t) + 1
        return self.starts[following] if following < len(self.starts) else FAR

    def _number(self, t: int) -> int:
        # Results from before the first version are history, judged by that version.
        return max(bisect.bisect_right(self.starts, t) - 1, 0)


@dataclass(frozen=True, slots=True)
class Voice:
    """What one agent says of one check up to `now`.

    `blips` are runs of failures too short to confirm, from the first failing to the good result.
    `judged` counts judged results over any time. `failing` are the instants of all `down`;
    `good` are those of the good ones that an outage or a rejection may ask for, long past, and
    all recent ones. `told` says by when its certificate ends, from when on.
    """

    states: Timeline[AgentState]
    blips: tuple[Interval, ...]
    judged: Tally
    good: tuple[int, ...]
    failing: tuple[int, ...]
    told: tuple[Told, ...] = ()

    def runs(self, part: Interval) -> tuple[int, int]:
        """(judged, good) results in a part of time."""
        judged = self.judged.count(part)
        left = bisect.bisect_left(self.failing, part.start)
        return judged, judged - (bisect.bisect_left(self.failing, part.end) - left)


class Heard(msgspec.Struct):
    """One voice up to `until`: results before it are taken, and what they say is final as long as
    no result comes for a time before `edge`, which is not before `until`.

    `last_t` is when the last result taken was, whatever its outcome.
    """

    until: int
    edge: int
    fold: VoiceFold = msgspec.field(default_factory=VoiceFold)
    states: Timeline[AgentState] = ()
    blips: tuple[Interval, ...] = ()
    judged: Tally = msgspec.field(default_factory=Tally)
    good: tuple[int, ...] = ()
    failing: tuple[int, ...] = ()
    last_t: int | None = None
    told: tuple[Told, ...] = ()


def in_order(results: Sequence[Result]) -> bool:
    """Does each come later than the one before it?"""
    instants = [r.t for r in results]
    return all(map(lt, instants, islice(instants, 1, None)))


def distinct(results: Iterable[Result], until: int = FAR) -> tuple[list[Result], int]:
    """Results before an instant in order of `t`, one an instant, and how many instants had two
    outcomes.
    """
    line = list(results)
    if not line or (line[-1].t < until and in_order(line)):
        return line, 0
    line = [r for r in line if r.t < until]
    kept: list[Result] = []
    conflicts: set[int] = set()
    for result in sorted(line, key=lambda r: r.t):
        if kept and kept[-1].t == result.t:
            if kept[-1].outcome is not result.outcome:
                conflicts.add(result.t)
                if _RANK[result.outcome] < _RANK[kept[-1].outcome]:
                    kept[-1] = result
            elif _fewer(result.cert_days_left, kept[-1].cert_days_left):
                kept[-1] = result
            continue
        kept.append(result)
    return kept, len(conflicts)


def _fewer(left: int | None, right: int | None) -> bool:
    return left is not None and (right is None or left < right)


def follow(line: Sequence[Result], rules: Rules, heard: Heard | None) -> VoiceFold:
    """The fold after distinct results, in order, from where `heard` left off."""
    fold = VoiceFold() if heard is None else heard.fold.resumed()
    place = 0
    while place < len(line):
        result = line[place]
        place += 1
        check = rules.at(result.t)
        if check is None or result.outcome is Outcome.UNKNOWN:
            continue
        fold.take(result.t, result.outcome, check, result.reason)
        if result.cert_days_left is not None:
            fold.hear(result.t, result.cert_days_left, rules.version(result.t))
        if fold.is_steady:
            alike = _alike(fold, line, place, rules, check)
            fold.take_alike(alike, check)
            place += len(alike)
    return fold


def _alike(
    fold: VoiceFold, line: Sequence[Result], place: int, rules: Rules, check: Check
) -> list[int]:
    """When the results from `place` on were that say just what the last one taken says."""
    last = fold.segments[-1]
    t, outcome, hold_ms = last.start, last.outcome, check.hold_ms
    version, changes = rules.version(t), rules.until(t)
    instants: list[int] = []
    for result in islice(line, place, None):
        if result.outcome is not outcome or result.t - t > hold_ms or result.t >= changes:
            break
        days = result.cert_days_left
        if days is not None and not fold.says_the_same(result.t, days, version):
            break
        t = result.t
        instants.append(t)
    return instants


def tell(fold: VoiceFold, start: int, now: int, heard: Heard | None) -> Voice:
    """What a fold says over `[start, now)`, with what was settled before it."""
    fold.close(now)
    if heard is None:
        return Voice(
            states=_cover(fold.segments, start, now),
            blips=tuple(fold.blips),
            judged=Tally(fine=fold.judged),
            good=tuple(fold.good),
            failing=tuple(fold.failing),
            told=tuple(fold.told),
        )
    recent = _cover(fold.segments, max(start, heard.until), now)
    return Voice(
        states=joined(heard.states, recent),
        blips=(*heard.blips, *fold.blips),
        judged=heard.judged.extended(fold.judged),
        good=(*heard.good, *fold.good),
        failing=(*heard.failing, *fold.failing),
        told=(*heard.told, *fold.told),
    )


def moved_on(
    before: Heard,
    fold: VoiceFold,
    voice: Voice,
    to: int,
    edge: int,
    taken: int | None,
    versions: Iterable[int],
) -> Heard:
    """`before`, settled up to `to` by all results before `edge`.

    `fold` has taken the results before that, the last at `taken`; `voice` is told with all that
    is known, so what it says before `to` is final. At `versions` a version takes effect.
    """
    last_t = before.last_t if taken is None else taken
    tally = before.judged.extended(fold.judged)
    if last_t is not None:
        # What an agent sends later about a time of silence can still be counted.
        tally.pack(min(to, last_t))
    fold.prune()
    good = [*before.good[-1:], *fold.good]
    # Of a version that began before an earlier mark, that one or one before it is the first good.
    marked = before.good[-2] if len(before.good) > 1 else -FAR
    fresh = [start for start in versions if start > marked]
    return Heard(
        to,
        edge,
        msgspec.structs.replace(fold, blips=[], judged=[], good=[], failing=[], told=[]),
        until(voice.states, to),
        (*before.blips, *fold.blips),
        tally,
        (*before.good[:-1], *_marks(good, voice.states, fresh)),
        (*before.failing, *fold.failing),
        last_t,
        (*before.told, *fold.told),
    )


def taken_back(heard: Heard, line: Sequence[Result], rules: Rules, to: int) -> Heard | None:
    """`heard` for a result at `to`, before its edge; `line` are the results not taken, in order.

    None unless the voice was silent from `to` to the edge, and nothing of it was undecided.
    """
    known = [r for r in line if r.t < heard.edge]
    last_t = known[-1].t if known else heard.last_t
    if last_t is not None and last_t >= to:
        return None
    if follow(known, rules, heard).mendable_from(to) < min(to, heard.until):
        return None
    return msgspec.structs.replace(
        heard, until=min(to, heard.until), edge=to, states=until(heard.states, to)
    )


def _marks(good: Sequence[int], states: Timeline[AgentState], versions: Iterable[int]) -> list[int]:
    """Of good results those that are asked for later: within an outage of this voice, the last
    before one, the first under a version, and the newest.
    """
    if not good:
        return []
    kept = {good[-1]}
    for down in where(onwards(states, good[0]), lambda s: s is AgentState.DOWN):
        first = bisect.bisect_left(good, down.start)
        kept.update(good[max(first - 1, 0) : bisect.bisect_left(good, down.end)])
    for start in versions:
        first = bisect.bisect_left(good, start)
        kept.update(good[first : first + 1])
    return sorted(kept)


def _cover(segments: Sequence[Segment], start: int, now: int) -> Timeline[AgentState]:
    """Spans over `[start, now)`; what no result speaks for is unknown."""
    spans: list[Span[AgentState]] = []
    edge = start
    for segment in segments:
        left, right = max(segment.start, start), min(segment.end, now)
        if right <= left:
            continue
        if left > edge:
            spans.append(Span(edge, left, AgentState.UNKNOWN))
        spans.append(Span(left, right, segment.state))
        edge = right
    if edge < now:
        spans.append(Span(edge, now, AgentState.UNKNOWN))
    return merge(spans)
