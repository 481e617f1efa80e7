"""The numbers of a bundle are made in a process of their own, and are the same."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from collector.attesting import apart
from collector.attesting.apart import DerivingError
from collector.attesting.disk import OnDisk
from collector.attesting.fingerprint import fingerprint
from collector.bundle.derive import derive
from collector.bundle.faults import BundleError
from collector.bundle.opening import open_evidence
from collector.bundle.sample import asked_of, evidence_of
from collector.bundle.samplestory import Story
from collector.bundle.sampleworld import World
from collector.facts import canonical
from collector.store.store import Store
from tests.support.attested import CLOSED, attesting
from tests.unit.attesting.test_attestations_api import JANUARY, asked, got
from tests.unit.attesting.test_issuing import issued

MODULE = b"collector.attesting.apart"


def written(folder: Path, story: Story) -> tuple[World, dict[str, bytes]]:
    world, parts = evidence_of(story)
    for name, data in parts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return world, parts


def deriving() -> list[int]:
    """Processes of ours that make numbers."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        for pid in (task / "children").read_text("ascii").split():
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except FileNotFoundError:
                continue
            if MODULE in words:
                found.append(int(pid))
    return found


async def begun() -> int:
    async with asyncio.timeout(90):
        while not (found := deriving()):
            await asyncio.sleep(0.005)
    return found[0]


async def test_the_same_bytes_as_in_this_process(tmp_path: Path) -> None:
    world, _ = written(tmp_path, Story(days=2))
    question = asked_of(world)
    evidence = open_evidence(OnDisk(tmp_path))
    here = derive(evidence, question)
    there, mark = await apart.derived(tmp_path, question)
    assert canonical(there) == canonical(here)
    assert mark == fingerprint(evidence, question, here)


async def test_what_is_wrong_with_evidence_is_told_by_the_same_code(tmp_path: Path) -> None:
    world, parts = written(tmp_path, Story(days=2))
    (tmp_path / "log" / "start.json").write_bytes(parts["log/start.json"][:-1])
    with pytest.raises(BundleError) as here:
        open_evidence(OnDisk(tmp_path))
    with pytest.raises(BundleError) as there:
        await apart.derived(tmp_path, asked_of(world))
    assert there.value.code is here.value.code


async def test_a_defect_is_told_by_its_type_and_a_disk_that_cannot_be_read_as_one(
    tmp_path: Path,
) -> None:
    world, _ = written(tmp_path, Story(days=2))
    question = asked_of(world)
    with pytest.raises(DerivingError, match=r"^TypeError$"):
        await apart.derived(tmp_path, replace(question, start=cast("int", "soon")))
    (tmp_path / "rows.jsonl").unlink()
    (tmp_path / "rows.jsonl").mkdir()
    with pytest.raises(OSError, match=r"^$"):
        await apart.derived(tmp_path, question)


async def test_a_killed_process_refuses_by_name_and_leaves_nothing(
    store: Store, tmp_path: Path
) -> None:
    async with attesting(store, tmp_path) as made:
        await made.month.live(CLOSED)
        await asked(made, JANUARY)
        making = asyncio.create_task(made.make())
        os.kill(await begun(), signal.SIGKILL)
        await making
        _, one = await got(made, "/2026-01-1")
        assert (one["state"], one["reason"]) == ("refused", "attestation.numbers")
        assert list(made.bundles.iterdir()) == []
        assert (await issued(made))["bundle"]["revision"] == 1


async def test_the_loop_goes_on_while_the_numbers_are_made_and_stopping_ends_them(
    store: Store, tmp_path: Path
) -> None:
    async with attesting(store, tmp_path) as made:
        await made.month.live(CLOSED)
        await asked(made, JANUARY)
        making = asyncio.create_task(made.make())
        pid = await begun()
        os.kill(pid, signal.SIGSTOP)  # however long it takes
        for _ in range(20):
            status, one = await got(made, "/2026-01-1")
            assert (status, one["state"], one["stage"]) == (200, "asked", "deriving")
        making.cancel()
        with pytest.raises(asyncio.CancelledError):
            await making
        assert deriving() == []
        assert list(made.bundles.iterdir()) == []
