"""InterSystems IRIS: business hosts and productions in the text of `/api/monitor/metrics`.

Its form is that of Prometheus. Of it only the families named here are read; a host that has no
series of a family is not told, which is never zero.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from probes.wire.engine import Channel, Channels, EngineError, Reading, State
from probes.wire.engine_values import count

STATES = {
    "OK": State.STARTED,
    "Retry": State.STARTED,
    "Error": State.STOPPED,
    "Inactive": State.STOPPED,
    "Stopped": State.STOPPED,
    "Disabled": State.STOPPED,
    "Unconfigured": State.STOPPED,
}
_HOSTS, _QUEUED, _IDLE = "iris_interop_hosts", "iris_interop_queued", "iris_interop_last_activity"
_FAMILIES = (_HOSTS, _QUEUED, _IDLE)
_LINE = re.compile(r"([a-z_]+)\{([^\n]{0,2000})\} ([0-9]{0,18}(?:\.[0-9]{1,18})?)")
_LABEL = re.compile(r'([a-zA-Z_]{1,64})="((?:[^"\\]|\\.){0,500})"(?:,|$)')


class _Seen:
    def __init__(self) -> None:
        self.states: set[str] = set()
        self.queued: int | None = None
        self.idle_s: int | None = None
        self.namespaces: set[str] = set()


def read(bodies: Sequence[bytes]) -> Channels:
    """EngineError when it has no metrics of IRIS at all."""
    text = bodies[0].decode("utf-8", "replace")
    lines = text.splitlines()
    if not any(line.startswith("iris_") for line in lines):
        raise EngineError
    seen: dict[str, _Seen] = {}
    for line in lines:
        if line.startswith(_FAMILIES):
            _take(line, seen)
    return {
        host: Channel(_reading(one)) if len(one.namespaces) == 1 else None
        for host, one in seen.items()
    }


def _take(line: str, seen: dict[str, _Seen]) -> None:
    found = _LINE.match(line)
    if found is None or found[1] not in _FAMILIES or not found[3].strip("."):
        return
    labels = dict(_LABEL.findall(found[2]))
    # What a host is not named for is told of its production.
    key = labels.get("host") or labels.get("production")
    if not key:
        return
    one, value = seen.setdefault(key, _Seen()), count(float(found[3]))
    one.namespaces.add(labels.get("id", ""))
    if found[1] == _QUEUED:
        one.queued = value
    elif found[1] == _IDLE:
        one.idle_s = value
    elif value and "host" in labels:
        one.states.add(labels.get("status", ""))


def _reading(one: _Seen) -> Reading:
    """A host of which several states are told has the worst of them."""
    states = {STATES.get(text, State.OTHER) for text in one.states}
    worst = next((s for s in (State.STOPPED, State.OTHER, State.STARTED) if s in states), None)
    return Reading(
        state=worst,
        queued=one.queued,
        idle_s=one.idle_s,
        connected="Retry" not in one.states if one.states else None,
    )
