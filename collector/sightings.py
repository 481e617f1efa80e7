"""What agents saw of the servers behind checks, and when that is a change worth a row of the journal.

A sighting names a state (of a FHIR server's statement, of its software) by a number. A change is told
once for each check, by whichever agent sees it first; what comes again, late, or after a crash says
nothing new. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from enum import StrEnum
from typing import NamedTuple

from collector.journal import Fact, canonical
from probes.contract import Fact as ResultFact

KIND = "check.changed"
"""Of the journal's rows."""
BACK_MS = 3_600_000
"""A state that was told so lately is not told again: servers behind one address take turns while they
are upgraded.
"""
MOST = 4
"""Changes of a check told within `BACK_MS`. A server whose statement is another at every request must not
fill the journal; agents say once an hour what stands, so what lasts is told.
"""
KEPT = 32
"""States remembered of a place, the latest."""


class What(StrEnum):
    SOFTWARE = "software"
    STATEMENT = "statement"


FACTS: Mapping[ResultFact, What] = {
    ResultFact.SOFTWARE_DIGEST: What.SOFTWARE,
    ResultFact.STATEMENT_DIGEST: What.STATEMENT,
}


class Sighting(NamedTuple):
    """`t` is when the run began, UTC ms."""

    t: int
    check: str
    agent: str
    what: What
    state: int


class Place(NamedTuple):
    """`agent` is empty for what was told of the check, whoever saw it."""

    check: str
    agent: str
    what: What


States = dict[int, int]
"""When a state was seen last (of an agent), or told last (of a check)."""


class Change(NamedTuple):
    before: int
    seen: Sighting


def changes(sightings: Iterable[Sighting], known: MutableMapping[Place, States]) -> list[Change]:
    """What they say that was not known; `known` is brought up to them.

    A state nobody has seen before is a change. One that was told before is a change back only where
    the agent has seen what came after it: another agent may look at another server.
    """
    found: list[Change] = []
    for seen in sorted(sightings):
        mine = known.setdefault(Place(seen.check, seen.agent, seen.what), {})
        told = known.setdefault(Place(seen.check, "", seen.what), {})
        if seen.t <= max(mine.values(), default=-1):
            continue  # late, or read again
        _remember(mine, seen)
        if not told:
            told[seen.state] = seen.t
            continue
        earlier = [state for state in told if told[state] <= seen.t]
        before = max(earlier or told, key=told.__getitem__)
        is_new = seen.state not in told
        if _has_room(seen, told) if is_new else _is_back(seen, before, mine, told):
            found.append(Change(before, seen))
            _remember(told, seen)
    return found


def facts(found: Iterable[Change], systems: Mapping[str, str]) -> list[Fact]:
    """A row for each check and instant, whatever changed of it; `systems` by check."""
    rows: dict[tuple[int, str, str], list[Change]] = {}
    for change in found:
        seen = change.seen
        rows.setdefault((seen.t, seen.check, seen.agent), []).append(change)
    return [
        Fact(
            KIND,
            t,
            canonical(
                {
                    "after": {one.seen.what.value: one.seen.state for one in together},
                    "agent": agent,
                    "before": {one.seen.what.value: one.before for one in together},
                    "check": check,
                    "system": systems.get(check),
                }
            ),
        )
        for (t, check, agent), together in sorted(rows.items())
    ]


def _remember(states: States, seen: Sighting) -> None:
    states[seen.state] = seen.t
    if len(states) > KEPT:
        del states[min(states, key=states.__getitem__)]


def _has_room(seen: Sighting, told: States) -> bool:
    return sum(seen.t - BACK_MS < at <= seen.t for at in told.values()) < MOST


def _is_back(seen: Sighting, before: int, mine: States, told: States) -> bool:
    return seen.state != before and before in mine and seen.t - told[seen.state] >= BACK_MS


class Pending:
    """Sightings that are read and not committed yet: of each state the first and the last, and of
    each place some states, so that it stays small in a process that never commits.
    """

    def __init__(self) -> None:
        self._spans: dict[Place, dict[int, tuple[int, int]]] = {}

    def add(self, sightings: Iterable[Sighting]) -> None:
        for t, check, agent, what, state in sightings:
            spans = self._spans.setdefault(Place(check, agent, what), {})
            first, last = spans.get(state, (t, t))
            spans[state] = (min(first, t), max(last, t))
            if len(spans) > KEPT:
                del spans[min(spans, key=lambda state: spans[state][1])]

    def all(self) -> tuple[Sighting, ...]:
        return tuple(
            sorted(
                {
                    Sighting(t, place.check, place.agent, place.what, state)
                    for place, spans in self._spans.items()
                    for state, span in spans.items()
                    for t in span
                }
            )
        )

    def committed(self, sightings: Iterable[Sighting]) -> None:
        """Drop these, but for what has come since."""
        done = set(sightings)
        left = {
            place: {
                state: span
                for state, span in spans.items()
                if Sighting(span[1], *place, state) not in done
            }
            for place, spans in self._spans.items()
        }
        self._spans = {place: spans for place, spans in left.items() if spans}
