"""Event Management of ServiceNow, simulated: events make alerts by `message_key`, as its documents tell."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

FIELDS = {
    "source", "event_class", "node", "resource", "metric_name", "type", "message_key", "severity",
    "description", "additional_info", "time_of_event", "resolution_state",
}  # fmt: skip
WHEN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


@dataclass
class Alert:
    key: str
    severity: str
    state: str
    last: str
    events: list[dict[str, Any]]


@dataclass
class FakeEventManagement:
    """A clear closes the open alert of its key and is dropped without one; what is older than the
    alert's last event is dropped; a new event opens a closed alert again.
    """

    login: str | None
    """The header `authorization`; None: whoever got here has signed in."""
    alerts: list[Alert] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.login not in (None, request.headers.get("authorization")):
            return web.json_response({"error": {"message": "not authenticated"}}, status=401)
        body = await request.json()
        records = body.get("records")
        if (request.method, request.path) != ("POST", "/api/global/em/jsonv2"):
            return web.json_response({"error": {"message": "no such resource"}}, status=404)
        if not isinstance(records, list) or not all(map(_right, records)):
            return web.json_response({"error": {"message": "wrong events"}}, status=400)
        self.bodies.append(body)
        for record in records:
            self._file(record)
        told = f"{len(records)} events were inserted"
        return web.json_response({"result": {"Default Bulk Endpoint": told}})

    def _file(self, event: dict[str, Any]) -> None:
        key, severity, at = event["message_key"], event["severity"], event["time_of_event"]
        over = severity == "0" or event["resolution_state"] == "Closing"
        found = next((alert for alert in self.alerts if alert.key == key), None)
        if found is None and not over:
            self.alerts.append(Alert(key, severity, "Open", at, [event]))
        elif found is not None and at >= found.last:
            opens = "Reopen" if found.state == "Closed" else found.state
            found.state = "Closed" if over else opens
            found.severity, found.last = severity, at
            found.events.append(event)


def _right(event: dict[str, Any]) -> bool:
    return (
        set(event) <= FIELDS
        and event.get("severity") in {"0", "1", "2", "3", "4", "5"}
        and event.get("resolution_state") in {"New", "Closing"}
        and WHEN.fullmatch(event.get("time_of_event", "")) is not None
        and isinstance(json.loads(event.get("additional_info", "{}")), dict)
        and len(event.get("description", "")) <= 4000
        and len(event.get("message_key", "")) <= 1024
    )
