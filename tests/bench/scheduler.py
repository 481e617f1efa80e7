"""The scheduler with 10 000 checks beside as many bare `loop.call_at`: CPU, and how late it is.

`python -m tests.bench.scheduler ours|bare SECONDS` runs one of them and prints what it took.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from agent import memory
from probes.clock import SystemClock
from probes.contract import Outcome, Slot
from probes.runner import Runner
from probes.schedule import first_slot_ms, offset_ms
from probes.segments import Run
from tests.bench.machine import MEASURED, ROOT
from tests.bench.row import Row
from tests.bench.target import SEED

CHECKS = 10_000
ROUNDS = 2
SECONDS = 6.0
AGENT = "north-1"


def intervals() -> dict[str, int]:
    """10 to 60 s: about 359 slots a second."""
    rng = random.Random(SEED)
    return {f"c{number}": rng.randint(10, 60) * 1000 for number in range(CHECKS)}


class Nothing:
    """A check that is done at once; only when it began counts."""

    def __init__(self, name: str, every_ms: int, late_us: list[int]) -> None:
        self.name, self.every_ms = name, every_ms
        self._late_us = late_us
        self._run = Run("ehr", name, 0, 0, Outcome.UP, "ok", 1)

    async def run(self, slot: Slot) -> Run:
        self._late_us.append(time.time_ns() // 1000 - slot.at_ms * 1000)
        return self._run

    def without_attempt(self, at_ms: int, reason: object) -> Run:
        raise AssertionError("no slot was to be missed")

    async def close(self) -> None:
        return


async def ours(late_us: list[int]) -> Callable[[], Awaitable[None]]:
    checks: Any = [Nothing(name, every, late_us) for name, every in intervals().items()]
    runner = Runner(AGENT, checks, SystemClock(), lambda _run: None)
    task = asyncio.create_task(runner.run())

    async def stop() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    return stop


async def bare(late_us: list[int]) -> Callable[[], Awaitable[None]]:
    loop = asyncio.get_running_loop()
    ahead = time.time_ns() / 1e9 - loop.time()

    def fire(at: float, every: float) -> None:
        late_us.append(int((loop.time() - at) * 1e6))
        loop.call_at(at + every, fire, at + every, every)

    now_ms = time.time_ns() // 1_000_000
    for name, every_ms in intervals().items():
        first = first_slot_ms(offset_ms(AGENT, name, every_ms), every_ms, now_ms) / 1000 - ahead
        loop.call_at(first, fire, first, every_ms / 1000)

    async def stop() -> None:
        return

    return stop


async def measure(which: str, seconds: float) -> dict[str, float]:
    late_us: list[int] = []
    stop = await {"ours": ours, "bare": bare}[which](late_us)
    memory.settle()
    await asyncio.sleep(1)
    late_us.clear()
    begun = time.process_time()
    await asyncio.sleep(seconds)
    cpu = time.process_time() - begun
    late_us.sort()
    await stop()
    return {
        "slots": len(late_us),
        "cpu_us": cpu / len(late_us) * 1e6,
        "p50_us": late_us[len(late_us) // 2],
        "p99_us": late_us[len(late_us) * 99 // 100],
    }


def one(which: str) -> dict[str, float]:
    words = [sys.executable, "-m", "tests.bench.scheduler", which, str(SECONDS)]
    pinned = ["taskset", "--cpu-list", str(MEASURED), *words]
    said = subprocess.run(pinned, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    found: dict[str, float] = json.loads(said)
    return found


def rows() -> list[Row]:
    found = [(one("ours"), one("bare")) for _ in range(ROUNDS)]
    ours, theirs = (
        {key: statistics.median(pair[n][key] for pair in found) for key in found[0][n]}
        for n in range(2)
    )
    late = {
        f"{who}_{key}": int(told[key])
        for who, told in (("our", ours), ("peer", theirs))
        for key in ("p50_us", "p99_us")
    }
    return [
        Row(
            "scheduler, 10 000 checks: CPU of a slot",
            ours["cpu_us"],
            "loop.call_at",
            theirs["cpu_us"],
            "us",
            2,
            more=late,
        ),
        Row(
            "scheduler, 10 000 checks: lateness p99",
            ours["p99_us"],
            "5 ms",
            5_000,
            "us",
            1,
            more=late,
        ),
    ]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(sys.argv[1], float(sys.argv[2])))))
