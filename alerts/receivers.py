"""Who can be told: every channel that has a receiver, and every contact by a personal one. Pure.

A personal channel tells each contact apart: its receiver is `CHANNEL.CONTACT`. Ids hold no dot, and
a dot is safe in addresses, names of files, labels and dedup keys; in ids of messages, which hold
none, it is `_`, as in keys of incidents.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from probes.config import Config
from probes.config_people import Role


@dataclass(frozen=True, slots=True)
class Receiver:
    """`contact` is set where it is one contact's by a personal channel."""

    channel: str
    contact: str | None = None

    @property
    def id(self) -> str:
        return self.channel if self.contact is None else f"{self.channel}.{self.contact}"


def everybody(config: Config) -> Mapping[str, Receiver]:
    """By id: channels in the order of the file, then contacts by their personal channels."""
    found = [Receiver(name) for name, one in config.channels.items() if one.has_receiver]
    found += [
        receiver
        for contact in config.contacts
        for receiver in _reach(config, contact)
        if receiver.contact is not None
    ]
    found += _attested(config)
    return {one.id: one for one in found}


def attested(config: Config) -> tuple[str, ...]:
    """Ids of the receivers that are told of issued attestations, each once."""
    return tuple(dict.fromkeys(one.id for one in _attested(config)))


def reached(config: Config, contacts: Iterable[str]) -> tuple[str, ...]:
    """Ids of the receivers by which contacts are told, each once."""
    return tuple(dict.fromkeys(one.id for name in contacts for one in _reach(config, name)))


def of_role(config: Config, role: Role) -> tuple[str, ...]:
    """All contacts of a role."""
    return tuple(name for name, contact in config.contacts.items() if contact.role == role)


def is_for_customers(config: Config, receiver: str) -> bool:
    return config.channels[receiver.partition(".")[0]].is_for_customers


def _attested(config: Config) -> list[Receiver]:
    deliver = None if config.attestations is None else config.attestations.deliver
    return [] if deliver is None else [Receiver(deliver.via, name) for name in deliver.to]


def _reach(config: Config, name: str) -> Iterable[Receiver]:
    contact = config.contacts.get(name)
    for channel in () if contact is None else contact.reach:
        yield Receiver(channel, name if config.channels[channel].is_personal else None)
