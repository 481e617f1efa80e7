"""Traps other monitors fell into, those of incidents and tickets. Each test is complete in itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import event

from alerts.channel import Channel, Receipt, Verdict
from alerts.delivery import Delivery, Pace
from alerts.metering import DeliveryMetrics
from alerts.outbox import DeliveryReason, Message
from collector.store import ledger
from collector.store.incidents import read_incidents
from collector.store.open import open_store
from collector.store.outbox import Outbox
from collector.store.store import Store
from probes.clock import ManualClock
from probes.contract import Outcome
from tests.support.batches import seal
from tests.support.hours import MINUTE, minutely, play, spell
from tests.support.rounds import KEYS, ORG, START, Round, a_round, result
from tests.support.taking_in import taken
from tests.unit.test_evaluate import outage, told

FROM_10_TO_20 = minutely(
    maintenance=[
        {
            "id": "w",
            "systems": ["ehr"],
            "start": "2026-01-01T00:10",
            "end": "2026-01-01T00:20",
            "timezone": "UTC",
            "proposed": {"by": "p", "at": "2025-12-01T00:00:00Z"},
            "approval": {"by": "q", "at": "2025-12-02T00:00:00Z"},
        }
    ]
)


async def lived(store: Store, words: str) -> list[tuple[str, int]]:
    """One process lives through it all, looking every minute."""
    async with a_round(store, used=FROM_10_TO_20, now=START - 1) as one:
        await play(one, spell(words), len(words) * MINUTE, group=MINUTE)
        return await one.events()


async def killed(store: Store, words: str, *, before_t2: bool) -> list[tuple[str, int]]:
    """Every minute a process is killed, with its batch stored, or also folded and committed."""
    now = START
    for minute, each in enumerate(spell(words)):
        async with a_round(store, holder=f"p{minute}", used=FROM_10_TO_20, now=now) as one:
            await one.take_over()
            if before_t2:
                await one.evaluator.step()
            await one.clock.advance(max(each.t + 1_000 - one.clock.now_ms(), 0))
            await one.send([each], epoch=f"e{minute}")
            if not before_t2:
                await one.evaluator.step()
            now = one.clock.now_ms()
    async with a_round(store, holder="last", used=FROM_10_TO_20, now=now) as one:
        await one.take_over()
        await one.tick(MINUTE)
        return await one.events()


# Down from minute 5 or 12 on, a window from minute 10 to 20; (event, minute) and told steps.
STORIES = {
    "down, window, up, end": (
        "uuuuudddddddddduuuuuuuuuuuuuuu",
        [("incident.opened", 360_040), ("incident.recovered", 16 * MINUTE)],
        ["opened", "recovered"],
    ),
    "down, window, down, end": (
        "uuuuudddddddddddddddddddduuuuu",
        [("incident.opened", 360_040), ("incident.recovered", 26 * MINUTE)],
        ["opened", "recovered"],
    ),
    "window, down, up, end": (
        "uuuuuuuuuuuudddduuuuuuuuuuuuuu",
        [("incident.opened", 780_040), ("incident.recovered", 17 * MINUTE)],
        [],
    ),
    "window, down, end": (
        "uuuuuuuuuuuudddddddddddddduuuu",
        [
            ("incident.opened", 780_040),
            ("incident.cause_added", 20 * MINUTE),
            ("incident.paged", 20 * MINUTE),
            ("incident.recovered", 27 * MINUTE),
        ],
        ["paged", "recovered"],
    ),
}


@pytest.mark.parametrize("story", STORIES)
async def test_trap_5_a_window_swallows_no_recovery_and_pages_nothing_twice(
    store: Store, story: str
) -> None:
    words, events, steps = STORIES[story]
    assert await lived(store, words) == events
    assert [step for _, _, step, _ in await told(store)] == steps


@pytest.mark.parametrize("killed_at", ["before T2", "after T2"])
@pytest.mark.parametrize("story", STORIES)
async def test_trap_5_a_process_killed_at_each_step_says_the_same(
    store: Store, story: str, killed_at: str
) -> None:
    words, events, steps = STORIES[story]
    assert await killed(store, words, before_t2=killed_at == "before T2") == events
    assert [step for _, _, step, _ in await told(store)] == steps


class Desk:
    """A receiver that knows a repeat by its key, and whose answers are lost at first."""

    def __init__(self, lost: int) -> None:
        self.lost = lost
        self.tickets: dict[str, list[str]] = {}
        self.received: list[str] = []

    async def deliver(self, message: Message) -> Receipt:
        data = json.loads(message.body)["data"]
        steps = self.tickets.setdefault(data["key"], [])
        if message.id not in self.received:
            steps.append(data["step"])
        self.received.append(message.id)
        if len(self.received) <= self.lost:
            raise TimeoutError
        return Receipt(Verdict.SENT, DeliveryReason.ACCEPTED, 200)


def carrier(store: Store, clock: ManualClock, desk: Channel, seed: int) -> Delivery:
    pace = Pace(lease=1_000, first_retry=1, longest_retry=1, give_up_after=1 << 50)
    metrics = DeliveryMetrics(CollectorRegistry())
    return Delivery(
        Outbox(store, ORG), {"desk": desk}, metrics, clock=clock, rng=Random(seed), pace=pace
    )


async def test_trap_6_two_collectors_and_a_thousand_lost_answers_make_one_ticket(
    store: Store,
) -> None:
    desk = Desk(lost=1_000)
    async with a_round(store, holder="one") as one, a_round(store, holder="two") as two:
        await outage(one)
        await two.clock.advance(30_000)
        if not store.single_process:
            await two.evaluator.step()
        carriers = [carrier(store, each.clock, desk, n) for n, each in enumerate((one, two))]
        for n in range(2_200):
            await (one, two)[n % 2].clock.advance(1)
            await carriers[n % 2].pump("desk")
            if len(desk.received) > desk.lost:
                break
        for n in range(3, 11):
            await one.clock.advance(max(0, START + n * 10_000 + 2_000 - one.clock.now_ms()))
            await one.send([result(n * 10_000 + 1_000, Outcome.UP)])
            await one.evaluator.step()
        await carriers[1].pump("desk")
        await two.clock.advance(200_000)
        await carriers[1].pump("desk")
        (row,) = await store.read(read_incidents, ORG)
    assert desk.tickets == {f"{ORG}.{row.incident.key}.desk": ["opened", "recovered"]}
    assert len(desk.received) == 1_002
    assert len(set(desk.received)) == 2


class Crash(BaseException):
    """The process is gone."""


class Breaker:
    """Ends the work at the n-th statement that writes."""

    def __init__(self, store: Any) -> None:
        self.left: int | None = None
        engine = getattr(store, "_write_engine", None) or store._engine
        event.listen(engine, "before_cursor_execute", self._before)

    def _before(self, conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if self.left is None or not statement.lstrip().upper().startswith(
            ("INSERT", "UPDATE", "DELETE")
        ):
            return
        self.left -= 1
        if self.left < 0:
            self.left = None
            raise Crash


async def opened(one: Round) -> None:
    """All but the last look of an outage."""
    await one.send([result(1_000, Outcome.UP)])
    await one.tick(5_000)
    await one.clock.advance(20_000)
    await one.send([result(11_000, Outcome.DOWN), result(21_000, Outcome.DOWN)])
    await one.clock.advance(5_000)


async def test_trap_7_a_crash_between_any_two_writes_of_t2_leaves_all_or_nothing(
    databases: Callable[[], str],
) -> None:
    crashes = 0
    while True:
        store = await open_store(databases())
        breaker = Breaker(store)
        async with a_round(store) as one:
            await opened(one)
            breaker.left = crashes
            try:
                await one.evaluator.step()
                done = True
            except Crash:
                done = False
            breaker.left = None
            cursors = await store.read(ledger.folded_ranges, ORG)
            said = len(await one.events())
            # what the logs take in comes after it, in transactions of their own
            assert said or not done
            assert len(await store.read(read_incidents, ORG)) == said
            assert cursors == {("north-1", "e1"): ((1, 2),) if said else ((1, 1),)}
            assert len(await Outbox(store, ORG).receivers()) == said
        async with a_round(store, holder="two", now=START + 40_000) as two:
            await two.take_over()
            await two.evaluator.step()
            await two.tick(1_000)
            assert await two.events() == [("incident.opened", 21_040)]
            assert [m[2] for m in await told(store)] == ["opened"]
        await store.close()
        if done:
            break
        crashes += 1
    assert crashes >= 8


async def test_trap_7_a_crash_inside_t1_stores_nothing_and_acknowledges_nothing(
    databases: Callable[[], str],
) -> None:
    data = seal(KEYS["north-1"], ORG, "north-1", "e1", 1, spell("uu"))
    crashes = 0
    while True:
        store = await open_store(databases())
        breaker = Breaker(store)
        async with a_round(store, used=minutely()) as one:
            await one.clock.advance(2 * MINUTE)
            breaker.left = crashes
            try:
                await store.write(ledger.insert_batches, ORG, [taken(data, START)])
                done = True
            except Crash:
                done = False
            breaker.left = None
            stored = await store.read(ledger.stored_ranges, ORG)
            assert stored == ({("north-1", "e1"): ((1, 1),)} if done else {})
            assert (await one.ingest.accept(data)).stored == ((1, 1),)
        await store.close()
        if done:
            break
        crashes += 1
    assert crashes >= 3
