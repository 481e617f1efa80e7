"""The two logs of an organization and their epochs: the newest grows, older ones stay as they are.

An epoch ends when its past cannot be gone on with, as after a restored backup. The next one begins
with nothing and takes everything in again, under another origin; its first entry names the head of
the one before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, select, update

from collector.access.credentials import RandomBytes
from collector.attest import entries
from collector.attest.commitments import SECRET_BYTES
from collector.attest.entries import LogStart, Previous
from collector.attest.merkle import CompactRange
from collector.store.log_tables import log_checkpoints, logs
from collector.tlog import leafrows
from collector.tlog.leafrows import START, DamagedError, Leaf, Tree
from probes.wire.merkle import HASH_BYTES, leaf_hash


class Log(StrEnum):
    EVIDENCE = "evidence"
    AUDIT = "audit"

    @property
    def number(self) -> int:
        """As the tables have it."""
        return list(Log).index(self)


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch of one log as it stands. `origin` is the operator's, `start` its first entry;
    `secret` stays in the store.
    """

    log: Log
    epoch: int
    origin: str
    start: bytes
    secret: bytes
    tree: CompactRange
    state: int
    rows_to: int
    closed_at: int | None

    @property
    def name(self) -> str:
        """The origin line of its checkpoints, and the name of its key."""
        return f"{self.origin}/{self.log}"

    @property
    def prefix(self) -> str:
        """Where its tiles are read, below `/log/`: another epoch is another log, at another place."""
        return self.log if self.epoch == 1 else f"{self.log}-{self.epoch}"


def current(conn: Connection, org: str, log: Log) -> Epoch | None:
    """The one that grows; None before the first batch or row was taken in. DamagedError."""
    query = select(logs).where(logs.c.org == org, logs.c.log == log.number)
    row = conn.execute(query.order_by(logs.c.epoch.desc()).limit(1)).one_or_none()
    return None if row is None else _epoch(row)


def of(conn: Connection, org: str, log: Log) -> list[Epoch]:
    """All of them, the oldest first. DamagedError."""
    query = select(logs).where(logs.c.org == org, logs.c.log == log.number)
    return [_epoch(row) for row in conn.execute(query.order_by(logs.c.epoch))]


def at(conn: Connection, org: str, prefix: str) -> Epoch | None:
    """The one that is read at this prefix."""
    everything = (epoch for log in Log for epoch in of(conn, org, log))
    return next((epoch for epoch in everything if epoch.prefix == prefix), None)


def default_origin(org: str) -> str:
    """The name of logs that nobody has named yet; `.invalid` is nobody's (RFC 2606)."""
    return f"{org}.invalid/wardwatch"


def start_epoch(
    conn: Connection,
    org: str,
    origin: str,
    previous: Mapping[Log, Previous],
    now: int,
    random_bytes: RandomBytes,
) -> int:
    """Begin both logs anew, each with its first entry; the number of the epoch. `previous`: the
    heads they go on from, none for the first. ValueError for an origin that an epoch has already.
    """
    before = _last(conn, org)
    taken = select(func.count()).where(logs.c.org == org, logs.c.origin == origin)
    if conn.execute(taken).scalar():
        raise ValueError("another epoch has this origin")
    conn.execute(
        update(logs).where(logs.c.org == org, logs.c.closed_at.is_(None)).values(closed_at=now)
    )
    for log in Log:
        entry = entries.write(LogStart(org, now, previous.get(log)))
        _start(conn, org, log, before + 1, origin, random_bytes(SECRET_BYTES), entry)
    return before + 1


def take_name(conn: Connection, org: str, origin: str) -> bool:
    """Give the growing epoch the origin an operator has configured; False when it has another one
    and has signed with it, so that only a new epoch can have this one, and when it was an older
    epoch's: a second log of one name would be a fork.
    """
    epoch = _last(conn, org)
    mine = (logs.c.org == org, logs.c.epoch == epoch)
    names = set(conn.execute(select(logs.c.origin).where(*mine)).scalars())
    if names <= {origin}:
        return True
    signed = select(func.count()).where(
        log_checkpoints.c.org == org, log_checkpoints.c.epoch == epoch
    )
    taken = select(func.count()).where(logs.c.org == org, logs.c.origin == origin)
    if conn.execute(signed).scalar() or conn.execute(taken).scalar():
        return False
    conn.execute(update(logs).where(*mine).values(origin=origin))
    return True


def moved(conn: Connection, org: str, before: Epoch, after: Epoch) -> bool:
    """Write where an epoch stands now, unless somebody else has moved it."""
    values = {
        "size": after.tree.size,
        "peaks": b"".join(after.tree.peaks),
        "state": after.state,
        "rows_to": after.rows_to,
    }
    mine = and_(_is(org, before), logs.c.size == before.tree.size, logs.c.closed_at.is_(None))
    return conn.execute(update(logs).where(mine).values(**values)).rowcount == 1


def _start(
    conn: Connection, org: str, log: Log, epoch: int, origin: str, secret: bytes, start: bytes
) -> None:
    value = leaf_hash(start)
    tree, _ = CompactRange().extended([value])
    conn.execute(
        insert(logs).values(
            org=org,
            log=log.number,
            epoch=epoch,
            origin=origin,
            start=start,
            secret=secret,
            size=tree.size,
            peaks=b"".join(tree.peaks),
            state=0,
            rows_to=0,
        )
    )
    leafrows.add(conn, Tree(org, log.number, epoch), [Leaf(0, START, 0, 0, value)])


def _last(conn: Connection, org: str) -> int:
    found = conn.execute(select(func.max(logs.c.epoch)).where(logs.c.org == org)).scalar()
    return int(found or 0)


def _is(org: str, epoch: Epoch) -> ColumnElement[bool]:
    return and_(logs.c.org == org, logs.c.log == epoch.log.number, logs.c.epoch == epoch.epoch)


def _epoch(row: Row[Any]) -> Epoch:
    peaks = bytes(row.peaks)
    hashes = tuple(peaks[at : at + HASH_BYTES] for at in range(0, len(peaks), HASH_BYTES))
    try:
        tree = CompactRange(row.size, hashes)
    except ValueError:
        raise DamagedError from None
    return Epoch(
        log=list(Log)[row.log],
        epoch=row.epoch,
        origin=row.origin,
        start=bytes(row.start),
        secret=bytes(row.secret),
        tree=tree,
        state=row.state,
        rows_to=row.rows_to,
        closed_at=row.closed_at,
    )
