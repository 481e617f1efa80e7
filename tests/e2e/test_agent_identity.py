"""A real agent beside a real collector: invited, enrolled, approved, rotated, revoked, refused."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from agent import identity
from agent.cli import main
from probes import agentkeys
from probes.testing.portal import Portal
from tests.support.process import CollectorProcess, start_collector

AGENT = "import sys; from agent.cli import main; sys.exit(main())"


def document(url: str) -> dict[str, Any]:
    return {
        "version": "1",
        "organization": {"id": "st-elsewhere", "name": "St Elsewhere", "timezone": "UTC"},
        "sites": {"north": {"name": "North"}},
        "agents": {"north-1": {"site": "north"}},
        "systems": {"portal": {"name": "Portal", "impact": {"class": "administrative"}}},
        "checks": {
            "login": {
                "system": "portal",
                "kind": "http",
                "every": "1s",
                "timeout": "1s",
                "spec": {"url": url},
            }
        },
    }


@dataclass
class Scene:
    folder: Path
    collector: CollectorProcess
    session: aiohttp.ClientSession
    capsys: pytest.CaptureFixture[str]

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def fingerprint(self) -> str:
        """Of the agent's key, as its host has it."""
        return (
            agentkeys.ungrouped(identity.fingerprint(identity.load_or_make_key(self.state))) or ""
        )

    async def agent(self, word: str, *more: str) -> tuple[int, str]:
        """Exit code, and all that an agent's command said."""
        host = {
            "agent": "north-1",
            "state": str(self.state),
            "collector": {"url": self.collector.url},
        }
        file = self.folder / "agent.yaml"
        file.write_text(json.dumps(host))
        where = () if "--state" in more else ("--host", str(file))
        code = await asyncio.to_thread(main, [word, *where, *more])
        said = self.capsys.readouterr()
        return code, said.out + said.err

    async def enrol(self, token: str, *, by_options: bool = False) -> tuple[int, str]:
        (self.folder / "token").write_text(f"{token}\n")
        ref = f"file:{self.folder / 'token'}"
        where = (
            "--collector",
            self.collector.url,
            "--agent",
            "north-1",
            "--state",
            str(self.state),
        )
        return await self.agent("enrol", "--token", ref, *(where if by_options else ()))

    async def post(self, act: str, **body: str) -> dict[str, Any]:
        url = f"{self.collector.url}/api/v1/agents/north-1/{act}"
        async with self.session.post(url, json=body) as answer:
            found: dict[str, Any] = await answer.json(content_type=None)
            assert answer.status == 200, found
            return found

    def batches(self) -> int:
        with closing(sqlite3.connect(f"file:{self.folder}/w.db?mode=ro", uri=True)) as found:
            return int(found.execute("SELECT count(*) FROM batches").fetchone()[0])

    async def refused(self) -> dict[str, float]:
        """Refused uploads by code."""
        async with self.session.get(f"{self.collector.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        found = [line for line in lines if line.startswith("wardwatch_ingest_refused_total{")]
        return {line.split('"')[1]: float(line.split()[-1]) for line in found}


async def until(found: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(80):  # an agent that nobody approved waits up to ten seconds
        while not await found():
            await asyncio.sleep(0.1)


@pytest.mark.timeout(300)
async def test_an_agent_from_its_invitation_to_its_revocation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    portal = Portal(canaries=("MRN-4711",))
    await portal.start()
    config = tmp_path / "wardwatch.yaml"
    config.write_text(yaml.safe_dump(document(portal.url), sort_keys=False))
    collector = await start_collector(config, f"sqlite:///{tmp_path}/w.db")
    headers = await collector.enter()
    log = tmp_path / "agent.log"
    async with aiohttp.ClientSession(headers=headers) as session:
        scene = Scene(tmp_path, collector, session, capsys)
        with log.open("wb") as written:
            running = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                AGENT,
                "run",
                *("--config", str(config), "--agent", "north-1"),
                *("--collector", collector.url, "--state", str(scene.state)),
                stderr=written,
            )
        try:
            await play(scene)
        finally:
            running.terminate()
            await running.wait()
            await collector.stop()
            await portal.stop()
    assert running.returncode == 0
    nobody_kept_the_token(tmp_path, collector.log)


def nobody_kept_the_token(folder: Path, collector_log: list[str]) -> None:
    """Not in a database, a log or the agent's folder; what they do hold is found."""
    token = (folder / "token").read_text().strip().encode()
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "token"]
    kept = {path.name: path.read_bytes() for path in files}
    kept["collector.log"] = "\n".join(collector_log).encode()
    assert {"w.db", "agent.log", "agent.key", "enrolled.json"} <= set(kept)
    assert b"agent.invited" in kept["w.db"]
    assert b"code=agent.not_approved" in kept["collector.log"]
    assert b"code=batch.revoked" in kept["agent.log"]
    for secret in (token, token.removeprefix(b"wwe_")):
        assert [name for name, data in kept.items() if secret in data] == []


async def play(scene: Scene) -> None:
    # recorded before anybody knows the agent, refused, and kept
    async def unknown() -> bool:
        return (await scene.refused()).get("batch.no_key", 0) >= 1

    await until(unknown)
    assert (await scene.agent("rotate"))[0] == 2
    token = (await scene.post("invite"))["token"]
    first = scene.fingerprint
    for by_options in (False, True):  # a lost answer
        code, said = await scene.enrol(token, by_options=by_options)
        assert (code, agentkeys.grouped(first) in said) == (0, True)
        assert "wardwatch agent approve north-1" in said

    async def waits() -> bool:
        return (await scene.refused()).get("agent.not_approved", 0) >= 1

    await until(waits)
    assert scene.batches() == 0
    code, said = await scene.agent("rotate")
    assert (code, "agent.not_approved" in said) == (1, True)
    await scene.post("approve", fingerprint=first)

    async def delivered() -> bool:
        return scene.batches() >= 2

    await until(delivered)
    code, said = await scene.agent("rotate")
    assert code == 0, said
    second = scene.fingerprint
    assert second != first
    assert agentkeys.grouped(second) in said
    assert [path.name for path in scene.state.glob("*.next")] == []
    # the running agent signs with the new key: only that makes a revocation of the old one harmless
    await scene.post("revoke", fingerprint=first, reason="retired")
    before = scene.batches()

    async def goes_on() -> bool:
        return scene.batches() >= before + 2

    await until(goes_on)
    await scene.post("revoke", fingerprint=second, reason="stolen")
    after = scene.batches()

    async def shut_out() -> bool:
        return (await scene.refused()).get("batch.revoked", 0) >= 1

    await until(shut_out)
    assert scene.batches() == after
    code, said = await scene.agent("rotate")
    assert (code, "Move agent.key away" in said) == (1, True)
    code, said = await scene.enrol(token)
    assert (code, "[agent.enrolment_refused]" in said) == (1, True)
