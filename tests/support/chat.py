"""A room of Slack's or Teams', simulated: it keeps every message it gets."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Room:
    """Whoever knows the address may write; 28 KB at most. Another address is `unknown`."""

    address: str = "/hooks/T0?sig=abc"
    unknown: int = 404
    shown: list[dict[str, Any]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if request.path_qs != self.address:
            return web.Response(status=self.unknown, text="no_service")
        if len(body) > 28 << 10:
            return web.Response(status=400, text="invalid_payload")
        self.shown.append(json.loads(body))
        return web.Response(text="ok")
