"""Which incident hangs on which: attachment, parting, and what a parent carries. Pure.

Semantics 5: attachment groups, it never lowers urgency. A pair is judged once at each opening
or reopening, at the later of the two starts; at that instant both must show their trouble, so
that a recovery found later never changes the judgement.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alerts.category import Rise
from alerts.conditions import Reading
from alerts.instants import FAR, covering, first, inside
from alerts.lifecycle import Spell, Track
from probes.spans import Interval

NEAR_MS = 300_000
"""How much later than its child a parent may begin, and how long after its end they part."""


Key = tuple[str, int]
"""(system, start) of an availability incident."""


@dataclass(frozen=True, slots=True)
class Link:
    """The child's incident hangs on the parent's over `[since, until)`; None = still."""

    parent: Key
    since: int
    until: int | None


@dataclass(frozen=True, slots=True)
class _Fit:
    rank: int
    since: int
    track: Track
    position: int


def links(
    child: Track, families: Mapping[str, Sequence[Track]], readings: Mapping[str, Reading]
) -> tuple[tuple[Spell, Link], ...]:
    """The attachments of an availability incident in order of time, each with its spell.

    `families` are the availability incidents of every system.
    """
    return tuple(
        (spell, link)
        for spell in child.spells
        for link in _chain(spell, _fits(child, spell, families, readings), readings[child.system])
    )


def _fits(
    child: Track,
    spell: Spell,
    families: Mapping[str, Sequence[Track]],
    readings: Mapping[str, Reading],
) -> list[_Fit]:
    """Every listed parent that fits, in order of the instant it is judged at."""
    if not spell.sudden:
        return []
    own = readings[child.system]
    out = []
    for rank, parent in enumerate(child.terms.depends_on):
        for track, position in _candidates(families.get(parent, ()), spell.start):
            other = track.spells[position]
            since = max(spell.start, other.start)
            if _troubled(own, spell, since) and _absorbs(readings[parent], other, since):
                out.append(_Fit(rank, since, track, position))
    return sorted(out, key=lambda fit: (fit.since, fit.rank))


def _candidates(tracks: Sequence[Track], start: int) -> list[tuple[Track, int]]:
    """Spells that began at most 5 min after `start` and were not over by then, latest first."""
    out = []
    last = bisect.bisect_right(tracks, start + NEAR_MS, key=lambda track: track.start)
    for track in reversed(tracks[:last]):
        if track.spells[-1].span.end <= start:
            break
        for position in range(len(track.spells) - 1, -1, -1):
            spell = track.spells[position]
            if spell.start <= start + NEAR_MS and spell.span.end > start:
                out.append((track, position))
    return out


def _troubled(reading: Reading, spell: Spell, t: int) -> bool:
    """The spell is open at `t` and its system is not up then."""
    return t < spell.span.end and covering(reading.availability.bad, t) is not None


def _absorbs(reading: Reading, spell: Spell, t: int) -> bool:
    """An open incident that was down by `t`; in maintenance or unknown it absorbs nothing."""
    return (
        _troubled(reading, spell, t)
        and bool(inside(reading.down, (Interval(spell.start, t + 1),)))
        and covering(reading.unknown, t) is None
        and covering(reading.blocks, t) is None
    )


def _chain(spell: Spell, fits: Sequence[_Fit], reading: Reading) -> list[Link]:
    """The first listed holds: one listed earlier takes over when it is judged to fit."""
    out: list[Link] = []
    ranks: list[int] = []
    for fit in fits:
        if out:
            parted = out[-1].until
            if (parted is None or parted > fit.since) and ranks[-1] <= fit.rank:
                continue
            if parted is None or parted > fit.since:
                out[-1] = Link(out[-1].parent, out[-1].since, fit.since)
        out.append(Link(fit.track.key, fit.since, _parting(spell, fit, reading)))
        ranks.append(fit.rank)
    return [link for link in out if link.until is None or link.until > link.since]


def _parting(spell: Spell, fit: _Fit, reading: Reading) -> int | None:
    """When the child, still down 5 min after the parent recovered, stands on its own.

    A parent that reopened by then has not let go; one whose recovery takes longer to be
    certain than 5 min lets go when it is certain.
    """
    for position in range(fit.position, len(fit.track.spells)):
        parent = fit.track.spells[position]
        if parent.end is None or parent.known is None:
            return None
        release = max(parent.end + NEAR_MS, parent.known)
        later = fit.track.spells[position + 1 :]
        if later and later[0].start <= release:
            continue
        return first(inside(reading.outages, (spell.span,)), release)
    return None


def carried(
    rises: Mapping[Key, tuple[Rise, ...]],
    links: Mapping[Key, Sequence[tuple[Spell, Link]]],
    spells: Mapping[Key, Sequence[Spell]],
) -> dict[Key, tuple[Rise, ...]]:
    """Every incident's rises with those of all that hang on it, at any depth.

    A parent has a category from the instant a child has it while attached, as long as the parent
    is not known to have recovered; `spells` are those of every incident. Instants only move
    earlier, so this ends even if two config versions close a circle.
    """
    reached = {key: {category: t for t, category in own} for key, own in rises.items()}
    waiting = [key for key in rises if key in links]
    while waiting:
        child = waiting.pop()
        for spell, link in links[child]:
            end = spell.span.end if link.until is None else min(link.until, spell.span.end)
            parent = reached[link.parent]
            for category, t in reached[child].items():
                at = _while_open(spells[link.parent], max(t, link.since))
                if at < end and at < parent.get(category, FAR):
                    parent[category] = at
                    if link.parent in links and link.parent not in waiting:
                        waiting.append(link.parent)
    return {key: _rising(instants) for key, instants in reached.items()}


def _while_open(spells: Sequence[Spell], t: int) -> int:
    """The first instant from `t` on at which an incident is open; FAR where it is not again."""
    for spell in spells:
        if spell.known is None or t < spell.known:
            return max(t, spell.start)
    return FAR


def _rising(instants: Mapping[int, int]) -> tuple[Rise, ...]:
    """Drops what a higher category has overtaken."""
    out: list[Rise] = []
    for t, category in sorted((t, -category) for category, t in instants.items()):
        if not out or -category > out[-1][1]:
            out.append((t, -category))
    return tuple(out)
