"""Programs that listen, as processes of their own, to be stopped and killed."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import aiohttp

from tests.support.entering import enrol, log_in, printed_code

COMMAND = (
    "import argparse, sys\n"
    "from collector.commands import collector\n"
    "parser = argparse.ArgumentParser()\n"
    "collector.add(parser.add_subparsers())\n"
    "args = parser.parse_args(['collector', *sys.argv[1:]])\n"
    "sys.exit(args.func(args))\n"
)


@dataclass
class Listening:
    """A process that has said where it listens; its standard error is kept in `log`."""

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


class CollectorProcess(Listening):
    async def enter(self) -> dict[str, str]:
        """The first admin, by the link it printed: the header to ask with."""
        code = await printed_code(lambda: "\n".join(self.log))
        async with aiohttp.ClientSession() as session:
            now_s = time.time_ns() // 1_000_000_000
            person = await enrol(session, self.url, code, "admin-1", now_s)
            token = await log_in(session, self.url, person, now_s)
        return {"Authorization": f"Bearer {token}"}


Made = TypeVar("Made", bound=Listening)


async def started(
    kind: type[Made], program: str, *words: str, env: dict[str, str] | None = None
) -> Made:
    """Wait until it listens; AssertionError with its log when it ends before."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        *words,
        env=os.environ | (env or {}),
        stderr=asyncio.subprocess.PIPE,
    )
    log: list[str] = []
    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def read() -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            log.append(line.decode().rstrip())
            found = re.search(r"https?://[^;\s]+", log[-1])
            if found and not listening.done():
                listening.set_result(found.group())
        if not listening.done():
            listening.set_exception(AssertionError("\n".join(log)))

    reading = asyncio.create_task(read())
    url = await asyncio.wait_for(listening, 30)
    return kind(process, url, log, reading)


async def start_collector(
    config: Path, database: str, *more: str, env: dict[str, str] | None = None
) -> CollectorProcess:
    return await started(
        CollectorProcess,
        COMMAND,
        *("--config", str(config)),
        *("--database", database),
        *("--listen", "127.0.0.1:0"),
        *more,
        env=env,
    )
