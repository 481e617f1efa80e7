"""Rows of the journal that were recorded in a range, read in parts that stay small."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from collector.journal import CONFIG, Row
from collector.store.tables import journal

ROWS = 1_000
"""Rows in memory at a time; of configs, which are long, one."""


@dataclass(frozen=True, slots=True)
class Range:
    """Rows recorded in `[start, end)` (UTC ms): those with ids from `first` to `last`.

    By when they were recorded and not by when things happened. Two who record at once may each
    have their own clock's time, so the id decides: a range begins with the first row that has its
    start or a later time. Ranges that follow each other so leave no row out and tell none twice.
    """

    start: int
    end: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Part:
    """`after`: where the next one begins; `is_last`: there is none."""

    lines: list[bytes]
    after: int
    is_last: bool


def range_of(conn: Connection, org: str, start: int, end: int, last: int) -> Range:
    """`last`: of the rows there are. It stays as it is once a row has the time `end` or a later one."""
    first = _from(conn, org, start, last)
    return Range(start, end, first, _from(conn, org, end, last) - 1)


def _from(conn: Connection, org: str, at: int, last: int) -> int:
    """The first id of that time or a later one; the one after `last` where none is."""
    query = select(journal.c.id).where(
        journal.c.org == org, journal.c.id <= last, journal.c.recorded_at >= at
    )
    number = conn.execute(query.order_by(journal.c.id).limit(1)).scalar()
    return last + 1 if number is None else number


def part(
    conn: Connection, org: str, wanted: Range, after: int, write: Callable[[Row], bytes]
) -> Part:
    """Rows with an id above `after` as `write` makes them, oldest first."""
    after = max(after, wanted.first - 1)
    upto = min(after + ROWS, wanted.last)
    within = (journal.c.org == org, journal.c.id > after, journal.c.id <= upto)
    short = select(*COLUMNS).where(*within, journal.c.kind != CONFIG)
    lines = {row.id: write(row) for row in (row_of(*columns) for columns in conn.execute(short))}
    long = select(journal.c.id).where(*within, journal.c.kind == CONFIG)
    for number in list(conn.execute(long).scalars()):
        one = select(*COLUMNS).where(journal.c.org == org, journal.c.id == number)
        lines[number] = write(row_of(*conn.execute(one).one()))
    return Part([lines[number] for number in sorted(lines)], upto, upto >= wanted.last)


COLUMNS = (
    journal.c.id,
    journal.c.kind,
    journal.c.at,
    journal.c.recorded_at,
    journal.c.actor,
    journal.c.data,
)


def row_of(number: int, kind: str, at: int, recorded_at: int, actor: str, data: bytes) -> Row:
    """Of `COLUMNS`."""
    return Row(number, kind, at, recorded_at, actor, bytes(data))
