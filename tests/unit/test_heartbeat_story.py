"""A batch job's night, whole: its pings by HTTP, the collector's own agent, evidence, state, replay."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.access.policy import Role
from collector.replay import read_results, replay
from collector.store.store import Store
from probes.config import Config
from probes.history import History, Version
from probes.times import rfc3339
from tests.contract.test_heartbeat import REF, SECRET
from tests.support.collectors import Collector, a_collector
from tests.support.rounds import START, config, document

KEY = Ed25519PrivateKey.from_private_bytes(b"config key".ljust(32))


def hospital() -> Config:
    """The job is the system: due a minute after it last ended, with 30 s of grace."""
    spec = {"secret": REF, "interval": "60s", "grace": "30s"}
    nightly = {"system": "ehr", "kind": "heartbeat", "every": "10s", "timeout": "5s", "spec": spec}
    agents = document()["agents"] | {"collector": {"site": "south"}}
    policy = {"recover_for": "20s", "blind_after": "60s"}
    return config(agents=agents, checks={"nightly": nightly}, policy=policy)


@asynccontextmanager
async def awake(
    store: Store, monkeypatch: pytest.MonkeyPatch, start: int = START
) -> AsyncIterator[Collector]:
    """A collector that leads, with its own agent at work; it goes as one that is told to stop."""
    used = hospital()
    async with a_collector(store, used, config_key=KEY, start=start) as opened:
        service = opened.service
        monkeypatch.setattr(
            "tests.support.collectors.CLIENT_SECRET", SECRET.encode()
        )  # what every reference of it reads
        assert service._built_in is not None
        await service.parts.evaluator.step()
        task = asyncio.create_task(service._built_in.run())
        yield opened
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await service.parts.evaluator.step()


async def pass_time(opened: Collector, by_ms: int) -> None:
    for _ in range(by_ms // 2_500):
        await opened.clock.advance(2_500)
        await asyncio.sleep(0.004)
        await opened.service.parts.evaluator.step()


async def in_state(opened: Collector, viewer: str, state: str) -> None:
    """Once the store, which answers from a thread of its own, has what was seen."""
    for _ in range(300):
        await opened.service.parts.evaluator.step()
        if json.loads(await ask(opened, viewer, "/api/v1/systems/ehr"))["state"] == state:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"never {state}")


async def ping(opened: Collector, word: str = "") -> None:
    async with opened.client.post(f"/heartbeat/{SECRET}{word}") as answer:
        assert answer.status == 200


async def ask(opened: Collector, viewer: str, path: str) -> str:
    headers = {"Authorization": f"Bearer {viewer}"}
    async with opened.client.get(path, headers=headers) as answer:
        assert answer.status == 200
        return await answer.text()


async def test_a_job_is_up_missed_late_and_up_again_and_replay_says_the_same(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with awake(store, monkeypatch) as one:
        viewer = await one.token("viewer-1", Role.VIEWER)
        await pass_time(one, 15_000)
        await ping(one)
        await pass_time(one, 60_000)
        await in_state(one, viewer, "up")
        await pass_time(one, 60_000)
        await in_state(one, viewer, "down")
        await ping(one)
        await pass_time(one, 30_000)
        await in_state(one, viewer, "up")
        sites = json.loads(await ask(one, viewer, "/api/v1/systems/ehr"))["sites"]
        states = {site["id"]: site["state"] for site in sites}
        assert states == {"north": "not_monitored", "south": "up"}
        (agent,) = [
            each
            for each in json.loads(await ask(one, viewer, "/api/v1/agents"))["agents"]
            if each["id"] == "collector"
        ]
        assert (agent["site"], agent["key_state"], agent["waiting"]) == ("south", "approved", None)
        assert [chain["missing_batches"] for chain in agent["chains"]] == [0]
        stopped = one.clock.now_ms()
        at = rfc3339(START + 125_000)
        told = await ask(one, viewer, f"/api/v1/systems/ehr/explain?at={at}")
        assert "heartbeat.missed" in told
    # Another process takes over: it knows of the last success, and slots go on.
    async with awake(store, monkeypatch, stopped + 5_000) as two:
        await pass_time(two, 30_000)
        await in_state(two, viewer, "up")
        now = two.clock.now_ms()
        lines = await ask(
            two,
            viewer,
            f"/api/v1/checks/nightly/results?from=2026-01-01T00:00:00Z&to={rfc3339(now)}",
        )
        numbers = await two.service.parts.numbers.availability(START, now)
        reasons = [json.loads(line)["reason"] for line in lines.splitlines()]
        assert [r for n, r in enumerate(reasons) if r != reasons[n - 1] or n == 0] == [
            "heartbeat.never",
            "ok",
            "heartbeat.missed",
            "heartbeat.late",
            "ok",
        ]
        assert reasons.count("heartbeat.late") == 1
        file = tmp_path / "results.jsonl"
        file.write_text(lines, encoding="utf-8")
        history = History([Version(START, hospital())])
        said = replay(history, read_results(file, history), START, now, now)
        assert numbers["systems"] == said["systems"]
        assert said["systems"]["ehr"]["down_ms"] > 0
        assert len(said["systems"]["ehr"]["outages"]) == 1
