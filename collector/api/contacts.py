"""Contacts: who answers for what, as the operator's file has them."""

from __future__ import annotations

from typing_extensions import TypedDict

from alerts.receivers import reached
from collector.access.policy import Permission
from collector.api.cursors import Paged, part
from collector.api.routes import Call, Nothing, get
from probes.config import Config


class Trained(TypedDict):
    """Dates as they are written in the file."""

    privacy: str | None
    security: str | None
    role: str | None
    deidentification: str | None
    refresher_until: str | None


class ContactShown(TypedDict):
    """`reach`: the receivers by which it is told."""

    id: str
    name: str
    role: str
    email: str | None
    reach: list[str]
    training: Trained | None


class Contacts(TypedDict):
    contacts: list[ContactShown]
    next: str | None


async def list_contacts(call: Call[Paged, Nothing]) -> Contacts:
    """Every contact of the config in force."""
    config = call.parts.config
    told, following = part(config.contacts, str, call.query)
    return {"contacts": [_contact(name, config) for name in told], "next": following}


def _contact(name: str, config: Config) -> ContactShown:
    contact = config.contacts[name]
    done = contact.training
    return {
        "id": name,
        "name": contact.name,
        "role": contact.role,
        "email": contact.email,
        "reach": list(reached(config, [name])),
        "training": None
        if done is None
        else {
            "privacy": done.privacy,
            "security": done.security,
            "role": done.role,
            "deidentification": done.deidentification,
            "refresher_until": done.refresher_until,
        },
    }


ROUTES = (get("/api/v1/contacts", Permission.CONTACTS_READ, list_contacts, Contacts, Paged),)
