"""A collector whose windows and corrections people act on, over HTTP; the clock moves by hand."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from collector import journal, versions
from collector.access.policy import Role
from collector.api.app import build_app
from collector.cli import main
from collector.service import Service, World
from collector.store.store import Store
from probes.clock import ManualClock
from probes.config import Config
from probes.configfile import canonical
from probes.results import Result
from tests.support.batches import seal
from tests.support.known import VIEWER, Known, bearer
from tests.support.promises import checked
from tests.support.rounds import KEYS, ORG, START, config

HOUR = 3_600_000


def plan(**changes: Any) -> dict[str, Any]:
    """2026-01-02, 02:00 to 04:00 in Chicago: 32 hours after the clock begins, for two hours."""
    return {
        "id": "upgrade",
        "systems": ["ehr"],
        "start": "2026-01-02T02:00",
        "end": "2026-01-02T04:00",
        "timezone": "America/Chicago",
    } | changes


def hospital(**changes: Any) -> Config:
    return config(**changes)


def person(account: str) -> dict[str, str]:
    """What an operator sends along; an `approver-N` approves, too, `clinical-N` is no operator."""
    if account.startswith("clinical"):
        return bearer(account, Role.CLINICAL)
    more = (Role.APPROVER,) if account.startswith("approver") else ()
    return bearer(account, Role.OPERATOR, *more)


@dataclass
class Desk:
    """What people can ask and do."""

    service: Service
    clock: ManualClock
    client: TestClient[Request, Application]

    async def get(self, path: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        response = await self.client.get(f"/api/v1/{path}", headers=headers or VIEWER)
        assert response.status == 200, await response.text()
        found: dict[str, Any] = await response.json()
        return found

    async def problem(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
        """Status and code of what is refused."""
        response = await self.client.get(f"/api/v1/{path}", headers=headers or VIEWER)
        assert response.content_type == "application/problem+json", await response.text()
        return response.status, (await response.json(content_type=None))["code"]

    async def send(
        self,
        results: Sequence[Result],
        *,
        epoch: str = "e1",
        seq: int,
        facts: Mapping[str, int] | None = None,
    ) -> None:
        """A batch of these results' agent; `facts` are of the last."""
        agent = results[0].agent
        sealed = seal(KEYS[agent], ORG, agent, epoch, seq, results, facts=facts)
        await self.service.parts.ingest.accept(sealed)

    async def post(
        self, path: str, data: Any, headers: dict[str, str] | None = None, *, by: str = "change-1"
    ) -> tuple[int, dict[str, Any]]:
        """Status and answer; the clock goes on by a second, as people do not act twice at once."""
        response = await self.client.post(
            f"/api/v1/{path}",
            data=json.dumps(data).encode(),
            headers={"Content-Type": "application/json"} | person(by) | (headers or {}),
        )
        await self.clock.advance(1_000)
        return response.status, await response.json(content_type=None)

    async def refused(
        self, path: str, data: Any, *, by: str = "change-1", **headers: str
    ) -> tuple[int, str]:
        status, body = await self.post(path, data, headers, by=by)
        assert status >= 400, body
        return status, body["code"]

    async def propose(self, *windows: dict[str, Any], by: str = "change-1") -> dict[str, Any]:
        status, body = await self.post("maintenance", {"windows": list(windows)}, by=by)
        assert status == 200, body
        found: dict[str, Any] = body["windows"][0]
        return found

    async def approve(self, window: dict[str, Any], by: str = "approver-1") -> dict[str, Any]:
        path = f"maintenance/{window['id']}/approve"
        status, body = await self.post(path, {"digest": window["digest"], "ref": "CHG0031"}, by=by)
        assert status == 200, body
        return body

    async def command(self, *argv: str, by: str = "change-1") -> int:
        """The exit code of `wardwatch ...` as somebody with a token in the environment."""
        url = str(self.client.make_url(""))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("WARDWATCH_TOKEN", person(by)["Authorization"].removeprefix("Bearer "))
            code = await asyncio.to_thread(main, [*argv, "--url", url])
        await self.clock.advance(1_000)
        return code

    async def facts(self) -> list[tuple[str, str, int, dict[str, Any]]]:
        """(kind, actor, ms after `START`, data) of what people did."""
        rows = await self.service.parts.store.read(journal.rows, ORG)
        return [
            (r.kind, r.actor, r.recorded_at - START, json.loads(r.data))
            for r in rows
            if r.kind.startswith(("window.", "correction."))
        ]

    async def load(self, used: Config) -> None:
        """Another file is loaded, as a restart would."""
        await self.service.parts.store.write(
            versions.record, ORG, canonical(used), self.clock.now_ms()
        )
        await self.clock.advance(1_000)

    async def occurrences(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.get("maintenance"))["occurrences"]
        return found


@asynccontextmanager
async def a_desk(store: Store, used: Config | None = None) -> AsyncIterator[Desk]:
    clock = ManualClock(START)
    world = World(clock, random.Random(1), lambda _ref: b"secret", "one")
    config_ = used or hospital()
    service = Service(store, config_, canonical(config_), world, file="/etc/wardwatch.yaml")
    await service.prepare()
    ingesting = asyncio.create_task(service.parts.ingest.run())
    app = checked(build_app(service.parts, Known()))
    async with TestClient(TestServer(app)) as client:
        await clock.advance(1_000)
        yield Desk(service, clock, client)
    ingesting.cancel()
    await asyncio.gather(ingesting, return_exceptions=True)
