"""Keeping up with the store: restart from snapshots, late evidence, versions; on both engines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Connection

from collector import evidence, follower, journal
from collector.core.settled import Source
from collector.core.truth import fold_system
from collector.follower import Follower
from collector.journal import CONFIG, Fact
from collector.numbers import Numbers
from collector.replay import Input, replay
from collector.snapshots import FORMAT
from collector.store import snapshots
from collector.store.store import Store
from collector.truths import GRACE_MS, Live
from probes.configfile import canonical
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from tests.support.rounds import ORG, START, Round, a_round, config, document, result

UP, DOWN = Outcome.UP, Outcome.DOWN
MINUTE = 60_000
HOUR = 60 * MINUTE


def minutely(**changes: Any) -> Any:
    """`ehr-read` every minute from both sites."""
    checks = document()["checks"]
    checks["ehr-read"] |= {"every": "60s", "from": ["north-1", "south-1"]}
    return config(checks=checks, **changes)


def line(start: int, end: int, agent: str = "north-1", *, down: range = range(0)) -> list[Result]:
    """One result a minute (minutes after `START`)."""
    return [
        result(n * MINUTE + 1_000, DOWN if n in down else UP, agent=agent)
        for n in range(start, end)
    ]


async def deliver(one: Round, results: list[Result], *, size: int = 10, epoch: str = "e1") -> None:
    for n in range(0, len(results), size):
        newest = results[n : n + size][-1]
        await one.clock.advance(max(0, newest.received - one.clock.now_ms()))
        await one.send(results[n : n + size], epoch=epoch)


async def numbers(one: Round, end: int) -> dict[str, Any]:
    found = await Numbers(one.evaluator, one.store, one.clock, ORG).availability(START, end)
    return dict(found["systems"]["ehr"])


def expected(used: Any, results: list[Result], end: int, now: int) -> Any:
    by_source: dict[tuple[str, str], list[Result]] = {}
    for each in results:
        by_source.setdefault((each.check, each.agent), []).append(each)
    history = History([Version(START, used)])
    return replay(history, Input(by_source, 0), START, end, now)["systems"]["ehr"]


async def test_a_restart_takes_up_snapshots_and_reads_only_the_batches_since(store: Store) -> None:
    used = minutely()
    results = [*line(0, 180, down=range(30, 33)), *line(0, 180, "south-1", down=range(30, 34))]
    async with a_round(store, used=used) as one:
        await deliver(one, results[:180])
        await deliver(one, results[180:])
        await one.tick(180 * MINUTE - (one.clock.now_ms() - START))
        live = one.evaluator.folded["ehr"]
        # A good result at 1 s past minute 33 ends the outage.
        assert [(o.start - START, o.end) for o in live.truth.outages] == [
            (30 * MINUTE + 1_000, START + 33 * MINUTE + 1_000)
        ]
        assert live.settled.until == START + 180 * MINUTE - GRACE_MS
        assert live.gathered == 30
    async with a_round(store, holder="two", used=used, now=START + 181 * MINUTE) as two:
        restored = two.evaluator.folded["ehr"]
        assert restored.settled == live.settled
        assert two.evaluator.evidence.latest["ehr-read", "north-1"].t == results[179].t
        fresh = [*line(180, 182), *line(180, 182, "south-1")]
        await deliver(two, fresh[:2], epoch="e2")
        await deliver(two, fresh[2:], epoch="e2")
        await two.take_over()
        await two.tick(2 * MINUTE)
        now = two.clock.now_ms()
        assert restored.gathered <= 34
        assert await numbers(two, now) == expected(used, results + fresh, now, now)


async def test_a_long_backlog_is_settled_in_parts_when_much_is_at_hand(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "RESULTS", 20)
    monkeypatch.setattr(follower, "CROWDED", 60)
    used, held = minutely(), list[int]()
    north, south = line(0, 300, down=range(100, 104)), line(0, 300, "south-1", down=range(50, 53))
    take_line = Live.take_line

    def counted(self: Live, source: Source, some: Sequence[Result], now: int) -> None:
        take_line(self, source, some, now)
        if self is live:
            held.append(self.gathered)

    async with a_round(sqlite_store, used=used) as one:
        await deliver(one, north)
        await deliver(one, south)
        live = one.evaluator.folded["ehr"]
        monkeypatch.setattr(Live, "take_line", counted)
        await one.tick(1_000)
        # All 600 come to it: 20 at a time, up to 60, of which those of 15 minutes stay.
        assert (len(held), max(held), held[-1]) == (60, 80, 70)
        now = one.clock.now_ms()
        assert await numbers(one, now) == expected(used, north + south, now, now)


async def test_what_a_cut_off_agent_sends_later_equals_never_having_been_cut_off(
    store: Store,
) -> None:
    used = minutely()
    north = line(0, 300, down=range(100, 110))
    south = line(0, 300, "south-1", down=range(100, 112))
    async with a_round(store, used=used) as one:
        await deliver(one, north[:60])
        await deliver(one, south[:60])
        await one.tick(START + 60 * MINUTE - one.clock.now_ms())
        for n in range(60, 300, 20):
            await deliver(one, south[n : n + 20])
            await one.tick(START + (n + 20) * MINUTE - one.clock.now_ms())
        assert one.evaluator.folded["ehr"].settled.until == START + 285 * MINUTE
        await deliver(one, north[60:])
        await one.tick(1_000)
        now = one.clock.now_ms()
        assert await numbers(one, now) == expected(used, north + south, now, now)


async def test_after_a_restart_a_silence_is_taken_back_without_an_older_snapshot(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = minutely()
    south = line(0, 300, "south-1")
    north = line(0, 300)
    async with a_round(store, used=used) as one:
        await deliver(one, north[:60])
        for n in range(0, 300, 20):
            await deliver(one, south[n : n + 20])
            await one.tick(START + (n + 20) * MINUTE - one.clock.now_ms())

    async def refused(*_: Any, **__: Any) -> dict[str, Live]:
        raise AssertionError("nothing older is needed")

    monkeypatch.setattr(Follower, "older", refused)
    async with a_round(store, holder="two", used=used, now=START + 301 * MINUTE) as two:
        assert two.evaluator.folded["ehr"].settled.until > north[60].t
        await deliver(two, north[60:], epoch="e2")
        await two.take_over()
        await two.tick(1_000)
        now = two.clock.now_ms()
        assert await numbers(two, now) == expected(used, north + south, now, now)


async def test_a_result_too_late_for_what_is_settled_goes_back_to_an_older_snapshot(
    store: Store,
) -> None:
    used = minutely()
    days = 3
    results = [*line(0, days * 1440), *line(0, days * 1440, "south-1")]
    late = [
        result(2000 * MINUTE + s * 1000, DOWN, agent=agent)
        for agent in ("north-1", "south-1")
        for s in (21, 41)
    ]
    async with a_round(store, used=used) as one:
        for n in range(0, days * 1440, 120):
            for agent in ("north-1", "south-1"):
                part = [r for r in results if r.agent == agent][n : n + 120]
                await deliver(one, part, size=60)
            await one.tick(START + (n + 120) * MINUTE - one.clock.now_ms())
        before = one.evaluator.folded["ehr"]
        for agent in ("north-1", "south-1"):
            await deliver(one, [r for r in late if r.agent == agent], epoch="e2")
        await one.tick(1_000)
        after = one.evaluator.folded["ehr"]
        assert after is not before
        now = one.clock.now_ms()
        assert await numbers(one, now) == expected(used, results + late, now, now)
        assert await one.events() == [
            ("incident.found_late", 2000 * MINUTE + 41_040),
            ("incident.resolved", 2002 * MINUTE + 1_000),
        ]
        days_kept = await store.read(snapshots.read_before, ORG, FORMAT, {"ehr": START + 30 * HOUR})
        assert days_kept is not None
        assert days_kept.day == START // 86_400_000


async def test_an_outage_found_late_behind_what_is_settled_is_dated_when_it_happened(
    store: Store,
) -> None:
    used = minutely()
    north = line(0, 200, down=range(60, 63))
    south = line(0, 200, "south-1", down=range(60, 63))
    async with a_round(store, used=used) as one:
        await deliver(one, north[:50])
        await deliver(one, south[:50])
        await one.tick(START + 200 * MINUTE - one.clock.now_ms())
        await deliver(one, north[50:])
        await deliver(one, south[50:])
        await one.tick(60 * MINUTE)
        await one.tick(1_000)
        found = [e for e in await one.events() if e[0] == "incident.found_late"]
        assert found == [("incident.found_late", 61 * MINUTE + 1_040)]


async def test_runs_are_counted_to_the_millisecond_at_any_edge(store: Store) -> None:
    used = minutely(
        maintenance=[
            {
                "id": "w",
                "systems": ["ehr"],
                "start": "2025-12-31T19:02:30",
                "end": "2025-12-31T19:07:59",
                "timezone": "America/Chicago",
                "proposed": {"by": "change-1", "at": "2025-12-30T00:00:00Z"},
                "approval": {"by": "approver-1", "at": "2025-12-31T00:00:00Z"},
            }
        ]
    )
    results = [*line(0, 150, down=range(61, 64)), *line(0, 150, "south-1")]
    async with a_round(store, used=used) as one:
        await deliver(one, results[:150])
        await deliver(one, results[150:])
        await one.tick(START + 150 * MINUTE - one.clock.now_ms())
        end = START + 100 * MINUTE + 1_000
        now = one.clock.now_ms()
        found = await numbers(one, end)
        # The approval was recorded with the version, in time; replay goes by its claim.
        assert found == expected(used, results, end, now)
        assert found["runs"] == {"judged": 190, "good": 188}


async def test_a_version_another_process_recorded_takes_in_results_that_were_read_before_it(
    store: Store,
) -> None:
    first, second = (
        minutely(),
        minutely(
            systems={
                "ehr": document()["systems"]["ehr"],
                "lab": {"name": "Lab", "impact": {"class": "clinical"}},
            }
        ),
    )
    moved = second.checks["ehr-read"].model_copy(update={"system": "lab"})
    kept = second.checks["ehr-read"]
    second = second.model_copy(update={"checks": {"ehr-read": moved, "ehr-other": kept}})
    async with a_round(store, used=first) as one:
        await deliver(one, line(0, 6), size=6)
        await one.tick(30_000)
        at = START + 3 * MINUTE
        lab = {("ehr-read", "north-1"): line(3, 6)}

        def recorded(conn: Connection) -> None:
            """By a process whose clock is behind, before such a version waited for what was said."""
            journal.hold(conn, ORG)
            journal.append(conn, ORG, [Fact(CONFIG, at, canonical(second))], at)

        await store.write(recorded)
        await one.tick(1_000)
        now = one.clock.now_ms()
        history = History([Version(START, first), Version(at, second)])
        found = one.evaluator.folded["lab"].truth
        assert found.states == fold_system("lab", history, lab, now, None).states
        assert found.states[0].start == at


async def test_a_snapshot_of_another_format_is_passed_over(store: Store) -> None:
    async with a_round(store) as one:
        await one.send([result(1_000, UP)])
        await one.tick(2 * HOUR)
        assert await store.read(snapshots.read_latest, ORG, FORMAT) is not None
        assert await store.read(snapshots.read_latest, ORG, FORMAT + 1) is None


async def test_results_of_any_time_can_be_read_again(store: Store) -> None:
    async with a_round(store, used=minutely()) as one:
        north, south = line(0, 400), line(0, 400, "south-1")
        await deliver(one, north, size=1)
        await deliver(one, south)
        source = ("ehr-read", "north-1")
        found = await one.evaluator.evidence.between(
            [source], START + 100 * MINUTE, START + 330 * MINUTE
        )
        assert [(r.t, r.outcome) for r in found[source]] == [(r.t, UP) for r in north[100:330]]
        assert list(found) == [source]


async def test_unchanged_results_fold_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    folds: list[int] = []
    fold = Live.fold

    def counted(self: Live, history: History, now: int) -> None:
        folds.append(now)
        fold(self, history, now)

    monkeypatch.setattr(Live, "fold", counted)
    async with a_round(store) as one:
        for n in range(12):
            await one.send([result(n * 10_000, UP)])
            await one.tick(10_000)
        folds.clear()
        for n in range(12, 60):
            await one.send([result(n * 10_000, UP)])
            await one.tick(10_000)
        assert folds == []
