"""The Table API of ServiceNow, simulated: `incident` alone, without any deduplication."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from alerts.lookup import Standing
from tests.support.desks import Call, Record, Shelf, heard

TABLE = "/api/now/table/incident"
STATES = {
    "1": Standing.NEW,
    "2": Standing.TAKEN,
    "3": Standing.TAKEN,
    "6": Standing.RESOLVED,
    "7": Standing.CLOSED,
    "8": Standing.CLOSED,
}
_COLUMNS = frozenset(
    {"short_description", "description", "impact", "urgency", "correlation_id", "state"}
    | {"correlation_display", "work_notes", "close_code", "close_notes", "assignment_group"}
)
_LENGTHS = {"short_description": 160, "correlation_id": 100, "description": 4000}


@dataclass
class FakeServiceNow:
    """Refuses a wrong login, a resolution without code and notes (403, as a data policy does), and
    what its columns do not take. `blind` passes over the query, as for a column it does not know.
    """

    logins: tuple[tuple[str, str], ...] | None
    """Headers that are taken, any of them; None: whoever got here has signed in."""
    shelf: Shelf = field(default_factory=Shelf)
    calls: list[Call] = field(default_factory=list)
    blind: bool = False
    states: Mapping[str, Standing] = field(default_factory=lambda: STATES)
    resolved: str = "6"
    code: str = "Solution provided"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        call = await heard(request)
        self.calls.append(call)
        known = self.logins
        if known is not None and not any(call.headers.get(name) == value for name, value in known):
            return _error(401)
        if call.method == "GET" and call.path == TABLE:
            return self._search(call)
        problem = self._refusal(call.body)
        if problem:
            return _error(problem)
        return self._written(call)

    def _written(self, call: Call) -> web.StreamResponse:
        if (call.method, call.path) == ("POST", TABLE):
            return web.json_response({"result": _shown(self._made(call.body))}, status=201)
        sys_id = call.path.removeprefix(f"{TABLE}/")
        found = next((one for one in self.shelf.records if one["sys_id"] == sys_id), None)
        if call.method != "PATCH" or found is None:
            return _error(404)
        return self._patched(found, call.body)

    def _search(self, call: Call) -> web.StreamResponse:
        wanted, *order = call.query["sysparm_query"].split("^")
        if wanted.startswith("number="):
            name = wanted.removeprefix("number=")
            named = [
                _shown(one) for one in self.shelf.records if self.blind or one["number"] == name
            ]
            return web.json_response({"result": named[: int(call.query["sysparm_limit"])]})
        assert order == ["ORDERBYsys_created_on", "ORDERBYnumber"]
        key = wanted.removeprefix("correlation_id=")
        found = self.shelf.search(lambda one: self.blind or one["correlation_id"] == key)
        names = call.query["sysparm_fields"].split(",")
        shown = [{name: one[name] for name in names} for one in found]
        return web.json_response({"result": shown[: int(call.query["sysparm_limit"])]})

    def _made(self, body: dict[str, Any]) -> Record:
        n = len(self.shelf.records) + 1
        named = {"sys_id": f"{n:032x}", "number": f"INC{n:07}"}
        return self.shelf.put(
            {
                "state": next(iter(self.states)),
                "correlation_display": "",
                "impact": "3",
                "urgency": "3",
                **body,
                **named,
            }
        )

    def _patched(self, found: Record, body: dict[str, Any]) -> web.StreamResponse:
        changed = {**found, **body}
        if changed["state"] == self.resolved and not (
            changed.get("close_code") == self.code and changed.get("close_notes")
        ):
            return _error(403)
        if "work_notes" in body:
            found["notes"].append(body["work_notes"])
        found.update({name: value for name, value in body.items() if name != "work_notes"})
        return web.json_response({"result": _shown(found)})

    def _refusal(self, body: Any) -> int:
        if not isinstance(body, dict) or set(body) - _COLUMNS:
            return 400
        choices = {"impact": "123", "urgency": "123", "state": self.states}
        if any(name in body and body[name] not in known for name, known in choices.items()):
            return 400
        return 400 if any(len(body.get(name, "")) > most for name, most in _LENGTHS.items()) else 0

    def standing(self, record: Record) -> Standing:
        return self.states[record["state"]]

    def stand(self, record: Record, standing: Standing) -> None:
        """Taken is On Hold: nobody's but a person's."""
        states = {Standing.NEW: "1", Standing.TAKEN: "3", Standing.RESOLVED: "6"}
        record["state"] = states.get(standing, "7")
        record |= {"close_code": "Solution provided", "close_notes": "by a person"}

    def priority(self, record: Record) -> Any:
        return record["impact"], record["urgency"]

    def rank(self, record: Record, priority: Any) -> None:
        record["impact"], record["urgency"] = priority

    def by_people(self, like: Record, *, with_key: bool = True) -> Record:
        n = len(self.shelf.records) + 1
        named = {"sys_id": f"{n:032x}", "number": f"INC{n:07}", "state": "3"}
        named |= {} if with_key else {"correlation_id": ""}
        return self.shelf.put({**like, **named, "correlation_display": ""})


def _shown(record: Record) -> Record:
    return {name: value for name, value in record.items() if name not in ("notes", "born")}


def _error(status: int) -> web.StreamResponse:
    return web.json_response({"error": {"message": "no"}, "status": "failure"}, status=status)
