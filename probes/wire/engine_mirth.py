"""Mirth Connect (also NextGen Connect, Open Integration Engine, BridgeLink): channel statuses as JSON.

The engine makes its JSON of XML: a list with one element is that element, an empty one is text or
null, a name that looks like a number is one. Only the fields that are needed are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from probes.wire.engine import MOST_CHANNELS, Channel, Channels, EngineError, Reading, State
from probes.wire.engine_values import count, name, named

STATES = {
    "STARTED": State.STARTED,
    "STARTING": State.STARTING,
    "DEPLOYING": State.STARTING,
    "SYNCING": State.STARTING,
    "PAUSING": State.STOPPED,
    "PAUSED": State.STOPPED,
    "STOPPING": State.STOPPED,
    "STOPPED": State.STOPPED,
    "UNDEPLOYING": State.STOPPED,
    "UNDEPLOYED": State.STOPPED,
}
_Count = int | str | float | None


class _Entry(msgspec.Struct):
    status: str = msgspec.field(name="com.mirth.connect.donkey.model.message.Status", default="")
    long: _Count = None


class _Map(msgspec.Struct):
    entry: list[_Entry] | _Entry | None = None


class _Status(msgspec.Struct, rename="camel"):
    channel_id: str | int | float | None = None
    name: str | int | float | bool | None = None
    state: str | None = None
    statistics: _Map | str | None = None
    queued: _Count = None
    meta_data_id: int | str | None = None
    child_statuses: _Statuses | str | None = None


class _Statuses(msgspec.Struct):
    dashboard_status: list[_Status] | _Status | None = msgspec.field(
        name="dashboardStatus", default=None
    )


class _Answer(msgspec.Struct):
    list: _Statuses | str | None


def read(bodies: Sequence[bytes]) -> Channels:
    """Every channel with its connectors. EngineError when it is no list of statuses."""
    try:
        answer = msgspec.json.decode(bodies[0], type=_Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise EngineError from None
    found: list[tuple[str | None, Channel]] = []
    for status in _listed(answer.list):
        channel = Channel(
            _reading(status),
            named(
                (key, reading)
                for child in _listed(status.child_statuses)
                # The connector 0 is the source.
                if (number := count(child.meta_data_id)) != 0
                for reading in (_reading(child),)
                for key in {name(child.name), name(number)}
            ),
        )
        found += [(key, channel) for key in {name(status.channel_id), name(status.name)}]
    return named(found)


def _reading(status: _Status) -> Reading:
    told = status.statistics
    entries: Any = told.entry if isinstance(told, _Map) else None
    entries = [entries] if isinstance(entries, _Entry) else entries or []
    counted = {entry.status: count(entry.long) for entry in entries}
    return Reading(
        state=STATES.get(status.state or "", State.OTHER),
        received=counted.get("RECEIVED"),
        sent=counted.get("SENT"),
        errored=counted.get("ERROR"),
        filtered=counted.get("FILTERED"),
        queued=count(status.queued),
    )


def _listed(statuses: _Statuses | str | None) -> list[_Status]:
    if isinstance(statuses, str) and statuses.strip():
        raise EngineError
    inside = statuses.dashboard_status if isinstance(statuses, _Statuses) else None
    if inside is None:
        return []
    listed = [inside] if isinstance(inside, _Status) else inside
    if len(listed) > MOST_CHANNELS:
        raise EngineError
    return listed
