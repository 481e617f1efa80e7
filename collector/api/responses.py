"""By when an incident is answered: the response clocks, judged as of now."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from alerts.clocks import Response as Clocks
from alerts.clocks import clocks, earliest, is_overdue
from alerts.conditions import outages
from alerts.course import ENDED
from alerts.terms import agreed, terms_of
from collector.api.parts import Parts, instant, stamp
from collector.api.shapes import Instant
from collector.businesshours import hours_of
from collector.standings import Stood
from probes.config import Config


class Response(TypedDict):
    """When an answer is due, by the service's clock or the priority's; overdue as of now."""

    warn_at: Instant | None
    due_at: Instant
    by: Literal["service", "priority"]
    overdue: bool


def response_of(one: Stood, parts: Parts) -> Response | None:
    """Null while nobody was paged, where it was over before it was detected, and once a person has
    acknowledged: somebody has answered. The earliest of its own and of all attached.
    """
    found = earliest(_own(one, parts), (_own(child, parts) for child in one.attached))
    if found is None:
        return None
    return {
        "warn_at": instant(found.warn_at),
        "due_at": stamp(found.due_at),
        "by": found.by,
        "overdue": is_overdue(found, one.row.incident, parts.now()),
    }


def _own(one: Stood, parts: Parts) -> Clocks | None:
    if one.answered or one.standing.state in ENDED:
        return None
    row, config = one.row, config_of(one, parts)
    hours = hours_of(config, parts.evaluator.frozen)
    terms = terms_of(config, row.incident.system)
    return clocks(row.incident, terms, hours, row.detected_at, one.reached)


def config_of(one: Stood, parts: Parts) -> Config:
    """The version that spoke for the system at the incident's start."""
    incident = one.row.incident
    live = parts.evaluator.folded.get(incident.system)
    down = outages(live.view.states) if live is not None and live.folded else ()
    history = parts.evaluator.history
    return agreed(history, one.config, down, incident.system, incident.started_at)
