"""When incidents open, recover and reopen: one family of one system over time. Pure."""

from __future__ import annotations

import bisect
from collections.abc import Callable
from dataclasses import dataclass

from alerts.conditions import Condition
from alerts.events import Family
from alerts.instants import FAR, first
from alerts.terms import Terms
from probes.config_policy import Policy
from probes.spans import Interval

FLAPPING = 3
"""Reopenings that make an incident a flapping one (semantics 5)."""


@dataclass(frozen=True, slots=True)
class Spell:
    """One opening or reopening. `start` is back-dated, `due` is when it opens.

    `end` is the back-dated recovery and `known` when that is certain; both None while open.
    """

    start: int
    due: int
    sudden: bool
    end: int | None
    known: int | None

    @property
    def span(self) -> Interval:
        return Interval(self.start, FAR if self.end is None else self.end)


@dataclass(frozen=True, slots=True)
class Track:
    """One incident: its spells in order and the terms fixed at its start."""

    system: str
    family: Family
    terms: Terms
    spells: tuple[Spell, ...]

    @property
    def start(self) -> int:
        return self.spells[0].start

    @property
    def key(self) -> tuple[str, int]:
        """Tells incidents of one family apart."""
        return self.system, self.start

    @property
    def spans(self) -> tuple[Interval, ...]:
        return tuple(spell.span for spell in self.spells)

    @property
    def reopened(self) -> int:
        return len(self.spells) - 1


def tracks(
    system: str, condition: Condition, in_force: Callable[[int], Terms]
) -> tuple[Track, ...]:
    """Every incident of the family, in order; at most the last one is open."""
    out: list[tuple[Terms, list[Spell]]] = []
    while not out or out[-1][1][-1].end is not None:
        last = _Recovered.of(out)
        opening = _opening(condition, last, in_force)
        if opening is None:
            break
        start, due, sudden = opening
        if not (last and last.reopened_by(start)):
            out.append((in_force(start), []))
        terms, spells = out[-1]
        end, known = _ending(condition, start, terms.policy.recover_for)
        spells.append(Spell(start, due, sudden, end, known))
    return tuple(Track(system, condition.family, terms, tuple(spells)) for terms, spells in out)


@dataclass(frozen=True, slots=True)
class _Recovered:
    """The latest incident, recovered at `end`."""

    terms: Terms
    end: int

    @classmethod
    def of(cls, out: list[tuple[Terms, list[Spell]]]) -> _Recovered | None:
        end = out[-1][1][-1].end if out else None
        return None if end is None else cls(out[-1][0], end)

    def reopened_by(self, start: int) -> bool:
        return start - self.end <= self.terms.policy.reopen_within


def _opening(
    condition: Condition, last: _Recovered | None, in_force: Callable[[int], Terms]
) -> tuple[int, int, bool] | None:
    """(start, due, sudden) of the next opening or reopening after `last`.

    A slow interval opens only if it outlasts its timer: one that ends at the due instant, be
    it by a result, a window or the edge of knowledge, has not fired.
    """
    since = last.end if last else -FAR
    at_once = first(condition.sudden, since)
    position = bisect.bisect_left(condition.slow, since, key=lambda i: i.start)
    for n in range(position, len(condition.slow)):
        piece = condition.slow[n]
        if at_once is not None and at_once <= piece.start:
            break
        terms = last.terms if last and last.reopened_by(piece.start) else in_force(piece.start)
        due = piece.start + patience(terms.policy, condition.family)
        if at_once is not None and at_once <= due:
            break
        if due < piece.end:
            return piece.start, due, False
    return None if at_once is None else (at_once, at_once, True)


def patience(policy: Policy, family: Family) -> int:
    """Milliseconds a slow condition of the family lasts before it opens an incident."""
    return policy.blind_after if family is Family.BLIND else policy.degraded_after


def _ending(condition: Condition, start: int, recover_for: int) -> tuple[int | None, int | None]:
    """(recovered at, known at): the first calm that outlasts `recover_for`, or the removal."""
    removed = first(condition.gone, start)
    position = bisect.bisect_right(condition.calm, start, key=lambda i: i.start)
    for n in range(position, len(condition.calm)):
        calm = condition.calm[n]
        if removed is not None and removed <= calm.start:
            break
        if calm.start + recover_for < calm.end:
            return calm.start, calm.start + recover_for
    return removed, removed
