"""Long work in a process of its own, of the lowest priority: the one that pages people has neither
the processor nor the memory to spare.

What is asked and answered goes through pipes, so no list of processes shows it. The child ends with
whoever asked, however that one ends; when the host is short of memory it is the first to go.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import threading
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

NICE = 19
PROCESSOR_S = 4 * 3_600
"""Of the processor, then it is ended: a month of a large hospital takes minutes."""
FIRST_TO_GO = b"1000"
"""The highest of `oom_score_adj`; to raise one's own needs no permission."""
_ASKED = 0
_READ = 1 << 16


class ChildError(Exception):
    """It ended without an answer; a negative number is the signal that ended it. Where it could not
    begin, as without memory for it, the number of that error.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"the process ended with {code}")
        self.code = code


async def answer(module: str, asked: bytes) -> bytes:
    """What `python -m module` writes, given one line. ChildError; cancelled, it is killed."""
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, stdin=PIPE, stdout=PIPE, stderr=DEVNULL
        )
    except OSError as error:
        raise ChildError(error.errno or 1) from None
    try:
        # its input stays open until it has ended: that is how it knows that we are there
        assert process.stdin is not None  # noqa: S101 - for mypy: both are pipes
        assert process.stdout is not None  # noqa: S101 - likewise
        process.stdin.write(asked + b"\n")
        said = await process.stdout.read()
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if code:
        raise ChildError(code)
    return said


def given() -> bytes:
    """In the child, before anything else: the line it is given. From here on it gives way."""
    os.nice(NICE)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    if most == resource.RLIM_INFINITY or most > PROCESSOR_S:
        resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S))
    score = Path("/proc/self/oom_score_adj")
    if score.exists():  # not on every system
        score.write_bytes(FIRST_TO_GO)
    line = bytearray()
    while not line.endswith(b"\n"):
        more = os.read(_ASKED, _READ)
        if not more:
            os._exit(1)
        line += more
    threading.Thread(target=_end_with_who_asked, daemon=True).start()
    return bytes(line)


def _end_with_who_asked() -> None:
    while os.read(_ASKED, _READ):
        pass
    os._exit(1)
