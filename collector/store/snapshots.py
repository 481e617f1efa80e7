"""What is settled of each system, once a day and lately, and the batches it is made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select

from collector.store import ranges
from collector.store.ledger import Chain
from collector.store.ranges import Ranges
from collector.store.tables import snapshot_cursors, snapshots

DAY_MS = 86_400_000
KEPT_DAYS = 45


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Of one system; it takes in any result from `edge` on."""

    system: str
    edge: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Those of one UTC day (counted from 1970), all made of the same batches.

    `last` is what these say last, in the words of whoever wrote it.
    """

    day: int
    folded: Mapping[Chain, Ranges]
    last: str
    systems: tuple[Snapshot, ...]


def write(conn: Connection, org: str, form: int, made: Snapshots) -> None:
    """Replace those of a day, and drop those of long ago. `form`: the format of the bytes."""
    day = made.day
    for table in (snapshots, snapshot_cursors):
        conn.execute(
            delete(table).where(
                table.c.org == org, (table.c.day == day) | (table.c.day < day - KEPT_DAYS)
            )
        )
    rows = [
        {"org": org, "day": day, "system": s.system, "edge": s.edge, "data": s.data}
        for s in made.systems
    ]
    if rows:
        conn.execute(snapshots.insert(), rows)
    text = json.dumps(
        [[agent, epoch, ranges.dump(done)] for (agent, epoch), done in sorted(made.folded.items())]
    )
    conn.execute(
        snapshot_cursors.insert().values(org=org, day=day, format=form, folded=text, last=made.last)
    )


def read_latest(conn: Connection, org: str, form: int) -> Snapshots | None:
    """The newest of this format, of every system."""
    day = conn.execute(
        select(func.max(snapshot_cursors.c.day)).where(
            snapshot_cursors.c.org == org, snapshot_cursors.c.format == form
        )
    ).scalar()
    return None if day is None else _read(conn, org, day, None)


def read_before(
    conn: Connection, org: str, form: int, wanted: Mapping[str, int]
) -> Snapshots | None:
    """The newest of this format in which every wanted system takes in its instant."""
    days = conn.execute(
        select(snapshot_cursors.c.day)
        .where(snapshot_cursors.c.org == org, snapshot_cursors.c.format == form)
        .order_by(snapshot_cursors.c.day.desc())
    ).scalars()
    for day in list(days):
        edges = conn.execute(
            select(snapshots.c.system, snapshots.c.edge).where(
                snapshots.c.org == org, snapshots.c.day == day
            )
        ).all()
        here = {row.system: row.edge for row in edges}
        if all(system in here and here[system] <= t for system, t in wanted.items()):
            return _read(conn, org, day, set(wanted))
    return None


def _read(conn: Connection, org: str, day: int, wanted: set[str] | None) -> Snapshots:
    cursor = conn.execute(
        select(snapshot_cursors).where(snapshot_cursors.c.org == org, snapshot_cursors.c.day == day)
    ).one()
    query = select(snapshots).where(snapshots.c.org == org, snapshots.c.day == day)
    if wanted is not None:
        query = query.where(snapshots.c.system.in_(wanted))
    return Snapshots(
        day,
        {(agent, epoch): ranges.load(done) for agent, epoch, done in json.loads(cursor.folded)},
        cursor.last,
        tuple(Snapshot(r.system, r.edge, bytes(r.data)) for r in conn.execute(query)),
    )
