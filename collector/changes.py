"""From transitions to what is recorded of them: events, rows, state changes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from alerts.events import Incident, State, SystemView
from alerts.transitions import Transition, TransitionKind
from collector import journal
from collector.journal import Fact
from collector.store.incidents import (
    WHOLE,
    Flips,
    Place,
    Recorded,
    Status,
    SystemState,
    incident_fields,
)
from probes.spans import Timeline

T = TypeVar("T")

OPEN: Final = "open"
RECOVERED: Final = "recovered"
RESOLVED: Final = "resolved"


def event(transition: Transition, at: int, version: int) -> Fact:
    """The journal's row for one transition."""
    fields = incident_fields(transition.incident) | {"version": version}
    if transition.config is not None:
        fields["config"] = transition.config
    return Fact(f"incident.{transition.kind.value}", at, journal.canonical(fields))


def rows(
    found: Sequence[tuple[Transition, int]], recorded: Mapping[str, Recorded]
) -> tuple[list[Recorded], list[tuple[str, Fact]]]:
    """The incident rows after all transitions (each with its `at`), and an event for each.

    One evaluation makes one new version of an incident, however many steps it took. What comes
    due next of it is as it was: who knows all of it says so.
    """
    out: dict[str, Recorded] = {}
    facts: list[tuple[str, Fact]] = []
    for transition, at in found:
        incident = transition.incident
        before = recorded.get(incident.key)
        version = 1 if before is None else before.version + 1
        facts.append((incident.key, event(transition, at, version)))
        earlier = out.get(incident.key, before)
        status = status_after(
            transition.kind, incident, None if earlier is None else earlier.status
        )
        out[incident.key] = Recorded(
            version,
            incident,
            status,
            at if earlier is None else earlier.detected_at,
            None if before is None else before.next_due,
        )
    return list(out.values()), facts


def in_order(transition: Transition, shown: Incident) -> Transition:
    """Causes and sites in the order of appearance, which is known better later than at first."""
    incident = transition.incident
    return replace(
        transition,
        incident=replace(
            incident,
            causes=_sorted(incident.causes, shown.causes),
            sites=_sorted(incident.sites, shown.sites),
        ),
    )


def _sorted(items: tuple[T, ...], wanted: tuple[T, ...]) -> tuple[T, ...]:
    places = {item: place for place, item in enumerate(wanted)}
    return tuple(sorted(items, key=lambda item: places.get(item, len(places))))


def status_after(kind: TransitionKind, incident: Incident, before: Status | None) -> Status:
    """What late evidence changes of a resolved incident leaves it resolved."""
    if incident.recovered_at is None:
        return OPEN
    done = before == RESOLVED or kind is TransitionKind.RESOLVED
    return RESOLVED if done else RECOVERED


def flips(views: Iterable[SystemView]) -> dict[Place, Flips]:
    """The state changes of every system and of every site of it."""
    out: dict[Place, Flips] = {}
    for view in views:
        out[view.system, WHOLE] = _flips(view.states)
        for site, line in view.site_states.items():
            out[view.system, site] = _flips(line)
    return out


def _flips(line: Timeline[State]) -> Flips:
    return tuple((span.start, span.value) for span in line)


def states(
    places: Mapping[Place, Flips], known: Mapping[Place, Flips], now: int
) -> list[SystemState]:
    """The snapshot: what the last change of each place says that is not `known` with it."""
    changed = [(p, f) for p, f in places.items() if not f or known.get(p, ())[-1:] != f[-1:]]
    return [
        SystemState(system, site, changes[-1][1], changes[-1][0], now)
        if changes
        else SystemState(system, site, State.NOT_MONITORED, now, now)
        for (system, site), changes in sorted(changed)
    ]
