"""The REST API of Jira, simulated: one project, one workflow, and a search that lags as its index does."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from alerts.lookup import Standing
from tests.support.desks import Call, Record, Shelf, heard

STATUSES = {
    "To Do": ("new", Standing.NEW),
    "In Progress": ("indeterminate", Standing.TAKEN),
    "Waiting": ("indeterminate", Standing.TAKEN),
    "Done": ("done", Standing.RESOLVED),
    "Closed": ("done", Standing.CLOSED),
}
PRIORITIES = ("Highest", "High", "Medium", "Low")
_JQL = re.compile(r'project = "OPS" AND labels = "([A-Za-z0-9._-]+)" ORDER BY key ASC')


@dataclass
class FakeJira:
    """Every open or done issue offers `offered`, a closed one nothing. `asks_resolution`: going to
    Done needs one. `page`: issues a page at most. `cloud` decides version and form of texts.
    """

    login: str
    cloud: bool = True
    offered: dict[str, str] = field(
        default_factory=lambda: {"Back": "To Do", "Start Progress": "In Progress", "Finish": "Done"}
    )
    asks_resolution: bool = False
    page: int = 50
    blind: bool = False
    shelf: Shelf = field(default_factory=Shelf)
    calls: list[Call] = field(default_factory=list)
    results: list[Record] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        call = await heard(request)
        self.calls.append(call)
        if call.headers.get("authorization") != self.login:
            return _error(401)
        api = f"/rest/api/{3 if self.cloud else 2}/"
        if not call.path.startswith(api):
            return _error(404)
        match [call.method, *call.path.removeprefix(api).split("/")]:
            case ["POST", "search", "jql"] if self.cloud:
                answer = self._search(call.body)
            case ["POST", "search"]:
                answer = _error(410) if self.cloud else self._search(call.body)
            case ["POST", "issue"]:
                answer = self._create(call.body["fields"])
            case [_, "issue", key, *rest]:
                found = next((one for one in self.shelf.records if one["key"] == key), None)
                answer = _error(404) if found is None else self._issue(call, found, rest)
            case _:
                answer = _error(404)
        return answer

    def _search(self, body: dict[str, Any]) -> web.StreamResponse:
        asked = _JQL.fullmatch(body["jql"])
        if asked is None or body["fields"] != ["labels", "status", "priority"]:
            return _error(400)
        start = int(body.get("nextPageToken", "0"))
        if not start:
            key = asked[1]
            self.results = self.shelf.search(lambda one: self.blind or key in one["labels"])
        shown = [_shown(one) for one in self.results[start : start + self.page]]
        more = start + self.page < len(self.results)
        token = {"nextPageToken": str(start + self.page)} if more else {}
        return web.json_response({"issues": shown, "isLast": not more, **token})

    def _create(self, fields: dict[str, Any]) -> web.StreamResponse:
        wrong = (
            fields["project"] != {"key": "OPS"}
            or fields["issuetype"] != {"name": "Incident"}
            or fields["priority"]["name"] not in PRIORITIES
            or len(fields["summary"]) > 255
            or any(" " in label or len(label) > 255 for label in fields["labels"])
            or not self._is_text(fields["description"])
        )
        if wrong:
            return _error(400)
        n = len(self.shelf.records) + 1
        named = {"id": str(10_000 + n), "key": f"OPS-{n}", "status": "To Do"}
        priority = fields["priority"]["name"]
        self.shelf.put({"labels": fields["labels"], **named, "priority": priority})
        return web.json_response({"id": named["id"], "key": named["key"]}, status=201)

    def _issue(self, call: Call, found: Record, rest: list[str]) -> web.StreamResponse:
        match [call.method, *rest]:
            case ["PUT"]:
                return _edited(found, call.body)
            case ["POST", "comment"]:
                return self._comment(found, call.body)
            case ["GET", *transitions]:
                shown = {"transitions": self._offer(found)} if transitions else _shown(found)
                return web.json_response(shown)
            case ["POST", "transitions"]:
                return self._move(found, call.body)
        return _error(404)

    def _comment(self, found: Record, body: dict[str, Any]) -> web.StreamResponse:
        if not self._is_text(body["body"]):
            return _error(400)
        found["notes"].append(str(body["body"]))
        return web.json_response({"id": "1"}, status=201)

    def _offer(self, found: Record) -> list[dict[str, Any]]:
        offered = {} if found["status"] == "Closed" else self.offered
        return [
            {
                "id": str(n),
                "name": name,
                "to": {"name": to, "statusCategory": {"key": STATUSES[to][0]}},
            }
            for n, (name, to) in enumerate(offered.items(), 11)
        ]

    def _move(self, found: Record, body: dict[str, Any]) -> web.StreamResponse:
        offered = {one["id"]: one["to"]["name"] for one in self._offer(found)}
        to = offered.get(body["transition"]["id"])
        resolved = body.get("fields") == {"resolution": {"name": "Fixed"}}
        if to is None or (to == "Done" and self.asks_resolution and not resolved):
            return _error(400)
        found["status"] = to
        return web.Response(status=204)

    def _is_text(self, value: Any) -> bool:
        if not self.cloud:
            return isinstance(value, str)
        return isinstance(value, dict) and _is_document(value)

    def standing(self, record: Record) -> Standing:
        return STATUSES[record["status"]][1]

    def stand(self, record: Record, standing: Standing) -> None:
        names = {Standing.NEW: "To Do", Standing.TAKEN: "Waiting", Standing.RESOLVED: "Done"}
        record["status"] = names.get(standing, "Closed")

    def priority(self, record: Record) -> Any:
        return record["priority"]

    def rank(self, record: Record, priority: Any) -> None:
        record["priority"] = priority

    def by_people(self, like: Record, *, with_key: bool = True) -> Record:
        n = len(self.shelf.records) + 1
        labels = [one for one in like["labels"] if one != "wardwatch" and with_key]
        named = {"id": str(10_000 + n), "key": f"OPS-{n}", "status": "Waiting"}
        return self.shelf.put({**like, **named, "labels": labels})


def _edited(found: Record, body: dict[str, Any]) -> web.StreamResponse:
    if "update" in body:
        found["labels"] = [*found["labels"], body["update"]["labels"][0]["add"]]
    else:
        found["priority"] = body["fields"]["priority"]["name"]
    return web.Response(status=204)


def _is_document(value: dict[str, Any]) -> bool:
    nodes = [node for block in value["content"] for node in block["content"]]
    return (
        (value["type"], value["version"]) == ("doc", 1)
        and all(block["type"] == "paragraph" and block["content"] for block in value["content"])
        and all(node == {"type": "hardBreak"} or node.get("text") for node in nodes)
    )


def _shown(record: Record) -> dict[str, Any]:
    status = record["status"]
    return {
        "id": record["id"],
        "key": record["key"],
        "fields": {
            "labels": record["labels"],
            "status": {"name": status, "statusCategory": {"key": STATUSES[status][0]}},
            "priority": {"name": record["priority"]},
        },
    }


def _error(status: int) -> web.StreamResponse:
    return web.json_response({"errorMessages": ["no"]}, status=status)
