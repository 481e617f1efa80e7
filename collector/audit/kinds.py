"""Every kind of row in the journal and what it says: the closed table of the audit trail. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

EXPORTED, EXPORT_ENDED = "audit.exported", "audit.export_ended"
ISSUED, DOWNLOADED = "attestation.issued", "attestation.downloaded"
BROKEN_CHAIN, EQUIVOCATION, LOGIN_FAILED = (
    "evidence.chain_broken",
    "agent.equivocation",
    "access.login.failed",
)


class Topic(StrEnum):
    """What a row is about."""

    CONFIG = "config"
    MAINTENANCE = "maintenance"
    CORRECTIONS = "corrections"
    ROTA = "rota"
    INCIDENTS = "incidents"
    EVIDENCE = "evidence"
    ACCESS = "access"
    AGENT_KEYS = "agent_keys"
    MESSAGES = "messages"
    AUDIT = "audit"
    LOG = "log"
    ATTESTATION = "attestation"


@dataclass(frozen=True, slots=True)
class RowKind:
    """`meaning` is ASCII: it is the text of a syslog line. `failed`: somebody did not get what they
    wanted, or something does not hold.
    """

    topic: Topic
    meaning: str
    failed: bool = False


def _of(topic: Topic, meanings: Mapping[str, str]) -> dict[str, RowKind]:
    return {kind: RowKind(topic, meaning, kind in _FAILED) for kind, meaning in meanings.items()}


_FAILED = {BROKEN_CHAIN, EQUIVOCATION, LOGIN_FAILED}

KINDS: Mapping[str, RowKind] = {
    **_of(
        Topic.CONFIG,
        {
            "config.version": "A version of the operator's file is in force from now on",
            "contact.changed": "A version of the operator's file has other contacts than before",
            "holidays.year": "The public holidays of a year, as they hold for due dates",
        },
    ),
    **_of(
        Topic.MAINTENANCE,
        {
            "window.proposed": "Somebody proposed a maintenance window, or another content of it",
            "window.approved": "Somebody approved a maintenance window, exactly as it was seen",
            "window.cancelled": "Somebody cancelled the occurrences of a window that were to come",
            "window.finished": "Somebody ended the occurrence of a window that was running",
            "drill.recorded": "Somebody recorded an exercise that was held, and how it went",
        },
    ),
    **_of(
        Topic.CORRECTIONS,
        {
            "correction.requested": "Somebody asked that a past time be counted differently",
            "correction.approved": "A second person approved a correction",
        },
    ),
    **_of(
        Topic.ROTA,
        {
            "rota.override": "Somebody put a contact on duty for a time, whatever the layers say",
            "rota.override_cancelled": "Somebody ended an override of who is on duty",
        },
    ),
    **_of(
        Topic.INCIDENTS,
        {
            "incident.opened": "The rules opened an incident",
            "incident.found_late": "Late evidence showed an outage that was over already",
            "incident.reopened": "The trouble came back in time to belong to the same incident",
            "incident.cause_added": "An incident has one more cause",
            "incident.site_added": "An incident has reached one more site",
            "incident.raised": "The rules raised the category or priority of an incident",
            "incident.attached": "An incident hangs on another from now on",
            "incident.parted": "An incident hangs on no other any more",
            "incident.paged": "An incident that was quiet is told from now on",
            "incident.recovered": "The trouble of an incident is over",
            "incident.corrected": "Late evidence changed what was recorded of an incident",
            "incident.resolved": "An incident was resolved, by the rules or by a person",
            "incident.acknowledged": "Somebody acknowledged an incident",
            "incident.noted": "Somebody typed a note about an incident; the row has its hash alone",
            "incident.category_set": "A person set the category of an incident",
            "incident.cautioned": "What was written into a ticket looked like patient information",
            "incident.closed": "A person closed an incident",
            "incident.false_positive": "A person called an incident a false positive",
            "incident.merged": "A person merged an incident into another",
            "incident.ruled": "A person ruled whose fault a rejection by all was",
            "incident.response_warned": "The response time of an incident is nearly used up",
            "incident.response_breached": "Nobody acknowledged an incident in its response time",
            "incident.acknowledgement_expired": "An acknowledgement ran out",
            "incident.review_due": "A category that a person set is to be looked at again",
            "incident.report_due": "The report of an incident is due",
            "incident.report_overdue": "The report of an incident is overdue",
            "incident.mdr_soon": "A report to authorities about a device will be due soon",
            "incident.mdr_due": "A report to authorities about a device is due",
            "incident.liaison_notice": "The clinical liaison is told of an incident",
            "incident.workaround_notice": "It is told that a workaround will be no use any longer",
            "incident.leadership_notice": "Clinical leadership is told of an incident",
            "incident.legal_notice": "Legal and compliance are told of an incident",
            "incident.escalated": "Nobody took an incident on, so more people are told",
            "incident.late_digest": "An outage that was found late is told in a digest",
            "incident.notice_breached": "A notice did not arrive in its time",
            "incident.notice_delivered": "A notice arrived",
        },
    ),
    **_of(
        Topic.EVIDENCE,
        {
            "evidence.away": "For a time no collector was there to take in evidence",
            BROKEN_CHAIN: "A header of an agent does not name the one before it",
            "agent.told": "An agent told people by itself while it could not reach the collector",
            "check.changed": "The server behind a check is another one than before",
            "feed.baseline": "What a feed is judged by from now on",
        },
    ),
    **_of(
        Topic.ACCESS,
        {
            "access.account.created": "An account was made",
            "access.account.roles": "An account has other roles",
            "access.account.disabled": "An account was disabled",
            "access.account.enabled": "An account was enabled again",
            "access.account.reset": "What an account logs in with was taken back",
            "access.invited": "A one-time link was made for an account",
            "access.enrolled": "Somebody used their one-time link",
            "access.login": "Somebody logged in",
            LOGIN_FAILED: "A login of a known account failed",
            "access.logout": "A session ended",
            "access.token.created": "An API token was made",
            "access.token.revoked": "An API token was revoked",
        },
    ),
    **_of(
        Topic.AGENT_KEYS,
        {
            "agent.invited": "A one-time token was made for an agent",
            "agent.enrolled": "An agent showed its key with its one-time token",
            "agent.approved": "An admin compared the key of an agent and approved it",
            "agent.rotated": "An agent goes on with another key, signed by both",
            "agent.revoked": "A key of an agent is not taken any more",
            EQUIVOCATION: "Two headers came for one place in the chain of an agent",
            "agent.settled": "An admin said why two headers came for one place",
        },
    ),
    **_of(
        Topic.MESSAGES,
        {
            "inbound.heard": "A receiver told us something of a ticket; no text of it is kept",
            "ticket.mended": "A ticket that did not say what its incident says was mended",
            "ticket.adopted": "A ticket that a person had made was taken for an incident's own",
            "outbox.redriven": "Somebody had a dead message sent again",
            "outbox.cleared": "Somebody put a dead message away",
        },
    ),
    **_of(
        Topic.AUDIT,
        {
            EXPORTED: "Somebody began to read the audit trail out, or an audit pack of it",
            EXPORT_ENDED: "An export has ended; how much was sent and its SHA-256",
        },
    ),
    **_of(
        Topic.LOG,
        {
            "log.keys": "The keys that sign the evidence log and the audit log have changed",
            "log.key_revoked": "Somebody revoked a key of a log: what it signs is not to be believed",
            "log.started": "Somebody began the logs anew; their first entries name the old heads",
        },
    ),
    **_of(
        Topic.ATTESTATION,
        {
            ISSUED: "An attestation was issued: of what, and the SHA-256 of its bundle",
            DOWNLOADED: "Somebody took the bundle of an attestation",
        },
    ),
}
"""In the order of topics. A row of another kind is a defect: `tests/unit/audit/test_kinds.py`."""


def markdown() -> str:
    rows = [f"| `{kind}` | {one.topic.value} | {one.meaning} |" for kind, one in KINDS.items()]
    return "\n".join(["| kind | topic | says |", "|---|---|---|", *rows])
