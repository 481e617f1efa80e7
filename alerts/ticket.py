"""A message as a ticket: what is wanted of a receiver that keeps incidents, and in which words. Pure.

Made from the event alone, so it holds configured names, enumerations, integers and times
(semantics 7). Words that trip the wire are made anew from the event's minimal form.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from alerts.deadlines import DeadlineKind
from alerts.letter import by_service, letter
from alerts.minimal import minimal
from alerts.outbox import Message
from alerts.people import IncidentState
from alerts.render import (
    ATTESTATION_TYPE,
    CONTACTS_TYPE,
    DIGEST_TYPE,
    MAINTENANCE_TYPE,
    TEST_TYPE,
)
from probes.tripwire import Pattern, tripped

KEY_CHARS = 255
"""What every receiver with keys takes; ours are ids and an instant, far shorter."""
PLAIN = ("P4", 1)
"""Priority and category of what tells of no incident."""
DUES = frozenset(kind.value for kind in DeadlineKind)
"""Steps that somebody has to read, reports and reminders after the end of an incident, too."""


class Stage(StrEnum):
    """What the incident stands at, as far as a receiver can show it."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RECOVERED = "recovered"
    """The trouble is over; it is not resolved yet, and may come back."""
    DONE = "done"
    """Resolved, closed, merged into another or nobody's trouble: nobody need work on it."""
    TOLD = "told"
    """A test, or a list of the past: it is shown and over at once."""


_ALONE = {
    TEST_TYPE: "test",
    DIGEST_TYPE: "digest",
    CONTACTS_TYPE: "contacts",
    MAINTENANCE_TYPE: "maintenance",
    ATTESTATION_TYPE: "attestation",
}
"""Events that tell of no incident, and what stands for its family."""
_STAGES = {
    IncidentState.OPEN: Stage.OPEN,
    IncidentState.ACKNOWLEDGED: Stage.ACKNOWLEDGED,
    IncidentState.RECOVERED: Stage.RECOVERED,
}


@dataclass(frozen=True, slots=True)
class Ticket:
    """`key` is the same for all messages of an incident to a receiver, and no other's. `title` never
    changes in an incident; `text` is whole in each message. `patterns` are those for which the words
    are in minimal form. Instants are RFC 3339.
    """

    key: str
    message: str
    """The message's id, the same in every attempt."""
    sequence: int
    stage: Stage
    title: str
    headline: str
    step: str
    step_code: str
    """What happened, as the event has it, such as `reopened`; empty where it tells of no incident."""
    rows: tuple[tuple[str, str], ...]
    organization: str
    system: str
    """Its id; the receiver's where there is none."""
    system_name: str
    family: str
    category: int
    priority: str
    at: str
    started_at: str
    link: str | None
    by_service: bool = False
    """It tells of a service's acknowledgement, which calls nobody and stops nothing."""
    patterns: tuple[Pattern, ...] = ()

    @property
    def is_test(self) -> bool:
        return self.family == "test"

    @property
    def is_maintenance(self) -> bool:
        return self.family == "maintenance"

    @property
    def text(self) -> str:
        """Plain lines, for a description or a note."""
        lines = [self.headline, self.step, ""]
        return "\n".join([*lines, *(f"{label}: {value}" for label, value in self.rows)])


def ticket(message: Message) -> Ticket:
    """Of a message as `alerts/render.py` writes it."""
    event = json.loads(message.body)
    made = _ticket(message, event)
    found = tripped(*_words(made))
    return _ticket(message, minimal(event, found), found) if found else made


def _words(made: Ticket) -> Iterator[str]:
    """All that it says. A label may be a name, too: a digest has a row for each system."""
    yield from (made.title, made.headline, made.step, made.organization, made.system_name)
    for row in made.rows:
        yield from row


def apart(ticket: Ticket) -> Ticket:
    """For receivers whose closed alert shows nobody anything: what comes due after the end is shown by
    itself, and over at once.
    """
    if ticket.stage is Stage.DONE and ticket.step_code in DUES:
        return replace(ticket, key=ticket.message, stage=Stage.TOLD)
    return ticket


def _ticket(
    message: Message, event: Mapping[str, Any], patterns: tuple[Pattern, ...] = ()
) -> Ticket:
    data = event["data"]
    told = letter(event)
    alone = event["type"] in _ALONE
    system = data.get("system", {"id": message.receiver, "name": told.organization})
    return Ticket(
        key=event["id"] if alone else data["key"],
        message=message.id,
        sequence=message.seq,
        stage=Stage.TOLD if alone else _STAGES.get(IncidentState(data["state"]), Stage.DONE),
        title=told.subject,
        headline=told.headline,
        step=told.step,
        step_code=data.get("step", ""),
        rows=tuple((row.label, row.value) for row in told.rows),
        organization=told.organization,
        system=system["id"],
        system_name=system["name"],
        family=_ALONE.get(event["type"]) or data["family"],
        category=PLAIN[1] if alone else data["category"],
        priority=PLAIN[0] if alone else data["priority"],
        at=event["time"],
        started_at=event["time"] if alone else data["started_at"],
        link=data.get("link"),
        by_service=not alone and by_service(data),
        patterns=patterns,
    )
