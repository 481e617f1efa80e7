"""A receiver of tickets over a real socket that fails on request; what it keeps is the product's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

CANARY = "MRN 4711 Jane Roe"
"""Stands in what a receiver says; nothing of ours may hold it."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Receiver:
    """`script` says how the next requests end, then all is well.

    A number is a status, and nothing is kept. `hang` and `drop` keep what was sent and never
    answer, or close; `lost` closes and keeps nothing; `redirect` points elsewhere; `long` and
    `nonsense` keep it and answer with too much, or with no JSON. `page`: something between us
    answers 200 with a page to log in, and nothing is kept.
    """

    handler: Handler
    url: str = ""
    script: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    """(method, path) of each, in order."""
    heard: list[bytes] = field(default_factory=list)
    """Every byte of each: first line, headers and body."""
    silent: int = 0
    """So many writes that are yet to come are kept and never answered."""
    gossip: str | None = None
    """Stands in a header of every answer, and in every object that one holds."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.path))
        self.heard.append(await _whole(request))
        step = self.script.pop(0) if self.script else "well"
        if (instead := self._instead(step)) is not None:
            return instead
        assert request.transport is not None
        if step == "lost":
            request.transport.abort()
            return web.Response()
        made = await self.handler(request)
        if step == "hang" or self._says_nothing(request):
            await asyncio.Event().wait()
        if step == "drop":
            request.transport.abort()
        if step == "long":
            return web.Response(body=b" " * (2 << 20), content_type="application/json")
        if step == "nonsense":
            return web.Response(text=CANARY)
        return made if self.gossip is None else _with(made, self.gossip)

    def _says_nothing(self, request: web.Request) -> bool:
        writes = request.method != "GET" and "oauth" not in request.path
        if not self.silent or not writes:
            return False
        self.silent -= 1
        return True

    def _instead(self, step: str) -> web.Response | None:
        if step.isdigit():
            return web.json_response({"error": CANARY}, status=int(step), headers=self.headers)
        if step == "redirect":
            return web.Response(status=307, headers={"location": "/elsewhere"})
        if step == "page":
            page = f"\n<!DOCTYPE html><title>{CANARY}</title>"
            return web.Response(text=page, content_type="text/html")
        return None


async def _whole(request: web.Request) -> bytes:
    lines = [
        f"{request.method} {request.path_qs}",
        *(f"{n}: {v}" for n, v in request.headers.items()),
    ]
    return "\n".join([*lines, "", ""]).encode() + await request.read()


def _with(made: web.StreamResponse, gossip: str) -> web.StreamResponse:
    """The answer of a receiver that tells of patients."""
    made.headers["x-note"] = gossip
    if isinstance(made, web.Response) and isinstance(made.body, bytes) and made.body[:1] == b"{":
        told = {**json.loads(made.body), "note": gossip, "patient": {"name": gossip}}
        made.body = json.dumps(told).encode()
    return made


@asynccontextmanager
async def receiving(handler: Handler) -> AsyncIterator[Receiver]:
    """On a port of this host, until the block ends."""
    receiver = Receiver(handler)
    app = web.Application(client_max_size=1 << 20)
    app.router.add_route("*", "/{tail:.*}", receiver.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield receiver
    finally:
        await runner.cleanup()
