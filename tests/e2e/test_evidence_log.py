"""The logs of a whole hospital at work: signed by a real process, killed and started again, and never
signed on from an older copy of its database.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from collector.attest import note, policyfile
from collector.attest.checkpoint import Checkpoint
from collector.attest.policy import Policy, accept
from collector.store.shortform import is_tombstone
from probes import batch
from tests.demo.stage import BIN, Stage
from tests.support.kept import kept

ORIGIN = "st-elsewhere.example.org/demo"


async def until(what: Callable[[], Awaitable[bool]], within_s: float = 60) -> None:
    async with asyncio.timeout(within_s):
        while not await what():
            await asyncio.sleep(0.5)


async def fetched(stage: Stage, path: str) -> bytes | None:
    async with stage.session.get(f"{stage.url}/{path}", headers=stage.headers) as reply:
        return await reply.read() if reply.status == 200 else None


async def signed(stage: Stage, policy: Policy, log: str = "evidence") -> Checkpoint:
    data = await fetched(stage, f"log/{log}/checkpoint")
    assert data is not None
    return accept(policy, note.parse(data)).checkpoint


async def stop(stage: Stage) -> None:
    stage.processes["collector"].terminate()
    await stage.processes["collector"].wait()


def status(stage: Stage) -> str:
    token = f"file:{stage.token}"
    words = [str(BIN / "wardwatch"), "status", "--url", stage.url, "--token", token]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def copied(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


@pytest.mark.timeout(240)
async def test_a_hospitals_logs_are_signed_through_crashes_and_not_from_an_older_copy(
    tmp_path: Path,
) -> None:
    async with Stage(tmp_path) as stage:
        database = tmp_path / "wardwatch.db"
        await until(lambda: has(stage, "log/audit/checkpoint"))
        found = await fetched(stage, "log/evidence/policy")
        assert found is not None
        policy = policyfile.parse(found)
        first = await signed(stage, policy)
        assert first.origin == f"{ORIGIN}/evidence"
        copied(database, tmp_path / "older.db")

        stage.kill("collector")
        await stage.processes["collector"].wait()
        await stage.start_collector()
        await until(lambda: has_more(stage, policy, first.size))
        await until(lambda: has_beacon(database))
        second = await signed(stage, policy)
        before = checkpoints(database)
        await stop(stage)

        # the next start is from an older copy: agents go on sending what it has not
        for name in ("wardwatch.db", "wardwatch.db-wal", "wardwatch.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        shutil.copy(tmp_path / "older.db", database)
        await stage.start_collector()
        await until(lambda: forked(stage))
        assert "wardwatch log restart" in await asyncio.to_thread(status, stage)
        await asyncio.sleep(12)  # longer than checkpoint_every
        assert (await signed(stage, policy)).size == first.size < second.size
        assert max(checkpoints(database)) == first.size < max(before)
        assert b"log.not_signed log=evidence code=log.forked" in kept_log(stage)


def kept_log(stage: Stage) -> bytes:
    return (stage.folder / "collector.log").read_bytes()


def checkpoints(database: Path) -> list[int]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as store:
        return [size for (size,) in store.execute("select size from log_checkpoints where log = 0")]


async def has(stage: Stage, path: str) -> bool:
    return await fetched(stage, path) is not None


async def has_more(stage: Stage, policy: Policy, size: int) -> bool:
    return (await signed(stage, policy)).size > size


async def has_beacon(database: Path) -> bool:
    """Have all agents, the collector's own too, put a checkpoint's hash into a batch?"""
    stored = [one.data for one in kept(database)]
    headers = [batch.open_batch(data).header for data in stored if not is_tombstone(data)]
    return {one.agent for one in headers if one.beacon is not None} == {
        "collector",
        "north-1",
        "south-1",
    }


async def forked(stage: Stage) -> bool:
    """The evidence log: fewer entries than were signed, then others. The audit log has the same rows, if
    nobody did anything between the copy and the kill.
    """
    told = (await stage.api("systems"))["logs"]
    return any(one["log"] == "evidence" and one["code"].startswith("log.forked") for one in told)
