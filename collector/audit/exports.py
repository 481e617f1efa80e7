"""Who read the audit trail out: a row before the first byte, and one when it has ended.

An export without the second row broke off because the process ended, or the store failed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from collector import journal
from collector.audit.kinds import EXPORT_ENDED, EXPORTED
from collector.journal import Fact, canonical
from probes.times import rfc3339


@dataclass(frozen=True, slots=True)
class Asked:
    """`[start, end)` in UTC ms; `credential`: the id of the token or session. `sample` and `seed`
    are of an audit pack.
    """

    format: str
    start: int
    end: int
    by: str
    credential: str
    sample: int | None = None
    seed: int | None = None


class NotOverError(Exception):
    """Rows of the range may still come."""


@dataclass(frozen=True, slots=True)
class Begun:
    """`id`: of the export's row; `last`: the journal's last id before it."""

    id: int
    last: int


@dataclass(slots=True)
class Sent:
    """What has gone out so far."""

    rows: int = 0
    length: int = 0
    """In bytes."""
    _sha256: Any = field(default_factory=hashlib.sha256)

    def add(self, data: bytes, rows: int) -> None:
        self.rows += rows
        self.length += len(data)
        self._sha256.update(data)

    @property
    def sha256(self) -> str:
        digest: str = self._sha256.hexdigest()
        return digest


def begin(conn: Connection, org: str, asked: Asked, clock: Callable[[], int]) -> Begun:
    """Record that it begins; NotOverError, and nothing recorded, before its end has come. Rows after
    `last` are not part of it, and none of them is of its range: this row has a later time.
    """
    last = _held(conn, org)
    at = _now(conn, org, clock)
    if at < asked.end:
        raise NotOverError
    data: dict[str, Any] = {
        "format": asked.format,
        "from": rfc3339(asked.start),
        "to": rfc3339(asked.end),
        "last": last,
        "by": asked.by,
        "credential": asked.credential,
    }
    more = {"sample": asked.sample, "seed": asked.seed}
    data |= {name: value for name, value in more.items() if value is not None}
    return Begun(_append(conn, org, EXPORTED, data, asked.by, at), last)


def end(
    conn: Connection,
    org: str,
    begun: Begun,
    asked: Asked,
    sent: Sent,
    clock: Callable[[], int],
    *,
    complete: bool,
) -> None:
    """`complete`: it was handed over to the last byte; whether it arrived, only who asked knows."""
    _held(conn, org)
    data = {
        "export": begun.id,
        "rows": sent.rows,
        "bytes": sent.length,
        "sha256": sent.sha256,
        "complete": complete,
        "by": asked.by,
    }
    _append(conn, org, EXPORT_ENDED, data, asked.by, _now(conn, org, clock))


def _held(conn: Connection, org: str) -> int:
    journal.hold(conn, org)
    return journal.last_id(conn, org)


def _now(conn: Connection, org: str, clock: Callable[[], int]) -> int:
    return journal.following(journal.last_recorded(conn, org), clock())


def _append(conn: Connection, org: str, kind: str, data: dict[str, Any], by: str, at: int) -> int:
    (number,) = journal.append(conn, org, [Fact(kind, at, canonical(data), by)], at)
    return number
