"""Iguana 5 and 6: the status document as XML, a `Channel` for each.

What stands in a channel stands in attributes or, in some releases, in elements of the same names.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from probes.wire.engine import MOST_CHANNELS, Channel, Channels, EngineError, Reading, State
from probes.wire.engine_values import count, named
from probes.wire.xmltree import XmlError, tree

STATES = {
    "on": State.STARTED,
    "running": State.STARTED,
    "transition": State.STARTING,
    "starting": State.STARTING,
    "stopping": State.STOPPED,
    "off": State.STOPPED,
    "error": State.STOPPED,
}


def read(bodies: Sequence[bytes]) -> Channels:
    """EngineError when it is no status document."""
    try:
        root = tree(bodies[0])
    except XmlError:
        raise EngineError from None
    if root.tag != "IguanaStatus":
        raise EngineError
    found: list[tuple[str | None, Channel]] = []
    channels = root.findall("Channel")
    if len(channels) > MOST_CHANNELS:
        raise EngineError
    for one in channels:
        state = _told(one, "Status") or ""
        reading = Reading(
            state=STATES.get(state.strip().lower(), State.OTHER),
            errored=count(_told(one, "TotalErrors")),
            queued=count(_told(one, "MessagesQueued")),
        )
        channel = Channel(reading)
        found += [(key, channel) for key in {_told(one, "Name"), _told(one, "Guid")}]
    return named(found)


def _told(channel: Element, key: str) -> str | None:
    attribute = channel.get(key)
    return channel.findtext(key) if attribute is None else attribute
