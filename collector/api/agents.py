"""What agents send, and what is known of them."""

from __future__ import annotations

import asyncio

from aiohttp import web
from typing_extensions import TypedDict

from collector.access.policy import Permission
from collector.api.bodies import read_bounded
from collector.api.cursors import Paged, part
from collector.api.parts import Parts, stamp
from collector.api.routes import Call, Nothing, Public, Stream, get
from collector.api.shapes import Instant
from collector.ingest import RefusedError
from probes.config import Agent as Defined

BATCH = "application/vnd.wardwatch.batch"
LARGEST_BATCH = 4 * 1024 * 1024
"""Bytes of one upload; a batch of 1 000 results is a few ten thousand."""
AT_ONCE = 128
"""Uploads that may be arriving: what strangers can make us hold stays below half a gigabyte."""
UPLOADS: web.AppKey[asyncio.Semaphore] = web.AppKey("uploads", asyncio.Semaphore)
UPLOAD_S = 60.0
"""How long one upload may take to arrive."""


class LastBatch(TypedDict):
    """The clock's offset and error are the agent's own measurement."""

    epoch: str
    seq: int
    received_at: Instant
    clock_offset_ms: int
    clock_error_ms: int


class Agent(TypedDict):
    id: str
    site: str
    key_pinned: bool
    last_batch: LastBatch | None


class Agents(TypedDict):
    as_of: Instant
    agents: list[Agent]
    next: str | None


async def post_batch(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Store one signed batch; 200 only once it is durable."""
    parts, request = call.parts, call.request
    if request.content_type != BATCH:
        parts.metrics.refused.labels("batch.content_type").inc()
        raise RefusedError(415, "batch.content_type")
    uploads = request.app[UPLOADS]
    if uploads.locked():
        parts.metrics.refused.labels("ingest.busy").inc()
        raise RefusedError(503, "ingest.busy", retry=True)
    async with uploads:
        try:
            data = await read_bounded(request, LARGEST_BATCH, UPLOAD_S)
        except web.HTTPRequestEntityTooLarge:
            parts.metrics.refused.labels("batch.too_large").inc()
            raise RefusedError(413, "batch.too_large") from None
    accepted = await parts.ingest.accept(data)
    answer = {
        "epoch": accepted.epoch,
        "stored": accepted.stored,
        "now": stamp(parts.clock.now_ms()),  # the agent compares its own clock
    }
    return web.json_response(answer)


async def list_agents(call: Call[Paged, Nothing]) -> Agents:
    """Every agent of the config in force, with its newest batch; null before the first."""
    parts = call.parts
    told, following = part(parts.config.agents.items(), lambda pair: pair[0], call.query)
    return {
        "as_of": stamp(parts.evaluator.now),
        "agents": [_agent(name, agent, parts) for name, agent in told],
        "next": following,
    }


def _agent(name: str, agent: Defined, parts: Parts) -> Agent:
    batch = parts.evaluator.evidence.last.get(name)
    last: LastBatch | None = None
    if batch is not None:
        last = {
            "epoch": batch.epoch,
            "seq": batch.seq,
            "received_at": stamp(batch.received_at),
            "clock_offset_ms": batch.clock_offset_ms,
            "clock_error_ms": batch.clock_error_ms,
        }
    return {
        "id": name,
        "site": agent.site,
        "key_pinned": agent.key is not None,
        "last_batch": last,
    }


ROUTES = (
    Stream(
        "POST",
        "/agent/v1/batches",
        Public.SIGNED,
        post_batch,
        "application/json",
        Nothing,
        takes=BATCH,
        largest=None,
    ),
    get("/api/v1/agents", Permission.AGENTS_READ, list_agents, Agents, Paged),
)
