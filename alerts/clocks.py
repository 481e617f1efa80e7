"""The response clocks of an incident: by when somebody answers, and when to warn. Pure.

Two clocks run from detection, of the system's service and of the priority; the earlier is due
(semantics 5).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from alerts.category import INFORMATION
from alerts.events import Incident, Priority
from alerts.hours import Hours, add_business
from alerts.instants import FAR
from alerts.terms import Terms
from probes import amounts
from probes.config_policy import Respond, Target


@dataclass(frozen=True, slots=True)
class Response:
    """UTC milliseconds; `by` names the clock that is due first, the service's where both are."""

    warn_at: int | None
    due_at: int
    by: Literal["service", "priority"]


def clocks(
    incident: Incident,
    terms: Terms,
    hours: Hours,
    detected_at: int,
    reached: Iterable[Priority] = (),
) -> Response | None:
    """None while nobody was paged, and for an incident that was over before it was detected.

    `terms` and `hours` are those at its start. `reached` are the priorities it had before: a rise
    starts the clock of the higher one at the same detection, and takes no earlier one away.
    """
    over = incident.recovered_at is not None and incident.recovered_at <= detected_at
    if incident.quiet or over:
        return None

    def after(text: str) -> int:
        return add_business(detected_at, amounts.parse(text), hours)

    respond = terms.policy.respond
    targets = [target(respond, one) for one in {incident.priority, *reached}]
    # What is still to come stops no service: its priority alone says by when.
    is_information = incident.family in INFORMATION
    service = FAR if is_information else after(getattr(respond, terms.impact.service.value))
    priority = min(after(one.breach) for one in targets)
    due = min(service, priority)
    warn = min((after(one.warn) for one in targets if one.warn is not None), default=due)
    return Response(
        warn_at=warn if warn < due else None,
        due_at=due,
        by="service" if service <= priority else "priority",
    )


def earliest(own: Response | None, attached: Iterable[Response | None]) -> Response | None:
    """A parent's: due and warning when the first of its own and of all that hang on it are.

    None where its own clock does not run: nobody was paged for it, or somebody has answered.
    """
    if own is None:
        return None
    found = [own, *(one for one in attached if one is not None)]
    first = min(found, key=lambda one: one.due_at)
    warn = min((one.warn_at for one in found if one.warn_at is not None), default=first.due_at)
    return Response(warn_at=warn if warn < first.due_at else None, due_at=first.due_at, by=first.by)


def target(respond: Respond, priority: Priority) -> Target:
    match priority:
        case Priority.P1:
            return respond.P1
        case Priority.P2:
            return respond.P2
        case Priority.P3:
            return respond.P3
        case Priority.P4:
            return respond.P4


def is_overdue(response: Response, incident: Incident, now: int) -> bool:
    """Has it lasted past `due_at`? The clock stops at recovery; exactly at `due_at` it is in time."""
    end = now if incident.recovered_at is None else min(now, incident.recovered_at)
    return end > response.due_at
