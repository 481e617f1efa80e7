"""The truth fold of one system: results, config history and windows to states and outages.

Pure and total: order, duplication and delay of the results never change the answer. It starts
from nothing or from what is settled (`core/settled.py`), with the same answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from alerts.events import Cause, State
from collector.core import outages as outage_rules
from collector.core.agent_state import Rules, Voice, distinct, follow, tell
from collector.core.burning import Burning, burning
from collector.core.expiring import expires
from collector.core.feeding import feed
from collector.core.outages import DecidesAt, Outage
from collector.core.rejection import rejected_by_all
from collector.core.segment import SegmentStates, judge
from collector.core.settled import NOTHING, Settled, Source
from collector.core.versions import Decided, InForce, in_force
from collector.core.voice_fold import AgentState, VoiceFold
from collector.core.windows import FAR, Occurrence, excluded, occurrences
from probes.config_checks import Check
from probes.history import History
from probes.results import Result
from probes.spans import (
    Interval,
    Span,
    Timeline,
    clip,
    intersect,
    joined,
    merge,
    onwards,
    unite,
    where,
)


@dataclass(frozen=True, slots=True)
class SystemTruth:
    """All that is true of one system up to `now`.

    `states` covers `[monitored_from, now)`; `monitored_from` is None before the first version
    or when nothing is monitored yet. `begins` is from when the version in force last monitors the
    system, also where that is still ahead; None where it does not know it. `voices` is by (check, agent); `folds` are what they were
    told by. `expires` is by when the first certificate ends, as known then; `feed` when one is in trouble. `checks` and `sites` hold timelines over the same range for those that ever belonged
    to the system.
    """

    system: str
    now: int
    history: History
    recorded: bool
    monitored_from: int | None
    begins: int | None
    decided: Decided
    voices: Mapping[Source, Voice]
    folds: Mapping[Source, VoiceFold]
    checks: Mapping[str, Timeline[State]]
    sites: Mapping[str, Timeline[State]]
    states: Timeline[State]
    outages: tuple[Outage, ...]
    blips: tuple[int, ...]
    access: tuple[Interval, ...]
    rejected_by_all: tuple[Interval, ...]
    feed: tuple[Span[Cause], ...]
    expires: Timeline[int | None]
    burning: Burning
    conflicts: int
    mended: int | None
    """The first instant of what was settled that a late decision has changed: start before it."""

    @property
    def versions(self) -> tuple[InForce, ...]:
        return self.decided.versions

    @property
    def monitored(self) -> tuple[Interval, ...]:
        return where(self.states, lambda s: s is not State.NOT_MONITORED)

    def occurrences(self, until: int, since: int = -FAR) -> tuple[Occurrence, ...]:
        """Window occurrences that start before `until` and end after `since`, judged against the
        outages.
        """
        if not self.versions:
            return ()  # no version is known, so no window of one is either
        return occurrences(
            self.system, self.history, self.outages, since, until, recorded=self.recorded
        )

    def excluded(self, until: int, since: int = -FAR) -> tuple[Interval, ...]:
        """Time approved maintenance takes out over `[since, until)`, united."""
        return intersect(excluded(self.occurrences(until, since)), (Interval(since, until),))


def fold_system(
    system: str,
    history: History,
    results: Mapping[Source, Sequence[Result]],
    now: int,
    first_seen: int | None,
    settled: Settled = NOTHING,
) -> SystemTruth:
    """Fold one system at `now`, by the results that are not settled.

    `results` may hold other systems' checks; they are passed over. `first_seen` is None in the
    live collector, where every version has the instant it was recorded. In replay it is `--from`:
    a config without an instant then starts at the first result, or at `first_seen` if that is
    earlier than any; and the claimed time of an approval counts, for nothing was recorded.
    """
    history = history.known(now)
    names = {n for n in {source[0] for source in results} if _is_of(history, n, system)}
    lines: dict[Source, list[Result]] = {source: [] for source in settled.voices}
    conflicts = settled.conflicts
    for source, line in results.items():
        if source[0] in names:
            lines[source], double = distinct(line, now)
            conflicts += double
    start = _earliest(lines, first_seen)

    def states_of(versions: Sequence[InForce]) -> _Folded:
        return _fold(system, versions, lines, now, start, settled)

    def outage_at(versions: Sequence[InForce], t: int) -> tuple[bool, int | None]:
        for left, right in _stretches(states_of(versions).states, versions, settled):
            if left <= t and (right is None or t < right):
                return True, right
        return False, None

    decided = in_force(system, history, now, outage_at, settled.decided)
    versions = decided.versions
    folded = states_of(versions)
    decides = {source: _decides(folded.rules[source]) for source in folded.voices}
    truth = SystemTruth(
        system=system,
        now=now,
        history=history,
        recorded=first_seen is None,
        monitored_from=folded.states[0].start if folded.states else None,
        begins=_monitored_from(system, versions[-1], start) if versions else None,
        decided=decided,
        voices=folded.voices,
        folds=folded.folds,
        checks=folded.checks,
        sites=folded.sites,
        states=folded.states,
        outages=(
            *settled.outages,
            *(
                outage_rules.outage(left, right, folded.voices, decides)
                for left, right in _stretches(folded.states, versions, settled)
            ),
        ),
        blips=tuple(sorted(b.start for voice in folded.voices.values() for b in voice.blips)),
        access=folded.access,
        rejected_by_all=_rejected(system, versions, folded, settled),
        feed=folded.feed,
        expires=folded.expires,
        burning=Burning(),
        conflicts=conflicts,
        mended=min(
            (f.mended for s, f in folded.folds.items() if f.mended < settled.upto(s)), default=None
        ),
    )
    return replace(
        truth,
        burning=burning(
            system,
            truth.states,
            truth.sites,
            versions,
            truth.excluded,
            settled.burning,
            settled.until,
            now,
        ),
    )


@dataclass(frozen=True, slots=True)
class _Folded:
    rules: dict[Source, Rules]
    voices: dict[Source, Voice]
    folds: dict[Source, VoiceFold]
    checks: dict[str, Timeline[State]]
    sites: dict[str, Timeline[State]]
    states: Timeline[State]
    access: tuple[Interval, ...]
    feed: tuple[Span[Cause], ...]
    expires: Timeline[int | None]


def _stretches(
    states: Timeline[State], versions: Sequence[InForce], settled: Settled
) -> list[tuple[int, int | None]]:
    """Outages that are not settled."""
    since = settled.until if settled.open_since is None else settled.open_since
    # Where no outage is open the first of these is not down, so its own start does not matter.
    recent = tuple(onwards(states, since))
    return outage_rules.stretches(recent, [v.start for v in versions if v.waited])


def _is_of(history: History, name: str, system: str) -> bool:
    """Has any version a check of the system by this name?"""
    found = (v.config.checks.get(name) for v in history.versions)
    return any(check is not None and check.system == system for check in found)


def _earliest(lines: Mapping[Source, Sequence[Result]], first_seen: int | None) -> int:
    """Where a version without an instant begins."""
    firsts = [line[0].t for line in lines.values() if line]
    return min([*firsts, *([] if first_seen is None else [first_seen])], default=FAR)


def _fold(
    system: str,
    versions: Sequence[InForce],
    lines: Mapping[Source, Sequence[Result]],
    now: int,
    start: int,
    settled: Settled,
) -> _Folded:
    parts = [
        (Interval(left, min(v.end, now)), v)
        for v in versions
        for left in [_monitored_from(system, v, start)]
        if left is not None and left < min(v.end, now)
    ]
    low = parts[0][0].start if parts else now
    own: dict[Source, Rules] = {}
    voices: dict[Source, Voice] = {}
    folds: dict[Source, VoiceFold] = {}
    for source, line in lines.items() if versions else ():
        heard = settled.voices.get(source)
        own[source] = rules(source, system, versions)
        folds[source] = follow(line, own[source], heard)
        voices[source] = tell(folds[source], low, now, heard)
    if not parts:
        return _Folded(own, voices, folds, {}, {}, (), (), (), ())
    edge = max(low, settled.until)
    recent = [
        (Interval(max(part.start, edge), part.end), v) for part, v in parts if part.end > edge
    ]
    pieces = [(part, judge(system, v.config, voices, part)) for part, v in recent]
    access = [*settled.access]
    if _misconfigured(voices, edge):
        for (part, seen), (_, v) in zip(pieces, recent, strict=True):
            pardoned = judge(system, v.config, voices, part, pardoned=True)
            access += _not_ours(seen, pardoned)
    whole = Interval(edge, now)

    def all_time(before: Timeline[State], pieces: Sequence[Timeline[State]]) -> Timeline[State]:
        if not before and settled.states:
            before = (Span(low, edge, State.NOT_MONITORED),)
        return joined(before, _joined(whole, pieces))

    checks = {*settled.checks, *(name for _, seen in pieces for name in seen.checks)}
    sites = {*settled.sites, *(name for _, seen in pieces for name in seen.sites)}
    return _Folded(
        rules=own,
        voices=voices,
        folds=folds,
        checks={
            n: all_time(settled.checks.get(n, ()), [s.checks.get(n, ()) for _, s in pieces])
            for n in checks
        },
        sites={
            n: all_time(settled.sites.get(n, ()), [s.sites.get(n, ()) for _, s in pieces])
            for n in sites
        },
        states=all_time(settled.states, [s.states for _, s in pieces]),
        access=unite(access),
        feed=feed(system, parts, voices),
        expires=expires(system, settled.expires, recent, versions, voices, now),
    )


def _misconfigured(voices: Mapping[Source, Voice], since: int) -> bool:
    return any(
        s.value is AgentState.MISCONFIGURED
        for v in voices.values()
        for s in onwards(v.states, since)
    )


def _rejected(
    system: str, versions: Sequence[InForce], folded: _Folded, settled: Settled
) -> tuple[Interval, ...]:
    if not _misconfigured(folded.voices, settled.until):
        return settled.rejected
    return rejected_by_all(system, versions, folded.voices, folded.checks)


def _not_ours(seen: SegmentStates, pardoned: SegmentStates) -> tuple[Interval, ...]:
    """Unknown time that would be known had every misconfigured voice been up."""
    return intersect(
        where(seen.states, lambda s: s is State.UNKNOWN),
        where(pardoned.states, lambda s: s is not State.UNKNOWN),
    )


def _monitored_from(system: str, version: InForce, start: int) -> int | None:
    """From when this version monitors the system; None when it does not know it.

    `start` is where a version without an instant begins, unless the system says otherwise.
    """
    found = version.config.systems.get(system)
    if found is None:
        return None
    if found.effective_from is not None:
        return max(version.start, version.config.ms(found.effective_from))
    return start if version.start == -FAR else version.start


def counted(truth: SystemTruth, source: Source, results: Sequence[Result]) -> list[int]:
    """When the results of a voice were that count as judged runs."""
    own = rules(source, truth.system, truth.versions)
    judged = [(r.t, own.at(r.t)) for r in distinct(results)[0] if r.outcome.judged]
    return [t for t, check in judged if check is not None and not check.is_feed]


def _decides(own: Rules) -> DecidesAt:
    """By the role of the check: supporting ones never put a system down (semantics 2.5)."""

    def decides(t: int) -> bool:
        check = own.at(t)
        return check is not None and check.role != "supporting" and not check.is_feed

    return decides


def rules(source: Source, system: str, versions: Sequence[InForce]) -> Rules:
    """What judges a (check, agent) of a system."""
    name, agent = source
    own: list[Check | None] = []
    for version in versions:
        check = version.config.checks.get(name)
        assigned = (
            check is not None and check.system == system and agent in version.config.agents_of(name)
        )
        own.append(check if assigned else None)
    return Rules(tuple(v.start for v in versions), tuple(own))


def _joined(whole: Interval, pieces: Sequence[Timeline[State]]) -> Timeline[State]:
    """One timeline over `whole`; where no piece speaks, nothing is monitored."""
    spans: list[Span[State]] = []
    edge = whole.start
    for piece in pieces:
        for span in clip(piece, whole.start, whole.end):
            if span.start > edge:
                spans.append(Span(edge, span.start, State.NOT_MONITORED))
            spans.append(span)
            edge = span.end
    if edge < whole.end:
        spans.append(Span(edge, whole.end, State.NOT_MONITORED))
    return merge(spans)
