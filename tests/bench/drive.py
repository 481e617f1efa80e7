"""The agent as fast as it can: so many attempts in flight, each check again as soon as it ended.

`python -m tests.bench.drive CONFIG COLLECTOR STATE FLIGHT SECONDS` runs everything an agent does
with a run, batches and uplink too; only the slots are not waited for. At its end it writes what was
done into STATE/drive.json. Without COLLECTOR (`-`) nothing leaves.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

from yarl import URL

from agent import identity
from agent.attempts import Attempts
from agent.commands import host_world
from agent.service import Service, open_check
from probes.configfile import load
from probes.contract import Slot
from probes.segments import Run
from tests.bench.ours import AGENT


class Headlong:
    """In place of the runner: `flight` attempts at once over all checks in turn."""

    def __init__(self, service: Service, checks: list[Attempts], flight: int) -> None:
        self._service = service
        self._checks = checks
        self._flight = flight
        self.done: Counter[str] = Counter()
        self.beat_ns = 0

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for first in range(self._flight):
                tasks.create_task(self._again(self._checks[first :: self._flight]))

    async def _again(self, checks: list[Attempts]) -> None:
        clock = self._service._world.clock
        while True:
            for check in checks:
                run: Run = await check.run(Slot(check.name, clock.now_ms()))
                self.done[run.reason] += 1
                self._service._record(run)
                self.beat_ns = clock.monotonic_ns()


async def drive(config: str, collector: str, state: Path, flight: int, seconds: float) -> None:
    loaded = load(config, names=False)
    world = host_world()
    key = identity.load_or_make_key(state)
    service = Service(loaded, AGENT, key, identity.new_epoch(), world)
    checks = [open_check(n, c, world, service._pulse) for n, c in loaded.checks.items()]
    headlong = Headlong(service, checks, flight)
    service._runner = headlong  # type: ignore[assignment]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    told: dict[str, float] = {}

    def begin() -> None:
        headlong.done.clear()
        told["cpu"], told["wall"] = time.process_time(), time.monotonic()
        told["waited"] = waited()
        loop.call_later(seconds, end)

    def end() -> None:
        told["cpu"] = time.process_time() - told["cpu"]
        told["wall"] = time.monotonic() - told["wall"]
        told["waited"] = waited() - told["waited"]
        found = {**told, "done": sum(headlong.done.values()), "reasons": dict(headlong.done)}
        (state / "drive.json").write_text(json.dumps(found))
        stop.set()

    loop.call_later(1, begin)
    await service.run(URL(collector), stop)


def waited() -> float:
    """Seconds this process waited for the core so far."""
    tasks = Path(f"/proc/{os.getpid()}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[1]) for task in tasks) / 1e9


if __name__ == "__main__":
    asyncio.run(
        drive(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
    )
