"""Config versions: recorded in the journal when a file is loaded, in force from then on.

The YAML owns windows, so proposals, approvals and cancellations come with the version that has
them, and are recorded when it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from collector import journal
from collector.journal import CONFIG, Fact, Row
from probes.configfile import parse_canonical
from probes.history import History, Version


def record(conn: Connection, org: str, canonical: bytes, now: int) -> bool:
    """Append a config's canonical bytes unless they are the latest version already."""
    known = journal.rows(conn, org, kind=CONFIG)
    if known and known[-1].data == canonical:
        return False
    # Versions are ordered by their instants, so a host clock set back must not reorder them.
    at = max(now, known[-1].recorded_at + 1) if known else now
    journal.append(conn, org, [Fact(CONFIG, at, canonical)], at)
    return True


def history(rows: Sequence[Row]) -> History:
    """The versions as recorded; at least one row is needed."""
    return History(Version(row.recorded_at, parse_canonical(row.data)) for row in rows)
