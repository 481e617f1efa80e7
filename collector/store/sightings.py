"""Which states of a server each agent saw last, and which were told of a check: T2 alone writes it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, Delete, delete, select

from collector.journal import Fact
from collector.sightings import Place, Sighting, States, What, changes, facts
from collector.store.tables import sightings as table
from collector.store.upsert import replace_all

AT_ONCE = 500


def take(
    conn: Connection, org: str, seen: Sequence[Sighting], systems: Mapping[str, str]
) -> list[Fact]:
    """Take them in; the rows of the journal that follow. Taken in again they say nothing."""
    if not seen:
        return []
    known = read(conn, org, {one.check for one in seen})
    before = {place: dict(states) for place, states in known.items()}
    found = facts(changes(seen, known), systems)
    for place, states in sorted(before.items()):
        gone = sorted(states.keys() - known[place].keys())
        if gone:
            conn.execute(_of(org, place).where(table.c.state.in_(gone)))
    replace_all(
        conn,
        table,
        [
            {**place._asdict(), "org": org, "state": state, "at": at}
            for place, states in sorted(known.items())
            for state, at in sorted(states.items())
            if before.get(place, {}).get(state) != at
        ],
    )
    return found


def _of(org: str, place: Place) -> Delete:
    return delete(table).where(
        table.c.org == org,
        table.c.check == place.check,
        table.c.agent == place.agent,
        table.c.what == place.what.value,
    )


def read(conn: Connection, org: str, checks: Collection[str]) -> dict[Place, States]:
    out: dict[Place, States] = {}
    wanted = sorted(checks)
    for first in range(0, len(wanted), AT_ONCE):
        query = select(table).where(
            table.c.org == org, table.c.check.in_(wanted[first : first + AT_ONCE])
        )
        for row in conn.execute(query):
            place = Place(row.check, row.agent, What(row.what))
            out.setdefault(place, {})[row.state] = row.at
    return out
