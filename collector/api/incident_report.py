"""The incident report, prefilled with all that is recorded. Nothing that was typed is in it: who
may read that asks for the notes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from typing_extensions import TypedDict

from alerts.events import Cause, Priority
from alerts.outbox import DeliveryReason, Message, MessageState
from alerts.people import ActKind, CategoryReason, IncidentState, Ruling
from alerts.render import MEANINGS
from collector.access.policy import Permission
from collector.api.channels import Agreement, agreement
from collector.api.incident_shapes import Incident, shown
from collector.api.parts import Parts, instant, stamp
from collector.api.problems import DeniedError
from collector.api.responses import config_of
from collector.api.routes import Call, Nothing, get
from collector.api.shapes import Instant, Outage
from collector.journal import Row
from collector.standings import Stood, read_stood
from collector.store import outbox
from collector.store.incidents import read_events
from probes import times
from probes.config import Config

OVER = (IncidentState.RESOLVED, IncidentState.CLOSED)
RESOLVING = ("incident.resolved", "incident.found_late")


class ReportName(TypedDict):
    id: str
    name: str


class ReportOrganization(ReportName):
    timezone: str


class ReportSystem(ReportName):
    """As the config in force at the incident's start had it; `until`: how long it carries at most."""

    runbook: str | None
    workaround: str | None
    workaround_until: Instant | None


class ReportStep(TypedDict):
    """A row of the journal; null what it does not say. `until` an acknowledgement or a category
    holds; `of`: the notice that arrived or is late, the horizon of a report to the FDA, or the policy
    of a rung, told to `receivers` (`by_rung`: at which rung they stand, null: by the route).
    `typed`: characters that are kept apart.
    """

    id: int
    kind: str
    at: Instant
    recorded_at: Instant
    by: str
    category: int | None
    priority: Priority | None
    causes: list[Cause]
    reason: CategoryReason | None
    until: Instant | None
    into: str | None
    aware_on: str | None
    ruling: Ruling | None
    of: str | None
    receiver: str | None
    rung: int | None
    round: int | None
    by_rung: int | None
    receivers: list[str]
    typed: int | None


class ReportMessage(TypedDict):
    """A message to a receiver. `sent_at` is null until it has been taken."""

    receiver: str
    sequence: int
    step: str | None
    written_at: Instant
    sent_at: Instant | None
    state: MessageState
    reason: DeliveryReason | None
    attempts: int


class ReportReceiver(TypedDict):
    """Who was written to, as the config in force at the incident's start had it, else the one in force
    now; `kind` and `agreement` are null where neither knows it. `in_force` of the agreement: up to the
    incident's end, or so far.
    """

    receiver: str
    kind: str | None
    agreement: Agreement | None


class ReportDurations(TypedDict):
    """Milliseconds: detection, recovery and resolution from the start, a person's first
    acknowledgement from detection; null what has not happened.
    """

    detection_ms: int
    acknowledgement_ms: int | None
    recovery_ms: int | None
    resolution_ms: int | None


class IncidentReport(TypedDict):
    """`outages`: of the system, those that overlap the incident, before exclusions."""

    made_at: Instant
    organization: ReportOrganization
    system: ReportSystem
    sites: list[ReportName]
    incident: Incident
    category_meaning: str
    acknowledged_at: Instant | None
    resolved_at: Instant | None
    durations: ReportDurations
    steps: list[ReportStep]
    outages: list[Outage]
    messages: list[ReportMessage]
    receivers: list[ReportReceiver]
    may_read_typed: bool


async def report_incident(call: Call[Nothing, Nothing]) -> IncidentReport:
    """What is recorded of an incident, put together for its report; nothing that was typed."""
    parts, key = call.parts, call.path["key"]
    now = parts.now()
    found = await parts.store.read(read_stood, parts.org, now, key=key)
    if not found:
        raise DeniedError(404, "api.unknown_incident")
    one = found[0]
    events = await parts.store.read(read_events, parts.org, key)
    messages = await parts.store.read(outbox.of_incident, parts.org, key)
    config = config_of(one, parts)
    acknowledged, resolved = _acknowledged(events), _resolved(one, events)
    start, recovered = one.row.incident.started_at, one.row.incident.recovered_at
    return {
        "made_at": stamp(now),
        "organization": {
            "id": parts.org,
            "name": config.organization.name,
            "timezone": config.organization.timezone,
        },
        "system": _system(one, config),
        "sites": [_named(site, config.sites) for site in one.row.incident.sites],
        "incident": shown(one, parts),
        "category_meaning": MEANINGS[one.standing.category],
        "acknowledged_at": instant(acknowledged),
        "resolved_at": instant(resolved),
        "durations": {
            "detection_ms": one.row.detected_at - start,
            "acknowledgement_ms": _since(one.row.detected_at, acknowledged),
            "recovery_ms": _since(start, recovered),
            "resolution_ms": _since(start, resolved),
        },
        "steps": [_step(event) for event in sorted(events, key=lambda e: (e.at, e.id))],
        "outages": await _outages(one, parts, now),
        "messages": [_told(message) for message in messages],
        "receivers": _receivers(one, messages, (config, parts.config), now),
        "may_read_typed": call.who.may(Permission.INCIDENTS_NOTES_READ),
    }


def _receivers(
    one: Stood, messages: Sequence[Message], configs: Sequence[Config], now: int
) -> list[ReportReceiver]:
    recovered = one.row.incident.recovered_at
    zone = configs[0].organization.zone
    day = times.from_ms(now if recovered is None else recovered, zone).date()
    found: list[ReportReceiver] = []
    for name in sorted({message.receiver for message in messages}):
        channel = name.partition(".")[0]  # what follows is the contact's, of a personal one
        known = next((c.channels[channel] for c in configs if channel in c.channels), None)
        kind = None if known is None else known.kind
        agreed = None if known is None else agreement(known.baa, day)
        found.append({"receiver": name, "kind": kind, "agreement": agreed})
    return found


def _system(one: Stood, config: Config) -> ReportSystem:
    name = one.row.incident.system
    said = config.systems[name]
    workaround = said.impact.workaround
    lasts = None if workaround is None else workaround.valid_for
    return {
        "id": name,
        "name": said.name,
        "runbook": said.runbook,
        "workaround": None if workaround is None else workaround.name,
        "workaround_until": None if lasts is None else stamp(one.row.incident.started_at + lasts),
    }


def _named(name: str, known: Any) -> ReportName:
    return {"id": name, "name": known[name].name if name in known else name}


def _since(start: int, at: int | None) -> int | None:
    return None if at is None else at - start


def _acknowledged(events: Sequence[Row]) -> int | None:
    """When the first person said that they were on it."""
    kind = f"incident.{ActKind.ACKNOWLEDGED.value}"
    return next(
        (e.at for e in events if e.kind == kind and not json.loads(e.data).get("by_service")),
        None,
    )


def _resolved(one: Stood, events: Sequence[Row]) -> int | None:
    if one.standing.state not in OVER:
        return None
    return next((e.at for e in reversed(events) if e.kind in RESOLVING), None)


def _step(event: Row) -> ReportStep:
    data = json.loads(event.data)
    return {
        "id": event.id,
        "kind": event.kind,
        "at": stamp(event.at),
        "recorded_at": stamp(event.recorded_at),
        "by": event.actor,
        "category": data.get("category"),
        "priority": data.get("priority"),
        "causes": data.get("causes", []),
        "reason": data.get("reason"),
        "until": instant(data.get("until", data.get("review_by"))),
        "into": data.get("into"),
        "aware_on": data.get("aware_on"),
        "ruling": data.get("ruling"),
        "of": data.get("notice") or data.get("of") or None,
        "receiver": data.get("receiver"),
        "rung": data.get("rung"),
        "round": data.get("round"),
        "by_rung": data.get("by_rung"),
        "receivers": data.get("receivers", []),
        "typed": data["typed"]["length"] if "typed" in data else None,
    }


def _told(message: Message) -> ReportMessage:
    sent = message.state is MessageState.SENT
    return {
        "receiver": message.receiver,
        "sequence": message.seq,
        "step": json.loads(message.body).get("data", {}).get("step"),
        "written_at": stamp(message.created_at),
        # what was taken has no next attempt: the instant is that of the last one
        "sent_at": stamp(message.next_at) if sent else None,
        "state": message.state,
        "reason": message.reason,
        "attempts": message.attempts,
    }


async def _outages(one: Stood, parts: Parts, now: int) -> list[Outage]:
    incident = one.row.incident
    truths = await parts.numbers.truths()
    end = now if incident.recovered_at is None else incident.recovered_at
    found = truths[incident.system].outages if incident.system in truths else ()
    return [
        {
            "start": stamp(each.start),
            "end": instant(each.end),
            "min_ms": each.min_ms,
            "max_ms": each.max_ms,
        }
        for each in found
        if each.start <= end and (each.end is None or each.end > incident.started_at)
    ]


ROUTES = (
    get(
        "/api/v1/incidents/{key}/report",
        Permission.INCIDENTS_READ,
        report_incident,
        IncidentReport,
        Nothing,
    ),
)
