"""What only the whole file shows of reach and of escalation: whom nothing would reach. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, get_args

from probes.config_channels import PERSONAL
from probes.config_people import Role
from probes.config_words import MAIL_ADDRESS
from probes.yamlfile import Document, Path, Problem

Entries = dict[str, dict[str, Any]]
_CUSTOMERS = "this channel has audience: customer, who are not called for help; name another"
_ALONE = "this channel has no `to`: it writes to contacts alone"


def escalation_problems(
    document: Document, channels: Entries, contacts: Entries, schedules: Entries
) -> Iterator[Problem]:
    """In no particular order. The three are the file's sections, as they stand there."""
    yield from _reach(document, channels, contacts)
    yield from _unaddressed(document, channels, contacts)
    for path, target in _targets(document):
        for kind, name in target.items():
            if isinstance(name, str):
                message = _unreached(kind, name, channels, contacts, schedules)
                if message is not None:
                    yield document.problem((*path, kind), message)


def _reach(document: Document, channels: Entries, contacts: Entries) -> Iterator[Problem]:
    """A personal channel writes to the contact's address."""
    for name, contact in contacts.items():
        for number, one in enumerate(_list(contact.get("reach"))):
            channel = channels.get(one) if isinstance(one, str) else None
            if channel is None:
                continue
            path: Path = ("contacts", name, "reach", number)
            if channel.get("audience") == "customer":
                yield document.problem(path, _CUSTOMERS)
            elif _is_personal(channel) and not _is_address(contact.get("email")):
                message = "this channel writes to a contact's address: give it an email, in ASCII"
                yield document.problem(path, message)


def _is_address(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(MAIL_ADDRESS, value) is not None


def _unaddressed(document: Document, channels: Entries, contacts: Entries) -> Iterator[Problem]:
    """A personal channel without addresses of its own."""
    reaching = {
        one for contact in contacts.values() for one in _list(contact.get("reach")) if _is_text(one)
    }
    alone = {name for name, one in channels.items() if _is_alone(one)}
    for name in sorted(alone - reaching - _attesting(document)):
        message = "writes to nobody: give it `to`, or let contacts have it in `reach`"
        yield document.problem(("channels", name), message)
    data = document.data if isinstance(document.data, dict) else {}
    for number, route in enumerate(_list(data.get("routes"))):
        named = _list(route.get("to")) if isinstance(route, dict) else []
        yield from _named(document, ("routes", number, "to"), named, alone & reaching)
    notices = data.get("notices")
    for role, named in notices.items() if isinstance(notices, dict) else ():
        yield from _named(document, ("notices", role), _list(named), alone & reaching)


def _attesting(document: Document) -> set[Any]:
    """The channel that tells contacts of attestations."""
    data = document.data if isinstance(document.data, dict) else {}
    written = data.get("attestations")
    deliver = written.get("deliver") if isinstance(written, dict) else None
    via = deliver.get("via") if isinstance(deliver, dict) else None
    return {via} if _is_text(via) else set()


def _named(
    document: Document, path: Path, named: Iterable[Any], alone: set[str]
) -> Iterator[Problem]:
    for number, one in enumerate(named):
        if _is_text(one) and one in alone:
            yield document.problem((*path, number), _ALONE)


def _targets(document: Document) -> Iterator[tuple[Path, dict[str, Any]]]:
    data = document.data if isinstance(document.data, dict) else {}
    policies = data.get("escalation")
    for name, policy in policies.items() if isinstance(policies, dict) else ():
        rungs = _list(policy.get("rungs")) if isinstance(policy, dict) else []
        for n, rung in enumerate(rungs):
            to = _list(rung.get("to")) if isinstance(rung, dict) else []
            for m, target in enumerate(to):
                if isinstance(target, dict):
                    yield ("escalation", name, "rungs", n, "to", m), target


def _unreached(
    kind: str, name: str, channels: Entries, contacts: Entries, schedules: Entries
) -> str | None:
    """Why a target that is there would be told by nothing."""
    if kind == "channel" and name in channels:
        if channels[name].get("audience") == "customer":
            return _CUSTOMERS
        return _ALONE if _is_alone(channels[name]) else None
    if kind == "contact" and name in contacts and not _list(contacts[name].get("reach")):
        return "this contact has no `reach`: no channel tells it"
    if kind == "role" and name in get_args(Role):
        of_role = [one for one in contacts.values() if one.get("role") == name]
        if not any(_list(one.get("reach")) for one in of_role):
            return "no contact of this role has `reach`: no channel tells them"
    if kind == "on_call" and name in schedules:
        people = _people(schedules[name])
        if not any(_list(contacts[one].get("reach")) for one in people if one in contacts):
            return "nobody of this schedule has `reach`: no channel tells them"
    return None


def _people(schedule: dict[str, Any]) -> set[str]:
    layers = [one for one in _list(schedule.get("layers")) if isinstance(one, dict)]
    overrides = [one for one in _list(schedule.get("overrides")) if isinstance(one, dict)]
    found = [p for one in layers for p in _list(one.get("people"))]
    return {p for p in (*found, *(one.get("person") for one in overrides)) if _is_text(p)}


def _is_personal(channel: dict[str, Any]) -> bool:
    kind = channel.get("kind")
    return isinstance(kind, str) and kind in PERSONAL


def _is_alone(channel: dict[str, Any]) -> bool:
    return _is_personal(channel) and "to" not in channel


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
