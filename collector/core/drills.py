"""Drills: exercises that were planned, and how they went. A person says so; nothing is measured. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

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
    """`held_at`: UTC ms; `ref` names the document that says more, `by` who recorded it."""

    kind: DrillKind
    systems: Sequence[str]
    held_at: int
    outcome: DrillOutcome
    ref: str
    by: str


class NotHeldError(Exception):
    """It is still to be held."""


def fact_of(drill: Drill, now: int) -> Fact:
    """The row to record at `now`; NotHeldError for a drill of the future."""
    if drill.held_at > now:
        raise NotHeldError
    data = {
        "drill": drill.kind.value,
        "systems": sorted(set(drill.systems)),
        "held_at": drill.held_at,
        "outcome": drill.outcome.value,
        "ref": drill.ref,
    }
    return Fact(KIND, now, canonical(data), drill.by)
