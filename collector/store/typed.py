"""What people typed, apart from everything else: it may be about a patient, whatever we ask for.

The journal's row of the same id holds the SHA-256 of salt and text, so that a text can be proved
and, being salted, not guessed.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, Column, Connection, LargeBinary, Table, Text, select

from collector.store.tables import incident_events, metadata

typed = Table(
    "typed",
    metadata,
    Column("org", Text, primary_key=True),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("salt", LargeBinary, nullable=False),
    Column("text", Text, nullable=False),
)
"""`id`: of the journal's row."""


def add(conn: Connection, org: str, number: int, salt: bytes, text: str) -> None:
    conn.execute(typed.insert().values(org=org, id=number, salt=salt, text=text))


def read(conn: Connection, org: str, key: str, after: int, limit: int) -> dict[int, str]:
    """Texts about one incident by journal id, in its order: `limit` at most, of ids above `after`."""
    query = (
        select(typed.c.id, typed.c.text)
        .join(
            incident_events,
            (incident_events.c.org == typed.c.org) & (incident_events.c.id == typed.c.id),
        )
        .where(typed.c.org == org, incident_events.c.key == key, typed.c.id > after)
        .order_by(typed.c.id)
        .limit(limit)
    )
    return {row.id: row.text for row in conn.execute(query)}


def salts(conn: Connection, org: str, numbers: Iterable[int]) -> dict[int, bytes]:
    """To prove the texts of these journal ids."""
    query = select(typed.c.id, typed.c.salt).where(
        typed.c.org == org, typed.c.id.in_(list(numbers))
    )
    return {row.id: bytes(row.salt) for row in conn.execute(query)}
