from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from collector.child import ChildError
from collector.reports.apart import rendered
from collector.reports.render import render_all
from tests.support.predicates import predicate


def children() -> set[str]:
    return set(Path("/proc/self/task").joinpath(_task(), "children").read_text().split())


def _task() -> str:
    return Path("/proc/thread-self").readlink().name


async def test_a_process_of_its_own_makes_the_same_bytes() -> None:
    digests = {"evidence/ehr.bin": "ab" * 32}
    assert await rendered(predicate(), digests) == render_all(predicate(), digests)


async def test_what_is_refused_there_is_an_error_here() -> None:
    found: Any = predicate()
    del found["period"]
    with pytest.raises(ChildError, match="the process ended with 1"):
        await rendered(found)


async def test_who_is_cancelled_leaves_no_process_behind() -> None:
    before = children()
    running = asyncio.create_task(rendered(predicate()))
    while not children() - before:
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    for _ in range(500):
        if not children() - before:
            break
        await asyncio.sleep(0.01)
    assert children() == before
