"""How far each receiver has been told of each incident: what a comparison with its tickets begins from."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, or_, select

from alerts.minimal import checked
from alerts.outbox import Message, MessageState, message_id
from alerts.people import IncidentState
from alerts.reconcile import GOING_ON
from collector.store.incidents import AT_ONCE
from collector.store.outbox_rows import PENDING, SENT, message_of
from collector.store.tables import incidents, outbox


@dataclass(frozen=True, slots=True)
class Pair:
    """The messages of an incident to a receiver, of which none waits: `seq` of the last, when it was
    taken, and the first one. `over`: it says that the incident needs nobody any more.
    """

    key: str
    seq: int
    first_at: int
    taken_at: int
    over: bool


Known = Mapping[str, tuple[int, int, bool]]
"""By incident key: `seq`, `taken_at` and `over` as they were read before."""


def read(
    conn: Connection, org: str, receiver: str, since: int, known: Known | None = None
) -> list[Pair]:
    """Pairs whose last message the receiver took, of incidents that go on, wait for a person, or
    recovered or were found after `since`; by key. What waits in the outbox, or is dead, has the word itself.
    """
    newest = or_(incidents.c.recovered_at >= since, incidents.c.detected_at >= since)
    query = select(incidents.c.key).where(
        incidents.c.org == org, or_(incidents.c.status != "resolved", newest)
    )
    keys = sorted(conn.execute(query).scalars())
    taken: dict[str, tuple[int, int, int]] = {}
    for some in _parts(keys):
        taken |= _taken(conn, org, receiver, some)
    kept = known or {}
    fresh = [key for key, (_, seq, at) in taken.items() if kept.get(key, ())[:2] != (seq, at)]
    said = {
        m.incident_key: m for m in _written(conn, org, receiver, {k: taken[k][1] for k in fresh})
    }
    return [
        Pair(key, seq, first, at, _is_over(said[key]) if key in said else kept[key][2])
        for key, (first, seq, at) in sorted(taken.items())
        if key in said or key in kept
    ]


def _taken(
    conn: Connection, org: str, receiver: str, keys: Sequence[str]
) -> dict[str, tuple[int, int, int]]:
    """(when the first was taken, `seq` of the last, when that was) by key."""
    columns = (outbox.c.incident_key, outbox.c.seq, outbox.c.state, outbox.c.next_at)
    rows = conn.execute(
        select(*columns)
        .where(
            outbox.c.org == org,
            outbox.c.state.in_([one.value for one in MessageState]),
            outbox.c.receiver == receiver,
            outbox.c.incident_key.in_(keys),
        )
        .order_by(outbox.c.incident_key, outbox.c.seq)
    )
    found: dict[str, list[tuple[int, str, int]]] = {}
    for key, seq, state, at in rows:
        found.setdefault(key, []).append((seq, state, at))
    return {
        key: (min(at for _, state, at in some if state == SENT), some[-1][0], some[-1][2])
        for key, some in found.items()
        if some[-1][1] == SENT and all(state != PENDING for _, state, _ in some)
    }


def messages(conn: Connection, org: str, receiver: str, last: Mapping[str, int]) -> list[Message]:
    """One of each incident: that of the `seq`, as one that is told again."""
    return [_again(one) for one in _written(conn, org, receiver, last)]


def _written(conn: Connection, org: str, receiver: str, last: Mapping[str, int]) -> list[Message]:
    ids = [message_id(org, key, receiver, seq) for key, seq in sorted(last.items())]
    out: list[Message] = []
    for some in _parts(ids):
        query = select(outbox).where(outbox.c.org == org, outbox.c.id.in_(some))
        out += (message_of(row) for row in conn.execute(query.order_by(outbox.c.id)))
    return out


def _again(message: Message) -> Message:
    """What looked like a patient's leaves in minimal form, as before; its first attempt counted it."""
    return checked(replace(message, attempts=message.attempts + 1))[0]


def is_last(conn: Connection, org: str, receiver: str, key: str, seq: int) -> bool:
    """Does the message still have the word: it was taken, and none follows it?"""
    rows = conn.execute(
        select(outbox.c.seq, outbox.c.state)
        .where(outbox.c.org == org, outbox.c.receiver == receiver, outbox.c.incident_key == key)
        .where(outbox.c.state.in_([one.value for one in MessageState]))
    ).all()
    taken = any(row.seq == seq and row.state == SENT for row in rows)
    return taken and all(row.seq <= seq and row.state != PENDING for row in rows)


def _is_over(message: Message) -> bool:
    return IncidentState(json.loads(message.body)["data"]["state"]) not in GOING_ON


def _parts(keys: Collection[str]) -> Iterable[Sequence[str]]:
    whole = list(keys)
    return (whole[n : n + AT_ONCE] for n in range(0, len(whole), AT_ONCE))
