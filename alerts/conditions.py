"""Reads a system's view once: when each family's trouble shows, opens an incident or is over.

Pure. All intervals are ordered, disjoint and end at the edge of knowledge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from alerts.events import Cause, Family, QuietWindow, State, SystemView
from alerts.expiry import nearing
from alerts.instants import FAR
from probes.history import History
from probes.spans import Interval, Span, Timeline, clip, intersect, subtract, unite, where

GOOD = (State.UP, State.DEGRADED)


@dataclass(frozen=True, slots=True)
class Condition:
    """One family of one system.

    `bad` is when its trouble shows; `calm` counts towards recovery; at the start of a `sudden`
    interval an incident opens, in a `slow` one once it lasted; `gone` is not monitored.
    """

    family: Family
    bad: tuple[Interval, ...]
    calm: tuple[Interval, ...]
    sudden: tuple[Interval, ...]
    slow: tuple[Interval, ...]
    gone: tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A view as intervals.

    `outages` are those of the system and of its sites together, unknown time inside included,
    as far as the system is not up; `system_outages` are those of the system alone. `blocks` are
    the united occurrences.
    """

    system: str
    good: tuple[Interval, ...]
    unknown: tuple[Interval, ...]
    down: tuple[Interval, ...]
    degraded: tuple[Interval, ...]
    site_down: Mapping[str, tuple[Interval, ...]]
    outages: tuple[Interval, ...]
    system_outages: tuple[Interval, ...]
    rejected: tuple[Interval, ...]
    windows: tuple[QuietWindow, ...]
    feeds: tuple[Span[Cause], ...]
    expires: Timeline[int | None]
    blocks: tuple[Interval, ...]
    availability: Condition
    access: Condition
    blind: Condition
    feed: Condition
    expiry: Condition
    budget: Condition

    def condition(self, family: Family) -> Condition:
        match family:
            case Family.AVAILABILITY:
                return self.availability
            case Family.ACCESS:
                return self.access
            case Family.BLIND:
                return self.blind
            case Family.FEED:
                return self.feed
            case Family.EXPIRY:
                return self.expiry
            case Family.BUDGET:
                return self.budget


def outages(timeline: Iterable[Span[State]]) -> tuple[Interval, ...]:
    """From the first down instant to the first up or degraded one, or to removal.

    Unknown time inside does not end an outage: silence is no recovery (semantics 3).
    """
    out: list[Interval] = []
    running = False
    for span in timeline:
        if span.value is State.DOWN:
            running = True
        elif span.value is not State.UNKNOWN:
            running = False
        if running:
            out.append(Interval(span.start, span.end))
    return unite(out)


def read(view: SystemView, history: History, now: int) -> Reading:
    """The view up to `now`."""
    states = clip(view.states, -FAR, now)
    sites = {name: clip(line, -FAR, now) for name, line in view.site_states.items()}
    past = (Interval(-FAR, now),)
    access = intersect(unite(view.access), past)
    rejected = intersect(unite(view.rejected_by_all), past)
    site_down = {name: where(line, lambda s: s is State.DOWN) for name, line in sites.items()}
    system_outages = outages(states)
    unknown = where(states, lambda s: s is State.UNKNOWN)
    degraded = where(states, lambda s: s is State.DEGRADED)
    down = unite(
        [*where(states, lambda s: s is State.DOWN), *(i for d in site_down.values() for i in d)]
    )
    gone = where(states, lambda s: s is State.NOT_MONITORED)
    watched = where(states, lambda s: s is not State.NOT_MONITORED)
    blocks = unite(Interval(w.start, w.end) for w in view.windows)
    healthy = subtract(where(states, lambda s: s is State.UP), down)
    blind = subtract(unknown, access)
    everywhere = unite([*system_outages, *(i for line in sites.values() for i in outages(line))])
    rejection = unite([*access, *rejected]) if access or rejected else ()
    down_watched = intersect(down, watched) if down and gone else down
    expires = clip(view.expires, -FAR, now)
    feeds = clip(view.feed, -FAR, now)
    trouble = _at_once(Family.FEED, where(feeds, lambda _: True), watched, gone)
    near = nearing(view.system, expires, system_outages, history)
    return Reading(
        system=view.system,
        good=where(states, lambda s: s in GOOD),
        unknown=unknown,
        down=down_watched,
        degraded=degraded,
        site_down=site_down,
        outages=intersect(subtract(everywhere, healthy), watched),
        system_outages=system_outages,
        rejected=rejected,
        windows=view.windows,
        feeds=feeds,
        expires=expires,
        blocks=blocks,
        availability=Condition(
            Family.AVAILABILITY,
            bad=subtract(watched, healthy),
            calm=healthy,
            sudden=down_watched,
            slow=subtract(degraded, blocks),
            gone=gone,
        ),
        access=_at_once(Family.ACCESS, rejection, watched, gone),
        blind=Condition(
            Family.BLIND,
            bad=blind,
            calm=subtract(watched, blind),
            sudden=(),
            slow=subtract(blind, blocks),
            gone=gone,
        ),
        feed=replace(trouble, sudden=subtract(trouble.sudden, blocks)),
        expiry=_at_once(Family.EXPIRY, near, watched, gone),
        budget=_at_once(Family.BUDGET, intersect(unite(view.burning), past), watched, gone),
    )


def _at_once(
    family: Family,
    trouble: Sequence[Interval],
    watched: Sequence[Interval],
    gone: Sequence[Interval],
) -> Condition:
    """Trouble that opens an incident as soon as it shows."""
    if not trouble:
        return Condition(family, (), tuple(watched), (), (), tuple(gone))
    bad = intersect(trouble, watched)
    return Condition(
        family, bad=bad, calm=subtract(watched, bad), sudden=bad, slow=(), gone=tuple(gone)
    )
