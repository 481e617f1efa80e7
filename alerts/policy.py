"""The process fold of plain replay: incidents as the truth up to `now` shows them. Pure.

Nobody has acted; every timer due before `now` has fired and every recovery has happened. A
timer due exactly at `now` has not. Growing `now` only adds: no judgement is taken back.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from alerts import expiry
from alerts.category import PRIORITY, Rise, rises
from alerts.conditions import Reading, read
from alerts.dependencies import Link, carried, links
from alerts.events import Family, Incident, Priority, SystemView
from alerts.expiry import Rising
from alerts.instants import FAR, first, inside
from alerts.lifecycle import FLAPPING, Spell, Track, tracks
from alerts.quiet import Appearance, causes, overruns, paged_at
from alerts.terms import Terms, terms
from probes.history import History
from probes.spans import Interval, Span, T, Timeline, clip


@dataclass(frozen=True, slots=True)
class Case:
    """All that is known of one incident; every instant in it is one at which it changed."""

    track: Track
    rises: tuple[Rise, ...]
    priorities: Rising
    causes: tuple[Appearance, ...]
    overruns: tuple[int, ...]
    paged_at: int | None
    sites: tuple[tuple[int, str], ...]
    links: tuple[tuple[Spell, Link], ...]


def incidents(views: Mapping[str, SystemView], history: History, now: int) -> list[Incident]:
    """Every incident that started before `now`, by (started_at, system, family)."""
    return sorted((_incident(case) for case in _cases(views, history, now)), key=by_start)


def by_start(incident: Incident) -> tuple[int, str, Family]:
    """The order incidents are given in."""
    return incident.started_at, incident.system, incident.family


def dues(views: Mapping[str, SystemView], history: History, now: int) -> dict[str, int]:
    """By key, the earliest later `now` at which time alone can change what `incidents` says of
    one; of one that is only to come, too.

    Time alone: every state of the views stays as it is. A timer due at d shows at d + 1. What
    expires inside the views (holds, and with them states) is the truth fold's to know.
    """
    lasting = {name: _lasting(view, now) for name, view in views.items()}
    out: dict[str, int] = {}
    for case in _cases(lasting, history, FAR):
        due = min((t for t in _instants(case) if t >= now), default=None)
        if due is not None:
            out[_key(case.track)] = due + 1
    return out


def next_due(views: Mapping[str, SystemView], history: History, now: int) -> int | None:
    """The earliest later `now` at which time alone can change what `incidents` answers."""
    return min(dues(views, history, now).values(), default=None)


def _cases(views: Mapping[str, SystemView], history: History, now: int) -> list[Case]:
    readings = {name: read(view, history, now) for name, view in views.items()}
    found: dict[Family, dict[str, tuple[Track, ...]]] = {
        family: {name: _tracks(reading, family, history) for name, reading in readings.items()}
        for family in Family
    }
    available = found[Family.AVAILABILITY]
    hanging = {
        track.key: links(track, available, readings) for own in available.values() for track in own
    }
    own_rises = {
        (family, track.key): rises(track, readings[name].condition(family), readings)
        for family, by_system in found.items()
        for name, own in by_system.items()
        for track in own
    }
    together = carried(
        {key: own for (family, key), own in own_rises.items() if family is Family.AVAILABILITY},
        {key: own for key, own in hanging.items() if own},
        {track.key: track.spells for own in available.values() for track in own},
    )
    return [
        _case(
            track,
            readings[track.system],
            together[track.key] if family is Family.AVAILABILITY else own_rises[family, track.key],
            hanging[track.key] if family is Family.AVAILABILITY else (),
        )
        for family, by_system in found.items()
        for own in by_system.values()
        for track in own
    ]


def _tracks(reading: Reading, family: Family, history: History) -> tuple[Track, ...]:
    condition = reading.condition(family)
    if not (condition.sudden or condition.slow):
        return ()  # most families of most systems, most of the time

    def in_force(t: int) -> Terms:
        return terms(history, reading.system_outages, reading.system, t)

    return tracks(reading.system, condition, in_force)


def _case(
    track: Track,
    reading: Reading,
    reached: tuple[Rise, ...],
    hanging: tuple[tuple[Spell, Link], ...],
) -> Case:
    available = track.family is Family.AVAILABILITY
    seen = [
        (t, site)
        for site, down in (reading.site_down.items() if available else ())
        for t in [first(inside(down, track.spans), track.start)]
        if t is not None
    ]
    return Case(
        track=track,
        rises=reached,
        priorities=_priorities(track, reading, reached),
        causes=causes(track, reading),
        overruns=overruns(track, reading) if available else (),
        paged_at=paged_at(track, reading.condition(track.family), reading),
        sites=tuple(sorted(seen)),
        links=hanging,
    )


def _priorities(track: Track, reading: Reading, reached: tuple[Rise, ...]) -> Rising:
    """What is information has a priority of its own; for all else the category says it."""
    if track.family is Family.EXPIRY:
        horizons = track.terms.policy.expiry
        return expiry.urgency(reading.expires, horizons, track.spans, track.start)
    if track.family is Family.BUDGET:
        return ((track.start, Priority.P4),)
    return tuple((t, PRIORITY[category]) for t, category in reached)


def _incident(case: Case) -> Incident:
    track = case.track
    return Incident(
        key=_key(track),
        system=track.system,
        family=track.family,
        causes=tuple(cause for _, cause in case.causes),
        category=case.rises[-1][1],
        priority=case.priorities[-1][1],
        started_at=track.start,
        due_at=track.spells[0].due,
        recovered_at=track.spells[-1].end,
        attached_to=_parent(case),
        quiet=case.paged_at is None,
        reopened=track.reopened,
        flapping=track.reopened >= FLAPPING,
        sites=tuple(site for _, site in case.sites),
    )


def _key(track: Track) -> str:
    return f"{track.system}.{track.family}.{track.start}"


def _parent(case: Case) -> str | None:
    """The parent as the latest opening or reopening has it."""
    if not case.links:
        return None
    spell, link = case.links[-1]
    current = spell == case.track.spells[-1] and link.until is None
    return link.parent[0] if current else None


def _instants(case: Case) -> Iterator[int]:
    """Every instant at which something about the incident begins to show."""
    spells = case.track.spells
    for spell in spells:
        yield spell.due
        if spell.known is not None:
            yield spell.known
    dated = [*case.rises, *case.priorities, *case.causes, *case.sites]
    linked = [t for _, link in case.links for t in (link.since, link.until)]
    for t in (*(t for t, _ in dated), *linked, *case.overruns, case.paged_at):
        if t is not None:
            # Back-dated time of an opening shows when the opening is due.
            current = bisect.bisect_right(spells, t, key=lambda spell: spell.start) - 1
            yield max(t, spells[current].due)


def _lasting(view: SystemView, now: int) -> SystemView:
    """The view with what holds at the edge of knowledge holding for ever."""
    return replace(
        view,
        states=_prolonged(view.states, now),
        site_states={name: _prolonged(line, now) for name, line in view.site_states.items()},
        access=_running(view.access, now),
        rejected_by_all=_running(view.rejected_by_all, now),
        feed=tuple(
            Span(span.start, FAR if span.end >= now else span.end, span.value)
            for span in view.feed
            if span.start < now
        ),
        expires=_prolonged(view.expires, now),
        burning=_running(view.burning, now),
    )


def _prolonged(timeline: Timeline[T], now: int) -> Timeline[T]:
    past = clip(timeline, -FAR, now)
    if not past or past[-1].end < now:
        return past
    return (*past[:-1], Span(past[-1].start, FAR, past[-1].value))


def _running(intervals: Sequence[Interval], now: int) -> tuple[Interval, ...]:
    return tuple(
        Interval(i.start, FAR if i.end >= now else i.end) for i in intervals if i.start < now
    )
