"""Drills: exercises that were planned, and how they went. A person records them; nothing is measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection

from collector import journal
from collector.facts import Fact, canonical

KIND = "drill.recorded"


class DrillKind(StrEnum):
    RESTORE = "restore"
    """Something was restored from a backup."""
    FAILOVER = "failover"
    """A standby took over."""
    DOWNTIME = "downtime"
    """Work went on without the system, by the downtime procedures."""
    TABLETOP = "tabletop"
    """An incident was played through in words."""


class DrillOutcome(StrEnum):
    PASSED = "passed"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Drill:
    """`held_at`: UTC ms, not in the future; `ref` names the document that says more."""

    kind: DrillKind
    systems: Sequence[str]
    held_at: int
    outcome: DrillOutcome
    ref: str
    by: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """`row`: its id in the journal."""

    row: int
    recorded_at: int


class NotHeldError(Exception):
    """It is still to be held."""


def record(conn: Connection, org: str, drill: Drill, clock: Callable[[], int]) -> Recorded:
    """One row. NotHeldError for a drill of the future; `clock` (UTC ms) is read when others who act
    are done.
    """
    journal.hold(conn, org)
    now = journal.following(journal.last_recorded(conn, org), clock())
    if drill.held_at > now:
        raise NotHeldError
    data = {
        "drill": drill.kind.value,
        "systems": sorted(set(drill.systems)),
        "held_at": drill.held_at,
        "outcome": drill.outcome.value,
        "ref": drill.ref,
    }
    (row,) = journal.append(conn, org, [Fact(KIND, now, canonical(data), drill.by)], now)
    return Recorded(row, now)
