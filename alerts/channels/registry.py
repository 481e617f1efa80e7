"""Every channel kind, one sorted line each; a kind is imported when it is first used."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from alerts.channel import ChannelKind
from alerts.receivers import Receiver
from alerts.secrets import references, text_of
from probes.config import Config
from probes.config_channels import NotHeardError

CHANNELS: dict[str, str] = {
    "alertmanager": "alerts.channels.alertmanager",
    "email": "alerts.channels.email",
    "freshdesk": "alerts.channels.freshdesk",
    "freshservice": "alerts.channels.freshservice",
    "jira": "alerts.channels.jira",
    "jsm": "alerts.channels.jsm",
    "pagerduty": "alerts.channels.pagerduty",
    "salesforce": "alerts.channels.salesforce",
    "servicenow": "alerts.channels.servicenow",
    "servicenow_em": "alerts.channels.servicenow_em",
    "slack": "alerts.channels.slack",
    "teams": "alerts.channels.teams",
    "webhook": "alerts.channels.webhook",
    "zendesk": "alerts.channels.zendesk",
}


def load(name: str) -> ChannelKind[Any]:
    """The kind called `name`; KeyError when there is none."""
    kind = importlib.import_module(CHANNELS[name]).KIND
    if not isinstance(kind, ChannelKind) or kind.name != name:
        raise TypeError(f"{CHANNELS[name]} does not define the channel {name}")
    return kind


def examine(
    name: str, spec: Mapping[str, Any], read_secret: Callable[[str], bytes]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Of an entry that is right: the fields whose secret is on this host and cannot be theirs, and what
    it should be. One that cannot be read, or is empty, is no problem of the file.
    """
    kind = load(name)
    own = {key: value for key, value in spec.items() if key != "inbound"}
    for path, reference in references(kind.parse(own)):
        try:
            raw = read_secret(reference)
        except (OSError, KeyError):
            continue
        if not raw.strip():
            continue
        try:
            kind.secrets.get(".".join(path), text_of)(raw)
        except ValueError as error:
            yield path, str(error)


def check(name: str, spec: Mapping[str, Any]) -> None:
    """KeyError for an unknown kind, `pydantic.ValidationError` for what it does not accept,
    NotHeardError for `inbound` where the kind has none.
    """
    kind = load(name)
    kind.parse({key: value for key, value in spec.items() if key != "inbound"})
    if "inbound" in spec and kind.inbound is None:
        raise NotHeardError


def settings(config: Config, receiver: Receiver) -> tuple[ChannelKind[Any], Any]:
    """The kind of a receiver, and what its `open` takes; a personal one has its contact's address."""
    entry = config.channels[receiver.channel]
    kind = load(entry.kind)
    parsed = kind.parse(entry.model_extra or {})
    if receiver.contact is None:
        return kind, parsed
    address = config.contacts[receiver.contact].email
    if kind.personal is None or address is None:
        raise ValueError("refused when the file is loaded: no receiver of one contact")
    return kind, kind.personal(parsed, address)
