"""Every channel kind, one sorted line each; a kind is imported when it is first used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from alerts.channel import ChannelKind

CHANNELS: dict[str, str] = {
    "alertmanager": "alerts.channels.alertmanager",
    "email": "alerts.channels.email",
    "pagerduty": "alerts.channels.pagerduty",
    "slack": "alerts.channels.slack",
    "teams": "alerts.channels.teams",
    "webhook": "alerts.channels.webhook",
}


def load(name: str) -> ChannelKind[Any]:
    """The kind called `name`; KeyError when there is none."""
    kind = importlib.import_module(CHANNELS[name]).KIND
    if not isinstance(kind, ChannelKind) or kind.name != name:
        raise TypeError(f"{CHANNELS[name]} does not define the channel {name}")
    return kind


def check(name: str, spec: Mapping[str, Any]) -> None:
    """KeyError for an unknown kind, `pydantic.ValidationError` for what it does not accept."""
    load(name).parse(spec)
