"""kill -9 of a process that spends, at any moment: over all its lives no day has more than its cap."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from pathlib import Path

from agent.ledger import NAME
from tests.support.soak import longer

CAP = 400
SPENDER = f"""
import asyncio, os, sys
from pathlib import Path
from agent.keptfile import KeptFile
from agent.ledger import KeptLedger
from agent.onethread import OneThread
from probes.clock import ManualClock

async def spend():
    ledger = KeptLedger(KeptFile(Path(sys.argv[1])), ManualClock(), OneThread("spool"))
    os.write(1, b"begun\\n")
    while await ledger.spend("payer", {CAP}) is None:
        os.write(1, b"$")  # the request that costs money
    os.write(1, b"|")

asyncio.run(spend())
"""


async def life(file: Path, lasts_s: float | None) -> tuple[int, bool]:
    """What it spent until it was killed, or had come to the cap; whether it had."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SPENDER, str(file), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"begun\n"
    if lasts_s is not None:
        await asyncio.sleep(lasts_s)
        process.send_signal(signal.SIGKILL)
    told = await process.stdout.read()
    await process.wait()
    return told.count(b"$"), b"|" in told


async def test_killed_at_any_moment_a_day_has_no_more_runs_than_its_cap(tmp_path: Path) -> None:
    rng, file = random.Random(11), tmp_path / NAME
    made: list[int] = []
    at_cap = False
    while not at_cap:
        is_last = len(made) >= longer(5)
        requests, at_cap = await life(file, None if is_last else rng.uniform(0.0, 0.03))
        made.append(requests)
        counted = 0
        if file.exists():
            counted = sum(json.loads(file.read_bytes())["spent"]["payer"].values())
        # One may have been counted and not made in each life, none made and not counted.
        assert sum(made) <= counted <= sum(made) + len(made)
        assert counted <= CAP
    assert len(made) > 1
    assert (await life(file, None)) == (0, True)
