"""Contacts: who answers for what, as the operator's file has them."""

from __future__ import annotations

from datetime import date
from typing import Literal

from typing_extensions import TypedDict

from alerts import training
from alerts.receivers import reached
from collector.access.policy import Permission
from collector.api.cursors import Paged, part
from collector.api.routes import Call, Nothing, get
from probes import times
from probes.config import Config


class Trained(TypedDict):
    """Dates as they are written in the file."""

    privacy: str | None
    security: str | None
    role: str | None
    deidentification: str | None
    refresher_until: str | None


class TrainingShown(TypedDict):
    """`until`: the last day it is good for; soon: that is within 60 days. Missing with a `done`: that
    date is still to come.
    """

    kind: Literal["privacy", "security", "role", "deidentification"]
    state: Literal["current", "soon", "lapsed", "missing"]
    done: str | None
    until: str | None


class ContactShown(TypedDict):
    """`reach`: the receivers by which it is told."""

    id: str
    name: str
    role: str
    email: str | None
    reach: list[str]
    training: Trained | None
    trained: list[TrainingShown]


class Contacts(TypedDict):
    contacts: list[ContactShown]
    next: str | None


async def list_contacts(call: Call[Paged, Nothing]) -> Contacts:
    """Every contact of the config in force."""
    config = call.parts.config
    today = times.from_ms(call.parts.clock.now_ms(), config.organization.zone).date()
    told, following = part(config.contacts, str, call.query)
    return {"contacts": [_contact(name, config, today) for name in told], "next": following}


def _contact(name: str, config: Config, today: date) -> ContactShown:
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
        "trained": [_trained(one) for one in training.trained(name, contact, today)],
    }


def _trained(one: training.Trained) -> TrainingShown:
    return {
        "kind": one.kind.value,
        "state": one.state.value,
        "done": _day(one.done),
        "until": _day(one.until),
    }


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


ROUTES = (get("/api/v1/contacts", Permission.CONTACTS_READ, list_contacts, Contacts, Paged),)
