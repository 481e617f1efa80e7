"""A payer's report of a running collector: on both stores the same as from a file of results."""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import Any

import pytest

from collector import versions
from collector.core.rollup import Rollups
from collector.numbers import Numbers
from collector.replay import Input, replay_payer
from collector.store.store import Store
from probes.config import Config
from probes.configfile import canonical
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from probes.spans import Interval
from tests.support.rounds import ORG, START, a_round, config, document

HOUR, DAY = 3_600_000, 86_400_000
DAYS = 13
REASONS = ("x12.aaa_42_payer", "x12.aaa_42_clearinghouse", "tcp.refused")


def path(*downtime: dict[str, str]) -> Config:
    """The EHR of the small hospital as a payer's path, asked every hour."""
    plain = document()
    owed = {"timezone": "America/New_York", "published_downtime": list(downtime)}
    impact = {"class": "administrative", "service": "billing"}
    check = plain["checks"]["ehr-read"] | {"every": "1h", "timeout": "1m"}
    return config(
        systems={"ehr": {"name": "Payer A", "impact": impact, "payer": owed}},
        checks={"ehr-read": check},
        routes=[],
    )


SUNDAYS = {
    "id": "sundays",
    "kind": "routine",
    "published": "2025-12-01T12:00:00Z",
    "start": "2026-01-04T00:00",
    "end": "2026-01-04T06:00",
    "rrule": "FREQ=WEEKLY;BYDAY=SU",
}
NOTICE = {
    "id": "noticed",
    "kind": "unscheduled",
    "published": "2026-01-06T12:00:00Z",
    "start": "2026-01-06T00:00",
    "end": "2026-01-06T12:00",
}


def weather(seed: int) -> list[Result]:
    """13 days; both Sundays' nights are down, and there is trouble in between."""
    rng = random.Random(seed)
    out: list[Result] = []
    trouble = 0
    reason = REASONS[0]
    for n in range(DAYS * 24):
        if trouble == 0 and rng.random() < 0.06:
            trouble, reason = rng.randint(1, 9), rng.choice(REASONS)
        t = START + n * HOUR + 1_000
        sunday = 77 <= n < 80 or 245 <= n < 250
        if sunday or trouble:
            trouble = max(0, trouble - 1)
            out.append(_run(t, Outcome.DOWN, REASONS[0] if sunday else reason, 30_000))
        elif rng.random() > 0.02:
            slow = rng.random() < 0.1
            out.append(
                _run(t, Outcome.DEGRADED, "x12.over_20s", 24_000)
                if slow
                else _run(t, Outcome.UP, "ok", 900)
            )
    return out


def _run(t: int, outcome: Outcome, reason: str, duration: int) -> Result:
    return Result("ehr-read", "north-1", t, outcome, reason, duration, t + duration)


async def test_live_equals_replay_and_every_version_s_calendar_counts_in_its_time(
    store: Store,
) -> None:
    first, second = path(SUNDAYS), path(SUNDAYS, NOTICE)
    third = path(NOTICE)
    recorded = [(START, first), (START + 5 * DAY, second), (START + 10 * DAY + 8 * HOUR, third)]
    results = weather(1)
    async with a_round(store, used=first) as one:
        for day in range(DAYS):
            left, right = START + day * DAY, START + (day + 1) * DAY
            for at, used in recorded[1:]:
                if left <= at < right:
                    await one.clock.advance(at - one.clock.now_ms())
                    await store.write(versions.record, ORG, canonical(used), at)
            await one.clock.advance(right - one.clock.now_ms())
            await one.send([r for r in results if left <= r.t < right])
            await one.evaluator.step()
        now = one.clock.now_ms()
        numbers = Numbers(one.evaluator, store, one.clock, ORG)
        live = await numbers.payer("ehr", START, now)
        week = await numbers.payer("ehr", START + 5 * DAY, START + 6 * DAY)
        assert await numbers.payer("ehr", START - DAY, START) is not None
    history = History([Version(at, used) for at, used in recorded])
    given = Input({("ehr-read", "north-1"): results}, 0)
    assert live == replay_payer(history, given, "ehr", START, now, now)
    assert live is not None
    assert week is not None
    shown: Any = live
    # Thursday to Tuesday: three of the rule's weeks
    assert [one["start"][:10] for one in shown["weeks"]] == [
        "2025-12-28",
        "2026-01-04",
        "2026-01-11",
    ]
    assert week["weeks"] == shown["weeks"][1:2]
    assert [(one["id"], one["start"][:13], one["why"]) for one in shown["downtime"]] == [
        ("sundays", "2026-01-04T05", None),
        ("noticed", "2026-01-06T05", "unscheduled"),
        # taken out of the file at 08:00 in UTC, while it lasted
        ("sundays", "2026-01-11T05", "not_in_force"),
    ]
    assert [one["published_ms"] // HOUR for one in shown["weeks"]] == [0, 6, 3]
    assert sum(one["down_ms"] for one in shown["weeks"]) > 0
    assert all(sum(one["failed_ms"].values()) == one["down_ms"] for one in shown["weeks"])
    assert shown["weeks"][1]["down_published_ms"] >= 3 * HOUR


async def test_a_report_reads_the_rollups_of_its_own_checks_alone(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = path(SUNDAYS)
    other = used.systems["ehr"].model_copy(update={"name": "Payer B"})
    asks = used.checks["ehr-read"].model_copy(update={"system": "other"})
    both = used.model_copy(
        update={
            "systems": {**used.systems, "other": other},
            "checks": {**used.checks, "other-read": asks},
        }
    )
    read: list[Collection[str]] = []
    async with a_round(sqlite_store, used=both) as one:
        plain = one.evaluator.rollups

        async def seen(checks: Collection[str], span: Interval) -> Rollups:
            read.append(checks)
            return await plain(checks, span)

        monkeypatch.setattr(one.evaluator, "rollups", seen)
        numbers = Numbers(one.evaluator, sqlite_store, one.clock, ORG)
        assert await numbers.payer("other", START - DAY, START) is not None
    assert read == [{"other-read"}]
