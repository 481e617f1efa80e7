"""Links between the headers of an agent's chain that do not hold: counted, and recorded once.

Each header names the hash of the one before it. Where it does not, somebody has changed the past,
or the agent's state is damaged; the batches are evidence all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from collector import journal
from collector.journal import Fact, canonical
from collector.store import leases, ledger
from collector.store.leases import Lease
from collector.store.ledger import Incoming, Receipt

KIND = "evidence.chain_broken"


def insert(
    conn: Connection,
    org: str,
    incoming: Sequence[Incoming],
    clock: Callable[[], int],
    lease: Lease | None = None,
) -> list[Receipt]:
    """`ledger.insert_batches`, and a row in the journal for a chain's first link that does not
    hold. FencedError where somebody else has the lease by now.
    """
    if lease is not None:
        leases.guard(conn, org, lease)
    receipts = ledger.insert_batches(conn, org, incoming)
    fresh = [
        {"agent": one.agent, "epoch": one.epoch, "seq": receipt.broken[0]}
        for one, receipt in zip(incoming, receipts, strict=True)
        if receipt.first_broken
    ]
    if fresh:
        journal.hold(conn, org)
        at = journal.following(journal.last_recorded(conn, org), clock())
        facts = [Fact(KIND, at, canonical(data), journal.SYSTEM) for data in fresh]
        journal.append(conn, org, facts, at)
    return receipts
