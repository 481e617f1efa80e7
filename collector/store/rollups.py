"""Rollup rows: a projection of the batches, five minutes of one (check, agent) each.

The lease holder writes them with what it folds; one is always replaced whole, so folding again
changes nothing. An hour's are one row, and a (check, agent) is a number: there are many.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, tuple_

from collector.core.rollup import HOUR_MS, Rollup, decode, encode, put
from collector.core.settled import Source
from collector.core.tally import BUCKET_MS
from collector.store.tables import rollups, sources
from collector.store.upsert import count_up, insert_if_absent, replace_all

AT_ONCE = 400
"""Keys in one question: engines have a limit."""
Key = tuple[int, int]
"""(number of the source, hour)."""


@dataclass(frozen=True, slots=True)
class RollupRow:
    """`bucket` is the start of the five minutes, UTC milliseconds."""

    check: str
    agent: str
    bucket: int
    rollup: Rollup


def write(conn: Connection, org: str, rows: Iterable[RollupRow]) -> None:
    """Insert or replace these rows; of two for the same bucket the later stands."""
    rows = list(rows)
    numbers = _numbers(conn, org, sorted({(r.check, r.agent) for r in rows}))
    fresh: dict[Key, dict[int, Rollup]] = {}
    for r in rows:
        hour, rest = divmod(r.bucket, HOUR_MS)
        fresh.setdefault((numbers[r.check, r.agent], hour), {})[rest // BUCKET_MS] = r.rollup
    known = _read(conn, org, sorted(fresh))
    # Every writer locks rows in the same order.
    replace_all(
        conn,
        rollups,
        [
            {
                "org": org,
                "source": source,
                "hour": hour,
                "data": encode(found) if before is None else put(before, found),
            }
            for (source, hour), found in sorted(fresh.items())
            for before in [known.get((source, hour))]
        ],
    )


def read(
    conn: Connection, org: str, checks: Collection[str], start: int, end: int
) -> list[RollupRow]:
    """Rows of these checks whose bucket starts in `[start, end)`, by check, agent and bucket.

    ValueError for a row of a format that this program does not know.
    """
    found = conn.execute(
        select(sources.c.check, sources.c.agent, rollups.c.hour, rollups.c.data)
        .join(rollups, (rollups.c.org == sources.c.org) & (rollups.c.source == sources.c.number))
        .where(
            sources.c.org == org,
            sources.c.check.in_(sorted(checks)),
            rollups.c.hour >= start // HOUR_MS,
            rollups.c.hour <= end // HOUR_MS,
        )
        .order_by(sources.c.check, sources.c.agent, rollups.c.hour)
    )
    return [
        RollupRow(r.check, r.agent, bucket, one)
        for r in found
        for place, one in sorted(decode(bytes(r.data)).items())
        if start <= (bucket := r.hour * HOUR_MS + place * BUCKET_MS) < end
    ]


def _read(conn: Connection, org: str, keys: Sequence[Key]) -> dict[Key, bytes]:
    by_hour: dict[int, list[int]] = {}
    for source, hour in keys:
        by_hour.setdefault(hour, []).append(source)
    found: dict[Key, bytes] = {}
    for hour, numbers in by_hour.items():
        for n in range(0, len(numbers), AT_ONCE):
            rows = conn.execute(
                select(rollups.c.source, rollups.c.data).where(
                    rollups.c.org == org,
                    rollups.c.source.in_(numbers[n : n + AT_ONCE]),
                    rollups.c.hour == hour,
                )
            )
            found |= {(source, hour): bytes(data) for source, data in rows}
    return found


def _numbers(conn: Connection, org: str, wanted: Sequence[Source]) -> dict[Source, int]:
    """The numbers of (check, agent)s; who has none gets one."""
    found = _known(conn, org, wanted)
    fresh = [source for source in wanted if source not in found]
    if not fresh:
        return found
    last = count_up(conn, org, "source", len(fresh))
    # Whoever else numbers some has waited for the counter, or we have.
    found |= _known(conn, org, fresh)
    made = {source: last - n for n, source in enumerate(fresh) if source not in found}
    rows = [
        {"org": org, "check": check, "agent": agent, "number": number}
        for (check, agent), number in made.items()
    ]
    insert_if_absent(conn, sources, *rows)
    return found | made


def _known(conn: Connection, org: str, wanted: Sequence[Source]) -> dict[Source, int]:
    """`wanted` is sorted. Of many all from the first to the last are read: that is quicker than to
    ask for each.
    """
    if not wanted:
        return {}
    asked = select(sources.c.check, sources.c.agent, sources.c.number).where(sources.c.org == org)
    if len(wanted) > AT_ONCE:
        some = sources.c.check.between(wanted[0][0], wanted[-1][0])
    else:
        some = tuple_(sources.c.check, sources.c.agent).in_(wanted)
    found = {(check, agent): number for check, agent, number in conn.execute(asked.where(some))}
    return {source: found[source] for source in wanted if source in found}
