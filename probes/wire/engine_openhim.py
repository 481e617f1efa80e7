"""OpenHIM: its channels, and what each handled since midnight UTC, as two JSON answers."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from probes.wire.engine import MOST_CHANNELS, Channel, Channels, EngineError, Reading, State
from probes.wire.engine_values import count, named

STATES = {
    "enabled": State.STARTED,
    "disabled": State.STOPPED,
    "deleted": State.STOPPED,
}
_Count = int | None


class _Channel(msgspec.Struct):
    id: str = msgspec.field(name="_id")
    name: str
    status: str = "enabled"
    """A channel without one is enabled."""


class _Id(msgspec.Struct):
    channel_id: str = msgspec.field(name="channelID")


class _Metric(msgspec.Struct):
    id: _Id = msgspec.field(name="_id")
    total: _Count = None
    failed: _Count = None
    successful: _Count = None
    completed: _Count = None
    errors: _Count = msgspec.field(name="completedWErrors", default=None)


def read(bodies: Sequence[bytes]) -> Channels:
    """EngineError when they are no channels and metrics. A channel of which nothing was counted
    counted nothing.
    """
    try:
        channels = msgspec.json.decode(bodies[0], type=list[_Channel])
        metrics = msgspec.json.decode(bodies[1], type=list[_Metric])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise EngineError from None
    if max(len(channels), len(metrics)) > MOST_CHANNELS:
        raise EngineError
    counted: dict[str, list[_Metric]] = {}
    for metric in metrics:
        counted.setdefault(metric.id.channel_id, []).append(metric)
    found: list[tuple[str | None, Channel]] = []
    for one in channels:
        mine = counted.get(one.id, [])
        reading = Reading(
            state=STATES.get(one.status, State.OTHER),
            received=sum(count(m.total) or 0 for m in mine),
            sent=sum((count(m.successful) or 0) + (count(m.completed) or 0) for m in mine),
            errored=sum((count(m.failed) or 0) + (count(m.errors) or 0) for m in mine),
        )
        channel = Channel(reading)
        found += [(key, channel) for key in {one.id, one.name}]
    return named(found)
