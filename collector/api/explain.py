"""Why a system counts as it does at an instant."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from collector import journal
from collector.api.availability import instant_of
from collector.api.parts import PARTS, Parts, answer, only
from collector.api.problems import BadRequestError, problem
from collector.core import periods
from collector.core.explain import explain
from collector.core.reach import reach
from collector.core.settled import Source
from collector.core.truth import SystemTruth
from collector.explaining.document import document
from collector.journal import CONFIG, SYSTEM
from probes.results import Result
from probes.spans import Interval


async def get_explanation(request: web.Request) -> web.Response:
    """`at`, and `from` and `to` of the period; left out: the calendar month that holds `at`."""
    only(request, "at", "from", "to")
    parts = request.app[PARTS]
    at = instant_of(request, "at", parts.config)
    period = _period(request, parts, at)
    evaluator = parts.evaluator
    await evaluator.refold()
    folded = evaluator.folded.get(request.match_info["id"])
    if folded is None:
        return problem(404, "api.unknown_system")
    return answer(await _told(parts, folded.truth, at, period))


def _period(request: web.Request, parts: Parts, at: int) -> Interval:
    if "from" not in request.query and "to" not in request.query:
        try:
            return periods.month(at, parts.config.organization.zone)
        except (ValueError, OverflowError):
            raise BadRequestError("at", "write an instant of the years 1 to 9998") from None
    start = instant_of(request, "from", parts.config)
    end = instant_of(request, "to", parts.config)
    if end <= start:
        raise BadRequestError("to", "a period ends after it starts")
    return Interval(start, end)


async def _told(parts: Parts, truth: SystemTruth, at: int, period: Interval) -> dict[str, Any]:
    rows = await parts.store.read(journal.rows, parts.org, kind=CONFIG)
    recorded_by = {row.recorded_at: row.actor for row in rows if row.actor != SYSTEM}
    results: dict[Source, list[Result]] = {}
    for source, range_ in reach(truth, at).items():
        results |= await parts.evaluator.evidence.between([source], range_.start, range_.end)
    found = await asyncio.to_thread(explain, truth, results, at, period, recorded_by)
    return document(found)
