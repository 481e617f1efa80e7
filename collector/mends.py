"""What is mended of tickets as journal rows: written before the receiver is, so nothing is done untold."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from alerts.lookup import TICKET, Found
from alerts.reconcile import Mend, Remedy
from collector import journal
from collector.journal import Fact, canonical
from collector.store import leases, pairs
from collector.store.leases import Lease
from collector.store.pairs import Pair

KIND = "ticket.mended"
ADOPTED = "ticket.adopted"
_MAKES = frozenset({Remedy.CREATED.value, Remedy.FOLLOWED.value})


@dataclass(frozen=True, slots=True)
class Past:
    """What was written to the tickets of an incident: the last time, and since the message `seq` how
    often something was mended and how many were made again.
    """

    at: int
    seq: int = 0
    mends: int = 0
    made: int = 0


def recall(
    conn: Connection, org: str, receiver: str, after: int, known: Mapping[str, Past]
) -> tuple[int, dict[str, Past]]:
    """`known` by incident key, with what rows of an id above `after` say, whoever wrote them; and the
    id of the last.
    """
    found = dict(known)
    for row in journal.rows(conn, org, kind=[KIND, ADOPTED], after=after):
        after, data = row.id, json.loads(row.data)
        if data["receiver"] != receiver:
            continue
        key = data["incident"]
        if row.kind == ADOPTED:
            found[key] = Past(row.recorded_at)
            continue
        seq, made = data["sequence"], data["remedy"] in _MAKES
        past = found.get(key)
        if past is None or past.seq != seq:
            past = Past(row.recorded_at, seq)
        found[key] = Past(row.recorded_at, seq, past.mends + 1, past.made + made)
    return after, found


def begin(
    conn: Connection,
    org: str,
    lease: Lease | None,
    receiver: str,
    pair: Pair,
    mend: Mend,
    by: str,
    clock: Callable[[], int],
    recalled: int,
) -> bool:
    """Record what is about to be done; False, and nothing recorded, where a message has the word by
    now, or another process has written after the row `recalled`. FencedError where the lease is
    another's; `lease` None: a person does it.
    """
    if lease is not None:
        leases.guard(conn, org, lease)
    journal.hold(conn, org)
    if not pairs.is_last(conn, org, receiver, pair.key, pair.seq):
        return False
    if pair.key in recall(conn, org, receiver, recalled, {})[1]:
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
