"""What an act with an Idempotency-Key answered, kept for a day."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from collector.store.access_tables import idempotency

KEPT_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Answered:
    """`request`: SHA-256 of what was asked; `body`: the JSON that was answered."""

    request: str
    status: int
    body: bytes


def find(conn: Connection, org: str, actor: str, key: str, now: int) -> Answered | None:
    row = conn.execute(
        select(idempotency.c.request, idempotency.c.status, idempotency.c.body).where(
            idempotency.c.org == org,
            idempotency.c.actor == actor,
            idempotency.c.key == key,
            idempotency.c.at > now - KEPT_MS,
        )
    ).one_or_none()
    return None if row is None else Answered(row.request, row.status, bytes(row.body))


def keep(conn: Connection, org: str, actor: str, key: str, answered: Answered, now: int) -> None:
    """Also forgets what is a day old, whoever's it was."""
    conn.execute(
        delete(idempotency).where(idempotency.c.org == org, idempotency.c.at <= now - KEPT_MS)
    )
    conn.execute(
        idempotency.insert().values(
            org=org,
            actor=actor,
            key=key,
            request=answered.request,
            status=answered.status,
            body=answered.body,
            at=now,
        )
    )
