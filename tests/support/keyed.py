"""Two receivers that file by our key, simulated: one of webhooks, and Alertmanager's alerts by labels."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

from probes.signing import signing_keys

OVER = {"recovered", "resolved", "closed", "merged", "false_positive"}


@dataclass
class FakeHook:
    """What `channels/webhook.md` asks of a receiver: verify, drop repeats by id, file by key."""

    secret: bytes
    states: dict[str, str] = field(default_factory=dict)
    """What each key stands at."""
    ids: set[str] = field(default_factory=set)
    events: list[dict[str, Any]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body, head = await request.read(), request.headers
        signed = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + body
        digest = hmac.new(signing_keys(self.secret)[0], signed, hashlib.sha256).digest()
        wanted = f"v1,{base64.b64encode(digest).decode()}"
        if not hmac.compare_digest(wanted, head["webhook-signature"]):
            return web.json_response({"error": "signature"}, status=401)
        if head["webhook-id"] not in self.ids:
            self.ids.add(head["webhook-id"])
            event = json.loads(body)
            self.events.append(event)
            if "key" in event["data"]:
                self.states[event["data"]["key"]] = event["data"]["state"]
        return web.json_response({"status": "stored"})

    def open(self) -> list[str]:
        return [key for key, state in self.states.items() if state not in OVER]


@dataclass
class FakeAlertmanager:
    """Alerts of the same labels are one; an alert fires until its `endsAt`."""

    now_ms: Callable[[], int]
    alerts: dict[frozenset[tuple[str, str]], dict[str, Any]] = field(default_factory=dict)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if (request.method, request.path) != ("POST", "/api/v2/alerts"):
            return web.json_response({"code": 404}, status=404)
        for alert in await request.json():
            if _ms(alert["endsAt"]) < _ms(alert["startsAt"]):
                return web.json_response("start time must be before end time", status=400)
            self.alerts[frozenset(alert["labels"].items())] = alert
        return web.Response()

    def filed(self) -> list[str]:
        return [alert["labels"]["incident"] for alert in self.alerts.values()]

    def open(self) -> list[str]:
        now = self.now_ms()
        return [a["labels"]["incident"] for a in self.alerts.values() if _ms(a["endsAt"]) > now]


def _ms(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1000
