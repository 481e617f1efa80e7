"""Integration events of Jira Service Management operations, simulated: alerts by alias, worked off late."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from probes.clock import ManualClock

LENGTHS = {"message": 130, "alias": 512, "description": 15_000, "entity": 512, "source": 100}
FIELDS = {*LENGTHS, "responders", "visibleTo", "actions", "tags", "details", "priority"}
ACTIONS = {"close", "acknowledge", "notes"}


@dataclass
class Alert:
    alias: str
    priority: str
    state: str = "open"
    count: int = 1
    notes: list[str] = field(default_factory=list)


@dataclass
class FakeJsm:
    """Requests wait until `settle`, which takes the newest first: nothing promises their order.
    Of an alias one alert is open at most; a repeat counts and changes nothing else in it.
    """

    key: str
    alerts: list[Alert] = field(default_factory=list)
    bodies: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    pending: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "GenieKey" or key.count("-") != 4:
            return web.json_response({"message": "Key format is not valid!"}, status=422)
        if key != self.key:
            return web.json_response({"message": "Could not authenticate"}, status=401)
        body, parts = await request.json(), request.path.strip("/").split("/")
        if parts == ["v2", "alerts"] and request.method == "POST":
            alias, action = body["alias"], "create"
        elif len(parts) == 4 and parts[3] in ACTIONS and request.query_string.endswith("=alias"):
            alias, action = parts[2], parts[3]
        else:
            return web.json_response({"message": "Not found"}, status=404)
        if not _right(body, action):
            return web.json_response({"message": "Request body is not processable"}, status=400)
        self.bodies.append((action, body))
        self.pending.append((alias, action, body))
        return web.json_response({"result": "Request will be processed"}, status=202)

    def settle(self) -> None:
        while self.pending:
            self._work(*self.pending.pop())

    def _work(self, alias: str, action: str, body: dict[str, Any]) -> None:
        found = next((a for a in self.alerts if a.alias == alias and a.state != "closed"), None)
        if action == "create":
            if found is None:
                self.alerts.append(Alert(alias, body["priority"]))
            else:
                found.count += 1
        elif found is not None:
            found.notes.append(body["note"])
            states = {"close": "closed", "acknowledge": "acknowledged", "notes": found.state}
            found.state = states[action]


def _right(body: dict[str, Any], action: str) -> bool:
    if action != "create":
        return set(body) <= {"user", "source", "note"} and len(body["note"]) <= 25_000
    details = body.get("details", {})
    return (
        set(body) <= FIELDS
        and bool(body.get("message"))
        and all(len(body.get(name, "")) <= most for name, most in LENGTHS.items())
        and body.get("priority", "P3") in {"P1", "P2", "P3", "P4", "P5"}
        and sum(map(len, (*details, *details.values()))) <= 8_000
    )


class Waits(ManualClock):
    """Who waits lets the receiver work off what it has accepted."""

    def __init__(self, now_ms: int, fake: FakeJsm) -> None:
        super().__init__(now_ms)
        self._fake = fake

    async def sleep_ms(self, duration_ms: int) -> None:
        self.step_wall(duration_ms)
        self._fake.settle()
