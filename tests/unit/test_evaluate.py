"""T2: from stored batches to flips, incidents, events and messages, on both engines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from alerts.events import State
from alerts.outbox import DeliveryReason, MessageState, Settlement
from collector.store import incidents, ledger, outbox
from collector.store.leases import FencedError
from collector.store.store import Store, StoreFault
from probes.contract import Outcome
from tests.support.rounds import ORG, START, Round, a_round, config, result

UP, DOWN = Outcome.UP, Outcome.DOWN


async def outage(one: Round) -> None:
    """Up at 1 s, down from 11 s and confirmed at 21 s, evaluated at 30 s."""
    await one.send([result(1_000, UP)])
    await one.tick(5_000)
    await one.clock.advance(20_000)
    await one.send([result(11_000, DOWN), result(21_000, DOWN)])
    await one.tick(5_000)


async def told(store: Store) -> list[tuple[str, int, str, str]]:
    """(receiver, seq, step, time) of everything in the outbox."""
    messages = []
    for receiver in await store.read(outbox.receivers, ORG):
        while claimed := await store.write(
            outbox.claim, ORG, receiver, now=START * 2, lease_until=START * 3, limit=9
        ):
            for message in claimed:
                data = json.loads(message.body)
                messages.append((receiver, message.seq, data["data"]["step"], data["time"][11:]))
                settled = Settlement(MessageState.SENT, DeliveryReason.ACCEPTED, 200, 0)
                assert await store.write(outbox.settle, ORG, message, settled)
    return messages


async def test_a_confirmed_outage_becomes_one_incident_one_event_one_message(store: Store) -> None:
    async with a_round(store) as one:
        await outage(one)
        (row,) = await store.read(incidents.read_incidents, ORG, is_open=True)
        assert row.incident.key == f"ehr.availability.{START + 11_000}"
        assert (row.version, row.status, row.incident.category) == (1, "open", 3)
        assert row.detected_at == START + 21_040
        assert await one.events() == [("incident.opened", 21_040)]
        (written,) = await store.read(outbox.of_incident, ORG, row.incident.key)
        assert (written.receiver, written.state) == ("desk", MessageState.PENDING)
        assert await store.read(outbox.of_incident, ORG, "ehr.blind.1") == []
        assert await told(store) == [("desk", 1, "opened", "00:00:21.040Z")]


async def test_state_changes_snapshot_and_cursors_commit_with_it(store: Store) -> None:
    async with a_round(store) as one:
        await outage(one)
        flips = await store.read(incidents.read_flips, ORG, "ehr")
        assert [(at - START, state) for at, state in flips["ehr", ""]] == [
            (0, State.UNKNOWN),
            (1_000, State.UP),
            (11_000, State.DOWN),
        ]
        assert set(flips) == {("ehr", ""), ("ehr", "north"), ("ehr", "south")}
        whole = (await store.read(incidents.read_states, ORG))[0]
        assert (whole.state, whole.since, whole.as_of) == (
            State.DOWN,
            START + 11_000,
            START + 30_000,
        )
        assert await store.read(ledger.folded_ranges, ORG) == {("north-1", "e1"): ((1, 2),)}


async def test_looking_again_says_nothing_again(store: Store) -> None:
    async with a_round(store) as one:
        await outage(one)
        await one.evaluator.step()
        await one.tick(1_000)
        assert await one.events() == [("incident.opened", 21_040)]


async def test_recovery_is_back_dated_and_told_once_it_is_certain(store: Store) -> None:
    async with a_round(store) as one:
        await outage(one)
        for n in range(3, 11):
            await one.clock.advance(10_000)
            await one.send([result(n * 10_000 + 1_000, UP)])
            await one.evaluator.step()
        assert [e for e in await one.events() if e[0] != "incident.opened"] == [
            ("incident.recovered", 91_000)
        ]
        (row,) = await store.read(incidents.read_incidents, ORG)
        assert row.incident.recovered_at == START + 31_000
        # category 3: a person resolves it
        assert (row.version, row.status) == (2, "recovered")
        assert [m[2:] for m in await told(store)] == [
            ("opened", "00:00:21.040Z"),
            ("recovered", "00:01:31.000Z"),
        ]


async def test_silence_alone_changes_the_state_when_the_hold_ends(store: Store) -> None:
    async with a_round(store) as one:
        await one.send([result(1_000, UP)])
        await one.tick(25_000)
        await one.tick(1_000)
        before = (await store.read(incidents.read_states, ORG))[0]
        await one.tick(1)
        after = (await store.read(incidents.read_states, ORG))[0]
        assert (before.state, after.state, after.since) == (
            State.UP,
            State.UNKNOWN,
            START + 26_000,
        )


async def test_blindness_opens_at_its_deadline_without_any_result(store: Store) -> None:
    async with a_round(store) as one:
        await one.send([result(1_000, UP)])
        await one.tick(27_000)
        await one.tick(600_000)
        assert await one.events() == [("incident.opened", 626_000)]


async def test_a_process_killed_between_t1_and_t2_leaves_the_work_to_the_next(store: Store) -> None:
    async with a_round(store) as one:
        await one.send([result(1_000, UP)])
        await one.clock.advance(30_000)
        await one.send([result(11_000, DOWN), result(21_000, DOWN)])
    async with a_round(store, holder="two", now=START + 40_000) as two:
        await two.take_over()
        await two.evaluator.step()
        assert await two.events() == [("incident.opened", 21_040)]


async def test_a_process_killed_after_t2_says_nothing_twice(store: Store) -> None:
    async with a_round(store) as one:
        await outage(one)
    async with a_round(store, holder="two", now=START + 40_000) as two:
        await two.take_over()
        await two.evaluator.step()
        await two.tick(1_000)
        assert await two.events() == [("incident.opened", 21_040)]
        assert len(await told(store)) == 1


async def test_a_host_clock_set_back_takes_nothing_back(store: Store) -> None:
    async with a_round(store) as one:
        await outage(one)
        one.clock.step_wall(-60_000)
        await one.evaluator.step()
        await one.tick(1_000)
        assert await one.events() == [("incident.opened", 21_040)]
        assert one.evaluator.now == START + 30_000


async def test_a_new_config_version_is_folded_at_once(store: Store) -> None:
    async with a_round(store) as one:
        await outage(one)
        async with a_round(store, holder="two", used=config(routes=[]), now=START + 31_000) as two:
            assert two.evaluator.config.routes == ()
        await one.tick(5_000)
        assert one.evaluator.config.routes == ()
        assert len(one.evaluator.history.versions) == 2


async def test_only_the_lease_holder_of_two_processes_evaluates(store: Store) -> None:
    async with a_round(store, holder="one") as one, a_round(store, holder="two") as two:
        await outage(one)
        if store.single_process:
            return  # there is no second process on SQLite
        await two.clock.advance(30_000)
        await two.evaluator.step()
        assert (one.evaluator.leads, two.evaluator.leads) == (True, False)
        assert await two.events() == [("incident.opened", 21_040)]
        # it folds all the same, so it can answer
        assert two.evaluator.folded["ehr"].view == one.evaluator.folded["ehr"].view


async def test_what_a_stale_holder_wants_to_say_is_refused(store: Store) -> None:
    async with a_round(store, holder="one") as one, a_round(store, holder="two") as two:
        await one.send([result(1_000, UP)])
        await one.tick(30_000)
        await two.take_over()
        await two.clock.advance(30_000)
        await one.send([result(11_000, DOWN), result(21_000, DOWN)])
        with pytest.raises(FencedError):
            await one.evaluator.step()
        assert await one.events() == []
        await two.tick(1_000)
        assert await two.events() == [("incident.opened", 21_040)]


async def test_a_past_outage_found_late_is_recorded_as_over_and_told_once(store: Store) -> None:
    async with a_round(store) as one:
        for n in range(20):
            if n not in (5, 6):
                await one.send([result(n * 10_000 + 1_000, UP)])
        await one.tick(300_000)
        assert await one.events() == []
        await one.send([result(51_000, DOWN), result(61_000, DOWN)], epoch="e2")
        await one.tick(1_000)
        assert await one.events() == [
            ("incident.found_late", 61_040),
            ("incident.resolved", 131_000),
        ]
        (row,) = await store.read(incidents.read_incidents, ORG)
        assert (row.status, row.incident.recovered_at) == ("resolved", START + 71_000)
        assert [m[:3] for m in await told(store)] == [("desk", 1, "found_late")]


async def test_running_looks_at_news_at_once_and_at_deadlines_in_time(store: Store) -> None:
    async with a_round(store) as one:
        looking = asyncio.create_task(one.evaluator.run())
        try:
            await one.send([result(0, UP)])
            one.evaluator.wake()
            await until(one, lambda: one.evaluator.folded["ehr"].at >= START)
            await until(
                one, lambda: (past := one.evaluator._past) and past.as_of >= START + 630_000
            )
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        # the hold of the only result ended at 25 s
        assert await one.events() == [("incident.opened", 625_000)]


async def until(one: Round, true: Callable[[], object]) -> None:
    """Let time pass in steps until it holds; transactions happen in threads meanwhile."""
    for _ in range(4_000):
        if true():
            return
        await one.clock.advance(1_000)
        await asyncio.sleep(0.001)
    pytest.fail("it never came to be")


async def test_a_failing_store_is_tried_again(sqlite_store: Store) -> None:
    async with a_round(sqlite_store) as one:
        await outage(one)
        broken: Any = sqlite_store
        broken.fault = StoreFault.IO
        await one.clock.advance(20_000)
        looking = asyncio.create_task(one.evaluator.run())
        failures = one.metrics.evaluate_failures.labels("store.io")._value
        await until(one, failures.get)
        broken.fault = None
        state = await sqlite_store.read(incidents.read_states, ORG)
        await until(one, lambda: (past := one.evaluator._past) and past.as_of > state[0].as_of)
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        assert (await sqlite_store.read(incidents.read_states, ORG))[0].as_of > state[0].as_of
