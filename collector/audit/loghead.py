"""The audit log as it was when the last row of a pack was a leaf: what its rows can be proved by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from collector.attest import spelling
from collector.tlog import checkpoints, reading
from collector.tlog.epochs import Log, current


@dataclass(frozen=True, slots=True)
class Head:
    """`size` leaves, `root` over them; `checkpoint`: the note of the first that covers them, None
    before there is one.
    """

    origin: str
    size: int
    root: bytes
    checkpoint: str | None


def read(conn: Connection, org: str, last: int) -> Head | None:
    """Of the rows up to `last`, which are leaves 1 to `last`; None while not all of them are."""
    epoch = current(conn, org, Log.AUDIT)
    if epoch is None or epoch.tree.size <= last:
        return None
    size = last + 1
    covering = checkpoints.first_covering(conn, org, Log.AUDIT, last)
    root = reading.peaks(conn, org, Log.AUDIT, size).root()
    return Head(epoch.name, size, root, None if covering is None else covering.note.decode())


def document(head: Head | None) -> dict[str, Any] | None:
    """What `index.json` says of it."""
    if head is None:
        return None
    root = spelling.base64_of(head.root)
    return {
        "origin": head.origin,
        "size": head.size,
        "root": root,
        "checkpoint": head.checkpoint,
    }
