"""A letter as an Internet message (RFC 5322): text and HTML, the same bytes at every attempt.

A letter that trips the wire is written anew from the minimal form of its event.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from enum import StrEnum
from pathlib import Path
from typing import Any

import jinja2

from alerts.contacts import contacts_letter
from alerts.customer import customer_letter
from alerts.letter import letter
from alerts.minimal import minimal
from alerts.outbox import Message, message_id
from alerts.render import CONTACTS_TYPE, TEST_TYPE
from probes.tripwire import Pattern, tripped

_NAMES = frozenset({"message-id", "in-reply-to", "references"})


class Unbroken(EmailPolicy):
    """The names of messages on one line: some mail programs lose a folded one, and the thread."""

    def fold_binary(self, name: str, value: str) -> bytes:
        if name.lower() in _NAMES:
            return f"{name}: {value}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


_POLICY = Unbroken(linesep="\r\n", cte_type="7bit")
TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=jinja2.select_autoescape(("html",)),
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
)


class Audience(StrEnum):
    """Who reads a letter: the people who run the system, or those who depend on it."""

    STAFF = "staff"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Mail:
    """`raw` is ASCII with CRLF; `patterns` are those for which it is in minimal form."""

    raw: bytes
    patterns: tuple[Pattern, ...] = ()


@dataclass(frozen=True, slots=True)
class _Written:
    subject: str
    text: str
    html: str


def compose(
    message: Message,
    sender: str,
    recipients: Sequence[str],
    audience: Audience = Audience.STAFF,
) -> Mail:
    """Its Message-ID is the message's id, so a repeat is known as one; each later message of an
    incident answers the first, so a mail program shows one conversation.
    """
    event = json.loads(message.body)
    told = _written(event, audience)
    patterns = tripped(told.subject, told.text, told.html)
    if patterns:
        told = _written(minimal(event, patterns), audience)
    mail = EmailMessage(policy=_POLICY)
    mail["Message-ID"] = _name(message.id, message.org)
    mail["Date"] = datetime.fromtimestamp(message.created_at // 1000, UTC)
    mail["From"] = Address("Wardwatch", addr_spec=sender)
    mail["To"] = tuple(Address(addr_spec=one) for one in recipients)
    mail["Subject"] = told.subject
    mail["Auto-Submitted"] = "auto-generated"
    if message.seq > 1 and "key" in event["data"]:  # what is of no incident answers nothing
        first = message_id(message.org, message.incident_key, message.receiver, 1)
        mail["In-Reply-To"] = mail["References"] = _name(first, message.org)
    mail.set_content(told.text)
    mail.add_alternative(told.html, subtype="html")
    mail.set_boundary(f"ww-{hashlib.sha256(message.id.encode()).hexdigest()[:32]}")
    return Mail(mail.as_bytes(), patterns)


def _written(event: Mapping[str, Any], audience: Audience) -> _Written:
    if audience is Audience.CUSTOMER and event["type"] == CONTACTS_TYPE:
        changed = contacts_letter(event)
        return _filled("customer_contacts", changed.subject, changed)
    if audience is Audience.CUSTOMER and event["type"] != TEST_TYPE:
        notice = customer_letter(event)
        return _filled(f"customer_{notice.stage}", notice.subject, notice)
    told = letter(event)
    return _filled("letter", told.subject, told)


def _filled(template: str, subject: str, told: object) -> _Written:
    text, html = (
        TEMPLATES.get_template(f"{template}.{form}").render(letter=told) for form in ("txt", "html")
    )
    return _Written(subject, text, html)


def _name(name: str, org: str) -> str:
    return f"<{name}@{org}>"
