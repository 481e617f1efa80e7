"""Checkpoints as they were published: signed notes, with the cosignatures that have come so far.

They are of the growing epoch unless another is named. Nothing here signs or judges one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, insert, select, update

from collector.store.log_tables import log_checkpoints as table
from collector.tlog.epochs import Log, current


@dataclass(frozen=True, slots=True)
class Published:
    """`note`: its bytes, the text and all signatures. `signed_at` and `cosigned_at`: UTC ms; the
    latter is when the cosignatures were a quorum, None while they are not.
    """

    log: Log
    epoch: int
    size: int
    signed_at: int
    note: bytes
    cosigned_at: int | None = None


def latest(
    conn: Connection, org: str, log: Log, *, epoch: int | None = None, cosigned: bool = False
) -> Published | None:
    """The newest, or the newest that a quorum has cosigned; None when there is none."""
    number = _number(conn, org, log, epoch)
    if number is None:
        return None
    query = select(table).where(_of(org, log, number))
    if cosigned:
        query = query.where(table.c.cosigned_at.is_not(None))
    row = conn.execute(query.order_by(table.c.size.desc()).limit(1)).one_or_none()
    return None if row is None else _published(row)


def between(
    conn: Connection,
    org: str,
    log: Log,
    start: int,
    end: int,
    *,
    epoch: int | None = None,
    limit: int | None = None,
) -> list[Published]:
    """Those of sizes from `start` to `end`, both included, by size; the first `limit` of them."""
    number = _number(conn, org, log, epoch)
    if number is None:
        return []
    query = select(table).where(_of(org, log, number), table.c.size.between(start, end))
    return [_published(row) for row in conn.execute(query.order_by(table.c.size).limit(limit))]


def newest_before(
    conn: Connection,
    org: str,
    log: Log,
    instant: int,
    *,
    epoch: int | None = None,
    cosigned: bool = False,
) -> Published | None:
    """The last one signed, or cosigned by a quorum, at `instant` (UTC ms) or earlier."""
    number = _number(conn, org, log, epoch)
    if number is None:
        return None
    at = table.c.cosigned_at if cosigned else table.c.signed_at
    query = select(table).where(_of(org, log, number), at <= instant)
    row = conn.execute(query.order_by(table.c.size.desc()).limit(1)).one_or_none()
    return None if row is None else _published(row)


def first_cosigned_covering(
    conn: Connection, org: str, log: Log, index: int, *, epoch: int | None = None
) -> Published | None:
    """The smallest tree with this leaf that a quorum has cosigned."""
    return first_covering(conn, org, log, index, epoch=epoch, cosigned=True)


def first_covering(
    conn: Connection,
    org: str,
    log: Log,
    index: int,
    *,
    epoch: int | None = None,
    cosigned: bool = False,
) -> Published | None:
    """The smallest tree with this leaf that was signed."""
    number = _number(conn, org, log, epoch)
    if number is None:
        return None
    query = select(table).where(_of(org, log, number), table.c.size > index)
    if cosigned:
        query = query.where(table.c.cosigned_at.is_not(None))
    row = conn.execute(query.order_by(table.c.size).limit(1)).one_or_none()
    return None if row is None else _published(row)


def add(conn: Connection, org: str, published: Published) -> None:
    """A size is signed once: IntegrityError of the engine where it was already."""
    conn.execute(
        insert(table).values(
            org=org,
            log=published.log.number,
            epoch=published.epoch,
            size=published.size,
            signed_at=published.signed_at,
            note=published.note,
            cosigned_at=published.cosigned_at,
        )
    )


def cosign(conn: Connection, org: str, published: Published) -> None:
    """Its note has more signatures, and perhaps a quorum; LookupError where it was never added."""
    mine = and_(_of(org, published.log, published.epoch), table.c.size == published.size)
    values = {"note": published.note, "cosigned_at": published.cosigned_at}
    if conn.execute(update(table).where(mine).values(**values)).rowcount != 1:
        raise LookupError(published.size)


def _number(conn: Connection, org: str, log: Log, epoch: int | None) -> int | None:
    if epoch is not None:
        return epoch
    now = current(conn, org, log)
    return None if now is None else now.epoch


def _of(org: str, log: Log, epoch: int) -> ColumnElement[bool]:
    return and_(table.c.org == org, table.c.log == log.number, table.c.epoch == epoch)


def _published(row: Row[Any]) -> Published:
    return Published(
        list(Log)[row.log], row.epoch, row.size, row.signed_at, bytes(row.note), row.cosigned_at
    )
