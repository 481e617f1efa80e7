"""Two headers for one place in an agent's chain: recorded once each, and shown until settled.

It means that an agent's past was taken up twice (a disk or a machine restored or copied), or that
somebody else has its key. The first that came counts.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, func, select, update

from collector import journal
from collector.core.agent_keys import SettleReason
from collector.journal import Fact, canonical
from collector.store.identity_tables import equivocations
from collector.store.ledger import Conflict

KIND, SETTLED = "agent.equivocation", "agent.settled"
MOST = 100
"""Unsettled ones of an agent that are recorded: whoever has a key can make any number."""


def record(
    conn: Connection,
    org: str,
    agent: str,
    epoch: str,
    conflict: Conflict,
    clock: Callable[[], int],
) -> bool:
    """Is it a new one? Recorded before, or one of too many, it changes nothing."""
    journal.hold(conn, org)
    seq, stored, header_hash = conflict.seq, conflict.stored, conflict.came
    place = (
        equivocations.c.org == org,
        equivocations.c.agent == agent,
        equivocations.c.epoch == epoch,
        equivocations.c.seq == seq,
    )
    known = select(equivocations.c.at).where(*place, equivocations.c.header_hash == header_hash)
    if conn.execute(known).first() is not None or unsettled(conn, org).get(agent, 0) >= MOST:
        return False
    at = journal.following(journal.last_recorded(conn, org), clock())
    conn.execute(
        equivocations.insert().values(
            org=org,
            agent=agent,
            epoch=epoch,
            seq=seq,
            header_hash=header_hash,
            stored_hash=stored,
            at=at,
        )
    )
    data = {
        "agent": agent,
        "epoch": epoch,
        "seq": seq,
        "stored": stored,
        "came": header_hash,
    }
    journal.append(conn, org, [Fact(KIND, at, canonical(data), journal.SYSTEM)], at)
    return True


def settle(
    conn: Connection,
    org: str,
    agent: str,
    reason: SettleReason,
    ref: str | None,
    by: str,
    clock: Callable[[], int],
) -> int:
    """How many of the agent's are settled with it; none changes nothing."""
    journal.hold(conn, org)
    count = unsettled(conn, org).get(agent, 0)
    if count:
        at = journal.following(journal.last_recorded(conn, org), clock())
        conn.execute(
            update(equivocations)
            .where(
                equivocations.c.org == org,
                equivocations.c.agent == agent,
                equivocations.c.settled_at.is_(None),
            )
            .values(settled_at=at)
        )
        data = {"agent": agent, "count": count, "reason": reason, "by": by}
        data |= {} if ref is None else {"ref": ref}
        journal.append(conn, org, [Fact(SETTLED, at, canonical(data), by)], at)
    return count


def unsettled(conn: Connection, org: str) -> dict[str, int]:
    """How many of each agent that has any."""
    query = (
        select(equivocations.c.agent, func.count())
        .where(equivocations.c.org == org, equivocations.c.settled_at.is_(None))
        .group_by(equivocations.c.agent)
        .order_by(equivocations.c.agent)
    )
    return {row[0]: row[1] for row in conn.execute(query)}
