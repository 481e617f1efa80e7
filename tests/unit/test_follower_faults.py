"""What keeping up must survive: new systems at a restart, clocks set wrong, a store that fails."""

from __future__ import annotations

from typing import Any

import pytest

from collector import follower, journal, versions
from collector.core.rollup import rollups as rolled
from collector.core.tally import BUCKET_MS
from collector.core.truth import fold_system
from collector.evaluate import Evaluator
from collector.evidence import Evidence
from collector.follower import Follower
from collector.journal import Fact
from collector.numbers import Numbers
from collector.rollups import make
from collector.snapshots import FORMAT
from collector.store import rollups, snapshots
from collector.store.store import Store, StoreFault, StoreUnavailableError
from probes.configfile import canonical
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from tests.support.rounds import ORG, START, Round, a_round, config, document, result
from tests.unit.test_follower import HOUR, MINUTE, deliver, expected, line, minutely, numbers

UP, DOWN = Outcome.UP, Outcome.DOWN


def with_lab(**check: Any) -> Any:
    """`minutely`, and a second system `lab` with a check of its own."""
    checks = document()["checks"]
    checks["ehr-read"] |= {"every": "60s", "from": ["north-1", "south-1"]}
    checks["lab-read"] = {**checks["ehr-read"], "system": "lab", **check}
    systems = {**document()["systems"], "lab": {"name": "Lab", "impact": {"class": "clinical"}}}
    return config(checks=checks, systems=systems)


async def rows(one: Round, check: str = "ehr-read") -> dict[tuple[str, int], Any]:
    found = await one.store.read(rollups.read, ORG, [check], 0, START * 2)
    return {(r.agent, r.bucket): r.rollup for r in found}


def all_rows(results: list[Result]) -> dict[tuple[str, int], Any]:
    return {
        (agent, bucket): each
        for agent in {r.agent for r in results}
        for bucket, each in rolled(r for r in results if r.agent == agent).items()
    }


async def test_a_system_that_came_with_a_restart_is_followed(store: Store) -> None:
    async with a_round(store, used=minutely()) as one:
        await deliver(one, line(0, 10))
        await one.tick(2 * HOUR)
    async with a_round(store, holder="two", used=with_lab(), now=START + 3 * HOUR) as two:
        await two.take_over()
        await two.tick(1_000)
        assert set(two.evaluator.folded) == {"ehr", "lab"}


async def test_a_check_that_joined_with_a_restart_has_what_a_clock_ahead_of_ours_said(
    sqlite_store: Store,
) -> None:
    first, later = minutely(), minutely(systems=with_lab().systems)
    moved = first.checks["ehr-read"].model_copy(update={"system": "lab"})
    kept = first.checks["ehr-read"]
    later = with_lab().model_copy(update={"checks": {"ehr-read": moved, "ehr-other": kept}})
    async with a_round(sqlite_store, used=first) as one:
        await one.send(line(0, 4))
        await one.tick(1_000)
        saved = await sqlite_store.read(snapshots.read_latest, ORG, FORMAT)
        assert saved is not None
    at = START + 2 * MINUTE
    async with a_round(sqlite_store, holder="two", used=later, now=at) as two:
        await two.tick(2 * MINUTE)
        lab = {("ehr-read", "north-1"): line(0, 4)}
        history = History([Version(START, first), Version(at, later)])
        found = two.evaluator.folded["lab"].truth
        assert found.states == fold_system("lab", history, lab, two.clock.now_ms(), None).states
        assert found.voices["ehr-read", "north-1"].states[0].value == "unknown"
        assert found.voices["ehr-read", "north-1"].states[-1].value == "up"


async def test_an_agent_whose_clock_was_set_back_ends_nothing(sqlite_store: Store) -> None:
    used = minutely()
    first = line(0, 4_500)
    again = [result(n * MINUTE + 31_000, DOWN) for n in range(1_000, 1_003)]
    after = line(4_500, 4_700)
    async with a_round(sqlite_store, used=used) as one:
        await deliver(one, [*first, *again, *after])
        await one.tick(4_700 * MINUTE - (one.clock.now_ms() - START))
        now = one.clock.now_ms()
        assert await numbers(one, now) == expected(used, [*first, *again, *after], now, now)


async def test_an_agent_whose_clock_is_a_year_ahead_settles_nothing(
    sqlite_store: Store,
) -> None:
    used = minutely()
    north, south = line(0, 4_000), line(4_000, 4_100, "south-1")
    year = 365 * 24 * HOUR
    async with a_round(sqlite_store, used=used) as one:
        await deliver(one, north)
        await one.send([result(year, UP, agent="south-1")], epoch="wrong")
        await one.tick(4_000 * MINUTE - (one.clock.now_ms() - START))
        assert one.evaluator.folded["ehr"].settled.edge <= one.clock.now_ms()
        await deliver(one, south)
        await one.tick(1_000)
        now = one.clock.now_ms()
        assert await numbers(one, now) == expected(used, north + south, now, now)


async def test_a_version_recorded_by_a_clock_behind_judges_from_its_own_instant(
    sqlite_store: Store,
) -> None:
    first = minutely()
    checks = document()["checks"]
    checks["ehr-read"] |= {"every": "20s", "timeout": "1s", "from": ["north-1"]}
    second = config(checks=checks)
    results = line(0, 120)
    async with a_round(sqlite_store, used=first) as one:
        await deliver(one, results)
        await one.tick(1_000)
        at = START + 60 * MINUTE
        # as a release before wrote it: `versions.record` lets nothing take effect in what was said
        fact = Fact(journal.CONFIG, at, canonical(second))
        await sqlite_store.write(journal.append, ORG, [fact], at)
        await one.tick(1_000)
        history = History([Version(START, first), Version(at, second)])
        now = one.clock.now_ms()
        whole = fold_system("ehr", history, {("ehr-read", "north-1"): results}, now, None)
        assert one.evaluator.folded["ehr"].truth.states == whole.states


async def test_a_store_that_fails_while_an_evaluation_is_planned_loses_no_rollup(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_round(sqlite_store, used=minutely()) as one:
        await one.send(line(0, 5))
        planned = Evaluator._seen

        async def failing(*_: Any, **__: Any) -> Any:
            raise StoreUnavailableError(StoreFault.BUSY)

        monkeypatch.setattr(Evaluator, "_seen", failing)
        with pytest.raises(StoreUnavailableError):
            await one.tick(20 * MINUTE)
        monkeypatch.setattr(Evaluator, "_seen", planned)
        await one.tick(20_000)
        assert await rows(one) == all_rows(line(0, 5))


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_who_takes_over_makes_the_rollups_of_what_came_late_before(store: Store) -> None:
    """The one who led is gone before it said anything of evidence three hours old."""
    async with (
        a_round(store, used=minutely()) as one,
        a_round(store, holder="two", used=minutely()) as two,
    ):
        await one.tick(1_000)
        await two.tick(4 * HOUR)
        assert not two.evaluator.leads
        await two.send(line(0, 5))
        for _ in range(3):
            await two.tick(1_000)
        assert await rows(two) == {}
        await two.take_over()
        await two.tick(20_000)
        assert await rows(two) == all_rows(line(0, 5))


async def test_a_rollup_of_a_check_that_moved_holds_what_came_before_it_moved(
    sqlite_store: Store,
) -> None:
    first = minutely()
    moved = first.checks["ehr-read"].model_copy(update={"system": "lab"})
    kept = first.checks["ehr-read"]
    later = with_lab().model_copy(update={"checks": {"ehr-read": moved, "ehr-other": kept}})
    async with a_round(sqlite_store, used=first) as one:
        await deliver(one, line(0, 3), size=3)
        await one.tick(1_000)
        await sqlite_store.write(versions.record, ORG, canonical(later), one.clock.now_ms())
        await deliver(one, line(3, 5), size=2)
        await one.tick(1_000)
        for _ in range(2):
            await one.tick(4 * MINUTE)
        assert await rows(one) == all_rows(line(0, 5))


async def test_an_answer_is_of_one_instant_though_the_evaluator_goes_on(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = minutely()
    results = line(0, 150)
    async with a_round(sqlite_store, used=used) as one:
        await deliver(one, results)
        await one.tick(150 * MINUTE - (one.clock.now_ms() - START))
        now = one.clock.now_ms()
        between = Evidence.between

        async def slow(self: Evidence, *args: Any) -> Any:
            await one.tick(5_000)
            return await between(self, *args)

        monkeypatch.setattr(Evidence, "between", slow)
        start = START + 20 * MINUTE + 30_000
        found = await Numbers(one.evaluator, one.store, one.clock, ORG).availability(
            start, START + 24 * HOUR
        )
        assert one.clock.now_ms() > now
        assert found["period"]["now"] == "2026-01-01T02:30:00.000Z"
        assert found["systems"]["ehr"]["eligible_ms"] == 130 * MINUTE - 30_000


async def test_a_rollup_is_asked_for_while_it_is_committed(sqlite_store: Store) -> None:
    async with a_round(sqlite_store, used=minutely()) as one:
        await one.send(line(0, 5))
        await one.tick(1_000)
        kept: Follower = one.evaluator._follower
        bucket = ("ehr-read", "north-1", START)
        kept.now = START + BUCKET_MS * 3
        assert list(kept.begin()) == [bucket]
        assert (list(kept.touched), list(kept.making)) == ([], [bucket])
        (row,) = await make([bucket], kept.lives, kept.evidence)
        assert row.rollup == all_rows(line(0, 5))["north-1", START]
        kept.unmade()
        assert list(kept.touched) == [bucket]


async def test_rollups_of_a_backlog_are_made_a_part_at_a_time_the_oldest_first(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "AT_ONCE", 4)
    results = line(0, 55)
    async with a_round(sqlite_store, used=minutely()) as one:
        await deliver(one, results)
        await one.clock.advance(70 * MINUTE - (one.clock.now_ms() - START))
        made = []
        for _ in range(3):
            await one.tick(1)
            made.append(sorted((bucket - START) // BUCKET_MS for _, bucket in await rows(one)))
        assert made == [[*range(4)], [*range(8)], [*range(11)]]
        assert await rows(one) == all_rows(results)
        said = one.evaluator.commits
        await one.tick(1)
        assert one.evaluator.commits == said
