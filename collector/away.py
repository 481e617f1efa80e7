"""When no collector was there: recorded by whoever leads next, so that silence is blamed on nobody."""

from __future__ import annotations

import json
from collections.abc import Callable

from sqlalchemy import Connection

from collector import journal
from collector.facts import AWAY
from collector.journal import Fact, canonical


def record(conn: Connection, org: str, since: int, clock: Callable[[], int]) -> None:
    """From `since` (UTC ms) to now."""
    journal.hold(conn, org)
    at = journal.following(journal.last_recorded(conn, org), clock())
    data = canonical({"from": since, "to": at})
    journal.append(conn, org, [Fact(AWAY, at, data, journal.SYSTEM)], at)


def read_away(conn: Connection, org: str) -> list[tuple[int, int]]:
    """All there were (start, end), in order."""
    found = (json.loads(row.data) for row in journal.rows(conn, org, kind=AWAY))
    return [(one["from"], one["to"]) for one in found]
