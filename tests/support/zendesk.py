"""The Support API of Zendesk, simulated: tickets, and creations that are repeated by their key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from alerts.lookup import Standing
from tests.support.desks import Call, Record, Shelf, heard

TICKETS = "/api/v2/tickets"
STATUSES = {
    "new": Standing.NEW,
    "open": Standing.TAKEN,
    "pending": Standing.TAKEN,
    "hold": Standing.TAKEN,
    "solved": Standing.RESOLVED,
    "closed": Standing.CLOSED,
}
PRIORITIES = ("low", "normal", "high", "urgent")


@dataclass
class FakeZendesk:
    """A key that was seen gives the first answer again, or 400 with another body. Keys are forgotten
    after some hours: `forgets` is that they are at once. `external_id` is not unique.
    """

    login: str
    forgets: bool = False
    blind: bool = False
    shelf: Shelf = field(default_factory=Shelf)
    calls: list[Call] = field(default_factory=list)
    keys: dict[str, tuple[Any, Record]] = field(default_factory=dict)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        call = await heard(request)
        self.calls.append(call)
        if call.headers.get("authorization") != self.login:
            return _error(401)
        if call.method == "GET" and call.path == TICKETS:
            key = call.query["external_id"]
            found = self.shelf.search(lambda one: self.blind or one["external_id"] == key)
            return web.json_response({"tickets": [_shown(one) for one in found], "count": 0})
        if call.method == "GET":
            number = call.path.removeprefix(f"{TICKETS}/")
            one = next((one for one in self.shelf.records if str(one["id"]) == number), None)
            return _error(404) if one is None else web.json_response({"ticket": _shown(one)})
        said = call.body["ticket"]
        if _refused(said):
            return _error(422)
        if call.method == "POST" and call.path == TICKETS:
            return self._create(call.headers["idempotency-key"], said)
        return self._update(call, said)

    def _create(self, key: str, said: dict[str, Any]) -> web.StreamResponse:
        known = self.keys.get(key)
        if known is not None and known[0] != said:
            return _error(400)
        if known is None:
            n = len(self.shelf.records) + 1
            kept = {name: value for name, value in said.items() if name != "comment"}
            known = said, self.shelf.put({"status": "new", **kept, "id": n})
            if not self.forgets:
                self.keys[key] = known
        return web.json_response({"ticket": _shown(known[1])}, status=201)

    def _update(self, call: Call, said: dict[str, Any]) -> web.StreamResponse:
        number = call.path.removeprefix(f"{TICKETS}/")
        found = next((one for one in self.shelf.records if str(one["id"]) == number), None)
        if found is None or call.method != "PUT":
            return _error(404)
        if found["status"] == "closed":
            return _error(422)
        if "comment" in said:
            found["notes"].append(said["comment"]["body"])
        found.update({name: value for name, value in said.items() if name != "comment"})
        return web.json_response({"ticket": _shown(found)})

    def standing(self, record: Record) -> Standing:
        return STATUSES[record["status"]]

    def stand(self, record: Record, standing: Standing) -> None:
        names = {Standing.NEW: "new", Standing.TAKEN: "hold", Standing.RESOLVED: "solved"}
        record["status"] = names.get(standing, "closed")

    def priority(self, record: Record) -> Any:
        return record["priority"]

    def rank(self, record: Record, priority: Any) -> None:
        record["priority"] = priority

    def by_people(self, like: Record, *, with_key: bool = True) -> Record:
        made: Record = {"id": len(self.shelf.records) + 1, "via": "web", "status": "hold"}
        return self.shelf.put({**like, **made, **({} if with_key else {"external_id": None})})


def _refused(said: dict[str, Any]) -> bool:
    return (
        said.get("status", "new") not in STATUSES
        or said.get("priority", "low") not in PRIORITIES
        or said.get("comment", {"public": False})["public"] is not False
    )


def _shown(record: Record) -> dict[str, Any]:
    names = ("id", "status", "priority", "external_id", "subject")
    return {"via": {"channel": record.get("via", "api")}, **{name: record[name] for name in names}}


def _error(status: int) -> web.StreamResponse:
    return web.json_response({"error": "no"}, status=status)
