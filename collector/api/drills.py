"""Drills that were held: recorded by whoever plans maintenance, read by auditors in the audit pack."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from sqlalchemy import Connection
from typing_extensions import TypedDict

from collector import journal
from collector.access.policy import Permission
from collector.api.once import once
from collector.api.parts import stamp
from collector.api.problems import InvalidError
from collector.api.routes import Call, Nothing, post
from collector.api.shapes import Instant
from collector.core import drills
from collector.core.drills import Drill, DrillKind, DrillOutcome, NotHeldError
from probes.config_words import Id, Model, Ref
from probes.config_words import Instant as WrittenInstant
from probes.yamlfile import Problem

MOST = 100
"""Systems of one drill."""


class DrillHeld(Model):
    """A time without offset is in the organization's zone, and has passed."""

    kind: DrillKind
    systems: Annotated[list[Id], Field(min_length=1, max_length=MOST)]
    at: WrittenInstant
    outcome: DrillOutcome
    ref: Ref


class DrillShown(TypedDict):
    """`row`: the id of its row in the journal."""

    row: int
    recorded_at: Instant
    kind: DrillKind
    systems: list[str]
    at: Instant
    outcome: DrillOutcome
    ref: str
    by: str


async def record_drill(call: Call[Nothing, DrillHeld]) -> DrillShown:
    """Record a drill that was held: which systems, what kind, when, and how it went."""
    said, parts = call.body, call.parts
    await parts.evaluator.refold()
    history = parts.evaluator.history
    known = {system for version in history.versions for system in version.config.systems}
    unknown = [n for n, system in enumerate(said.systems) if system not in known]
    if unknown:
        told = "no system of this id in any config version"
        raise InvalidError([Problem("", 1, f"systems.{n}", told) for n in unknown])
    drill = Drill(
        said.kind,
        sorted(set(said.systems)),
        history.latest.ms(said.at),
        said.outcome,
        said.ref,
        call.who.account,
    )

    def work(conn: Connection) -> DrillShown:
        now = journal.following(journal.last_recorded(conn, parts.org), parts.now())
        (row,) = journal.append(conn, parts.org, [drills.fact_of(drill, now)], now)
        return {
            "row": row,
            "recorded_at": stamp(now),
            "kind": drill.kind,
            "systems": list(drill.systems),
            "at": stamp(drill.held_at),
            "outcome": drill.outcome,
            "ref": drill.ref,
            "by": drill.by,
        }

    try:
        return await once(call, work)
    except NotHeldError:
        raise InvalidError([Problem("", 1, "at", "it must be over")]) from None


ROUTES = (
    post("/api/v1/drills", Permission.MAINTENANCE_PROPOSE, record_drill, DrillShown, DrillHeld),
)
