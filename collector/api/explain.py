"""Why a system counts as it does at an instant."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, cast

from pydantic import Field
from typing_extensions import TypedDict

from alerts.events import State
from collector import journal, rulings
from collector.access.policy import Permission
from collector.api.availability import Range, interval
from collector.api.parts import Parts
from collector.api.problems import BadRequestError, DeniedError
from collector.api.reading import At
from collector.api.routes import Call, Nothing, get
from collector.api.shapes import Instant
from collector.core import periods
from collector.core.explain import explain
from collector.core.reach import reach
from collector.core.settled import Source
from collector.core.steps import Subject
from collector.core.truth import SystemTruth
from collector.explaining.document import document
from collector.journal import CONFIG, SYSTEM
from probes.config_words import Model
from probes.results import Result
from probes.spans import Interval


class Asked(Model):
    at: At
    from_: Annotated[At | None, Field(alias="from")] = None
    """Of the period; left out: the calendar month that holds `at`."""
    to: At | None = None


class Span(TypedDict):
    start: Instant
    end: Instant


class Step(TypedDict):
    """What one rule of the semantics made of what it saw; `sentence` says so in words."""

    rule: str
    reason: str
    subject: Subject
    verdict: str | None
    check: str | None
    agent: str | None
    site: str | None
    instants: list[Instant]
    start: Instant | None
    end: Instant | None
    facts: dict[str, Any]
    sentence: str


Explained = TypedDict(
    "Explained",
    {
        "system": str,
        "at": Instant,
        "now": Instant,
        "timezone": str,
        "period": Span,
        "state": State,
        "class": str,
        "column": str,
        "steps": list[Step],
    },
)


async def explain_system(call: Call[Asked, Nothing]) -> Explained:
    """Why a system counts as it does at an instant, rule by rule."""
    parts, asked = call.parts, call.query
    at = parts.config.ms(asked.at)
    period = _period(asked, parts, at)
    evaluator = parts.evaluator
    await evaluator.refold()
    folded = evaluator.folded.get(call.path["id"])
    if folded is None:
        raise DeniedError(404, "api.unknown_system")
    return cast("Explained", await _told(parts, folded.truth, at, period))


def _period(asked: Asked, parts: Parts, at: int) -> Interval:
    if asked.from_ is None and asked.to is None:
        try:
            return periods.month(at, parts.config.organization.zone)
        except (ValueError, OverflowError):
            raise BadRequestError("at", "write an instant of the years 1 to 9998") from None
    if asked.from_ is None or asked.to is None:
        raise BadRequestError("from" if asked.from_ is None else "to", "write a date and a time")
    return interval(Range.model_construct(from_=asked.from_, to=asked.to), parts.config)


async def _told(parts: Parts, truth: SystemTruth, at: int, period: Interval) -> dict[str, Any]:
    rows = await parts.store.read(journal.rows, parts.org, kind=CONFIG)
    recorded_by = {row.recorded_at: row.actor for row in rows if row.actor != SYSTEM}
    results: dict[Source, list[Result]] = {}
    for source, range_ in reach(truth, at).items():
        results |= await parts.evaluator.evidence.between([source], range_.start, range_.end)
    ruled = await parts.store.read(rulings.read, parts.org)
    found = await asyncio.to_thread(explain, truth, results, at, period, recorded_by, ruled)
    return document(found)


ROUTES = (
    get(
        "/api/v1/systems/{id}/explain",
        Permission.AVAILABILITY_READ,
        explain_system,
        Explained,
        Asked,
    ),
)
