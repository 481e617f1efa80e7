"""The statements the two engines spell alike but SQLAlchemy keeps apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import sqlite

from collector.store.tables import counters

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql


def insert_if_absent(conn: Connection, table: Table, *rows: dict[str, Any]) -> None:
    """Insert each row unless its primary key is taken, by whomever."""
    if not rows:
        return
    conn.execute(_insert(conn, table).on_conflict_do_nothing(), list(rows))


def count_up(conn: Connection, org: str, name: str, by: int) -> int:
    """Add to a counter and return its new value; others wait for our commit to do the same."""
    statement = (
        _insert(conn, counters)
        .values(org=org, name=name, value=by)
        .on_conflict_do_update(
            index_elements=["org", "name"], set_={"value": counters.c.value + by}
        )
        .returning(counters.c.value)
    )
    return int(conn.execute(statement).scalar_one())


def replace_all(conn: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, or give those whose primary key is taken the new values of all columns."""
    if not rows:
        return
    statement = _insert(conn, table)
    keys = list(table.primary_key.columns)
    values = {c.name: statement.excluded[c.name] for c in table.columns if not c.primary_key}
    conn.execute(statement.on_conflict_do_update(index_elements=keys, set_=values), list(rows))


def _insert(conn: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    if conn.dialect.name == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - 3 MiB that SQLite has no use for

    return postgresql.insert(table)
