"""An agent without a config is up, and says that it checks nothing."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest

from agent import firstconfig
from agent.metrics import AgentMetrics
from agent.notify import Notify
from agent.server import Face, Server
from probes.agentconfig import AgentConfig, part_of
from probes.clock import ManualClock
from tests.support.rounds import config

PART = part_of(config(), "north-1", 3)


async def test_while_it_waits_whoever_asks_hears_why_and_systemd_that_it_is_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock, metrics, path = ManualClock(), AgentMetrics(), str(tmp_path / "notify")
    approved, stop = asyncio.Event(), asyncio.Event()
    server = Server(Face(metrics.text, lambda: True, tuple))

    async def ask() -> AgentConfig:
        await approved.wait()
        return PART

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(0)
        notify = Notify(path, 60_000)
        waiting = asyncio.create_task(
            firstconfig.wait(ask, "ab12", stop, server, notify, clock, metrics)
        )
        await clock.advance(0)
        await clock.advance(300_000)  # longer than any start may take
        health = await server._get_health(None)  # type: ignore[arg-type]  # unused
        heard = [manager.recv(500).decode() for _ in range(3)]
        approved.set()
        assert await waiting is PART
    assert health.status == 200
    assert json.loads(health.text or "") == {"status": "degraded", "reasons": ["config"]}
    assert heard == ["READY=1", *["WATCHDOG=1\nSTATUS=degraded: config"] * 2]
    assert b'wardwatch_agent_degraded{reason="config"} 1.0' in metrics.text()
    assert "ab12" in capsys.readouterr().err


async def test_told_to_stop_it_waits_no_longer() -> None:
    stop = asyncio.Event()
    stop.set()
    metrics = AgentMetrics()
    server = Server(Face(metrics.text, lambda: True, tuple))

    async def never() -> AgentConfig:
        await asyncio.Event().wait()
        return PART

    notify = Notify(None, None)
    found = await firstconfig.wait(never, "ab12", stop, server, notify, ManualClock(), metrics)
    assert found is None
