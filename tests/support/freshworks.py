"""API v2 of Freshservice and Freshdesk, simulated: no deduplication, and a filter that lags."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from alerts.lookup import Standing
from tests.support.desks import Call, Record, Shelf, heard

PAGE = 30
STATUSES = {
    2: Standing.NEW,
    3: Standing.TAKEN,
    8: Standing.TAKEN,
    4: Standing.RESOLVED,
    5: Standing.CLOSED,
}
MANDATORY = frozenset({"subject", "description", "email", "status", "priority"})
KNOWN = MANDATORY | {"custom_fields", "tags", "group_id"}
SERVICE = frozenset({"urgency", "impact", "workspace_id"})


@dataclass
class FakeFresh:
    """`service`: Freshservice, else Freshdesk. Refuses unknown and missing fields with 400."""

    login: str
    key_field: str
    service: bool = False
    blind: bool = False
    shelf: Shelf = field(default_factory=Shelf)
    calls: list[Call] = field(default_factory=list)
    found: list[Record] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        call = await heard(request)
        self.calls.append(call)
        if call.headers.get("authorization") != self.login:
            return _error(401)
        search = ["tickets", "filter"] if self.service else ["search", "tickets"]
        match [call.method, *call.path.removeprefix("/api/v2/").split("/")]:
            case ["GET", *place] if place == search:
                answer = self._search(call)
            case ["POST", "tickets"]:
                answer = self._create(call.body)
            case [_, "tickets", number, *rest]:
                answer = self._change(call, number, rest)
            case _:
                answer = _error(404)
        return answer

    def _search(self, call: Call) -> web.StreamResponse:
        asked = re.fullmatch(rf"\"{self.key_field}:'([^']+)'\"", call.query["query"])
        if asked is None:
            return _error(400)
        page, key = int(call.query["page"]), asked[1]
        if page == 1:
            self.found = self.shelf.search(
                lambda one: self.blind or one["custom_fields"][self.key_field] == key
            )
        shown = [_shown(one) for one in self.found[(page - 1) * PAGE : page * PAGE]]
        name = "tickets" if self.service else "results"
        return web.json_response({name: shown, "total": len(self.found)})

    def _create(self, body: dict[str, Any]) -> web.StreamResponse:
        if MANDATORY - set(body) or self._wrong(body):
            return _error(400)
        made = self.shelf.put({**body, "id": len(self.shelf.records) + 1})
        return self._one(made, 201)

    def _change(self, call: Call, number: str, rest: list[str]) -> web.StreamResponse:
        found = next((one for one in self.shelf.records if str(one["id"]) == number), None)
        if found is None:
            return _error(404)
        if (call.method, rest) == ("GET", []):
            return self._one(found, 200)
        if (call.method, rest) == ("POST", ["notes"]) and call.body["private"] is True:
            found["notes"].append(call.body["body"])
            return web.json_response({"id": 1}, status=201)
        if (call.method, rest) != ("PUT", []) or not call.body or self._wrong(call.body):
            return _error(400)
        fields = {**found["custom_fields"], **call.body.get("custom_fields", {})}
        found.update({**call.body, "custom_fields": fields})
        return self._one(found, 200)

    def _wrong(self, body: dict[str, Any]) -> bool:
        known = KNOWN | SERVICE if self.service else KNOWN
        return (
            bool(set(body) - known)
            or body.get("status", 2) not in STATUSES
            or body.get("priority", 1) not in (1, 2, 3, 4)
            or body.get("urgency", 1) not in (1, 2, 3)
            or body.get("impact", 1) not in (1, 2, 3)
            or len(body.get("subject", "")) > 255
        )

    def _one(self, record: Record, status: int) -> web.StreamResponse:
        shown = _shown(record)
        return web.json_response({"ticket": shown} if self.service else shown, status=status)

    def standing(self, record: Record) -> Standing:
        return STATUSES[record["status"]]

    def stand(self, record: Record, standing: Standing) -> None:
        codes = {Standing.NEW: 2, Standing.TAKEN: 3, Standing.RESOLVED: 4}
        record["status"] = codes.get(standing, 5)

    def priority(self, record: Record) -> Any:
        return record["priority"]

    def rank(self, record: Record, priority: Any) -> None:
        record["priority"] = priority

    def by_people(self, like: Record, *, with_key: bool = True) -> Record:
        fields = like["custom_fields"] if with_key else {self.key_field: None}
        made = {"id": len(self.shelf.records) + 1, "tags": [], "status": 3}
        return self.shelf.put({**like, **made, "custom_fields": fields})


def _shown(record: Record) -> dict[str, Any]:
    names = ("id", "status", "priority", "custom_fields", "tags")
    return {"responder_id": record.get("responder_id"), **{name: record[name] for name in names}}


def _error(status: int) -> web.StreamResponse:
    return web.json_response({"description": "no", "errors": []}, status=status)
