"""InterSystems IRIS: business hosts and productions in the text of `/api/monitor/metrics`.

Its form is that of Prometheus. Of it only the families named here are read; a host that has no
series of a family is not told, which is never zero.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from probes.wire.engine import MOST_CHANNELS, Channel, Channels, EngineError, Reading, State
from probes.wire.engine_values import count

STATES = {
    "OK": State.STARTED,
    "Retry": State.STARTED,
    "Inactive": State.STARTED,
    "Error": State.STOPPED,
    "Stopped": State.STOPPED,
    "Disabled": State.STOPPED,
    "Unconfigured": State.STOPPED,
}
_HOSTS, _QUEUED, _IDLE = "iris_interop_hosts", "iris_interop_queued", "iris_interop_last_activity"
_FAMILIES = (_HOSTS, _QUEUED, _IDLE)
_NAME = re.compile(rf"({'|'.join(_FAMILIES)})\{{")
_LABEL = re.compile(r'([a-zA-Z_]{1,64})="((?:[^"\\]|\\.){0,500})",?')
_VALUE = re.compile(r"\} (?=\.?[0-9])([0-9]{0,15}(?:\.[0-9]{1,18})?)(?=\s|$)")
_MOST_LABELS = 20


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
    family = _NAME.match(line)
    labels, end = ({}, 0) if family is None else _labels(line, family.end())
    value_text = _VALUE.match(line, end)
    if family is None or value_text is None:
        return
    # What a host is not named for is told of its production.
    key = labels.get("host") or labels.get("production")
    if not key:
        return
    one, value = seen.setdefault(key, _Seen()), count(float(value_text[1]))
    if len(seen) > MOST_CHANNELS:
        raise EngineError
    one.namespaces.add(labels.get("id", ""))
    if family[1] == _QUEUED:
        one.queued = value
    elif family[1] == _IDLE:
        one.idle_s = value
    elif value and "host" in labels:
        one.states.add(labels.get("status", ""))


def _labels(line: str, at: int) -> tuple[dict[str, str], int]:
    """Each from where the one before ended: a line is walked once, whatever it holds."""
    labels: dict[str, str] = {}
    while len(labels) < _MOST_LABELS and (found := _LABEL.match(line, at)) is not None:
        labels[found[1]] = found[2]
        at = found.end()
    return labels, at


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
