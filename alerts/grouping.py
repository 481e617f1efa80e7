"""Who speaks for an incident that hangs on another, and what its page names. Pure.

Attachment groups, it never lowers urgency (semantics 5): an incident is left to its parent only
while that one is open and pages. What would have paged by itself is then said by the parent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from alerts.events import Family, Incident, Priority
from alerts.transitions import Transition, TransitionKind


class GroupStep(StrEnum):
    """Said of a parent because of those that hang on it; nothing changed of itself."""

    GATHERED = "gathered"


_PAGING = frozenset(
    {
        TransitionKind.OPENED,
        TransitionKind.PAGED,
        TransitionKind.REOPENED,
        TransitionKind.RAISED,
        TransitionKind.ATTACHED,
    }
)
"""Steps of an attached incident that its parent has to say."""
_CAN_WAIT = frozenset({TransitionKind.CAUSE_ADDED, TransitionKind.SITE_ADDED})
"""Steps that wait for the parting when the parent has recovered."""


@dataclass(frozen=True, slots=True)
class Update:
    """What a parent says once for all: `priorities` are those of whom it says it for."""

    parent: Incident
    priorities: frozenset[Priority]
    at: int


class Groups:
    """An organization's incidents as they hang on each other, after all steps of a look."""

    def __init__(self, incidents: Iterable[Incident], settled: Iterable[str] = ()) -> None:
        """`settled`: keys of those that a person has taken off the list; they speak for nobody."""
        self._settled = frozenset(settled)
        self._current: dict[str, Incident] = {}
        """By system: the open availability incident, else the latest."""
        for incident in incidents:
            held = self._current.get(incident.system)
            if incident.family is Family.AVAILABILITY and (
                held is None or _currency(incident) > _currency(held)
            ):
                self._current[incident.system] = incident
        self._hanging: dict[str, list[Incident]] = {}
        for incident in self._current.values():
            if incident.attached_to is not None:
                self._hanging.setdefault(incident.attached_to, []).append(incident)
        self._named: dict[str, tuple[Incident, ...]] = {}

    def is_silent(self, incident: Incident, step: StrEnum) -> bool:
        """Is the step left to the parent, as far as nobody has heard of the incident itself?

        Not to one that is quiet or settled by a person, and to one that has recovered only what pages nobody. A past
        outage found late has a ticket of its own. In a circle, which two config versions can
        close, everyone speaks.
        """
        known = self._known(incident)
        if known is None or known.attached_to is None or step is TransitionKind.FOUND_LATE:
            return False
        parent = self._current.get(known.attached_to)
        if parent is None or parent.quiet or parent.key in self._settled:
            return False
        if self._in_circle(known):
            return False
        return parent.recovered_at is None or step in _CAN_WAIT

    def attached(self, incident: Incident) -> tuple[Incident, ...]:
        """The open incidents that hang on it, at any depth, the most serious first."""
        known = self._known(incident)
        if known is None or known.system not in self._hanging:
            return ()
        if known.key not in self._named:
            found = {known.system: known}
            waiting = [known]
            while waiting:
                for child in self._hanging.get(waiting.pop().system, ()):
                    if child.system not in found:
                        found[child.system] = child
                        waiting.append(child)
            below = [i for i in found.values() if i is not known and i.recovered_at is None]
            self._named[known.key] = tuple(sorted(below, key=lambda i: (-i.category, i.system)))
        return self._named[known.key]

    def above(self, incident: Incident) -> Iterator[Incident]:
        """What it hangs on, from the nearest up."""
        seen: set[str] = set()
        while incident.attached_to is not None and incident.attached_to not in seen:
            seen.add(incident.attached_to)
            parent = self._current.get(incident.attached_to)
            if parent is None:
                return
            yield parent
            incident = parent

    def updates(self, found: Sequence[tuple[Transition, int]]) -> list[Update]:
        """What parents have to say because of steps (each with its `at`): one update each."""
        out: dict[str, Update] = {}
        for transition, at in found:
            incident = self._known(transition.incident)
            if incident is None or incident.quiet or incident.recovered_at is not None:
                continue
            if transition.kind in _PAGING:
                for parent in self._speakers(incident):
                    before = out.get(parent.key, Update(parent, frozenset(), at))
                    priorities = before.priorities | {incident.priority}
                    out[parent.key] = Update(parent, priorities, max(before.at, at))
        return list(out.values())

    def _speakers(self, incident: Incident) -> Iterator[Incident]:
        """Parents, from the nearest up to the one that is left to nobody."""
        while incident.attached_to is not None and self.is_silent(incident, GroupStep.GATHERED):
            incident = self._current[incident.attached_to]
            yield incident

    def _known(self, incident: Incident) -> Incident | None:
        """The incident as it is now, None when its system has a later one."""
        current = self._current.get(incident.system)
        return current if current is not None and current.key == incident.key else None

    def _in_circle(self, incident: Incident) -> bool:
        seen: set[str] = set()
        above = incident.attached_to
        while above is not None and above not in seen:
            if above == incident.system:
                return True
            seen.add(above)
            parent = self._current.get(above)
            above = None if parent is None else parent.attached_to
        return False


def _currency(incident: Incident) -> tuple[bool, int]:
    return incident.recovered_at is None, incident.started_at
