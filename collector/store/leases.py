"""Who may evaluate an organization: one holder at a time, and proof of it in every commit.

Expiry asks for no common clock. The holder keeps adding to `beat`; whoever sees the same
(token, beat) for the lease's length on a monotonic clock of its own takes over with the next
token. Being wrong about that is safe: `guard` refuses every commit of an older token.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, select, update

from collector.store.tables import leases
from collector.store.upsert import insert_if_absent


@dataclass(frozen=True, slots=True)
class Lease:
    """`holder` is None once released."""

    name: str
    holder: str | None
    token: int
    beat: int


class FencedError(Exception):
    """Someone else holds the lease by now; nothing of this transaction may stay."""


def look(conn: Connection, org: str, name: str) -> Lease | None:
    row = conn.execute(
        select(leases.c.holder, leases.c.token, leases.c.beat).where(_is(org, name))
    ).one_or_none()
    return None if row is None else Lease(name, row.holder, row.token, row.beat)


def take(conn: Connection, org: str, name: str, holder: str, seen: Lease | None) -> Lease | None:
    """Take over from `seen`, what `look` last said; None when it moved on since."""
    insert_if_absent(
        conn, leases, {"org": org, "name": name, "holder": None, "token": 0, "beat": 0}
    )
    token, beat = (0, 0) if seen is None else (seen.token, seen.beat)
    changed = conn.execute(
        update(leases)
        .where(_is(org, name), leases.c.token == token, leases.c.beat == beat)
        .values(holder=holder, token=token + 1, beat=0)
    )
    return Lease(name, holder, token + 1, 0) if changed.rowcount == 1 else None


def beat(conn: Connection, org: str, lease: Lease) -> Lease:
    """Show a sign of life; FencedError when the lease is lost. Locks it until the commit."""
    changed = conn.execute(
        update(leases)
        .where(_is(org, lease.name), leases.c.token == lease.token)
        .values(beat=leases.c.beat + 1)
    )
    if changed.rowcount != 1:
        raise FencedError
    return Lease(lease.name, lease.holder, lease.token, lease.beat + 1)


def guard(conn: Connection, org: str, lease: Lease) -> None:
    """FencedError when the lease is lost or released; nobody takes it until the commit."""
    query = select(leases.c.holder).where(_is(org, lease.name), leases.c.token == lease.token)
    if conn.execute(query.with_for_update(read=True)).scalar() is None:
        raise FencedError


def release(conn: Connection, org: str, lease: Lease) -> None:
    """Let the next one begin at once; does nothing when the lease is lost already."""
    conn.execute(
        update(leases)
        .where(_is(org, lease.name), leases.c.token == lease.token)
        .values(holder=None, beat=leases.c.beat + 1)
    )


def _is(org: str, name: str) -> ColumnElement[bool]:
    return and_(leases.c.org == org, leases.c.name == name)
