"""What agents told by themselves while they could not reach us: a row of the journal each.

The row holds the signed bytes, too: whoever doubts it verifies them with the agent's key.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from collector import journal
from collector.journal import Fact, canonical
from collector.store.tables import journal as rows
from probes.notice import Notice

KIND = "agent.told"


@dataclass(frozen=True, slots=True)
class Told:
    """`id` and `recorded_at` are the journal's; all instants are UTC ms."""

    id: int
    recorded_at: int
    at: int
    since: int
    agent: str
    kind: str
    system: str | None
    cause: str | None
    checks: list[str]
    taken: list[str]


def record(
    conn: Connection, org: str, notice: Notice, sealed: bytes, clock: Callable[[], int]
) -> bool:
    """Is it a new one? Sent again it changes nothing."""
    journal.hold(conn, org)
    data = canonical(
        {
            "agent": notice.agent,
            "cause": notice.cause,
            "checks": notice.checks,
            "id": notice.id,
            "kind": notice.kind,
            "signed": base64.b64encode(sealed).decode(),
            "since": notice.since,
            "system": notice.system,
            "systems": notice.systems,
            "taken": notice.taken,
        }
    )
    known = select(rows.c.id).where(
        rows.c.org == org, rows.c.kind == KIND, rows.c.at == notice.at, rows.c.data == data
    )
    if conn.execute(known).first() is not None:
        return False
    now = journal.following(journal.last_recorded(conn, org), clock())
    journal.append(conn, org, [Fact(KIND, notice.at, data)], now)
    return True


def told_of(conn: Connection, org: str, system: str, start: int, end: int | None) -> list[Told]:
    """What was told of a system's outages that overlap `[start, end]`, in order of time."""
    found = conn.execute(
        select(rows.c.id, rows.c.recorded_at, rows.c.at, rows.c.data)
        .where(rows.c.org == org, rows.c.kind == KIND, rows.c.at >= start)
        .order_by(rows.c.at, rows.c.id)
    )
    read = [(row.id, row.recorded_at, row.at, json.loads(bytes(row.data))) for row in found]
    return [
        Told(
            number,
            recorded_at,
            at,
            data["since"],
            data["agent"],
            data["kind"],
            data["system"],
            data["cause"],
            data["checks"],
            data["taken"],
        )
        for number, recorded_at, at, data in read
        if data["system"] == system and (end is None or data["since"] <= end)
    ]
