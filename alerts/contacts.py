"""Contacts that differ between two config versions: what is recorded, and what customers read. Pure.

The record has ids and names of fields; the event configured names of now, no addresses and nothing
of before (semantics 7).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from alerts.minimal import encoded, harmless
from alerts.render import CONTACTS_TYPE, organization_of
from probes.config import Config
from probes.times import parse_datetime, rfc3339

FIELDS = ("name", "role", "email")
"""What somebody has to know who writes to a contact."""
ROLES = {
    "support": ("support contact", "support contacts"),
    "engineering": ("engineering contact", "engineering contacts"),
    "incident_commander": ("incident commander", "incident commanders"),
    "clinical_liaison": ("clinical liaison", "clinical liaisons"),
    "clinical_leadership": ("contact of clinical leadership", "contacts of clinical leadership"),
    "legal_compliance": ("contact for legal and compliance", "contacts for legal and compliance"),
    "integration_owner": ("integration owner", "integration owners"),
    "csm": ("customer success manager", "customer success managers"),
}
"""One of a role, and several."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Contacts by id; of those in both versions the fields that differ."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def compared(before: Config, after: Config) -> Changed:
    old, new = before.contacts, after.contacts
    both = {
        name: tuple(f for f in FIELDS if getattr(old[name], f) != getattr(new[name], f))
        for name in sorted(old.keys() & new.keys())
    }
    return Changed(
        tuple(sorted(new.keys() - old.keys())),
        tuple(sorted(old.keys() - new.keys())),
        {name: fields for name, fields in both.items() if fields},
    )


def render_contacts(
    before: Config, after: Config, *, message_id: str, receiver: str, at: int
) -> bytes:
    """Who answers now, of every role in which somebody came, went or is called otherwise; and who
    is written to at another address.
    """
    roles = [role for role in ROLES if _of_role(before, role) != _of_role(after, role)]
    changed = compared(before, after).changed
    event = {
        "specversion": "1.0",
        "id": message_id,
        "source": f"urn:wardwatch:{after.organization.id}",
        "type": CONTACTS_TYPE,
        "subject": f"contacts.{receiver}",
        "time": rfc3339(at),
        "datacontenttype": "application/json",
        "data": {
            "organization": organization_of(after),
            "roles": roles,
            "contacts": [
                {"id": name, "name": one.name, "role": one.role}
                for name, one in after.contacts.items()
                if one.role in roles
            ],
            "readdressed": [
                {"id": name, "name": after.contacts[name].name}
                for name, fields in changed.items()
                if "email" in fields
            ],
        },
    }
    return encoded(harmless(event))


def sentences(data: Mapping[str, Any]) -> list[str]:
    """Of such an event's data, in the order of the roles."""
    out = []
    for role in data["roles"]:
        one, many = ROLES[role]
        names = [contact["name"] for contact in data["contacts"] if contact["role"] == role]
        if not names:
            out.append(f"You have no {one} at present.")
        elif len(names) == 1:
            out.append(f"Your {one} is now {names[0]}.")
        else:
            out.append(f"Your {many} are now {', '.join(names[:-1])} and {names[-1]}.")
    out += [f"{one['name']} has another e-mail address." for one in data["readdressed"]]
    return out


def _of_role(config: Config, role: str) -> dict[str, str]:
    return {name: one.name for name, one in config.contacts.items() if one.role == role}


@dataclass(frozen=True, slots=True)
class ContactsLetter:
    subject: str
    headline: str
    lines: tuple[str, ...]
    as_of: str
    """Local time: a letter that comes late says of when it is."""
    organization: str


def contacts_letter(event: Mapping[str, Any]) -> ContactsLetter:
    """Of such an event, parsed."""
    data = event["data"]
    organization = data["organization"]["name"]
    zone = ZoneInfo(data["organization"].get("timezone", "UTC"))
    return ContactsLetter(
        subject=f"[{organization}] Who your contacts are has changed",
        headline="Who your contacts are has changed",
        lines=tuple(sentences(data)),
        as_of=f"{parse_datetime(event['time']).astimezone(zone):%Y-%m-%d %H:%M %Z}",
        organization=organization,
    )
