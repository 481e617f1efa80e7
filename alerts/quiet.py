"""When an incident first pages, and which causes it gathers: silence inside windows. Pure.

Semantics 4: an outage that starts inside an occurrence opens a quiet incident. It pages once
it has lasted `expect_down`, and in any case when the united occurrences end and it has not.
"""

from __future__ import annotations

from alerts.conditions import Condition, Reading
from alerts.events import Cause, Family
from alerts.instants import covering, earliest, first, inside
from alerts.lifecycle import Spell, Track, patience
from probes.spans import where

Appearance = tuple[int, Cause]
"""(instant, cause that joins then)."""

_ORDER = (Cause.DOWN, Cause.DEGRADED, Cause.OVERRUN)


def overruns(track: Track, reading: Reading) -> tuple[int, ...]:
    """Ends of united occurrences at which an outage that started inside them still lasts."""
    out = []
    for outage in inside(reading.outages, track.spans):
        block = covering(reading.blocks, outage.start)
        if block and block.end < outage.end:
            out.append(block.end)
    return tuple(out)


def causes(track: Track, reading: Reading) -> tuple[Appearance, ...]:
    """Each cause once, in order of appearance; at one instant down comes before degraded."""
    if track.family is not Family.AVAILABILITY:
        return _others(track, reading)
    seen = {
        Cause.DOWN: first(inside(reading.down, track.spans), track.start),
        Cause.DEGRADED: first(inside(reading.degraded, track.spans), track.start),
        Cause.OVERRUN: earliest(overruns(track, reading)),
    }
    found = [(t, _ORDER.index(cause)) for cause, t in seen.items() if t is not None]
    return tuple((t, _ORDER[n]) for t, n in sorted(found))


def _others(track: Track, reading: Reading) -> tuple[Appearance, ...]:
    match track.family:
        case Family.ACCESS:
            by_all = first(inside(reading.rejected, track.spans), track.start)
            later = () if by_all is None else ((by_all, Cause.REJECTED_BY_ALL),)
            return ((track.start, Cause.MISCONFIGURED), *later)
        case Family.FEED:
            kinds = (Cause.SILENT, Cause.FLOODED)
            found = [
                (first(inside(where(reading.feeds, kind.__eq__), track.spans), track.start), kind)
                for kind in kinds
            ]
            return tuple(sorted((t, kind) for t, kind in found if t is not None))
        case Family.EXPIRY:
            return ((track.start, Cause.EXPIRING),)
        case Family.BUDGET:
            return ((track.start, Cause.BURNING),)
        case _:
            return ((track.start, Cause.UNKNOWN),)


def paged_at(track: Track, condition: Condition, reading: Reading) -> int | None:
    """When the incident first pages; None while it is quiet. Only availability can be."""
    if track.family is not Family.AVAILABILITY:
        return track.spells[0].due
    after = patience(track.terms.policy, track.family)
    return earliest(
        [
            *(_lasting(spell, reading) if spell.sudden else spell.due for spell in track.spells),
            *overruns(track, reading),
            _ordinary(track, reading),
            _worn(track, after, condition),
        ]
    )


def _ordinary(track: Track, reading: Reading) -> int | None:
    """The first outage that starts outside every occurrence: it pages at once."""
    outages = inside(reading.outages, track.spans)
    return next((o.start for o in outages if not covering(reading.blocks, o.start)), None)


def _worn(track: Track, after: int, condition: Condition) -> int | None:
    """When degraded time outside occurrences has lasted `after` while the incident is open."""
    for part in inside(condition.slow, track.spans):
        piece = covering(condition.slow, part.start)
        if piece and part.start <= piece.start + after < part.end:
            return piece.start + after
    return None


def _lasting(spell: Spell, reading: Reading) -> int | None:
    """When an outage of this opening has outlasted the shortest `expect_down` around it."""
    if not covering(reading.blocks, spell.start):
        return None
    expected = [
        w.expect_down_ms
        for w in reading.windows
        if w.start <= spell.start < w.end and w.expect_down_ms is not None
    ]
    outages = inside(reading.outages, (spell.span,))
    return first(outages, spell.start + min(expected)) if expected else None
