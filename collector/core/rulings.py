"""Rulings on rejections by all (semantics 5): a named person's word, and a number beside.

Time in which a system rejects the monitoring from everywhere is unknown until a person rules whose
fault it was. A ruling edits nothing: the document prints the number as measured, and beside it the
number in which what was ruled theirs is down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from alerts.events import State
from alerts.people import Ruling
from collector.core.availability import Availability, availability
from collector.core.corrections import corrected
from collector.core.truth import SystemTruth
from collector.core.voice_fold import AgentState
from collector.core.windows import FAR
from probes.history import History
from probes.spans import Interval, Span, Timeline, intersect, merge, subtract, unite, where


@dataclass(frozen=True, slots=True)
class Ruled:
    """What a person said of the rejection in an incident, which lasts over `[start, end)`, None =
    it is open. `at`: when that was recorded (UTC ms).
    """

    key: str
    system: str
    start: int
    end: int | None
    ruling: Ruling
    by: str
    at: int

    def time(self, truth: SystemTruth) -> tuple[Interval, ...]:
        """The time it is about: of the rejection, within the incident."""
        whole = Interval(self.start, FAR if self.end is None else self.end)
        return intersect(truth.rejected_by_all, (whole,))


@dataclass(frozen=True, slots=True)
class Judged:
    """The numbers with the `rulings` that touch the period, by the incident's start, and over them
    the approved corrections `corrections`.
    """

    availability: Availability
    rulings: tuple[Ruled, ...]
    corrections: tuple[str, ...]


def judged(
    truth: SystemTruth,
    history: History,
    rulings: Sequence[Ruled],
    start: int,
    end: int,
    now: int,
) -> Judged | None:
    """The number of `[start, end)` as known at `now`; None where no ruling touches it."""
    period = (Interval(start, end),)
    found = [one for one in known(rulings, truth.system, now) if intersect(one.time(truth), period)]
    if not found:
        return None
    theirs = unite(i for one in found if one.ruling is Ruling.THEIRS for i in one.time(truth))
    changed = replace(
        truth,
        states=_blamed(truth.states, theirs),
        sites={
            site: _blamed(line, intersect(theirs, _rejected_at(truth, site)))
            for site, line in truth.sites.items()
        },
    )
    over = corrected(changed, history, start, end, now)
    if over is not None:
        return Judged(over.availability, tuple(found), over.ids)
    number = availability(changed, history, start, end, now, count_runs=False)
    return Judged(number, tuple(found), ())


def known(rulings: Sequence[Ruled], system: str, now: int) -> list[Ruled]:
    """What was recorded before `now` of a system, by the incident's start."""
    found = [one for one in rulings if one.system == system and one.at < now]
    return sorted(found, key=lambda one: (one.start, one.key))


def _blamed(line: Timeline[State], theirs: Sequence[Interval]) -> Timeline[State]:
    """Unknown time that was ruled theirs is down; what is known stays as it is."""
    unknown = where(line, lambda state: state is State.UNKNOWN)
    down = intersect(unknown, tuple(theirs))
    kept = [
        Span(part.start, part.end, span.value)
        for span in line
        for part in subtract((Interval(span.start, span.end),), down)
    ]
    fresh = [Span(i.start, i.end, State.DOWN) for i in down]
    return merge(sorted([*kept, *fresh], key=lambda span: span.start))


def _rejected_at(truth: SystemTruth, site: str) -> tuple[Interval, ...]:
    """Time in which a critical check is rejected at every vantage point of a site: one that asks
    nothing of the check was not rejected.
    """
    out: list[Interval] = []
    for version in truth.versions:
        config = version.config
        for name in config.checks_of(truth.system):
            agents = [a for a in config.agents_of(name) if config.agents[a].site == site]
            check = config.checks[name]
            if check.role != "critical" or check.is_feed or not agents:
                continue
            together: tuple[Interval, ...] = (Interval(version.start, version.end),)
            for agent in agents:
                voice = truth.voices.get((name, agent))
                states = () if voice is None else voice.states
                refused = where(states, lambda s: s is AgentState.MISCONFIGURED)
                together = intersect(together, refused)
            out += together
    return unite(out)
