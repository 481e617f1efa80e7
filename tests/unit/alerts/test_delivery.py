"""Delivery over a real socket: order, retries, leases, and one id whatever goes wrong."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry

from alerts.channel import Channel, ChannelEnv, Receipt, Verdict
from alerts.channels.webhook import KIND
from alerts.delivery import Delivery, Pace
from alerts.metering import DeliveryMetrics
from alerts.outbox import (
    Census,
    DeliveryReason,
    Lane,
    Message,
    MessageState,
    Settlement,
    message_id,
)
from probes.clock import ManualClock, SystemClock
from probes.metrics import METRICS
from tests.support.hook import SECRET, Hook, hook
from tests.support.outbox import MemoryOutbox

NOW = 1_767_225_600_000
KEY = f"ehr.availability.{NOW}"


def message(seq: int = 1, key: str = KEY, receiver: str = "desk", at: int = NOW) -> Message:
    ident = message_id("st-elsewhere", key, receiver, seq)
    return Message(ident, "st-elsewhere", key, receiver, seq, b'{"seq":%d}' % seq, at, at)


class Bench:
    """A delivery on a clock the test moves."""

    def __init__(self, channels: dict[str, Channel], pace: Pace | None = None) -> None:
        self.clock = ManualClock(NOW)
        self.store = MemoryOutbox()
        self.registry = CollectorRegistry()
        self.delivery = Delivery(
            self.store,
            channels,
            DeliveryMetrics(self.registry),
            clock=self.clock,
            rng=random.Random(1),
            pace=pace or Pace(),
        )

    async def after(self, ms: int) -> int:
        await self.clock.advance(ms)
        return await self.delivery.pump("desk")

    def counted(self, verdict: str, reason: str) -> float | None:
        labels = {"receiver": "desk", "verdict": verdict, "reason": reason}
        return self.registry.get_sample_value("wardwatch_delivery_attempts_total", labels)

    @property
    def first(self) -> Message:
        return self.store.messages[message().id]


@asynccontextmanager
async def bench(
    receiver: Hook, timeout: str = "5s", pace: Pace | None = None
) -> AsyncIterator[Bench]:
    config = KIND.parse({"url": receiver.url, "secret": "env:HOOK", "timeout": timeout})
    env = ChannelEnv(ManualClock(NOW), lambda _ref: SECRET)
    async with KIND.open(config, env) as channel:
        yield Bench({"desk": channel}, pace)


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not done():
            await asyncio.sleep(0.005)


async def test_a_message_is_sent_once_and_is_then_sent() -> None:
    async with hook() as receiver, bench(receiver) as at:
        await at.store.add([message()])
        assert await at.after(0) == 1
        assert await at.after(10_000_000) == 0
    assert receiver.ids == [message().id]
    assert (at.first.state, at.first.reason, at.first.status, at.first.attempts) == (
        MessageState.SENT,
        DeliveryReason.ACCEPTED,
        200,
        1,
    )
    assert at.counted("sent", "accepted") == 1


@pytest.mark.parametrize("fault", ["503", "drop", "hang", "429", "redirect", "401", "404"])
async def test_a_retry_has_the_same_id_and_body(fault: str) -> None:
    async with hook(fault) as receiver, bench(receiver, "100ms") as at:
        await at.store.add([message()])
        assert await at.after(0) == 1
        assert at.first.state is MessageState.PENDING
        assert await at.after(2_000) == 1
    assert receiver.ids == [message().id] * 2
    assert {post.body for post in receiver.posts} == {b'{"seq":1}'}
    assert (at.first.state, at.first.attempts) == (MessageState.SENT, 2)


async def test_retries_wait_longer_each_time_with_jitter() -> None:
    async with hook(*["500"] * 20) as receiver, bench(receiver) as at:
        await at.store.add([message()])
        waits = []
        for _ in range(12):
            await at.after(max(0, at.first.next_at - at.clock.now_ms()))
            waits.append(at.first.next_at - at.clock.now_ms())
    longest = [2_000 * 2**n for n in range(9)] + [900_000] * 3
    assert all(top // 2 <= wait <= top for wait, top in zip(waits, longest, strict=True))
    assert len({wait / top for wait, top in zip(waits, longest, strict=True)}) > 6


async def test_retry_after_is_honoured_up_to_an_hour() -> None:
    async with hook("503", "429", "503") as receiver, bench(receiver) as at:
        await at.store.add([message()])
        receiver.headers = {"retry-after": "90"}
        await at.after(0)
        assert at.first.next_at == NOW + 90_000
        receiver.headers = {"retry-after": "999999"}
        await at.after(90_000)
        assert at.first.next_at == NOW + 90_000 + 3_600_000
        receiver.headers = {"retry-after": "1"}
        await at.after(3_600_000)
        assert at.first.next_at - at.clock.now_ms() >= 4_000


@pytest.mark.parametrize(
    ("status", "reason"), [("410", DeliveryReason.GONE), ("422", DeliveryReason.REFUSED)]
)
async def test_a_final_refusal_is_a_dead_letter_and_the_next_goes_on(
    status: str, reason: DeliveryReason
) -> None:
    async with hook(status) as receiver, bench(receiver) as at:
        await at.store.add([message(1), message(2)])
        await at.after(0)
        await at.after(0)
    assert (at.first.state, at.first.reason, at.first.status) == (
        MessageState.DEAD,
        reason,
        int(status),
    )
    assert receiver.ids == [message(1).id, message(2).id]
    assert at.counted("dead", reason.value) == 1


async def test_after_three_days_a_message_is_dead() -> None:
    async with hook("500", "500") as receiver, bench(receiver) as at:
        await at.store.add([message()])
        await at.after(0)
        await at.after(259_200_000)
    assert (at.first.state, at.first.reason, at.first.status) == (
        MessageState.DEAD,
        DeliveryReason.EXPIRED,
        500,
    )


async def test_sent_again_by_a_person_it_has_three_new_days() -> None:
    states = []
    async with hook(*["500"] * 4) as receiver, bench(receiver) as at:
        await at.store.add([message()])
        await at.after(0)
        for wait in (259_200_000, 0, 259_199_999, 900_000):
            assert await at.after(wait) == 1
            states.append(at.first.state)
            if len(states) == 1:
                now = at.clock.now_ms()
                await at.store.redrive([message().id], now, channels=["desk"], apart=[])
    waiting = MessageState.PENDING
    assert states == [MessageState.DEAD, waiting, waiting, MessageState.SENT]
    assert receiver.ids == [message().id] * 5


async def test_an_incident_is_told_in_order_whatever_fails() -> None:
    async with hook("503", "200", "drop") as receiver, bench(receiver) as at:
        await at.store.add([message(n) for n in (3, 1, 2)])
        for _ in range(8):
            await at.after(4_000)
    assert [i[-1] for i in receiver.ids] == ["1", "1", "2", "2", "3"]


async def test_a_store_that_fails_after_sending_is_asked_again_and_nothing_is_sent_twice() -> None:
    class Forgetful(MemoryOutbox):
        failures = 2

        async def settle(self, message: Message, settlement: Settlement) -> bool:
            if self.failures:
                self.failures -= 1
                raise ConnectionError
            return await super().settle(message, settlement)

    async with hook() as receiver, bench(receiver) as at:
        at.store = Forgetful()
        at.delivery._store = at.store
        await at.store.add([message()])
        round_ = asyncio.create_task(at.delivery.pump("desk"))
        await until(lambda: bool(receiver.posts))
        while not round_.done():
            await at.clock.advance(500)
            await asyncio.sleep(0.005)
    assert receiver.ids == [message().id]
    assert at.first.state is MessageState.SENT
    assert at.registry.get_sample_value("wardwatch_delivery_store_failures_total") == 2


async def test_a_killed_worker_is_followed_by_another_with_the_same_id() -> None:
    async with hook("hang") as receiver, bench(receiver) as at:
        await at.store.add([message()])
        killed = asyncio.create_task(at.delivery.pump("desk"))
        await receiver.arrived.wait()
        killed.cancel()
        await asyncio.gather(killed, return_exceptions=True)
        assert await at.after(119_999) == 0
        assert await at.after(1) == 1
    assert receiver.ids == [message().id] * 2
    assert (at.first.state, at.first.attempts) == (MessageState.SENT, 2)


async def test_two_workers_never_send_the_same_message_at_once() -> None:
    async with hook() as receiver, bench(receiver) as at:
        await at.store.add([message(1, f"s{n}.availability.0") for n in range(10)])
        rounds = [at.delivery.pump("desk") for _ in range(6)]
        assert sum(await asyncio.gather(*rounds)) == 10
    assert len(receiver.ids) == len(set(receiver.ids)) == 10


async def test_a_channel_that_crashes_is_tried_again() -> None:
    class Broken:
        async def deliver(self, _message: Message) -> Receipt:
            raise RuntimeError("MRN 4711")

    at = Bench({"desk": Broken()})
    await at.store.add([message()])
    await at.after(0)
    assert (at.first.state, at.first.reason) == (MessageState.PENDING, DeliveryReason.CRASH)


async def test_a_channel_that_never_answers_gives_up_before_its_lease_ends() -> None:
    class Endless:
        async def deliver(self, _message: Message) -> Receipt:
            await asyncio.Event().wait()
            raise AssertionError

    at = Bench({"desk": Endless()}, Pace(lease=200))
    await at.store.add([message()])
    await at.after(0)
    assert (at.first.state, at.first.reason) == (MessageState.PENDING, DeliveryReason.TIMEOUT)


async def test_nothing_of_a_reply_is_kept_or_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    async with hook("400", "500") as receiver, bench(receiver) as at:
        await at.store.add([message(1), message(1, f"lab.availability.{NOW}")])
        await at.after(0)
    kept = repr(at.store.messages) + caplog.text
    assert "4711" not in kept
    assert "Jane" not in kept
    assert "delivery.dead receiver=desk reason=refused" in caplog.text


class Running:
    """A delivery that runs by itself on the host's clock."""

    def __init__(self, store: MemoryOutbox, channels: dict[str, Channel]) -> None:
        self.registry = CollectorRegistry()
        self.delivery = Delivery(
            store,
            channels,
            DeliveryMetrics(self.registry),
            clock=SystemClock(),
            rng=random.Random(1),
            pace=Pace(
                first_retry=20, longest_retry=40, idle=60_000, shortest_rest=5, store_retry=10
            ),
        )

    async def __aenter__(self) -> Delivery:
        self._task = asyncio.create_task(self.delivery.run())
        await asyncio.sleep(0.02)
        return self.delivery

    async def __aexit__(self, *_exc: object) -> None:
        self._task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self._task


async def test_the_loop_wakes_retries_and_counts_by_itself() -> None:
    store = MemoryOutbox()
    async with hook("503", "drop") as receiver, bench(receiver) as at:
        running = Running(store, dict(at.delivery._channels))
        async with running as delivery:
            now = SystemClock().now_ms()
            await store.add([message(n, at=now) for n in (1, 2)])
            delivery.wake()
            await until(lambda: len(receiver.posts) == 4)
            await until(lambda: all(m.state is MessageState.SENT for m in store.messages.values()))
    assert [i[-1] for i in receiver.ids] == ["1", "1", "1", "2"]


async def test_a_receiver_that_hangs_does_not_hold_up_another() -> None:
    class Endless:
        async def deliver(self, _message: Message) -> Receipt:
            await asyncio.Event().wait()
            raise AssertionError

    store = MemoryOutbox()
    async with hook() as receiver, bench(receiver) as at:
        channels = {"desk": at.delivery._channels["desk"], "slow": Endless()}
        await store.add([message(1, f"s{n}.availability.0", "slow") for n in range(9)])
        async with Running(store, channels) as delivery:
            await store.add([message()])
            delivery.wake()
            await until(lambda: bool(receiver.posts))


async def test_who_has_no_message_costs_no_claim_and_is_not_woken_by_one_for_another() -> None:
    """A claim is a transaction that others wait for, and every contact may be a receiver."""

    class Counting(MemoryOutbox):
        def __init__(self) -> None:
            super().__init__()
            self.claimed: Counter[str] = Counter()
            self.asked: Counter[str] = Counter()

        async def claim(
            self, receiver: str, now: int, lease_until: int, limit: int
        ) -> Sequence[Message]:
            self.claimed[receiver] += 1
            return await super().claim(receiver, now, lease_until, limit)

        async def next_at(self, receiver: str) -> int | None:
            self.asked[receiver] += 1
            return await super().next_at(receiver)

    class Taking:
        async def deliver(self, _message: Message) -> Receipt:
            return Receipt(Verdict.SENT, DeliveryReason.ACCEPTED, 200)

    store = Counting()
    names = [f"mail.contact-{n}" for n in range(50)]
    async with Running(store, dict.fromkeys(names, Taking())) as delivery:
        await until(lambda: all(store.asked[name] == 1 for name in names))
        assert all(delivery.lanes[name] == Lane(1, 0) for name in names)
        told = message(receiver=names[7], at=SystemClock().now_ms())
        await store.add([told])
        delivery.wake([names[7], "of-another-process"])
        await until(lambda: store.messages[told.id].state is MessageState.SENT)
        assert delivery.lanes[names[7]].attempts == 1
    assert store.claimed == {names[7]: 1}
    assert {name for name, count in store.asked.items() if count > 1} == {names[7]}


async def test_messages_for_a_receiver_the_config_no_longer_has_are_dead() -> None:
    store = MemoryOutbox()
    await store.add([message(1, receiver="gone"), message(2, receiver="gone")])
    async with Running(store, {}):
        await until(lambda: all(m.state is MessageState.DEAD for m in store.messages.values()))
    assert {m.reason for m in store.messages.values()} == {DeliveryReason.NO_CHANNEL}


async def test_a_store_that_is_away_is_waited_for() -> None:
    class Away(MemoryOutbox):
        calls = 0

        async def receivers(self) -> list[str]:
            self.fail()
            return []

        async def census(self) -> Census:
            self.fail()
            return Census(2, 1, NOW)

        async def next_at(self, receiver: str) -> int | None:
            self.fail()
            return await super().next_at(receiver)

        def fail(self) -> None:
            self.calls += 1
            if self.calls < 4:
                raise ConnectionError

    class Taking:
        async def deliver(self, _message: Message) -> Receipt:
            return Receipt(Verdict.SENT, DeliveryReason.ACCEPTED, 200)

    store = Away()
    running = Running(store, {"desk": Taking()})
    async with running:
        await store.add([message()])
        await until(lambda: store.messages[message().id].state is MessageState.SENT)
        gauge = running.registry.get_sample_value
        await until(lambda: gauge("wardwatch_outbox_messages", {"state": "pending"}) == 2)
    assert gauge("wardwatch_outbox_messages", {"state": "dead"}) == 1
    assert (gauge("wardwatch_outbox_oldest_pending_seconds") or 0) > 0
    assert (gauge("wardwatch_delivery_store_failures_total") or 0) >= 3


def test_the_catalogue_names_every_metric_of_delivery() -> None:
    registry = CollectorRegistry()
    DeliveryMetrics(registry)
    families = {f.name: f.type for f in registry.collect()}
    listed = {
        m.name.removesuffix("_total"): m.type
        for m in METRICS
        if m.name.startswith(("wardwatch_delivery", "wardwatch_outbox", "wardwatch_tripwire"))
    }
    assert listed == families
