"""Cloverleaf: statistics of threads that a job of the site exports as CSV. The form is ours.

First line: names of columns, in any order, `thread` and `at` among them; further ones are passed
over. Without `at` nobody could tell a job that died from a channel that is well.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence

from probes.wire.engine import MOST_CHANNELS, Channel, Channels, EngineError, Reading, State
from probes.wire.engine_values import count, named

STATES = {
    "up": State.STARTED,
    "opening": State.STARTED,
    "starting": State.STARTING,
    "down": State.STOPPED,
    "stopped": State.STOPPED,
    "dead": State.STOPPED,
}
COLUMNS = ("thread", "state", "received", "sent", "errored", "queued", "oldest_s", "idle_s", "at")


def read(bodies: Sequence[bytes]) -> Channels:
    """EngineError when it is no such table, or a row is cut off."""
    if bodies[0].count(b"\n") > MOST_CHANNELS:
        raise EngineError
    try:
        lines = bodies[0].decode("utf-8-sig").splitlines()
        rows = list(csv.reader(lines, strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise EngineError from None
    head = [text.strip().lower() for text in rows[0]] if rows else []
    if not {"thread", "at"} <= set(head) or len(set(head)) != len(head):
        raise EngineError
    found: list[tuple[str | None, Channel]] = []
    for row in rows[1:]:
        if len(row) != len(head):
            raise EngineError
        told = {key: text.strip() for key, text in zip(head, row, strict=True)}
        found.append((told["thread"], Channel(_reading(told))))
    return named(found)


def _reading(told: dict[str, str]) -> Reading:
    state = told["state"].lower() if "state" in told else None
    return Reading(
        state=None if state is None else STATES.get(state, State.OTHER),
        received=count(told.get("received")),
        sent=count(told.get("sent")),
        errored=count(told.get("errored")),
        queued=count(told.get("queued")),
        oldest_s=count(told.get("oldest_s")),
        idle_s=count(told.get("idle_s")),
        # A thread that is opening has not yet got the connection it is there for.
        connected=state != "opening" if state else None,
        at_s=count(told["at"]) or 0,
    )
