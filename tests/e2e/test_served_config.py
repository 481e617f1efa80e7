"""A real agent beside a real collector: its checks come signed, stay through an absence, and neither
a touched nor an older copy is run.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agent import identity
from probes import batch
from probes.configfile import digest, load
from probes.testing.portal import Portal
from tests.support.kept import kept
from tests.support.process import CollectorProcess, start_collector

AGENT = "import sys; from agent.cli import main; sys.exit(main())"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


@dataclass
class Scene:
    folder: Path
    portal: str
    session: aiohttp.ClientSession
    port: int = field(default_factory=free_port)
    listen: int = field(default_factory=free_port)
    agent: asyncio.subprocess.Process | None = None
    collector: CollectorProcess | None = None

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def log(self) -> str:
        return (self.folder / "agent.log").read_text()

    def write(self, *checks: str) -> str:
        """The operator's file with these checks; returns the digest batches name it by."""
        key = identity.public_text(identity.load_or_make_key(self.state))
        check = {
            "system": "portal",
            "kind": "http",
            "every": "1s",
            "timeout": "1s",
            "spec": {"url": self.portal},
        }
        document: dict[str, Any] = {
            "version": "1",
            "organization": {"id": "st-elsewhere", "name": "St Elsewhere", "timezone": "UTC"},
            "sites": {"north": {"name": "North"}},
            "agents": {"north-1": {"site": "north", "key": key}},
            "systems": {"portal": {"name": "Portal", "impact": {"class": "administrative"}}},
            "checks": dict.fromkeys(checks, check),
        }
        path = self.folder / "wardwatch.yaml"
        path.write_text(json.dumps(document))
        host = {
            "agent": "north-1",
            "state": str(self.state),
            "collector": {"url": f"http://127.0.0.1:{self.port}"},
            "listen": f"127.0.0.1:{self.listen}",
            "allow": [{"network": "127.0.0.1", "schemes": ["http"]}],
        }
        (self.folder / "agent.yaml").write_text(json.dumps(host))
        return digest(load(str(path)))

    async def start_collector(self) -> None:
        self.collector = await start_collector(
            self.folder / "wardwatch.yaml",
            f"sqlite:///{self.folder}/w.db",
            *("--listen", f"127.0.0.1:{self.port}"),
        )

    async def stop_collector(self) -> None:
        assert self.collector is not None
        assert await self.collector.stop() == 0

    async def start_agent(self) -> None:
        with (self.folder / "agent.log").open("wb") as log:
            self.agent = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", AGENT, "run", "--host", str(self.folder / "agent.yaml")),
                stderr=log,
            )

    async def stop_agent(self) -> None:
        assert self.agent is not None
        self.agent.terminate()
        assert await asyncio.wait_for(self.agent.wait(), 20) == 0

    async def metric(self, name: str) -> float:
        """0 as long as nobody answers, or the sample is not there."""
        try:
            async with self.session.get(f"http://127.0.0.1:{self.listen}/metrics") as answer:
                lines = (await answer.text()).splitlines()
        except aiohttp.ClientError:
            return 0
        return next((float(line.split()[-1]) for line in lines if line.startswith(name)), 0)

    async def health(self) -> object:
        async with self.session.get(f"http://127.0.0.1:{self.listen}/healthz") as answer:
            return await answer.json()

    async def runs(self, check: str, more: int = 1) -> None:
        """Wait until so many more runs of a check were up; a loaded host takes its time."""
        name = f'wardwatch_check_runs_total{{check="{check}",outcome="up",reason="ok"}}'
        before = await self.metric(name)
        async with asyncio.timeout(40):
            while await self.metric(name) < before + more:
                await asyncio.sleep(0.1)

    async def says(self, text: str, within_s: float = 30) -> None:
        async with asyncio.timeout(within_s):
            while text not in self.log:
                await asyncio.sleep(0.05)

    def configs(self) -> set[str]:
        """Which configs the stored batches name."""
        return {batch.open_batch(one.data).header.config for one in kept(self.folder / "w.db")}

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(15):
            while not condition():
                await asyncio.sleep(0.1)


@pytest.mark.timeout(240)
async def test_an_agent_runs_what_its_collector_signs_and_nothing_else(tmp_path: Path) -> None:
    portal = Portal(canaries=("MRN-4711",))
    await portal.start()
    async with aiohttp.ClientSession() as session:
        scene = Scene(tmp_path, portal.url, session)
        try:
            await play(scene)
        finally:
            if scene.agent is not None and scene.agent.returncode is None:
                scene.agent.kill()
                await scene.agent.wait()
            if scene.collector is not None and scene.collector.process.returncode is None:
                await scene.collector.kill()
            await portal.stop()


async def play(scene: Scene) -> None:
    # the agent is first: it waits, and runs what comes
    before = scene.write("login")
    await scene.start_agent()
    await scene.says("No config is kept; waiting for the collector")
    assert await scene.health() == {"status": "degraded", "reasons": ["config"]}
    assert await scene.metric('wardwatch_agent_degraded{reason="config"}') == 1
    await scene.start_collector()
    await scene.runs("login", 2)
    assert "config.key_believed fingerprint=" in scene.log
    assert await scene.metric('wardwatch_agent_degraded{reason="config"}') == 0
    version = await scene.metric("wardwatch_agent_config_version")
    older = (scene.state / "config.signed").read_bytes()

    # another config: it runs within seconds, and batches name it
    after = scene.write("login", "search")
    await scene.stop_collector()
    await scene.start_collector()
    await scene.runs("search", 2)
    newer = await scene.metric("wardwatch_agent_config_version")
    assert newer > version
    await scene.until(lambda: scene.configs() >= {before, after})
    assert scene.configs() == {before, after}

    # the collector is gone, and the agent starts
    assert scene.collector is not None
    await scene.collector.kill()
    await scene.stop_agent()
    await scene.start_agent()
    await scene.runs("search")
    await scene.runs("login")
    assert f"Config {int(newer)} as kept" in scene.log
    await scene.stop_agent()

    # a touched copy, and an older one
    kept = scene.state / "config.signed"
    good = kept.read_bytes()
    for bad, code in ((good[:-1] + b"x", "config.signature"), (older, "config.older")):
        kept.write_bytes(bad)
        await scene.start_agent()
        await scene.says(f"config.kept_refused code={code}")
        await scene.says("No config is kept; waiting for the collector")
        await scene.stop_agent()
