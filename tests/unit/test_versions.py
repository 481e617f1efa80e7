"""Config versions: recorded when they change, in the order of their recording."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest

from collector import acts, journal, versions
from collector.core.acting import RefusedActError
from collector.journal import CONFIG, Fact
from collector.store import incidents
from collector.store.store import Store
from probes.acts import ActKind, CorrectAs, Correction, CorrectionReason, Signed, WindowAct
from probes.configfile import canonical
from probes.history import History
from tests.support.rounds import ORG, START, a_round, config

HOUR = 3_600_000


def window(**changes: Any) -> dict[str, Any]:
    return {
        "id": "upgrade",
        "systems": ["ehr"],
        "start": "2026-01-10T02:00",
        "end": "2026-01-10T04:00",
        "timezone": "America/Chicago",
        "proposed": {"by": "change-1", "at": "2025-12-30T00:00:00Z"},
        "approval": {"by": "approver-1", "at": "2025-12-31T00:00:00Z", "ref": "CHG1"},
    } | changes


async def test_loading_the_same_file_again_is_no_new_version(sqlite_store: Store) -> None:
    first, again = canonical(config()), canonical(config())
    assert await sqlite_store.write(versions.record, ORG, first, START)
    assert not await sqlite_store.write(versions.record, ORG, again, START + 5)
    assert await sqlite_store.write(versions.record, ORG, canonical(config(routes=[])), START + 9)
    rows = await sqlite_store.read(journal.rows, ORG, kind=CONFIG)
    assert [(r.id, r.recorded_at - START) for r in rows] == [(1, 0), (2, 9)]
    assert rows[0].data == first


async def test_a_version_comes_back_as_the_config_it_was(sqlite_store: Store) -> None:
    whole = config(maintenance=[window(rrule="FREQ=WEEKLY", expect_down="30m")])
    await sqlite_store.write(versions.record, ORG, canonical(whole), START - 72 * HOUR)
    history = versions.history(await sqlite_store.read(journal.rows, ORG, kind=CONFIG))
    assert [(v.at, v.config) for v in history.versions] == [(START - 72 * HOUR, whole)]


async def test_versions_keep_their_order_when_the_host_clock_is_set_back(
    sqlite_store: Store,
) -> None:
    await sqlite_store.write(versions.record, ORG, canonical(config()), START)
    await sqlite_store.write(versions.record, ORG, canonical(config(routes=[])), START - HOUR)
    rows = await sqlite_store.read(journal.rows, ORG, kind=CONFIG)
    assert [r.recorded_at - START for r in rows] == [0, 1]


def an_approval(history: History, at: int) -> list[Fact]:
    """What people do needs the history that is known, and the instant it is recorded at."""
    assert len(history.versions) == 1
    return [
        acts.fact_of(WindowAct(ActKind.APPROVED, "upgrade", "approver-1", at, "CHG1", "0" * 64))
    ]


async def test_an_act_is_recorded_after_all_that_was_recorded_before(store: Store) -> None:
    await store.write(versions.record, ORG, canonical(config()), START)
    history = await store.write(versions.act, ORG, an_approval, lambda: START - HOUR)
    expected = WindowAct(ActKind.APPROVED, "upgrade", "approver-1", START + 1, "CHG1", "0" * 64)
    assert history.acts == (expected,)
    assert await store.write(versions.record, ORG, canonical(config(routes=[])), START)
    rows = await store.read(journal.rows, ORG, kind=versions.KINDS)
    assert [(r.kind, r.actor, r.recorded_at - START) for r in rows] == [
        ("config.version", "system", 0),
        ("window.approved", "approver-1", 1),
        ("config.version", "system", 2),
    ]
    assert versions.history(rows).acts == (expected,)


async def test_what_is_refused_leaves_nothing_behind(store: Store) -> None:
    await store.write(versions.record, ORG, canonical(config()), START)

    def refuse(_history: History, _at: int) -> list[Fact]:
        raise RefusedActError("window.unknown", "upgrade")

    with pytest.raises(RefusedActError):
        await store.write(versions.act, ORG, refuse, lambda: START)
    assert len(await store.read(journal.rows, ORG)) == 1
    (appended,) = (await store.write(versions.act, ORG, an_approval, lambda: START + 5)).acts
    assert appended.at == START + 5
    assert [r.id for r in await store.read(journal.rows, ORG)] == [1, 2]


async def test_two_who_act_at_once_see_each_other(store: Store) -> None:
    await store.write(versions.record, ORG, canonical(config()), START)
    seen: list[int] = []

    def count(history: History, at: int) -> list[Fact]:
        seen.append(len(history.acts))
        return an_approval(history, at)

    writes = (store.write(versions.act, ORG, count, lambda: START) for _ in range(4))
    await asyncio.gather(*writes)
    assert sorted(seen) == [0, 1, 2, 3]


async def test_an_act_that_waited_is_recorded_when_it_was_its_turn(store: Store) -> None:
    """Else an approval that waited over the start of its window would have come in time."""
    await store.write(versions.record, ORG, canonical(config()), START)
    clock, begun, free = [START + HOUR], threading.Event(), threading.Event()

    def slow(history: History, at: int) -> list[Fact]:
        begun.set()
        free.wait(10)
        return an_approval(history, at)

    first = asyncio.create_task(store.write(versions.act, ORG, slow, lambda: clock[0]))
    await asyncio.to_thread(begun.wait, 10)
    second = asyncio.create_task(store.write(versions.act, ORG, an_approval, lambda: clock[0]))
    await asyncio.sleep(0.2)
    clock[0] = START + 2 * HOUR
    free.set()
    await asyncio.gather(first, second)
    rows = await store.read(journal.rows, ORG, kind=versions.KINDS)
    assert [r.recorded_at - START for r in rows] == [0, HOUR, 2 * HOUR]


async def test_corrections_come_back_with_both_signatures(sqlite_store: Store) -> None:
    await sqlite_store.write(versions.record, ORG, canonical(config()), START)
    one = Correction(
        "c1", "ehr", START - HOUR, START, CorrectAs.UP, CorrectionReason.THIRD_PARTY,
        Signed("csm-1", START + 1, "CHG1"),
    )  # fmt: skip
    signed = Signed("approver-1", START + 2)
    await sqlite_store.write(
        versions.act, ORG, lambda _h, _at: [acts.fact_of_request(one)], lambda: START
    )
    history = await sqlite_store.write(
        versions.act, ORG, lambda _h, _at: [acts.fact_of_approval("c1", signed)], lambda: START
    )
    assert history.corrections == (replace(one, approved=signed),)
    assert history.known(START + 2).corrections == (one,)
    assert history.known(START + 1).corrections == ()


async def test_a_file_loaded_by_a_clock_that_is_behind_changes_nothing_that_was_said(
    store: Store,
) -> None:
    """An hour was judged; then the host's clock is set back by half of it, and a file is loaded."""
    async with a_round(store) as one:
        await one.tick(HOUR)
        said = await store.read(incidents.said_at, ORG)
        assert said == START + HOUR
        one.clock.step_wall(-HOUR // 2)
        loaded = canonical(config(policy={"blind_after": "1m"}))
        assert await store.write(versions.record, ORG, loaded, one.clock.now_ms())
        rows = await store.read(journal.rows, ORG, kind=CONFIG)
        assert [row.recorded_at - START for row in rows] == [0, HOUR]
        before = await one.events()
        await one.tick(1_000)
        assert await one.events() == before


async def test_an_act_by_a_clock_that_is_behind_comes_after_what_was_said(store: Store) -> None:
    async with a_round(store) as one:
        await one.tick(HOUR)
        history = await store.write(versions.act, ORG, an_approval, lambda: START + 5)
        assert [act.at for act in history.acts] == [START + HOUR]
