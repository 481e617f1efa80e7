"""Rhapsody: one communication point as JSON, as the REST API from 6.1 on gives it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from probes.wire.engine import Channel, Channels, EngineError, Reading, State
from probes.wire.engine_values import count, duration_s, name, named

_RETRYING = "RETRYING"
STATES = {
    "RUNNING": State.STARTED,
    _RETRYING: State.STARTED,
    "INITIALIZING": State.STARTING,
    "STARTING": State.STARTING,
    "STOPPING": State.STOPPED,
    "STOPPED": State.STOPPED,
    "ERROR": State.STOPPED,
    "NOT_CONFIGURED": State.STOPPED,
    "DELETED": State.STOPPED,
}
_Count = int | str | None


class _Point(msgspec.Struct, rename="camel"):
    id: int | str
    state: str
    uuid: str | None = None
    name: str | None = None
    in_queue_size: _Count = None
    out_queue_size: _Count = None
    received_count: _Count = None
    sent_count: _Count = None
    failed_count: _Count = None
    input_idle_time: str | None = None
    output_idle_time: str | None = None


class _Answer(msgspec.Struct):
    data: _Point


def read(bodies: Sequence[bytes]) -> Channels:
    """EngineError when it is no communication point."""
    try:
        point = msgspec.json.decode(bodies[0], type=_Answer).data
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise EngineError from None
    idle = [
        seconds
        for text in (point.input_idle_time, point.output_idle_time)
        if (seconds := duration_s(text)) is not None
    ]
    queues = [
        size
        for told in (point.in_queue_size, point.out_queue_size)
        if (size := count(told)) is not None
    ]
    reading = Reading(
        state=STATES.get(point.state, State.OTHER),
        received=count(point.received_count),
        sent=count(point.sent_count),
        errored=count(point.failed_count),
        queued=sum(queues) if queues else None,
        idle_s=min(idle, default=None),
        connected=point.state != _RETRYING,
    )
    channel = Channel(reading)
    return named((key, channel) for key in {name(point.id), point.uuid, point.name})
