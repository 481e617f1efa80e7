"""The journal: every fact that is not a batch, one append-only row each, in canonical bytes.

Ids grow by one per organization in commit order and have no holes, so a later log can hash the
rows as they stand.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Select, func, insert, select

from collector.facts import CONFIG, SYSTEM, Fact, Row, canonical
from collector.store.tables import journal
from collector.store.upsert import count_up

__all__ = [
    "CONFIG",
    "SYSTEM",
    "Fact",
    "Row",
    "append",
    "canonical",
    "following",
    "hold",
    "last_id",
    "last_recorded",
    "newest",
    "rows",
]


def hold(conn: Connection, org: str) -> None:
    """Nobody else appends until this transaction ends: what is read now stays the whole of it."""
    count_up(conn, org, "journal", 0)


def following(last: int | None, now: int) -> int:
    """When a row after one of `last` is recorded: a host clock set back must not reorder them."""
    return now if last is None else max(now, last + 1)


def last_id(conn: Connection, org: str) -> int:
    """0 before the first row."""
    return int(
        conn.execute(select(func.max(journal.c.id)).where(journal.c.org == org)).scalar() or 0
    )


def newest(conn: Connection, org: str, kinds: Sequence[str]) -> int:
    """The last id of these kinds, 0 before the first."""
    found = 0
    for kind in kinds:  # one descent of the index each, however long the journal is
        query = select(func.max(journal.c.id)).where(journal.c.org == org, journal.c.kind == kind)
        found = max(found, conn.execute(query).scalar() or 0)
    return found


def last_recorded(conn: Connection, org: str) -> int | None:
    """When the newest row was recorded, of whatever kind."""
    newest = select(journal.c.recorded_at).where(journal.c.org == org)
    return conn.execute(newest.order_by(journal.c.id.desc()).limit(1)).scalar()


def append(conn: Connection, org: str, facts: Sequence[Fact], recorded_at: int) -> range:
    """Append in order and return the ids given."""
    if not facts:
        return range(0)
    last = count_up(conn, org, "journal", len(facts))
    ids = range(last - len(facts) + 1, last + 1)
    conn.execute(
        insert(journal),
        [
            {
                "org": org,
                "id": number,
                "kind": fact.kind,
                "at": fact.at,
                "recorded_at": recorded_at,
                "actor": fact.actor,
                "data": fact.data,
            }
            for number, fact in zip(ids, facts, strict=True)
        ],
    )
    return ids


def rows(
    conn: Connection,
    org: str,
    *,
    kind: str | Sequence[str] | None = None,
    after: int = 0,
    only: Select[tuple[int]] | None = None,
    prefix: str | None = None,
    actor: str | None = None,
    last: int | None = None,
    limit: int | None = None,
) -> list[Row]:
    """Rows with an id above `after` and up to `last`, oldest first, `limit` at most; of a kind or
    some, of kinds that begin with `prefix`, by an actor, of the ids `only` selects.
    """
    query = (
        select(
            journal.c.id,
            journal.c.kind,
            journal.c.at,
            journal.c.recorded_at,
            journal.c.actor,
            journal.c.data,
        )
        .where(journal.c.org == org, journal.c.id > after)
        .order_by(journal.c.id)
        .limit(limit)
    )
    if kind is not None:
        query = query.where(journal.c.kind.in_([kind] if isinstance(kind, str) else kind))
    if last is not None:
        query = query.where(journal.c.id <= last)
    if only is not None:
        query = query.where(journal.c.id.in_(only))
    if prefix is not None:
        # LIKE takes upper for lower case in one engine and not in the other
        query = query.where(func.substr(journal.c.kind, 1, len(prefix)) == prefix)
    if actor is not None:
        query = query.where(journal.c.actor == actor)
    return [
        Row(r.id, r.kind, r.at, r.recorded_at, r.actor, bytes(r.data)) for r in conn.execute(query)
    ]
