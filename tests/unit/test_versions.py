"""Config versions: recorded when they change, and acts that count from their recording."""

from __future__ import annotations

from typing import Any

from collector import journal, versions
from collector.journal import CONFIG
from collector.store.store import Store
from probes.config import Config, Window
from probes.configfile import canonical
from tests.support.rounds import ORG, START, config

HOUR = 3_600_000


def window(**changes: Any) -> dict[str, Any]:
    """Proposed and approved, by their own claims, a day before `START`."""
    return {
        "id": "upgrade",
        "systems": ["ehr"],
        "start": "2026-01-10T02:00",
        "end": "2026-01-10T04:00",
        "timezone": "America/Chicago",
        "proposed": {"by": "change-1", "at": "2025-12-30T00:00:00Z"},
        "approval": {"by": "approver-1", "at": "2025-12-31T00:00:00Z", "ref": "CHG1"},
    } | changes


async def loaded(store: Store, *configs: tuple[int, Config]) -> list[Window]:
    """Record configs at hours after `START`; the window of each version, as it counts."""
    for hours, each in configs:
        await store.write(versions.record, ORG, canonical(each), START + hours * HOUR)
    history = versions.history(await store.read(journal.rows, ORG, kind=CONFIG))
    return [v.config.maintenance[0] for v in history.versions]


def approved_at(found: Window) -> float:
    """Hours after `START`."""
    assert found.approval is not None
    return (found.approval.at.timestamp() * 1000 - START) / HOUR


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


async def test_an_approval_counts_from_its_recording_not_from_its_claim(
    sqlite_store: Store,
) -> None:
    (found,) = await loaded(sqlite_store, (2, config(maintenance=[window()])))
    assert approved_at(found) == 2


async def test_a_claim_later_than_the_recording_counts_as_claimed(sqlite_store: Store) -> None:
    later = window(approval={"by": "approver-1", "at": "2026-01-01T05:00:00Z"})
    (found,) = await loaded(sqlite_store, (2, config(maintenance=[later])))
    assert approved_at(found) == 5


async def test_other_changes_of_the_file_leave_an_approval_alone(sqlite_store: Store) -> None:
    found = await loaded(
        sqlite_store,
        (2, config(maintenance=[window()])),
        (7, config(maintenance=[window()], routes=[])),
    )
    assert [approved_at(w) for w in found] == [2, 2]


async def test_a_changed_window_needs_its_approval_recorded_anew(sqlite_store: Store) -> None:
    found = await loaded(
        sqlite_store,
        (2, config(maintenance=[window()])),
        (7, config(maintenance=[window(end="2026-01-10T05:00")])),
    )
    assert [approved_at(w) for w in found] == [2, 7]


async def test_a_cancellation_counts_from_its_recording(sqlite_store: Store) -> None:
    cancelled = window(cancelled={"by": "change-1", "at": "2025-12-31T12:00:00Z"})
    found = await loaded(
        sqlite_store, (2, config(maintenance=[window()])), (7, config(maintenance=[cancelled]))
    )
    assert [w.cancelled and w.cancelled.at.timestamp() * 1000 - START for w in found] == [
        None,
        7 * HOUR,
    ]
    # and leaves the approval what it was
    assert [approved_at(w) for w in found] == [2, 2]
