"""A collector whose people log in with a provider, and a browser's way through its pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientResponse

from collector.store.store import Store
from tests.demo.stage import free_port
from tests.support.collectors import Collector, a_collector
from tests.support.rounds import config


@asynccontextmanager
async def a_collector_with(
    store: Store, issuer: str, start: int, **more: Any
) -> AsyncIterator[Collector]:
    port = free_port()
    access = {
        "public_url": f"http://127.0.0.1:{port}",
        "oidc": {
            "issuer": issuer,
            "client_id": "wardwatch",
            "client_secret": "env:OIDC",
            "roles": {"ward-ops": ["operator"]},
            **more,
        },
    }
    async with a_collector(store, config(access=access), port=port, start=start) as opened:
        yield opened


async def go(collector: Collector, path: str, **query: str) -> ClientResponse:
    """One step of the browser, without following."""
    return await collector.client.get(path, params=query, allow_redirects=False)
