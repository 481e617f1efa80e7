"""The journal for who audits: what happened, when it was recorded, who did it."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from sqlalchemy import Connection
from typing_extensions import TypedDict

from collector import journal
from collector.access.policy import Permission
from collector.api.cursors import Paged, cursor, place
from collector.api.parts import stamp
from collector.api.reading import Word, whole
from collector.api.routes import Call, Nothing, get
from collector.api.shapes import Instant
from collector.journal import CONFIG, Row

AT_ONCE = 50
"""Rows in memory at a time: a config is long, and only its hash is told."""


class Asked(Paged):
    after: Annotated[int, Field(ge=0), BeforeValidator(whole)] = 0
    """Rows with a greater id only."""
    kind: Word | None = None
    """A kind, or how some begin: `window`."""
    actor: Word | None = None
    """An account, or `agent:NAME`; `system` is what nobody did."""


class Entry(TypedDict):
    """`data` is null for a config, which holds more than an auditor is to read; `sha256` and
    `length` are of the row's bytes, in any case.
    """

    id: int
    kind: str
    at: Instant
    recorded_at: Instant
    actor: str
    data: dict[str, Any] | None
    sha256: str
    length: int


class Entries(TypedDict):
    entries: list[Entry]
    next: str | None


async def list_journal(call: Call[Asked, Nothing]) -> Entries:
    """Rows of the journal, oldest first."""
    asked, parts = call.query, call.parts
    after = place(asked.cursor, int)
    first = asked.after if after is None else max(asked.after, int(after[0]))
    found = await parts.store.read(_read, parts.org, asked, first, asked.limit + 1)
    told = found[: asked.limit]
    return {
        "entries": told,
        "next": cursor((told[-1]["id"],)) if len(found) > len(told) else None,
    }


def _read(conn: Connection, org: str, asked: Asked, after: int, most: int) -> list[Entry]:
    out: list[Entry] = []
    while len(out) < most:
        limit = min(AT_ONCE, most - len(out))
        rows = journal.rows(
            conn, org, after=after, prefix=asked.kind, actor=asked.actor, limit=limit
        )
        out += (_entry(row) for row in rows)
        if len(rows) < limit:
            break
        after = rows[-1].id
    return out


def _entry(row: Row) -> Entry:
    return {
        "id": row.id,
        "kind": row.kind,
        "at": stamp(row.at),
        "recorded_at": stamp(row.recorded_at),
        "actor": row.actor,
        "data": None if row.kind == CONFIG else json.loads(row.data),
        "sha256": hashlib.sha256(row.data).hexdigest(),
        "length": len(row.data),
    }


ROUTES = (get("/api/v1/journal", Permission.JOURNAL_READ, list_journal, Entries, Asked),)
