"""The end of it, in one transaction: the row that says so, and the letters that tell of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from alerts.attested import Attested, render_attested
from alerts.outbox import Message, message_id
from alerts.receivers import attested
from collector import journal
from collector.audit.kinds import ISSUED
from collector.journal import SYSTEM, Fact, canonical
from collector.store import attestations, leases, outbox
from collector.store.attestations import Attestation, Issued
from collector.store.leases import Lease
from probes.config import Config
from probes.times import rfc3339

KEY = "attestation_issued"
"""Stands for an incident's in the outbox; no system can have the underscore."""


def issue(
    conn: Connection,
    org: str,
    lease: Lease,
    one: Attestation,
    made: Issued,
    config: Config,
    clock: Callable[[], int],
) -> tuple[str, ...]:
    """Who is told. FencedError when the lease is lost: another process makes it."""
    leases.guard(conn, org, lease)
    journal.hold(conn, org)
    at = journal.following(journal.last_recorded(conn, org), clock())
    attestations.issue(conn, org, one.number, made)
    journal.append(conn, org, [Fact(ISSUED, at, canonical(_fields(one, made)), one.asked_by)], at)
    if one.asked_by != SYSTEM:
        return ()
    told = messages(one, made, config, at)
    outbox.add(conn, org, told)
    return tuple(message.receiver for message in told)


def messages(one: Attestation, made: Issued, config: Config, at: int) -> list[Message]:
    """One to each who is to be told by the file in force."""
    org = config.organization.id
    what = Attested(
        one.id,
        one.period,
        one.start,
        one.end,
        one.systems,
        made.revision,
        made.sha256.hex(),
        made.length,
    )
    out = []
    for receiver in attested(config):
        name = message_id(org, KEY, receiver, one.number)
        body = render_attested(config, what, message_id=name, receiver=receiver, at=at)
        out.append(Message(name, org, KEY, receiver, one.number, body, at, at))
    return out


def _fields(one: Attestation, made: Issued) -> dict[str, Any]:
    return {
        "attestation": one.id,
        "from": rfc3339(one.start),
        "to": rfc3339(one.end),
        "systems": list(one.systems),
        "revision": made.revision,
        "supersedes": None if made.supersedes is None else made.supersedes.hex(),
        "sha256": made.sha256.hex(),
        "statement": made.statement.hex(),
        "by": one.asked_by,
    }
