"""Work in a process of its own: of the lowest priority, and gone with whoever asked for it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from collector import child
from collector.child import ChildError

IDLE = "tests.support.idle_child"
ASKS = f"""
import asyncio, json, sys
from collector import child
asyncio.run(child.answer("{IDLE}", json.dumps(sys.argv[1]).encode()))
"""
ROOT = Path(__file__).resolve().parents[2]


async def told(file: Path) -> Any:
    async with asyncio.timeout(60):
        while not file.exists():
            await asyncio.sleep(0.02)
    return json.loads(file.read_text("ascii"))


async def gone(pid: int) -> None:
    """Once it is: another process may have to take note of its end first."""
    async with asyncio.timeout(30):
        while True:
            try:
                state = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
            except FileNotFoundError:
                return
            if state == "Z":
                return
            await asyncio.sleep(0.02)


def asked(file: Path) -> bytes:
    return json.dumps(str(file)).encode()


async def test_a_child_gives_way_and_is_killed_when_who_asked_is_cancelled(tmp_path: Path) -> None:
    file = tmp_path / "told"
    running = asyncio.create_task(child.answer(IDLE, asked(file)))
    found = await told(file)
    assert (found["nice"], found["processor_s"], found["oom"]) == (19, 14_400, 1_000)
    words = Path(f"/proc/{found['pid']}/cmdline").read_bytes().split(b"\0")
    assert words[1:] == [b"-m", IDLE.encode(), b""]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(ProcessLookupError):
        os.kill(found["pid"], 0)


async def test_a_child_that_is_killed_is_told_by_its_signal(tmp_path: Path) -> None:
    file = tmp_path / "told"
    running = asyncio.create_task(child.answer(IDLE, asked(file)))
    os.kill((await told(file))["pid"], signal.SIGKILL)
    with pytest.raises(ChildError) as ended:
        await running
    assert ended.value.code == -signal.SIGKILL


async def test_a_child_that_cannot_begin_is_told_by_the_number(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    with pytest.raises(ChildError, match="the process ended with 2"):
        await child.answer(IDLE, b"1")


async def test_a_child_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "told"
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", ASKS, str(file), cwd=ROOT)
    pid = (await told(file))["pid"]
    parent.kill()
    await parent.wait()
    await gone(pid)
