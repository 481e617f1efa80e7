"""Config versions: recorded when they change, in the order of their recording."""

from __future__ import annotations

from typing import Any

from collector import journal, versions
from collector.journal import CONFIG
from collector.store.store import Store
from probes.configfile import canonical
from tests.support.rounds import ORG, START, config

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
