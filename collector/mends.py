"""What is mended of tickets as journal rows: written before the receiver is, so nothing is done untold."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from alerts.lookup import TICKET, Found
from alerts.reconcile import Mend
from collector import journal
from collector.journal import Fact, canonical
from collector.store import leases, pairs
from collector.store.leases import Lease
from collector.store.pairs import Pair

KIND = "ticket.mended"
ADOPTED = "ticket.adopted"


def begin(
    conn: Connection,
    org: str,
    lease: Lease | None,
    receiver: str,
    pair: Pair,
    mend: Mend,
    by: str,
    clock: Callable[[], int],
) -> bool:
    """Record what is about to be done; False, and nothing recorded, where a message has the word by
    now. FencedError where the lease is another's; `lease` None: a person does it.
    """
    if lease is not None:
        leases.guard(conn, org, lease)
    journal.hold(conn, org)
    if not pairs.is_last(conn, org, receiver, pair.key, pair.seq):
        return False
    at = journal.following(journal.last_recorded(conn, org), clock())
    journal.append(conn, org, [Fact(KIND, at, canonical(_data(receiver, pair, mend)), by)], at)
    return True


def _data(receiver: str, pair: Pair, mend: Mend) -> dict[str, Any]:
    about = mend.keep or mend.before
    name = None if about is None else named(about)
    return {
        "incident": pair.key,
        "receiver": receiver,
        "sequence": pair.seq,
        "remedy": mend.remedy.value,
        "doubles": len(mend.doubles),
    } | ({} if name is None else {"ticket": name})


def begin_adoption(
    conn: Connection,
    org: str,
    key: str,
    receiver: str,
    ticket: str,
    by: str,
    clock: Callable[[], int],
) -> bool:
    """Record that somebody has our key put on a ticket of people; `ticket` is one of `TICKET`."""
    journal.hold(conn, org)
    at = journal.following(journal.last_recorded(conn, org), clock())
    data = {"incident": key, "receiver": receiver, "ticket": ticket}
    journal.append(conn, org, [Fact(ADOPTED, at, canonical(data), by)], at)
    return True


def named(found: Found) -> str | None:
    """A ticket's name where it is one beyond doubt, such as `INC0010023`, `OPS-7` or `#12`."""
    return found.name if re.fullmatch(TICKET, found.name) else None
