"""Before its first config has come an agent checks nothing, and says so to all who ask."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from agent.condition import Trouble
from agent.metrics import AgentMetrics
from agent.notify import Notify
from agent.server import Face, Server
from probes.agentconfig import AgentConfig
from probes.clock import Clock

WITHOUT = (Trouble.CONFIG,)


async def wait(
    ask: Callable[[], Coroutine[Any, Any, AgentConfig]],
    fingerprint: str,
    stop: asyncio.Event,
    server: Server,
    notify: Notify,
    clock: Clock,
    metrics: AgentMetrics,
) -> AgentConfig | None:
    """The first config that `ask` gets; None when told to stop before. To a service manager the agent
    is up: how long its key waits for approval is nobody's start-up time.
    """
    sys.stderr.write(
        "No config is kept; waiting for the collector, which serves one once it takes this agent's "
        f"key, of fingerprint:\n  {fingerprint}\n"
    )
    metrics.degraded.labels(Trouble.CONFIG.value).set(1)
    server.show(Face(metrics.text, lambda: True, lambda: WITHOUT))
    notify.ready()
    coming, stopping = asyncio.create_task(ask()), asyncio.create_task(stop.wait())
    telling = asyncio.create_task(notify.run(clock, lambda: True, lambda: WITHOUT))
    try:
        await asyncio.wait((coming, stopping), return_when=asyncio.FIRST_COMPLETED)
        return coming.result() if coming.done() else None
    finally:
        for task in (coming, stopping, telling):
            task.cancel()
        await asyncio.gather(coming, stopping, telling, return_exceptions=True)
