"""Rollup rows: a projection of the batches, five minutes of one (check, agent) each.

The lease holder writes them with what it folds; a row is always replaced whole, so folding again
changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from collector.core.rollup import Rollup, decode, encode
from collector.store.tables import rollups
from collector.store.upsert import replace_all


@dataclass(frozen=True, slots=True)
class RollupRow:
    """`bucket` is the start of the five minutes, UTC milliseconds."""

    check: str
    agent: str
    bucket: int
    rollup: Rollup


def write(conn: Connection, org: str, rows: Iterable[RollupRow]) -> None:
    """Insert or replace these rows; of two for the same bucket the later stands."""
    values = {
        (r.check, r.agent, r.bucket): {
            "org": org,
            "check": r.check,
            "agent": r.agent,
            "bucket": r.bucket,
            "data": encode(r.rollup),
        }
        for r in rows
    }
    # Every writer locks rows in the same order.
    replace_all(conn, rollups, [values[key] for key in sorted(values)])


def read(
    conn: Connection, org: str, checks: Collection[str], start: int, end: int
) -> list[RollupRow]:
    """Rows of these checks whose bucket starts in `[start, end)`, by check, agent and bucket.

    ValueError for a row of a format that this program does not know.
    """
    found = conn.execute(
        select(rollups)
        .where(
            rollups.c.org == org,
            rollups.c.check.in_(sorted(checks)),
            rollups.c.bucket >= start,
            rollups.c.bucket < end,
        )
        .order_by(rollups.c.check, rollups.c.agent, rollups.c.bucket)
    )
    return [RollupRow(r.check, r.agent, r.bucket, decode(bytes(r.data))) for r in found]
