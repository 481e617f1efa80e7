"""A period under another config: asked, compared, forgotten. Nothing is recorded."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from collector.api.availability import instant_of
from collector.api.parts import PARTS, Parts, answer, only
from collector.api.problems import BadRequestError, problem
from collector.replay import Input
from collector.what_if import both, sources, what_if
from probes.config import Config
from probes.configfile import ConfigErrors, load_bytes
from probes.yamlfile import MAX_BYTES

YAML = "application/yaml"
RETRY_AFTER_S = 60
COMPARING: web.AppKey[asyncio.Lock] = web.AppKey("comparing", asyncio.Lock)
"""One comparison at a time: each folds a whole history twice."""


async def post_what_if(request: web.Request) -> web.Response:
    """`from` and `to` of the period; the body is the operator's file to try, as YAML."""
    only(request, "from", "to")
    parts = request.app[PARTS]
    start = instant_of(request, "from", parts.config)
    end = instant_of(request, "to", parts.config)
    if end <= start:
        raise BadRequestError("to", "a period ends after it starts")
    if request.content_type != YAML:
        return problem(415, "what_if.content_type")
    body = await request.read()
    if len(body) > MAX_BYTES:
        return problem(413, "what_if.too_large")
    lock = request.app[COMPARING]
    if lock.locked():
        return problem(429, "what_if.busy", retry_after_s=RETRY_AFTER_S)
    async with lock:
        try:
            new = await asyncio.to_thread(load_bytes, body, "")
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
        return answer(await _compared(parts, new, start, end))


async def _compared(parts: Parts, new: Config, start: int, end: int) -> dict[str, Any]:
    evaluator = parts.evaluator
    await evaluator.refold()
    recorded, now = evaluator.history, evaluator.now
    # An outage may have begun at any time before the period, under either config.
    results = await evaluator.evidence.between(sources(both(recorded, new)), 0, now)
    return await asyncio.to_thread(
        what_if, recorded, new, Input(results, ignored=0), start, end, now
    )
