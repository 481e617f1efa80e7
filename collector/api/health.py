"""Whether this process lives, whether it can do its work, and what it counts."""

from __future__ import annotations

import asyncio
from typing import Literal

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sqlalchemy import Connection, select
from typing_extensions import TypedDict

from collector.access.policy import Permission
from collector.api.parts import Parts, stamp
from collector.api.routes import Call, Nothing, Public, Stream, get
from collector.api.shapes import Instant
from collector.store.store import StoreFault, StoreUnavailableError

LOOKED_MS = 1_000
FATAL = (StoreFault.IO, StoreFault.CORRUPT)
"""What only a restart, or a person, can mend."""


class Alive(TypedDict):
    """`now` is the collector's clock; agents compare theirs."""

    status: Literal["ok"]
    now: Instant


class Ready(TypedDict):
    """`evaluates`: is this process the one that folds and delivers?"""

    status: Literal["ready"]
    evaluates: bool


async def healthz(call: Call[Nothing, Nothing]) -> Alive:
    """503 asks a supervisor to restart this process."""
    fault = call.parts.store.fault
    if fault in FATAL and fault is not None:
        raise StoreUnavailableError(fault)
    return {"status": "ok", "now": stamp(call.parts.clock.now_ms())}


async def readyz(call: Call[Nothing, Nothing]) -> Ready:
    """200 while batches can be stored and questions answered."""
    parts = call.parts
    fault = parts.store.fault
    if fault is not None:
        raise StoreUnavailableError(fault)
    await call.request.app[LOOKED].answers(parts)
    return {"status": "ready", "evaluates": parts.evaluator.leads}


class Looked:
    """Asks the store at most once a second, however often it is asked itself."""

    def __init__(self) -> None:
        self._at = -LOOKED_MS
        self._asking = asyncio.Lock()

    async def answers(self, parts: Parts) -> None:
        """StoreUnavailableError when it does not."""
        async with self._asking:
            now = parts.clock.monotonic_ns() // 1_000_000
            if now - self._at >= LOOKED_MS:
                await parts.store.read(_answers)
                self._at = now


LOOKED: web.AppKey[Looked] = web.AppKey("looked", Looked)


def _answers(conn: Connection) -> None:
    conn.execute(select(1))


async def metrics(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Prometheus metrics of the collector and of the hospital as it sees it."""
    parts = call.parts
    parts.metrics.store_writable.set(0 if parts.store.fault else 1)
    await parts.numbers.measure(parts.metrics)
    return web.Response(
        body=parts.metrics.exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST}
    )


ROUTES = (
    get("/healthz", Public.HEALTH, healthz, Alive, Nothing),
    get("/readyz", Public.HEALTH, readyz, Ready, Nothing),
    Stream("GET", "/metrics", Permission.METRICS_READ, metrics, "text/plain", Nothing),
)
