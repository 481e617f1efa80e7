"""A witness as a process of its own, to be asked, stopped and killed."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

COMMAND = "import sys\nfrom collector.cli import main\nsys.exit(main(['witness', *sys.argv[1:]]))\n"


@dataclass
class WitnessProcess:
    process: asyncio.subprocess.Process
    url: str
    log: list[str]
    reading: asyncio.Task[None]

    async def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        await self._gone()

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        await self._gone()
        assert self.process.returncode is not None
        return self.process.returncode

    async def _gone(self) -> None:
        await asyncio.wait_for(self.process.wait(), 20)
        await self.reading


async def start_witness(folder: Path, *words: str) -> WitnessProcess:
    """With `witness.key` and the folder `state` there; waits until it listens."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        COMMAND,
        *("--key", str(folder / "witness.key")),
        *("--state", str(folder / "state")),
        *("--listen", "127.0.0.1:0"),
        *words,
        stderr=asyncio.subprocess.PIPE,
    )
    log: list[str] = []
    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def read() -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            log.append(line.decode().rstrip())
            found = re.search(r"https?://\S+", log[-1])
            if found and not listening.done():
                listening.set_result(found.group())
        if not listening.done():
            listening.set_exception(AssertionError("\n".join(log)))

    reading = asyncio.create_task(read())
    url = await asyncio.wait_for(listening, 30)
    return WitnessProcess(process, url, log, reading)
