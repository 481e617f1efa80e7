"""A collector whose windows and corrections people act on, over HTTP; the clock moves by hand."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from collector import journal, versions
from collector.api.app import build_app
from collector.service import Service, World
from collector.store.store import Store
from probes.clock import ManualClock
from probes.config import Config
from probes.configfile import canonical
from tests.support.rounds import ORG, START, config

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
    return config(**{"approvers": ["approver-1", "approver-2"]} | changes)


@dataclass
class Desk:
    """What somebody on the collector's host can ask and do."""

    service: Service
    clock: ManualClock
    client: TestClient[Request, Application]

    async def get(self, path: str) -> dict[str, Any]:
        response = await self.client.get(f"/api/v1/{path}")
        assert response.status == 200, await response.text()
        found: dict[str, Any] = await response.json()
        return found

    async def post(
        self, path: str, data: Any, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Status and answer; the clock goes on by a second, as people do not act twice at once."""
        response = await self.client.post(
            f"/api/v1/{path}",
            data=json.dumps(data).encode(),
            headers={"Content-Type": "application/json"} | (headers or {}),
        )
        await self.clock.advance(1_000)
        return response.status, await response.json(content_type=None)

    async def refused(self, path: str, data: Any, **headers: str) -> tuple[int, str]:
        status, body = await self.post(path, data, headers)
        assert status >= 400, body
        return status, body["code"]

    async def propose(self, *windows: dict[str, Any], by: str = "change-1") -> dict[str, Any]:
        status, body = await self.post("maintenance", {"by": by, "windows": list(windows)})
        assert status == 200, body
        found: dict[str, Any] = body["windows"][0]
        return found

    async def approve(self, window: dict[str, Any], by: str = "approver-1") -> dict[str, Any]:
        path = f"maintenance/{window['id']}/approve"
        status, body = await self.post(
            path, {"by": by, "digest": window["digest"], "ref": "CHG0031"}
        )
        assert status == 200, body
        return body

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
async def a_desk(
    store: Store, used: Config | None = None, *, local_only: bool = True
) -> AsyncIterator[Desk]:
    clock = ManualClock(START)
    world = World(clock, random.Random(1), lambda _ref: b"secret", "one")
    config_ = used or hospital()
    service = Service(store, config_, canonical(config_), world, file="/etc/wardwatch.yaml")
    await service.prepare()
    ingesting = asyncio.create_task(service.parts.ingest.run())
    app = build_app(service.parts, local_only=local_only)
    async with TestClient(TestServer(app)) as client:
        await clock.advance(1_000)
        yield Desk(service, clock, client)
    ingesting.cancel()
    await asyncio.gather(ingesting, return_exceptions=True)
