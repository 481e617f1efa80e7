"""What the collector says of itself in a period: when it was away, how often it was published, and how
late the witnesses were. Claims, which no evidence proves.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from collector import away
from collector.store.log_tables import log_checkpoints as table
from collector.tlog.epochs import Log
from probes.spans import Interval, intersect, total, unite


@dataclass(frozen=True, slots=True)
class SelfMonitoring:
    """Of one period; `witness_lag_max_ms` is None without cosigned checkpoints."""

    away_ms: int
    checkpoints: int
    witness_lag_max_ms: int | None


def read(conn: Connection, org: str, epoch: int, start: int, end: int) -> SelfMonitoring:
    gone = unite(Interval(*one) for one in away.read_away(conn, org))
    span = (Interval(start, end),)
    published = select(func.count(), func.max(table.c.cosigned_at - table.c.signed_at)).where(
        table.c.org == org,
        table.c.log == Log.EVIDENCE.number,
        table.c.epoch == epoch,
        table.c.signed_at >= start,
        table.c.signed_at < end,
    )
    count, lag = conn.execute(published).one()
    return SelfMonitoring(total(intersect(gone, span)), count, None if lag is None else int(lag))
