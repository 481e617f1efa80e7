"""A hundred systems fail at once: grouped, on both engines."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from sqlalchemy import Connection, select

from collector.store import incidents
from collector.store.store import Store
from collector.store.tables import outbox
from probes.contract import Outcome
from tests.support.rounds import ORG, a_round
from tests.support.storm import EVERY, PARENT, hospital, minute, send, systems

UP, DOWN = Outcome.UP, Outcome.DOWN
COUNT, ALONE = 100, 10


def bodies(conn: Connection) -> list[tuple[str, dict[str, Any]]]:
    """(receiver, data) of every message, as they were written."""
    rows = conn.execute(select(outbox.c.receiver, outbox.c.body).order_by(outbox.c.created_at))
    return [(row.receiver, json.loads(row.body)["data"]) for row in rows]


async def test_a_storm_is_one_page_of_its_cause_that_grows(store: Store) -> None:
    names = systems(COUNT)
    first, rest = names[:60], names[60:]
    async with a_round(store, used=hospital(COUNT, ALONE)) as one:
        for number, outcome in enumerate((UP, DOWN, DOWN)):
            down = minute(first, number, outcome) + minute(rest, number, UP)[1:]
            await send(one, sorted(down, key=lambda r: r.t))
            await one.tick(EVERY)
        said = await store.read(bodies)
        # Each alone says itself, every second of them to the pager, too; all others are named.
        own = Counter(receiver for receiver, data in said if data["system"]["id"] != PARENT)
        assert own == {"desk": 10, "pager": 5}
        parents = [
            (r, d["step"], d["attached_count"]) for r, d in said if d["system"]["id"] == PARENT
        ]
        assert parents == [("desk", "opened", 50), ("pager", "opened", 50)]
        found = await store.read(incidents.read_incidents, ORG, is_open=True)
        assert Counter(row.incident.attached_to for row in found) == {None: 11, PARENT: 50}
        assert {row.incident.category for row in found if row.incident.system == PARENT} == {3}

        for number in (3, 4):
            await send(one, minute(names, number, DOWN))
            await one.tick(EVERY)
        more = (await store.read(bodies))[len(said) :]
        assert [(r, d["system"]["id"], d["step"], d["attached_count"]) for r, d in more] == [
            ("desk", PARENT, "gathered", 90),
            ("pager", PARENT, "gathered", 90),
        ]

        for number in (5, 6, 7):
            await send(one, minute(names, number, UP))
            await one.tick(EVERY)
        assert await store.read(incidents.read_incidents, ORG, is_open=True) == []
        over = (await store.read(bodies))[len(said) + len(more) :]
        ended = {d["system"]["id"] for _, d in over}
        assert ended == {PARENT, *names[:ALONE]}
        assert {d["step"] for _, d in over} == {"recovered", "resolved"}
