"""What is in force: config versions, and what people did beside them, read from the journal.

A version is recorded when a file is loaded, and in force from then on. Proposals, approvals and
cancellations written in the file come with the version that has them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from sqlalchemy import Connection

from collector import acts, contactchanges, journal
from collector.journal import CONFIG, Fact, Row
from collector.store import incidents
from probes.config import Config
from probes.configfile import parse_canonical
from probes.history import History, Version

KINDS = (CONFIG, *acts.KINDS)
"""Kinds of journal rows that make the history."""


def record(conn: Connection, org: str, canonical: bytes, now: int) -> bool:
    """Append a config's canonical bytes unless they are the latest version already; with them,
    which contacts have changed since the one before.
    """
    journal.hold(conn, org)
    known = journal.rows(conn, org, kind=KINDS)
    versions = [row for row in known if row.kind == CONFIG]
    if versions and versions[-1].data == canonical:
        return False
    at = _following(conn, org, known, now)
    (number,) = _append(conn, org, [Fact(CONFIG, at, canonical)], at)
    if versions:
        before, after = parsed(versions[-1].data), parsed(canonical)
        contactchanges.record(conn, org, before, after, number, at)
    return True


def in_force(conn: Connection, org: str, canonical: bytes) -> bool:
    """Are these the canonical bytes of the latest version?"""
    known = journal.rows(conn, org, kind=CONFIG)
    return bool(known) and known[-1].data == canonical


def act(
    conn: Connection,
    org: str,
    decide: Callable[[History, int], Sequence[Fact]],
    clock: Callable[[], int],
) -> History:
    """Record what `decide` makes of the history and the instant; the history with it.

    One transaction: others who act wait for it, and `clock` (UTC ms) is read when the wait is
    over, for nothing is recorded earlier. What `decide` raises leaves nothing behind.
    """
    journal.hold(conn, org)
    known = journal.rows(conn, org, kind=KINDS)
    at = _following(conn, org, known, clock())
    facts = decide(history(known), at)
    _append(conn, org, facts, at)
    return history(journal.rows(conn, org, kind=KINDS))


def history(rows: Sequence[Row]) -> History:
    """Versions and acts as recorded; at least one row of a version is needed."""
    return History(
        (Version(row.recorded_at, parsed(row.data), row.id) for row in rows if row.kind == CONFIG),
        acts.window_acts(rows),
        acts.corrections(rows),
        acts.overrides(rows),
    )


def _append(conn: Connection, org: str, facts: Sequence[Fact], at: int) -> range:
    same = [Fact(f.kind, max(f.at, at), f.data, f.actor) for f in facts]
    return journal.append(conn, org, same, at)


def _following(conn: Connection, org: str, known: Sequence[Row], now: int) -> int:
    """After all that is recorded, and not before anything that is said by a host whose clock was
    ahead: what was judged is not judged anew by a file that nobody had loaded.
    """
    last = known[-1].recorded_at if known else None
    return max(journal.following(last, now), incidents.said_at(conn, org))


@lru_cache(maxsize=64)
def parsed(data: bytes) -> Config:
    """What canonical bytes say: one value for all who ask, a large config is some MiB."""
    return parse_canonical(data)
