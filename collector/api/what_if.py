"""A period under another config: asked, compared, forgotten. Nothing is recorded."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from aiohttp import web
from typing_extensions import TypedDict

from alerts.events import Cause, Family, Priority
from collector.access.policy import Permission
from collector.api.answers import document
from collector.api.availability import Range, interval
from collector.api.availability_shapes import Formula, Verdict
from collector.api.parts import Parts
from collector.api.problems import problem
from collector.api.routes import Call, Nothing, Stream
from collector.api.shapes import Instant, Outage, Percent, Period
from collector.replay import Input
from collector.what_if import both, sources, what_if
from probes.config import Config
from probes.configfile import ConfigErrors, load_bytes
from probes.spans import Interval
from probes.yamlfile import MAX_BYTES

YAML = "application/yaml"
RETRY_AFTER_S = 60
COMPARING: web.AppKey[asyncio.Lock] = web.AppKey("comparing", asyncio.Lock)
"""One comparison at a time: each folds a whole history twice."""


class Milliseconds(TypedDict):
    eligible_ms: int
    up_ms: int
    degraded_ms: int
    down_ms: int
    unknown_ms: int
    excluded_ms: int
    not_monitored_ms: int


class Judged(Milliseconds):
    known: Percent
    min: Percent
    max: Percent
    formula: Formula
    target: str | None
    verdict: Verdict | None
    minimum: str | None
    minimum_verdict: Verdict | None


class ChangedOutage(TypedDict):
    before: Outage
    after: Outage
    fields: list[str]


class Outages(TypedDict):
    gone: list[Outage]
    new: list[Outage]
    changed: list[ChangedOutage]


class ComparedSystem(TypedDict):
    """A side is null where the config of that side has no such system."""

    before: Judged | None
    after: Judged | None
    change: Milliseconds | None
    outages: Outages


class JudgedIncident(TypedDict):
    system: str
    family: Family
    causes: list[Cause]
    sites: list[str]
    category: int
    priority: Priority
    started_at: Instant
    detected_at: Instant
    recovered_at: Instant | None
    attached_to: str | None
    quiet: bool
    reopened: int
    flapping: bool


class ChangedIncident(TypedDict):
    before: JudgedIncident
    after: JudgedIncident
    fields: list[str]


class JudgedIncidents(TypedDict):
    gone: list[JudgedIncident]
    new: list[JudgedIncident]
    changed: list[ChangedIncident]


class Compared(TypedDict):
    period: Period
    approval_basis: Literal["claimed"]
    systems: dict[str, ComparedSystem]
    incidents: JudgedIncidents


async def compare_config(call: Call[Range, Nothing]) -> web.StreamResponse:
    """A period under the recorded versions and under the file that is sent."""
    request, parts = call.request, call.parts
    span = interval(call.query, parts.config)
    if request.content_type != YAML:
        return problem(415, "what_if.content_type")
    lock = request.app[COMPARING]
    if lock.locked():
        return problem(429, "what_if.busy", retry_after_s=RETRY_AFTER_S)
    async with lock:
        try:
            new = await asyncio.to_thread(load_bytes, call.raw, "")
        except ConfigErrors as error:
            return problem(
                400,
                "what_if.config",
                problems=[
                    {"line": p.line, "path": p.path, "message": p.message} for p in error.problems
                ],
            )
        if new.organization.id != parts.org:
            return problem(400, "what_if.organization")
        return document(request, 200, await _compared(parts, new, span))


async def _compared(parts: Parts, new: Config, span: Interval) -> dict[str, Any]:
    evaluator = parts.evaluator
    await evaluator.refold()
    recorded, now = evaluator.history, evaluator.now
    # An outage may have begun at any time before the period, under either config.
    results = await evaluator.evidence.between(sources(both(recorded, new)), 0, now)
    return await asyncio.to_thread(
        what_if, recorded, new, Input(results, ignored=0), span.start, span.end, now
    )


ROUTES = (
    Stream(
        "POST",
        "/api/v1/what-if",
        Permission.WHAT_IF_RUN,
        compare_config,
        "application/json",
        Range,
        takes=YAML,
        answers=Compared,
        largest=MAX_BYTES,
    ),
)
