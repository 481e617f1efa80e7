"""A letter as an Internet message (RFC 5322): text and HTML, the same bytes at every attempt."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from pathlib import Path

import jinja2

from alerts.letter import letter
from alerts.outbox import Message, message_id

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


def compose(message: Message, sender: str, recipients: Sequence[str]) -> bytes:
    """ASCII with CRLF. Its Message-ID is the message's id, so a repeat is known as one; each
    later message of an incident answers the first, so a mail program shows one conversation.
    """
    told = letter(json.loads(message.body))
    mail = EmailMessage(policy=_POLICY)
    mail["Message-ID"] = _name(message.id, message.org)
    mail["Date"] = datetime.fromtimestamp(message.created_at // 1000, UTC)
    mail["From"] = Address("Wardwatch", addr_spec=sender)
    mail["To"] = tuple(Address(addr_spec=one) for one in recipients)
    mail["Subject"] = told.subject
    mail["Auto-Submitted"] = "auto-generated"
    if message.seq > 1:
        first = message_id(message.org, message.incident_key, message.receiver, 1)
        mail["In-Reply-To"] = mail["References"] = _name(first, message.org)
    mail.set_content(TEMPLATES.get_template("letter.txt").render(letter=told))
    html = TEMPLATES.get_template("letter.html").render(letter=told)
    mail.add_alternative(html, subtype="html")
    mail.set_boundary(f"ww-{hashlib.sha256(message.id.encode()).hexdigest()[:32]}")
    return mail.as_bytes()


def _name(name: str, org: str) -> str:
    return f"<{name}@{org}>"
