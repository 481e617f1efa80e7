"""What agents send, and what is known of them."""

from __future__ import annotations

from aiohttp import web

from collector.api.parts import PARTS, answer, instant, only
from collector.ingest import RefusedError

BATCH = "application/vnd.wardwatch.batch"


async def post_batch(request: web.Request) -> web.Response:
    """200 only once the batch is durable."""
    parts = request.app[PARTS]
    if request.content_type != BATCH:
        parts.metrics.refused.labels("batch.content_type").inc()
        raise RefusedError(415, "batch.content_type")
    try:
        data = await request.read()
    except web.HTTPRequestEntityTooLarge:
        parts.metrics.refused.labels("batch.too_large").inc()
        raise RefusedError(413, "batch.too_large") from None
    accepted = await parts.ingest.accept(data)
    return answer({"epoch": accepted.epoch, "stored": accepted.stored})


async def get_agents(request: web.Request) -> web.Response:
    """Every agent of the config in force, with its newest batch; null before the first."""
    only(request)
    parts = request.app[PARTS]
    last = parts.evaluator.evidence.last
    return answer(
        {
            "as_of": instant(parts.evaluator.now),
            "agents": [
                {
                    "id": name,
                    "site": agent.site,
                    "key_pinned": agent.key is not None,
                    "last_batch": None
                    if (batch := last.get(name)) is None
                    else {
                        "epoch": batch.epoch,
                        "seq": batch.seq,
                        "received_at": instant(batch.received_at),
                        "clock_offset_ms": batch.clock_offset_ms,
                        "clock_error_ms": batch.clock_error_ms,
                    },
                }
                for name, agent in sorted(parts.config.agents.items())
            ],
        }
    )
