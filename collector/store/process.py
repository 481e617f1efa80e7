"""What the process fold reads and writes beside the incidents: how far the acts are taken in."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, select

from alerts.outbox import DeliveryReason, MessageState
from collector import journal
from collector.store.tables import counters, outbox
from collector.store.upsert import replace_all

CURSOR = "acts_taken"
AT_ONCE = 500
"""Ids a statement names."""


def taken(conn: Connection, org: str) -> int:
    """The journal id up to which acts on incidents are part of what was said; all of it in a
    database that an earlier release wrote, which said nothing of them.
    """
    query = select(counters.c.value).where(counters.c.org == org, counters.c.name == CURSOR)
    known = conn.execute(query).scalar()
    return journal.last_id(conn, org) if known is None else int(known)


def take(conn: Connection, org: str, last: int) -> None:
    replace_all(conn, counters, [{"org": org, "name": CURSOR, "value": last}])


def since(conn: Connection, org: str, kinds: Sequence[str], after: int) -> list[journal.Row]:
    return journal.rows(conn, org, kind=kinds, after=after)


def settled(conn: Connection, org: str, ids: Collection[str]) -> tuple[dict[str, int], list[str]]:
    """Which of these messages have reached somebody, with the instant, and which are settled
    without.
    """
    out: dict[str, int] = {}
    without: list[str] = []
    wanted = sorted(ids)
    for first in range(0, len(wanted), AT_ONCE):
        query = select(outbox.c.id, outbox.c.next_at, outbox.c.state, outbox.c.reason).where(
            outbox.c.org == org,
            outbox.c.id.in_(wanted[first : first + AT_ONCE]),
            outbox.c.state != MessageState.PENDING.value,
        )
        for row in conn.execute(query):
            untold = row.reason == DeliveryReason.UNTOLD.value
            if row.state == MessageState.SENT.value and not untold:
                out[row.id] = row.next_at
            else:
                without.append(row.id)
    return out, without
