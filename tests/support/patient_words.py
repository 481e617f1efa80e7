"""A message in whose words something looks like a patient's, for every channel that writes tickets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from alerts.channel import ChannelEnv, ChannelKind, Verdict
from tests.support import ticket_messages as messages

NAME = "SSN 123-45-6789"


async def deliver(
    kind: ChannelKind[Any], spec: Mapping[str, Any], env: ChannelEnv | None = None
) -> list[str]:
    """An opening, as an older release stored it, is delivered; the boundaries that alarmed."""
    opened = messages.message(messages.OPENED)
    event = json.loads(opened.body)
    event["data"]["system"]["name"] = NAME
    alarms: list[str] = []
    heard = replace(env or messages.env(), alarm=lambda place, *_: alarms.append(place.value))
    async with kind.open(kind.parse(spec), heard) as channel:
        receipt = await channel.deliver(replace(opened, body=json.dumps(event).encode()))
    assert receipt.verdict is Verdict.SENT
    return alarms
