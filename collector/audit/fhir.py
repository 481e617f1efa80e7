"""The audit trail as FHIR R4 AuditEvent, a resource a line. Pure.

Codes are DICOM's (CID 400 to 402) where it has one, else those of ISO 21089 as FHIR lists them.
Nobody in it is a patient: who acts is an account or a program, by identifier.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from collector.audit.flat import pairs
from collector.audit.kinds import EXPORT_ENDED, KINDS, RowKind, Topic
from collector.journal import SYSTEM, Row
from probes.times import rfc3339

DCM = "http://dicom.nema.org/resources/ontology/DCM"
LIFECYCLE = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
SOURCE_TYPE = "http://terminology.hl7.org/CodeSystem/security-source-type"
ENTITY_TYPE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
ACCOUNT, ORGANIZATION, ROW = (
    "urn:wardwatch:account",
    "urn:wardwatch:organization",
    "urn:wardwatch:journal-row",
)
SUCCESS, MINOR_FAILURE = "0", "4"

Coding = dict[str, str]


class Event(NamedTuple):
    """`action`: create, read, update, delete or execute, by its letter."""

    type: Coding
    action: str
    subtype: Coding | None = None


def _dicom(code: str, display: str) -> Coding:
    return {"system": DCM, "code": code, "display": display}


def _lifecycle(code: str, display: str) -> Coding:
    return {"system": LIFECYCLE, "code": code, "display": display}


AUTHENTICATION = _dicom("110114", "User Authentication")
LOGIN, LOGOUT = _dicom("110122", "Login"), _dicom("110123", "Logout")
ALERT = _dicom("110113", "Security Alert")
ROLES_CHANGED = _dicom("110136", "Security Roles Changed")
USER_CHANGED = _dicom("110137", "User security Attributes Changed")
SECURITY = _dicom("110129", "Security Configuration")
SOFTWARE = _dicom("110131", "Software Configuration")
ACTIVITY = _dicom("110100", "Application Activity")
LOG_USED = _dicom("110101", "Audit Log Used")
ORIGINATE = _lifecycle("originate", "Originate/Retain Record Lifecycle Event")
AMEND = _lifecycle("amend", "Amend (Update) Record Lifecycle Event")
ATTEST = _lifecycle("attest", "Attest Record Lifecycle Event")
DEPRECATE = _lifecycle("deprecate", "Deprecate Record Lifecycle Event")
MERGE = _lifecycle("merge", "Merge Record Lifecycle Event")
TRANSMIT = _lifecycle("transmit", "Transmit Record Lifecycle Event")
RECEIVE = _lifecycle("receive", "Receive/Retain Record Lifecycle Event")
VERIFY = _lifecycle("verify", "Verify Record Lifecycle Event")

OF_TOPIC: Mapping[Topic, Event] = {
    Topic.CONFIG: Event(ALERT, "U", SOFTWARE),
    Topic.MAINTENANCE: Event(AMEND, "U"),
    Topic.CORRECTIONS: Event(AMEND, "U"),
    Topic.ROTA: Event(AMEND, "U"),
    Topic.INCIDENTS: Event(AMEND, "U"),
    Topic.EVIDENCE: Event(RECEIVE, "C"),
    Topic.ACCESS: Event(ALERT, "U", USER_CHANGED),
    Topic.AGENT_KEYS: Event(ALERT, "U", SECURITY),
    Topic.MESSAGES: Event(TRANSMIT, "E"),
    Topic.AUDIT: Event(LOG_USED, "R"),
    Topic.LOG: Event(ALERT, "U", SECURITY),
    Topic.ATTESTATION: Event(ATTEST, "C"),
}
OF_KIND: Mapping[str, Event] = {
    "window.proposed": Event(ORIGINATE, "C"),
    "window.approved": Event(ATTEST, "U"),
    "window.cancelled": Event(DEPRECATE, "U"),
    "drill.recorded": Event(ORIGINATE, "C"),
    "correction.requested": Event(ORIGINATE, "C"),
    "correction.approved": Event(ATTEST, "U"),
    "incident.opened": Event(ORIGINATE, "C"),
    "incident.found_late": Event(ORIGINATE, "C"),
    "incident.merged": Event(MERGE, "U"),
    "incident.notice_delivered": Event(TRANSMIT, "E"),
    "evidence.away": Event(ACTIVITY, "E"),
    "evidence.chain_broken": Event(ALERT, "E", VERIFY),
    "feed.baseline": Event(ORIGINATE, "C"),
    "access.account.created": Event(ALERT, "C", ROLES_CHANGED),
    "access.account.roles": Event(ALERT, "U", ROLES_CHANGED),
    "access.invited": Event(ALERT, "C", USER_CHANGED),
    "access.login": Event(AUTHENTICATION, "E", LOGIN),
    "access.login.failed": Event(AUTHENTICATION, "E", LOGIN),
    "access.logout": Event(AUTHENTICATION, "E", LOGOUT),
    "access.token.created": Event(ALERT, "C", USER_CHANGED),
    "agent.invited": Event(ALERT, "C", SECURITY),
    "agent.enrolled": Event(ALERT, "C", SECURITY),
    "agent.equivocation": Event(ALERT, "E", VERIFY),
    "rota.override": Event(ORIGINATE, "C"),
    "inbound.heard": Event(RECEIVE, "C"),
    "ticket.mended": Event(AMEND, "U"),
    "ticket.adopted": Event(AMEND, "U"),
    "outbox.cleared": Event(DEPRECATE, "U"),
}


def line(row: Row, org: str) -> bytes:
    """JSON of one resource with its end, as FHIR's bulk data is written."""
    return (
        json.dumps(resource(row, org), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    )


def resource(row: Row, org: str) -> dict[str, Any]:
    event = event_of(row.kind)
    kind = KINDS.get(row.kind)
    return {
        "resourceType": "AuditEvent",
        "id": f"journal-{row.id}",
        "type": event.type,
        **({} if event.subtype is None else {"subtype": [event.subtype]}),
        "action": event.action,
        "period": {"start": rfc3339(row.at), "end": rfc3339(row.at)},
        "recorded": rfc3339(row.recorded_at),
        "outcome": MINOR_FAILURE if _failed(row, kind) else SUCCESS,
        **({} if kind is None else {"outcomeDesc": kind.meaning}),
        "agent": [
            {
                "who": {"identifier": {"system": ACCOUNT, "value": row.actor}},
                "requestor": row.actor != SYSTEM,
            }
        ],
        "source": {
            "observer": {"identifier": {"system": ORGANIZATION, "value": org}},
            "type": [{"system": SOURCE_TYPE, "code": "4", "display": "Application Server"}],
        },
        "entity": [
            {
                "what": {"identifier": {"system": ROW, "value": str(row.id)}},
                "type": {"system": ENTITY_TYPE, "code": "2", "display": "System Object"},
                "detail": _details(row),
            }
        ],
    }


def event_of(kind: str) -> Event:
    """What FHIR calls it; a kind that the table lacks is activity of an application."""
    if kind in OF_KIND:
        return OF_KIND[kind]
    return OF_TOPIC[KINDS[kind].topic] if kind in KINDS else Event(ACTIVITY, "E")


def _failed(row: Row, kind: RowKind | None) -> bool:
    if row.kind == EXPORT_ENDED:
        return json.loads(row.data)["complete"] is not True
    return kind is not None and kind.failed


def _details(row: Row) -> list[dict[str, str]]:
    """`journal.` is said of the row, all else is its data."""
    own = [
        ("journal.kind", row.kind),
        ("journal.sha256", hashlib.sha256(row.data).hexdigest()),
        ("journal.length", str(len(row.data))),
    ]
    return [{"type": name, "valueString": value} for name, value in (*own, *pairs(row))]
