"""Events API v2 of PagerDuty, simulated: alerts by key, as its developer documents tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Alert:
    key: str
    state: str
    payloads: list[dict[str, Any]]


@dataclass
class FakePagerDuty:
    """A trigger joins the open alert of its key or makes one; the rest is dropped without one."""

    routing_key: str
    alerts: list[Alert] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    """Change events: there is no key to know a repeat by, and nobody is notified."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if request.path == "/v2/change/enqueue":
            return self._change(body)
        self.bodies.append(body)
        if request.path != "/v2/enqueue":
            return web.json_response({"error": "not found"}, status=404)
        if body.get("routing_key") != self.routing_key:
            return _invalid("Invalid routing key")
        if body["event_action"] == "trigger" and "payload" not in body:
            return _invalid("'payload' is missing or blank")
        key, action = body["dedup_key"], body["event_action"]
        found = next((a for a in self.alerts if a.key == key and a.state != "resolved"), None)
        if action == "trigger":
            if found is None:
                found = Alert(key, "triggered", [])
                self.alerts.append(found)
            found.payloads.append(body["payload"])
        elif found is not None:
            found.state = {"acknowledge": "acknowledged", "resolve": "resolved"}[action]
        return web.json_response({"status": "success", "dedup_key": key}, status=202)

    def _change(self, body: dict[str, Any]) -> web.Response:
        if body.get("routing_key") != self.routing_key:
            return _invalid("Invalid routing key")
        if not body["payload"].get("summary"):
            return _invalid("'payload.summary' is missing or blank")
        self.changes.append(body)
        return web.json_response({"status": "success"}, status=202)


def _invalid(problem: str) -> web.Response:
    told = {"status": "invalid event", "message": "Event object is invalid", "errors": [problem]}
    return web.json_response(told, status=400)
