"""MLLP round trip, a new connection for each message: CPU of our `hl7` probe beside a bare asyncio
client, and beside the client of the package `hl7`.

All in one process, in turns: `python -m tests.bench.mllp PORT SECONDS` prints what each took.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import hl7.mllp

from probes.clock import SystemClock
from probes.contract import Env, Outcome, Slot
from probes.kinds.hl7 import KIND
from probes.net import Network
from tests.bench.machine import MEASURED, ROOT
from tests.bench.row import Row
from tests.bench.target import SEED, Target

MESSAGE = (
    "MSH|^~\\&|WARDWATCH|NORTH|LAB|NORTH|20260701050000+0000||ADT^A08^ADT_A01|77|T|2.5.1\r"
    "EVN|A08|20260701050000+0000\rPID|1||ZZ0001^^^TEST||ZZTEST^UPTIME\rPV1|1|O\r"
)
FRAME = b"\x0b" + MESSAGE.encode() + b"\x1c\r"
CHUNK = 40
SECONDS = 12.0


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as name, Target(Path(name), "mllp", 0) as target:
        words = [sys.executable, "-m", "tests.bench.mllp", str(target.port), str(SECONDS)]
        pinned = ["taskset", "--cpu-list", str(MEASURED), *words]
        said = subprocess.run(pinned, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    us: dict[str, float] = json.loads(said)
    name = "MLLP round trip, client CPU"
    return [
        Row(name, us["ours"], "bare asyncio", us["bare"], "us", 2),
        Row(name, us["ours"], "hl7.mllp", us["hl7"], "us", 2),
    ]


async def measure(port: int, seconds: float) -> dict[str, float]:
    clock = SystemClock()
    env = Env(clock, random.Random(SEED), Network(clock), 5_000, lambda _reference: b"")
    spec: dict[str, object] = {
        "host": "127.0.0.1",
        "port": str(port),
        "processing_id": "T",
        "message": "adt_a08",
    }
    patient = {"id": "ZZ0001", "assigning_authority": "TEST", "name": "ZZTEST^UPTIME"}
    async with KIND.open(KIND.parse({**spec, "patient": patient}), env) as probe:

        async def ours() -> None:
            seen = await probe.run(Slot("lab", clock.now_ms()))
            if seen.outcome is Outcome.UNKNOWN or "ack" not in [s.name for s in seen.steps]:
                raise AssertionError(f"no round trip: {seen.reason}")

        async def bare() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(FRAME)
            await reader.readuntil(b"\x1c\r")
            writer.close()

        async def package() -> None:
            opened = hl7.mllp.open_hl7_connection("127.0.0.1", port)
            reader, writer = await opened
            writer.writemessage(MESSAGE)
            await writer.drain()
            await reader.readmessage()
            writer.close()

        turns = {"ours": ours, "bare": bare, "hl7": package}
        return await _in_turns(turns, seconds)


async def _in_turns(
    turns: Mapping[str, Callable[[], Awaitable[None]]], seconds: float
) -> dict[str, float]:
    """Median CPU microseconds of one call of each."""
    took: dict[str, list[float]] = {name: [] for name in turns}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for name, turn in turns.items():
            begun = time.process_time()
            for _ in range(CHUNK):
                await turn()
            took[name].append((time.process_time() - begun) / CHUNK * 1e6)
    return {name: statistics.median(found) for name, found in took.items()}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(int(sys.argv[1]), float(sys.argv[2])))))
