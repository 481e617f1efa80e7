"""An incident as every answer shows it."""

from __future__ import annotations

from typing_extensions import TypedDict

from alerts.category import PRIORITY
from alerts.events import Cause, Family, Priority
from alerts.people import Act, CategoryReason, IncidentState, Ruling
from collector.api.feed_reasons import reasons_of
from collector.api.parts import Parts, instant, stamp
from collector.api.responses import Response, response_of
from collector.api.shapes import Instant
from collector.standings import Stood


class ActedBy(TypedDict):
    by: str
    at: Instant


class Acknowledgement(ActedBy):
    """`until` is null for a service's, which stops nothing."""

    until: Instant | None
    by_service: bool


class CategorySet(ActedBy):
    """Past `review_by` the rules may raise it again. `aware_on`: a date, for category 4."""

    category: int
    reason: CategoryReason
    review_by: Instant
    aware_on: str | None


class RuledBy(ActedBy):
    """Whose fault a rejection by all was: time of theirs counts as down, in the ruled number."""

    ruling: Ruling


class Incident(TypedDict):
    """`status`, `category` and `priority` are what it stands at, acts of people and all;
    `rules_category` is what the rules alone reached. `version` is of what the rules recorded.
    `feeds` says why feeds are in trouble now, a sentence each; of an open incident of that family.
    """

    key: str
    system: str
    family: Family
    causes: list[Cause]
    sites: list[str]
    category: int
    rules_category: int
    priority: Priority
    status: IncidentState
    started_at: Instant
    detected_at: Instant
    recovered_at: Instant | None
    next_due: Instant | None
    response: Response | None
    attached_to: str | None
    quiet: bool
    reopened: int
    flapping: bool
    version: int
    acknowledged: Acknowledgement | None
    category_set: CategorySet | None
    resolved: ActedBy | None
    closed: ActedBy | None
    false_positive: ActedBy | None
    merged_into: str | None
    ruled: RuledBy | None
    notes: int
    feeds: list[str]


def shown(one: Stood, parts: Parts) -> Incident:
    """Every caller shows the same fields, and nothing that was typed."""
    row, now, incident = one.row, one.standing, one.row.incident
    return {
        "key": incident.key,
        "system": incident.system,
        "family": incident.family,
        "causes": list(incident.causes),
        "sites": list(incident.sites),
        "category": now.category,
        "rules_category": now.rules_category,
        # what the rules alone say may be of no category: information
        "priority": incident.priority
        if now.category == now.rules_category
        else PRIORITY[now.category],
        "status": now.state,
        "started_at": stamp(incident.started_at),
        "detected_at": stamp(row.detected_at),
        "recovered_at": instant(incident.recovered_at),
        "next_due": instant(row.next_due),
        "response": response_of(one, parts),
        "attached_to": incident.attached_to,
        "quiet": incident.quiet,
        "reopened": incident.reopened,
        "flapping": incident.flapping,
        "version": row.version,
        "acknowledged": _acknowledgement(now.acknowledged),
        "category_set": _category(now.category_set),
        "resolved": _signature(now.resolved),
        "closed": _signature(now.closed),
        "false_positive": _signature(now.false_positive),
        "merged_into": now.merged_into,
        "ruled": _ruled(now.ruled),
        "notes": now.notes,
        "feeds": reasons_of(incident.system, parts)
        if incident.family is Family.FEED and incident.recovered_at is None
        else [],
    }


def _signature(act: Act | None) -> ActedBy | None:
    return None if act is None else {"by": act.by, "at": stamp(act.at)}


def _ruled(act: Act | None) -> RuledBy | None:
    if act is None or act.ruling is None:
        return None
    return {"by": act.by, "at": stamp(act.at), "ruling": act.ruling}


def _acknowledgement(act: Act | None) -> Acknowledgement | None:
    if act is None:
        return None
    return {
        "by": act.by,
        "at": stamp(act.at),
        "until": instant(act.until),
        "by_service": act.by_service,
    }


def _category(act: Act | None) -> CategorySet | None:
    if act is None or act.category is None or act.reason is None or act.review_by is None:
        return None
    return {
        "by": act.by,
        "at": stamp(act.at),
        "category": act.category,
        "reason": act.reason,
        "review_by": stamp(act.review_by),
        "aware_on": act.aware_on,
    }
