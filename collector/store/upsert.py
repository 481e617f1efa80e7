"""The statements the two engines spell alike but SQLAlchemy keeps apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from collector.store.tables import counters


def insert_if_absent(conn: Connection, table: Table, *rows: dict[str, Any]) -> None:
    """Insert each row unless its primary key is taken, by whomever."""
    if not rows:
        return
    insert = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    conn.execute(insert(table).on_conflict_do_nothing(), list(rows))


def count_up(conn: Connection, org: str, name: str, by: int) -> int:
    """Add to a counter and return its new value; others wait for our commit to do the same."""
    insert = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    statement = (
        insert(counters)
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
    insert = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    statement = insert(table)
    keys = list(table.primary_key.columns)
    values = {c.name: statement.excluded[c.name] for c in table.columns if not c.primary_key}
    conn.execute(statement.on_conflict_do_update(index_elements=keys, set_=values), list(rows))
