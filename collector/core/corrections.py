"""Corrections after the fact (semantics 4, last sentence): two people, two numbers.

A correction edits nothing. The document prints the number as measured, and beside it the number
with the approved corrections.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from alerts.events import State
from collector.core.acting import RefusedActError
from collector.core.availability import Availability, availability
from collector.core.truth import SystemTruth
from probes.acts import CorrectAs, Correction, Signed
from probes.history import History
from probes.spans import Interval, Span, Timeline, clip, merge, subtract

_STATES = {CorrectAs.UP: State.UP, CorrectAs.DOWN: State.DOWN}


@dataclass(frozen=True, slots=True)
class Corrected:
    """The numbers with the approved corrections `ids` that touch the period, in their order."""

    availability: Availability
    ids: tuple[str, ...]


def request(history: History, one: Correction) -> Correction:
    """The correction to record; RefusedActError says what stands against it."""
    if any(known.id == one.id for known in history.corrections):
        raise RefusedActError("correction.exists", one.id)
    if not any(one.system in version.config.systems for version in history.versions):
        raise RefusedActError("correction.unknown_system", one.system)
    if one.end <= one.start:
        raise RefusedActError("correction.empty", one.id)
    if one.end > one.requested.at:
        raise RefusedActError("correction.not_past", one.id)
    return one


def approve(history: History, name: str, signed: Signed) -> Signed:
    """The approval to record: by somebody who did not request it, once."""
    known = next((one for one in history.corrections if one.id == name), None)
    if known is None:
        raise RefusedActError("correction.unknown", name)
    if signed.by == known.requested.by:
        raise RefusedActError("act.own_request", signed.by)
    if known.approved is not None:
        raise RefusedActError("correction.approved", name)
    return signed


def corrected(
    truth: SystemTruth, history: History, start: int, end: int, now: int
) -> Corrected | None:
    """The second number of `[start, end)` as known at `now`; None where nothing corrects it."""
    found = [
        one for one in approved(history, truth.system, now) if one.start < end and one.end > start
    ]
    if not found:
        return None
    parts = _parts(found)
    changed = replace(
        truth,
        states=_over(truth.states, parts),
        sites={site: _over(line, parts) for site, line in truth.sites.items()},
    )
    also = tuple(i for i, counts_as in parts if counts_as is CorrectAs.EXCLUDED)
    return Corrected(
        availability(changed, history, start, end, now, also_excluded=also, count_runs=False),
        tuple(one.id for one in found),
    )


def approved(history: History, system: str, now: int) -> list[Correction]:
    """What two people agreed on before `now`, in the order of the approvals."""
    known = [one for c in history.corrections if (one := c.known(now)) is not None]
    signed = [
        (one.approved.at, one)
        for one in known
        if one.system == system and one.approved is not None and one.approved.by != one.requested.by
    ]
    return [one for _, one in sorted(signed, key=lambda pair: pair[0])]


def _parts(found: Sequence[Correction]) -> list[tuple[Interval, CorrectAs]]:
    """Disjoint stretches; where corrections overlap the one approved last stands."""
    out: list[tuple[Interval, CorrectAs]] = []
    for one in found:
        whole = (Interval(one.start, one.end),)
        out = [(rest, was) for part, was in out for rest in subtract((part,), whole)]
        out.append((whole[0], one.counts_as))
    return sorted(out, key=lambda part: part[0])


def _over(line: Timeline[State], parts: Sequence[tuple[Interval, CorrectAs]]) -> Timeline[State]:
    """The states with the corrected ones laid over; what is not monitored stays so."""
    states: Mapping[Interval, State] = {i: _STATES[c] for i, c in parts if c in _STATES}
    for interval, state in states.items():
        line = tuple(
            sorted(
                (
                    *clip(line, -(1 << 60), interval.start),
                    *_said(clip(line, interval.start, interval.end), state),
                    *clip(line, interval.end, 1 << 60),
                ),
                key=lambda span: span.start,
            )
        )
    return merge(line)


def _said(line: Timeline[State], state: State) -> list[Span[State]]:
    return [s if s.value is State.NOT_MONITORED else Span(s.start, s.end, state) for s in line]
