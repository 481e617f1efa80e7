"""Feeds judged in the collector: baselines in the journal, verdicts from rollups, incidents of both."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector import builtinkey, feedlog, journal
from collector import versions as versions_of
from collector.builtin import Around, BuiltIn
from collector.builtinenv import env_of
from collector.core import feed_baseline, rollup
from collector.core.feed_baseline import Usual
from collector.core.feed_calendar import Calendar
from collector.feeds import Feeds, counts_of, feed_of
from collector.replay import Input, replay
from collector.store import rollups
from collector.store.incidents import read_incidents
from collector.store.rollups import RollupRow
from collector.store.store import Store
from probes.config import Config
from probes.configfile import canonical
from probes.contract import Outcome
from probes.feeds import Finding, Judged
from probes.results import Result
from probes.testing.feed_traffic import DAY, FIVE, HOUR, MONDAY, ZONE
from tests.support.rounds import ORG, Round, a_round, config, document
from tests.unit.test_live_is_replay import live

MIN = 60_000
WEEK = 7 * DAY
NOW = MONDAY + 5 * WEEK + 12 * HOUR
CALENDAR = Calendar(ZONE)


def hospital(**spec: Any) -> Config:
    known = document()
    listener = {
        "system": "ehr",
        "kind": "hl7_listener",
        "every": "1m",
        "timeout": "5s",
        "from": ["north-1"],
        "role": "supporting",
        "spec": {"listen": "127.0.0.1:6661"},
    }
    feed = {"system": "ehr", "kind": "feed_silence", "every": "1m", "timeout": "5s"}
    return config(
        agents=known["agents"] | {"collector": {"site": "south"}},
        checks=known["checks"]
        | {
            "adt-listener": listener,
            "adt-feed": feed | {"spec": {"of": "adt-listener", "type": "adt", **spec}},
        },
        routes=[{"families": ["availability", "feed"], "to": ["desk"]}],
    )


def counted(n: int) -> rollup.Rollup:
    ups = ((Outcome.UP, "ok", 5),)
    facts = (("messages", 5, n + 1), ("messages_adt", 5, n))
    return rollup.Rollup(ups, (5, *rollup.EMPTY.answered[1:]), facts)


def five_minutes(start: int, end: int, n: int = 10) -> list[RollupRow]:
    return [
        RollupRow("adt-listener", "north-1", bucket, counted(n))
        for bucket in range(start, end, FIVE)
    ]


def run(t: int, *, messages: int) -> Result:
    facts = (("messages", messages), ("messages_adt", messages))
    return Result("adt-listener", "north-1", t, Outcome.UP, "ok", 5, t + 5, None, facts)


@asynccontextmanager
async def watching(
    store: Store, weeks: int = 3, now: int = NOW, **spec: Any
) -> AsyncIterator[tuple[Round, Feeds]]:
    """A collector with as many weeks of counts behind it."""
    used = hospital(**spec)
    await store.write(rollups.write, ORG, five_minutes(now - 12 * HOUR - weeks * WEEK, now))
    async with a_round(store, used=used, now=now) as one:
        await one.evaluator.step()
        yield one, Feeds(store, one.clock, ORG, one.evaluator)


async def versions(store: Store) -> list[feedlog.Version]:
    return [feedlog.version(row) for row in await store.read(journal.rows, ORG, kind=feedlog.KIND)]


FEED = feed_of({"of": "adt-listener", "type": "adt"})


async def test_the_first_question_learns_and_records_what_it_is_judged_by(store: Store) -> None:
    async with watching(store) as (one, feeds):
        judged = await feeds.judged("adt-feed", FEED)
        assert judged == Judged(Finding.USUAL, hour=11, low=120, high=120)
        (version,) = await versions(store)
        assert version.baseline.upto == MONDAY + 5 * WEEK
        assert (version.baseline.weeks, version.baseline.known) == (6, 168)
        assert version.baseline.usual[0] == Usual(3, 120, 120)
        row = (await store.read(journal.rows, ORG, kind=feedlog.KIND))[0]
        named = {k: v for k, v in json.loads(row.data).items() if k != "baseline"}
        assert named == {
            "agent": "north-1",
            "check": "adt-feed",
            "fact": "messages_adt",
            "of": "adt-listener",
            "since": "",
            "zone": "America/Chicago",
        }
        # asked again, and by a process that is new: nothing more is recorded
        await feeds.judged("adt-feed", FEED)
        await Feeds(store, one.clock, ORG, one.evaluator).judged("adt-feed", FEED)
        assert len(await versions(store)) == 1


async def test_a_new_version_comes_on_monday_and_while_hours_are_unknown(store: Store) -> None:
    async with watching(store, weeks=2) as (one, feeds):
        await feeds.judged("adt-feed", FEED)
        await store.write(rollups.write, ORG, five_minutes(NOW - 12 * HOUR, NOW + 9 * DAY))
        known, at = [], NOW
        for day in (1, 2, 7, 8):
            await one.clock.advance(NOW + day * DAY - at)
            at = NOW + day * DAY
            await one.evaluator.step()
            await feeds.judged("adt-feed", FEED)
            known.append([v.baseline.known for v in await versions(store)])
        assert known == [[0, 24], [0, 24, 48], [0, 24, 48, 168], [0, 24, 48, 168]]
        assert (await versions(store))[-1].baseline.upto == MONDAY + 6 * WEEK


async def test_cold_says_that_it_learns_and_nobody_counting_says_so(sqlite_store: Store) -> None:
    async with watching(sqlite_store, weeks=2) as (one, feeds):
        assert (await feeds.judged("adt-feed", FEED)).finding is Finding.LEARNING
        await one.clock.advance(30 * MIN)
        assert (await feeds.judged("adt-feed", FEED)).finding is Finding.UNWATCHED
        gone = feed_of({"of": "no-such-check"})
        assert await feeds.judged("adt-feed", gone) == Judged(Finding.UNWATCHED)


async def test_hours_of_alarms_and_before_since_teach_nothing(sqlite_store: Store) -> None:
    alarm = rollup.Rollup(((Outcome.DEGRADED, "feed.silent", 5),), rollup.EMPTY.answered)
    stale = rollup.Rollup(
        ((Outcome.DOWN, "feed.stale", 5),), rollup.EMPTY.answered, counted(0).counted
    )
    at = MONDAY + 3 * WEEK + 10 * HOUR
    async with watching(sqlite_store) as (_, feeds):
        rows = [
            RollupRow("adt-feed", "collector", at, alarm),
            RollupRow("adt-listener", "north-1", at + WEEK, stale),
        ]
        await sqlite_store.write(rollups.write, ORG, rows)
        subject = feedlog.subject_of(hospital(), "adt-feed", FEED)
        assert subject is not None
        found = await feeds.learned(subject, MONDAY + 5 * WEEK)
        assert (found.usual[10].hours, found.usual[11].hours) == (1, 3)
        late = feed_of({"of": "adt-listener", "type": "adt", "since": "2026-06-22"})
        after = await feeds.learned(
            feedlog.Subject("adt-feed", late, "north-1", "America/Chicago"), MONDAY + 5 * WEEK
        )
        assert (after.usual[9].hours, after.hours) == (2, 2 * 168 - 2)


async def test_a_listener_that_is_asked_more_often_from_now_on_forgets_nothing(
    sqlite_store: Store,
) -> None:
    async with watching(sqlite_store) as (one, feeds):
        plain = hospital().model_dump(by_alias=True, mode="json")
        plain["checks"]["adt-listener"]["every"] = "30s"
        sooner = Config.model_validate(plain)
        await sqlite_store.write(versions_of.record, ORG, canonical(sooner), NOW)
        await one.tick(1_000)
        assert one.evaluator.config.checks["adt-listener"].every == 30_000
        subject = feedlog.subject_of(sooner, "adt-feed", FEED)
        assert subject is not None
        found = await feeds.learned(subject, MONDAY + 5 * WEEK)
        assert (found.known, found.usual[10]) == (168, Usual(3, 120, 120))


def test_an_hour_of_two_minute_slots_is_watched_though_one_was_missed() -> None:
    runs = dict(zip(range(MONDAY, MONDAY + HOUR, FIVE), [3, 2] * 6, strict=True))
    runs[MONDAY] = 2
    line = {
        bucket: replace(counted(0), counted=(("messages", n, 10 * n),))
        for bucket, n in runs.items()
    }
    found = counts_of(line, "messages", lambda _t: 2 * MIN)
    assert sum(one.watched_ms for one in found.values()) == 58 * MIN
    learned = feed_baseline.learn(found, MONDAY + WEEK, 1, CALENDAR)
    assert (learned.hours, learned.usual[0]) == (1, Usual(1, 290, 290))


async def test_approved_maintenance_teaches_nothing(sqlite_store: Store) -> None:
    window = {
        "id": "night",
        "systems": ["ehr"],
        "start": "2026-06-08T10:00",
        "end": "2026-06-08T11:00",
        "timezone": "America/Chicago",
        "proposed": {"by": "p", "at": "2026-05-01T00:00:00Z"},
        "approval": {"by": "q", "at": "2026-05-02T00:00:00Z"},
    }
    used = Config.model_validate(
        hospital().model_dump(by_alias=True, mode="json") | {"maintenance": [window]}
    )
    await sqlite_store.write(rollups.write, ORG, five_minutes(MONDAY, MONDAY + 3 * WEEK))
    async with a_round(sqlite_store, used=used, now=MONDAY + 100) as one:
        await one.clock.advance(3 * WEEK)
        await one.evaluator.step()
        feeds = Feeds(sqlite_store, one.clock, ORG, one.evaluator)
        subject = feedlog.subject_of(used, "adt-feed", FEED)
        assert subject is not None
        found = await feeds.learned(subject, MONDAY + 3 * WEEK)
        assert (found.usual[10].hours, found.usual[11].hours) == (2, 3)


async def test_a_baseline_is_made_anew_from_the_evidence(store: Store) -> None:
    """Three Mondays of signed batches; no rollup is written but by the evaluation itself."""
    rng = random.Random(5)
    async with a_round(store, used=hospital(), now=MONDAY + 9 * HOUR) as one:
        results: list[Result] = []
        for week in range(3):
            begin = MONDAY + week * WEEK + 10 * HOUR
            some = [run(begin + n * MIN + 7_000, messages=rng.randrange(5)) for n in range(60)]
            await one.clock.advance(begin + 61 * MIN - one.clock.now_ms())
            for result in some:
                await one.send([result], facts=dict(result.facts))
            results += some
            await one.evaluator.step()
            await one.tick(10 * MIN)
        await one.clock.advance(MONDAY + 3 * WEEK + HOUR - one.clock.now_ms())
        await one.evaluator.step()
        feeds = Feeds(store, one.clock, ORG, one.evaluator)
        await feeds.judged("adt-feed", FEED)
        (version,) = await versions(store)
        stored = await one.evaluator.evidence.between(
            [("adt-listener", "north-1")], MONDAY, MONDAY + 3 * WEEK
        )
        made = rollup.rollups(stored["adt-listener", "north-1"])
        again = feed_baseline.learn(
            counts_of(made, "messages_adt", lambda _t: MIN), version.baseline.upto, 6, CALENDAR
        )
        assert again == version.baseline
        assert feedlog.fact(version.subject, again, version.recorded_at).data == (
            (await store.read(journal.rows, ORG, kind=feedlog.KIND))[0].data
        )
        totals = sorted(sum(r.facts[0][1] for r in results[n : n + 60]) for n in (0, 60, 120))
        assert version.baseline.usual[10] == Usual(3, totals[0], totals[2])
        assert (version.baseline.hours, version.baseline.known) == (3, 1)


@pytest.mark.timeout(120)
async def test_a_feed_that_falls_silent_opens_an_incident_and_recovers(sqlite_store: Store) -> None:
    async with watching(sqlite_store) as (one, feeds):
        around = Around(
            store=sqlite_store,
            clock=one.clock,
            org=ORG,
            leader=one.leader,
            ingest=one.ingest,
            keys=one.keys,
            config=lambda: one.evaluator.config,
            env=env_of(one.clock, random.Random(1), lambda _ref: b"", counts=feeds),
            random_bytes=random.Random(id(one)).randbytes,
        )
        key = builtinkey.derived(Ed25519PrivateKey.from_private_bytes(b"config key".ljust(32)))
        task = asyncio.create_task(BuiltIn(around, key).run())

        async def minutes(count: int, messages: int) -> None:
            for _ in range(count):
                some = run(one.clock.now_ms(), messages=messages)
                await one.send([some], facts=dict(some.facts))
                await one.send(
                    [Result("ehr-read", "north-1", some.t, Outcome.UP, "ok", 5, some.t + 5)],
                    epoch="e2",
                )
                for _ in range(30):
                    await one.clock.advance(2_000)
                    await asyncio.sleep(0.003)
                await one.evaluator.step()

        await minutes(7, 3)
        rows = await sqlite_store.read(read_incidents, ORG)
        assert [row.incident.family.value for row in rows] == []
        await minutes(16, 0)
        (row,) = [
            r for r in await sqlite_store.read(read_incidents, ORG) if r.incident.family == "feed"
        ]
        assert [cause.value for cause in row.incident.causes] == ["silent"]
        assert row.incident.category == 2
        last = one.evaluator.evidence.latest["adt-feed", "collector"]
        assert (last.outcome, last.reason) == (Outcome.DEGRADED, "feed.silent")
        facts = dict(last.facts)
        assert facts["feed_seen"] == 0
        assert 12 <= facts["feed_due"] <= 40
        assert (facts["feed_low"], facts["feed_high"]) == (120, 120)
        states = one.evaluator.folded["ehr"].view.states
        assert {span.value.value for span in states} <= {"not_monitored", "up", "unknown"}
        await minutes(12, 3)
        (row,) = [
            r for r in await sqlite_store.read(read_incidents, ORG) if r.incident.family == "feed"
        ]
        assert row.incident.recovered_at is not None
        # live equals replay: of results as lines the reasons are enough
        now = one.clock.now_ms()
        sources = [("adt-feed", "collector"), ("adt-listener", "north-1"), ("ehr-read", "north-1")]
        found = await one.evaluator.evidence.between(sources, NOW, now)
        bare = {
            source: [msgspec.structs.replace(r, facts=()) for r in line]
            for source, line in found.items()
        }
        again = replay(one.evaluator.history, Input(bare, 0), NOW, now, now)["incidents"]
        (expected,) = [one for one in again if one["family"] == "feed"]
        (lived,) = live([row])
        assert {**expected, "detected_at": None} == {**lived, "detected_at": None}
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
