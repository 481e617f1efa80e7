"""What jobs have sent: one row a ping, and of each check no more than a verdict may ask for."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from collector.store.tables import pings as table
from collector.store.upsert import count_up
from probes.heartbeats import Ping, PingKind, needless


def add(conn: Connection, org: str, checks: Sequence[str], ping: Ping) -> None:
    """Of all these checks; what no verdict asks for any longer goes."""
    last = count_up(conn, org, "ping", len(checks))  # others who add wait for our commit
    for number, check in enumerate(checks, last - len(checks) + 1):
        row = {"org": org, "check": check, "number": number, "at": ping.at_ms}
        conn.execute(insert(table).values(**row, kind=ping.kind.value))
        there = _rows(conn, org, check)
        gone = [there[position][0] for position in needless([one for _, one in there])]
        if gone:
            mine = (table.c.org == org, table.c.check == check)
            conn.execute(delete(table).where(*mine, table.c.number.in_(gone)))


def of(conn: Connection, org: str, check: str) -> list[Ping]:
    """By time."""
    return [ping for _, ping in _rows(conn, org, check)]


def _rows(conn: Connection, org: str, check: str) -> list[tuple[int, Ping]]:
    query = select(table.c.number, table.c.at, table.c.kind)
    query = query.where(table.c.org == org, table.c.check == check)
    found = conn.execute(query.order_by(table.c.at, table.c.number))
    return [(row.number, Ping(row.at, PingKind(row.kind))) for row in found]
