"""A simulated ticketing endpoint: checks signatures, drops repeats, keeps one ticket a key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(slots=True)
class Ticket:
    key: str
    events: list[dict[str, Any]] = field(default_factory=list)


class TicketReceiver:
    """`status` is what it answers; `swallow` stores a message and then drops the reply."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._runner: web.AppRunner | None = None
        self.tickets: dict[str, Ticket] = {}
        self.seen: set[str] = set()
        self.posts = 0
        self.refused = 0
        self.bodies: list[bytes] = []
        self.status = 200

    async def start(self) -> int:
        app = web.Application()
        app.router.add_post("/hook", self._hook)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        port: int = self._runner.addresses[0][1]
        return port

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _hook(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.posts += 1
        if not self._signed(request, body):
            self.refused += 1
            return web.Response(status=401)
        if self.status != 200:
            return web.Response(status=self.status)
        self.bodies.append(body)
        message_id = request.headers["webhook-id"]
        if message_id not in self.seen:
            self.seen.add(message_id)
            event = json.loads(body)
            key = event["subject"]
            self.tickets.setdefault(key, Ticket(key)).events.append(event)
        return web.Response(status=200)

    def _signed(self, request: web.Request, body: bytes) -> bool:
        """Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`."""
        message_id = request.headers.get("webhook-id", "")
        stamp = request.headers.get("webhook-timestamp", "")
        signed = f"{message_id}.{stamp}.".encode() + body
        digest = hmac.new(self._secret, signed, hashlib.sha256).digest()
        wanted = "v1," + base64.b64encode(digest).decode()
        given = request.headers.get("webhook-signature", "").split()
        return any(hmac.compare_digest(wanted, one) for one in given)
