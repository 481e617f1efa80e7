"""Rows of the journal that were recorded in a range, read in parts that stay small."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, select

from collector.journal import CONFIG, Row
from collector.store.tables import journal

ROWS = 1_000
"""Rows in memory at a time; of configs, which are long, one."""
IDS = 50_000
"""Ids looked at in one transaction."""


@dataclass(frozen=True, slots=True)
class Range:
    """Rows recorded in `[start, end)` (UTC ms) with an id up to `last`.

    By when they were recorded and not by when things happened: what is over stays as it is, for
    nothing is recorded earlier than it is.
    """

    start: int
    end: int
    last: int


@dataclass(frozen=True, slots=True)
class Part:
    """`after`: where the next one begins; `is_last`: there is none."""

    lines: list[bytes]
    after: int
    is_last: bool


def part(
    conn: Connection, org: str, wanted: Range, after: int, write: Callable[[Row], bytes]
) -> Part:
    """Rows with an id above `after` as `write` makes them, oldest first. A part may be empty and
    not the last.
    """
    upto = min(after + IDS, wanted.last)
    within = _within(org, wanted, after, upto)
    found = list(conn.execute(within(journal.c.id, journal.c.kind).limit(ROWS)))
    if len(found) == ROWS:
        upto = found[-1].id
    short = _within(org, wanted, after, upto)(*COLUMNS).where(journal.c.kind != CONFIG)
    read = (row_of(*columns) for columns in conn.execute(short))
    lines = {row.id: write(row) for row in read}
    for row in found:
        if row.kind == CONFIG:
            one = select(*COLUMNS).where(journal.c.org == org, journal.c.id == row.id)
            lines[row.id] = write(row_of(*conn.execute(one).one()))
    return Part([lines[row.id] for row in found], upto, upto >= wanted.last)


COLUMNS = (
    journal.c.id,
    journal.c.kind,
    journal.c.at,
    journal.c.recorded_at,
    journal.c.actor,
    journal.c.data,
)


def _within(org: str, wanted: Range, after: int, upto: int) -> Callable[..., Select[Any]]:
    return lambda *columns: (
        select(*columns)
        .where(
            and_(
                journal.c.org == org,
                journal.c.id > after,
                journal.c.id <= upto,
                journal.c.recorded_at >= wanted.start,
                journal.c.recorded_at < wanted.end,
            )
        )
        .order_by(journal.c.id)
    )


def row_of(number: int, kind: str, at: int, recorded_at: int, actor: str, data: bytes) -> Row:
    """Of `COLUMNS`."""
    return Row(number, kind, at, recorded_at, actor, bytes(data))
