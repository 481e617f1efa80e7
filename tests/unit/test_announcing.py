"""Approved maintenance that begins or ends: told once, to the channels that show changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from alerts.letter import letter
from collector import acts, announcing, versions
from collector.announcing import DAY_MS, LATE_MS, announced, work
from collector.core.planned import Planned
from collector.core.windows import Occurrence, occurrences_of
from collector.store.store import Store
from collector.store.tables import outbox
from probes.acts import ActKind, WindowAct
from probes.config import Config
from probes.configfile import canonical
from probes.history import History, Version
from tests.support.rounds import ORG, START, a_round, config
from tests.support.soak import longer

HOUR = 3_600_000
BEGINS, ENDS = START + 32 * HOUR, START + 34 * HOUR
"""2026-01-02, 02:00 to 04:00 in Chicago."""
KEY = f"maintenance_window.upgrade.{BEGINS}"
PAGER = {"kind": "pagerduty", "routing_key": "file:/key", "url": "http://127.0.0.1:9"}
CHANNELS = {
    "desk": {"kind": "webhook", "url": "http://127.0.0.1:9/", "secret": "env:X", "changes": "true"},
    "pager": PAGER | {"changes": "true"},
    "quiet": PAGER,
    "other": PAGER | {"changes": "false"},
}
APPROVED = {"by": "approver-1", "at": "2025-12-31T00:00:00Z"}


def window(**changes: Any) -> dict[str, Any]:
    return {
        "id": "upgrade",
        "systems": ["ehr"],
        "start": "2026-01-02T02:00",
        "end": "2026-01-02T04:00",
        "timezone": "America/Chicago",
        "proposed": {"by": "change-1", "at": "2025-12-30T00:00:00Z"},
        "approval": APPROVED,
    } | changes


def planned_by(*windows: dict[str, Any], **changes: Any) -> Config:
    return config(maintenance=list(windows), **({"channels": CHANNELS} | changes))


def history(*windows: dict[str, Any], finished: int | None = None, **changes: Any) -> History:
    done = (
        [] if finished is None else [WindowAct(ActKind.FINISHED, "upgrade", "change-1", finished)]
    )
    return History([Version(START, planned_by(*windows, **changes), 1)], done)


def told(known: History, now: int, before: dict[tuple[str, str], int] | None = None) -> list[Any]:
    return [
        (one.incident_key, one.receiver, one.seq, json.loads(one.body)["data"]["step"])
        for one in announced(before or {}, known, now).messages
    ]


def test_it_is_told_when_it_begins_and_when_it_is_over_to_whom_shows_changes_alone() -> None:
    known, pair = history(window()), (KEY, "pager")
    assert told(known, BEGINS - 1) == []
    assert told(known, BEGINS) == [(*pair, 1, "began")]
    assert told(known, BEGINS, {pair: 1}) == []
    assert told(known, ENDS - 1, {pair: 1}) == []
    assert told(known, ENDS, {pair: 1}) == [(*pair, 2, "ended")]
    assert told(known, ENDS, {pair: 2}) == []


def test_late_it_is_told_until_it_is_over_and_then_no_more() -> None:
    known = history(window())
    assert told(known, ENDS - 1) == [(KEY, "pager", 1, "began")]
    assert told(known, ENDS) == []
    assert told(known, ENDS + LATE_MS - 1, {(KEY, "pager"): 1}) == [(KEY, "pager", 2, "ended")]
    assert told(known, ENDS + LATE_MS, {(KEY, "pager"): 1}) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"approval": None},
        {"approval": APPROVED | {"by": "change-1"}},
        {"approval": APPROVED | {"at": "2026-01-02T08:00:00Z"}},
        {"cancelled": {"by": "change-1", "at": "2026-01-01T00:00:00Z"}},
    ],
    ids=["unapproved", "self_approved", "approved_late", "cancelled"],
)
def test_what_excludes_nothing_is_no_change(changes: dict[str, Any]) -> None:
    written = {key: value for key, value in window(**changes).items() if value is not None}
    assert told(history(written), BEGINS) == []


def test_what_is_finished_early_is_over_then() -> None:
    known = history(window(), finished=BEGINS + HOUR)
    (one,) = announced({(KEY, "pager"): 1}, known, BEGINS + HOUR).messages
    event = json.loads(one.body)
    assert (event["time"], event["data"]["step"]) == ("2026-01-02T09:00:00.000Z", "ended")


def test_one_message_names_all_systems_of_the_window_by_configured_names() -> None:
    base = config().model_dump(mode="json", by_alias=True)
    systems = {name: base["systems"]["ehr"] | {"name": name.upper()} for name in ("ehr", "lis")}
    check = base["checks"]["ehr-read"]
    checks = {"ehr-read": check, "lis-read": check | {"system": "lis"}}
    known = history(window(systems=["lis", "ehr"]), systems=systems, checks=checks)
    (one,) = announced({}, known, BEGINS).messages
    found = letter(json.loads(one.body))
    assert found.headline == "Maintenance begins: EHR, LIS"
    assert [(row.label, row.value) for row in found.rows] == [
        ("Systems", "EHR, LIS"),
        ("Window", "upgrade"),
        ("From", "2026-01-02 02:00 CST (2026-01-02 08:00 UTC)"),
        ("Until", "2026-01-02 04:00 CST (2026-01-02 10:00 UTC)"),
    ]


def test_without_a_channel_that_shows_changes_nothing_is_looked_for() -> None:
    found = announced({}, history(window(), channels={"quiet": PAGER}), BEGINS)
    assert (found.messages, found.due) == ((), None)


def test_it_says_when_there_may_be_more() -> None:
    known = history(window())
    assert announced({}, known, START).due == START + DAY_MS
    assert announced({}, known, BEGINS - HOUR).due == BEGINS
    assert announced({}, known, BEGINS).due == ENDS
    assert announced({}, known, ENDS).due == ENDS + DAY_MS


def test_of_a_window_that_comes_every_night_each_occurrence_is_work_of_its_own() -> None:
    known = history(window(rrule="FREQ=DAILY"))
    assert [one.start for one in work(known, BEGINS, BEGINS + 2 * DAY_MS)] == [
        BEGINS,
        BEGINS + DAY_MS,
    ]


def test_each_definition_is_looked_at_once_however_many_systems_have_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    base = config().model_dump(mode="json", by_alias=True)
    names = [f"system-{n}" for n in range(20)]
    systems = dict.fromkeys(names, base["systems"]["ehr"])
    checks = {name: base["checks"]["ehr-read"] | {"system": name} for name in names}
    written = [window(id=f"window-{name}", systems=[name]) for name in names]
    used = planned_by(*written, systems=systems, checks=checks)
    known = History([Version(START + n, used, n + 1) for n in range(5)])
    asked: list[int] = []

    def counted(plans: Sequence[Planned], *of: Any) -> tuple[Occurrence, ...]:
        asked.append(len(plans))
        return occurrences_of(plans, *of)

    monkeypatch.setattr(announcing, "occurrences_of", counted)
    assert len(told(known, BEGINS)) == 20
    # one of each version that was in force in these days
    assert asked == [5] * 20


def test_a_version_that_drops_the_window_ends_it() -> None:
    dropped = Version(BEGINS + HOUR, planned_by(), 2)
    known = History([Version(START, planned_by(window()), 1), dropped])
    assert told(known, BEGINS + HOUR, {(KEY, "pager"): 1}) == [(KEY, "pager", 2, "ended")]


def looks(known: History, at: list[int]) -> list[tuple[int, str, int]]:
    """(when, key, seq) of what is told to the pager by looks at these instants."""
    before: dict[tuple[str, str], int] = {}
    out = []
    for now in at:
        for one in announced(before, known, now).messages:
            before[one.incident_key, one.receiver] = one.seq
            out.append((now, one.incident_key, one.seq))
    return out


SPRING = window(start="2026-03-06T01:30", end="2026-03-06T03:30", rrule="FREQ=DAILY;COUNT=4")
"""Clocks go forward in Chicago in the third of these nights."""
NIGHTS = [
    (1_772_782_200_000, 1_772_789_400_000),
    (1_772_868_600_000, 1_772_875_800_000),
    (1_772_955_000_000, 1_772_958_600_000),
    (1_773_037_800_000, 1_773_045_000_000),
]


def test_looks_when_it_says_there_may_be_more_tell_each_night_at_its_instants() -> None:
    known, now, at = history(SPRING), NIGHTS[0][0] - 7 * DAY_MS, []
    while now < NIGHTS[-1][1] + DAY_MS:
        at.append(now)
        due = announced({}, known, now).due
        assert due is not None
        assert now < due <= now + DAY_MS
        now = due
    assert looks(known, at) == [
        (t, f"maintenance_window.upgrade.{night[0]}", seq)
        for night in NIGHTS
        for seq, t in enumerate(night, 1)
    ]


@given(st.lists(st.integers(NIGHTS[0][0] - DAY_MS, NIGHTS[-1][1] + 5 * DAY_MS), max_size=12))
@settings(max_examples=longer(60))
def test_however_seldom_somebody_looks_each_is_told_once_and_none_begins_after_its_end(
    at: list[int],
) -> None:
    found = looks(history(SPRING), sorted(at))
    assert len({(key, seq) for _, key, seq in found}) == len(found)
    nights = dict(NIGHTS)
    for now, key, seq in found:
        start = int(key.rpartition(".")[2])
        if seq == 1:
            assert start <= now < nights[start]
        else:
            assert nights[start] <= now < nights[start] + LATE_MS
            assert any(other == key and first == 1 for _, other, first in found)


async def written(store: Store) -> list[tuple[str, str, int, int]]:
    def read(conn: Connection) -> list[tuple[str, str, int, int]]:
        query = select(outbox.c.id, outbox.c.receiver, outbox.c.seq, outbox.c.created_at)
        rows = conn.execute(query.where(outbox.c.incident_key == KEY).order_by(outbox.c.seq))
        return [(r.id, r.receiver, r.seq, r.created_at) for r in rows]

    return await store.read(read)


NAME = f"{ORG}_maintenance_window_upgrade_{BEGINS}_pager"


async def test_it_is_told_at_its_instants_and_once_over_a_restart_and_another_leader(
    store: Store,
) -> None:
    used = planned_by(window())
    async with a_round(store, used=used) as one:
        await one.tick(1_000)
        await one.tick(BEGINS - one.clock.now_ms() - 1)
        assert await written(store) == []
        assert one.evaluator.leads
        await one.tick(1)
        assert await written(store) == [(f"{NAME}_1", "pager", 1, BEGINS)]
        await one.tick(1_000)
    # killed, and another process takes over in the middle of it
    async with a_round(store, holder="two", used=used, now=BEGINS + HOUR) as two:
        await two.take_over()
        await two.tick(1_000)
        assert len(await written(store)) == 1
        await two.tick(ENDS - two.clock.now_ms())
        await two.tick(1_000)
    assert await written(store) == [
        (f"{NAME}_1", "pager", 1, BEGINS),
        (f"{NAME}_2", "pager", 2, ENDS),
    ]


async def test_a_finish_by_hand_ends_it_at_the_next_look(sqlite_store: Store) -> None:
    async with a_round(sqlite_store, used=planned_by(window())) as one:
        await one.tick(BEGINS - START + 1_000)
        act = WindowAct(ActKind.FINISHED, "upgrade", "change-1", one.clock.now_ms())
        await one.store.write(
            versions.act,
            ORG,
            lambda _history, at: [acts.fact_of(replace(act, at=at))],
            one.clock.now_ms,
        )
        await one.tick(1_000)
    assert [seq for _, _, seq, _ in await written(sqlite_store)] == [1, 2]


async def test_what_began_and_ended_while_nobody_was_there_is_told_by_nobody(
    sqlite_store: Store,
) -> None:
    used = planned_by(window())
    await sqlite_store.write(versions.record, ORG, canonical(used), START)
    async with a_round(sqlite_store, used=used, now=ENDS) as one:
        await one.tick(1_000)
    assert await written(sqlite_store) == []
