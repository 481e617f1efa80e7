"""Outages before exclusions, each with its own uncertainty."""

from __future__ import annotations

from collections.abc import Mapping

from typing_extensions import TypedDict

from collector.access.policy import Permission
from collector.api.availability import Range, interval
from collector.api.cursors import Paged, cursor, place
from collector.api.parts import instant, stamp
from collector.api.problems import BadRequestError
from collector.api.reading import Word
from collector.api.routes import Call, Nothing, get
from collector.api.shapes import Instant, Outage
from collector.core import outages
from collector.core.truth import SystemTruth
from probes.spans import Interval


class Asked(Range, Paged):
    system: Word | None = None
    """Left out: all of them."""


class OutageOf(Outage):
    system: str


class OutagesFound(TypedDict):
    now: Instant
    outages: list[OutageOf]
    next: str | None


async def list_outages(call: Call[Asked, Nothing]) -> OutagesFound:
    """Outages that overlap a range, with their true instants, by start and system."""
    asked, parts = call.query, call.parts
    wanted = interval(asked, parts.config)
    after = place(asked.cursor, int, str)
    if asked.system is not None and asked.system not in parts.evaluator.folded:
        raise BadRequestError("system", "no system of this id in any config so far")
    truths = await parts.numbers.truths()
    now = max((truth.now for truth in truths.values()), default=parts.now())
    if asked.system is not None:
        truths = {asked.system: truths[asked.system]}
    found = _overlapping(truths, wanted)
    rest = [one for one in found if after is None or one[:2] > (int(after[0]), str(after[1]))]
    told = rest[: asked.limit]
    return {
        "now": stamp(now),
        "outages": [
            {
                "system": system,
                "start": stamp(start),
                "end": instant(one.end),
                "min_ms": one.min_ms,
                "max_ms": one.max_ms,
            }
            for start, system, one in told
        ],
        "next": cursor(told[-1][:2]) if len(rest) > len(told) else None,
    }


def _overlapping(
    truths: Mapping[str, SystemTruth], wanted: Interval
) -> list[tuple[int, str, outages.Outage]]:
    """By start and system; no system has two outages that start at once."""
    found = [
        (one.start, name, one)
        for name, truth in truths.items()
        for one in truth.outages
        if one.start < wanted.end and (one.end is None or one.end > wanted.start)
    ]
    return sorted(found, key=lambda one: one[:2])


ROUTES = (get("/api/v1/outages", Permission.AVAILABILITY_READ, list_outages, OutagesFound, Asked),)
