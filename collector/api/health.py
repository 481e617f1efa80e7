"""Whether this process lives, whether it can do its work, and what it counts."""

from __future__ import annotations

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sqlalchemy import Connection, select

from collector.api.parts import PARTS, answer
from collector.api.problems import problem
from collector.ingest import RETRY_AFTER_S
from collector.store.store import StoreFault, StoreUnavailableError

FATAL = (StoreFault.IO, StoreFault.CORRUPT)
"""What only a restart, or a person, can mend."""


async def get_healthz(request: web.Request) -> web.Response:
    """503 asks a supervisor to restart this process."""
    fault = request.app[PARTS].store.fault
    if fault in FATAL and fault is not None:
        return problem(503, fault.value)
    return answer({"status": "ok"})


async def get_readyz(request: web.Request) -> web.Response:
    """200 while batches can be stored and questions answered."""
    parts = request.app[PARTS]
    fault = parts.store.fault
    if fault is None:
        try:
            await parts.store.read(_answers)
        except StoreUnavailableError as error:
            fault = error.fault
    if fault is not None:
        return problem(503, fault.value, retry_after_s=RETRY_AFTER_S)
    return answer({"status": "ready", "evaluates": parts.evaluator.leads})


def _answers(conn: Connection) -> None:
    conn.execute(select(1))


async def get_metrics(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    parts.metrics.store_writable.set(0 if parts.store.fault else 1)
    await parts.numbers.measure(parts.metrics)
    return web.Response(
        body=parts.metrics.exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST}
    )
