"""Contacts changed by a new config version: recorded with it, and told to customers, once."""

from __future__ import annotations

from sqlalchemy import Connection

from alerts.contacts import Changed, compared, render_contacts
from alerts.outbox import Message, message_id
from alerts.receivers import everybody, is_for_customers
from collector import journal
from collector.journal import Fact
from collector.store import outbox
from probes.config import Config

KIND = "contact.changed"
KEY = "contacts_changed"
"""Stands for an incident's in the outbox; no system can have the underscore."""


def record(
    conn: Connection, org: str, before: Config, after: Config, version: int, at: int
) -> None:
    """In the transaction that records `version` (its row), at `at` (UTC ms); nothing where no
    contact has changed.
    """
    found = compared(before, after)
    if not found:
        return
    journal.append(conn, org, [Fact(KIND, at, journal.canonical(_fields(found, version)))], at)
    outbox.add(conn, org, messages(before, after, version, at))


def messages(before: Config, after: Config, version: int, at: int) -> list[Message]:
    """One to everybody of the new version who is told as a customer. The version is its place: an
    earlier one that is still tried comes first, so the last that is read is who it is now.
    """
    org = after.organization.id
    out = []
    for receiver in everybody(after):
        if is_for_customers(after, receiver):
            name = message_id(org, KEY, receiver, version)
            body = render_contacts(before, after, message_id=name, receiver=receiver, at=at)
            out.append(Message(name, org, KEY, receiver, version, body, at, at))
    return out


def _fields(found: Changed, version: int) -> dict[str, object]:
    return {
        "version": version,
        "added": list(found.added),
        "removed": list(found.removed),
        "changed": {name: list(fields) for name, fields in found.changed.items()},
    }
