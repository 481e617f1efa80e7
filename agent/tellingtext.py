"""A message of the agent's own as a webhook and a mail server take it: ids, codes, times. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP

from agent.telling import Kind, Message
from probes.times import rfc3339

TYPE = "org.wardwatch.agent.{}.v1"


def event(message: Message, org: str, agent: str) -> bytes:
    """A CloudEvent 1.0."""
    data = {
        "organization": {"id": org},
        "agent": {"id": agent},
        "kind": message.kind.value,
        "since": rfc3339(message.since_ms),
        "system": None if message.system is None else {"id": message.system},
        "cause": message.cause,
        "checks": list(message.checks),
        "systems": list(message.systems),
    }
    told = {
        "specversion": "1.0",
        "id": message.id,
        "source": f"urn:wardwatch:{org}:{agent}",
        "type": TYPE.format(message.kind.value),
        "subject": message.system or agent,
        "time": rfc3339(message.at_ms),
        "datacontenttype": "application/json",
        "data": data,
    }
    return json.dumps(told, separators=(",", ":"), sort_keys=True).encode()


def letter(message: Message, org: str, agent: str, sender: str, to: Sequence[str]) -> bytes:
    """One mail to all; the same id at each attempt, so that a reader's program shows it once."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Subject"] = f"[wardwatch] {_subject(message)} (agent {agent})"
    mail["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n".join([*_lines(message, org, agent), ""]))
    return mail.as_bytes()


def _subject(message: Message) -> str:
    match message.kind:
        case Kind.LOST:
            return "line to the collector lost"
        case Kind.BACK:
            return "line to the collector is back"
        case Kind.DOWN:
            return f"{message.system} down: {message.cause}"
        case Kind.UP:
            return f"{message.system} up again"


def _lines(message: Message, org: str, agent: str) -> list[str]:
    since = rfc3339(message.since_ms)
    said = [f"Agent {agent} of {org}, at {rfc3339(message.at_ms)}."]
    match message.kind:
        case Kind.LOST:
            said += [
                f"It has not reached its collector since {since}.",
                "It goes on checking, keeps every result, and tells here what is critical and down.",
            ]
        case Kind.DOWN:
            said += [
                f"System {message.system} is down since {since}.",
                f"Reason: {message.cause}. Checks: {', '.join(message.checks)}.",
                "This agent alone has seen it; the collector cannot be asked.",
            ]
        case Kind.UP:
            said += [
                f"System {message.system}, down since {since}, is up again, as this agent sees."
            ]
        case Kind.BACK:
            still = ", ".join(message.systems) or "none"
            said += [
                f"The line, lost since {since}, is back. From now on the collector tells.",
                f"Systems still down as this agent sees: {still}.",
            ]
    return said
