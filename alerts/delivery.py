"""Carries the outbox to the receivers: one lane per receiver, so none waits for another.

A lane claims heads, sends a few at a time, writes down what became of each and sleeps until
the next is due. Killed anywhere, it repeats at most what was under way: the receiver knows
a repeat by its id. Of a reply only the status is kept.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from alerts.channel import Boundary, Channel, Receipt, Verdict
from alerts.metering import DeliveryMetrics
from alerts.minimal import checked, shortened
from alerts.outbox import DeliveryReason, Lane, Message, MessageState, OutboxStore, Settlement
from probes.clock import Clock

log = logging.getLogger("wardwatch.delivery")


@dataclass(frozen=True, slots=True)
class Pace:
    """Durations in milliseconds.

    `lease` outlasts every channel's time-out; `give_up_after` counts from the writing of a
    message, or from when a person had it sent again, so what a receiver missed for days is dead
    and seen, not sent out of time.
    """

    lease: int = 120_000
    parallel: int = 4
    first_retry: int = 2_000
    longest_retry: int = 900_000
    longest_wish: int = 3_600_000
    give_up_after: int = 259_200_000
    idle: int = 15_000
    shortest_rest: int = 50
    store_retry: int = 2_000


class Missing:
    """Stands in for a receiver the config no longer has: its messages are dead."""

    async def deliver(self, _message: Message) -> Receipt:
        return Receipt(Verdict.DEAD, DeliveryReason.NO_CHANNEL)


class Delivery:
    """`channels` are opened receivers by id; whoever opened them closes them after `run`."""

    def __init__(
        self,
        store: OutboxStore,
        channels: Mapping[str, Channel],
        metrics: DeliveryMetrics,
        *,
        clock: Clock,
        rng: Random,
        pace: Pace = Pace(),
    ) -> None:
        self._store = store
        self._channels = channels
        self._clock = clock
        self._rng = rng
        self._metrics = metrics
        self._pace = pace
        self._wakes: dict[str, asyncio.Event] = {}
        self.lanes = {receiver: Lane() for receiver in channels}

    def wake(self, receivers: Iterable[str] | None = None) -> None:
        """Something was written to the outbox for these, None: for anybody: look now."""
        for receiver in self._wakes if receivers is None else receivers:
            if receiver in self._wakes:
                self._wakes[receiver].set()

    async def run(self) -> None:
        """Until cancelled. Attempts under way are then given up; their leases run out."""
        left_over = await self._left_over()
        async with asyncio.TaskGroup() as lanes:
            for receiver in sorted({*self._channels, *left_over}):
                self._wakes[receiver] = asyncio.Event()
                lanes.create_task(self._lane(receiver))
            lanes.create_task(self._count())

    async def pump(self, receiver: str) -> int:
        """One round of a lane: claim, send, settle. Returns how many were claimed."""
        now = self._clock.now_ms()
        claimed = await self._store.claim(
            receiver, now, now + self._pace.lease, self._pace.parallel
        )
        written = await asyncio.gather(*(self._attempt(message) for message in claimed))
        self._went_round(receiver, written)
        return len(claimed)

    def _went_round(self, receiver: str, written: Sequence[bool] = ()) -> None:
        lane = self.lanes.get(receiver, Lane())
        self.lanes[receiver] = Lane(lane.rounds + all(written), lane.attempts + sum(written))

    async def _left_over(self) -> list[str]:
        while True:
            try:
                return list(await self._store.receivers())
            except Exception:  # noqa: BLE001 - a store fails in its own ways; we only try again
                await self._store_failed()

    async def _lane(self, receiver: str) -> None:
        """Looks before it claims: a claim is a transaction that others wait for."""
        wake = self._wakes[receiver]
        while True:
            wake.clear()
            try:
                next_at = await self._store.next_at(receiver)
                if next_at is None or next_at > self._clock.now_ms():
                    self._went_round(receiver)
                elif await self.pump(receiver):
                    continue
                await self._rest(wake, next_at)
            except Exception:  # noqa: BLE001 - a store fails in its own ways; we only try again
                await self._store_failed()

    async def _rest(self, wake: asyncio.Event, next_at: int | None) -> None:
        """Until woken or the next message is due; other replicas write without waking us."""
        wait = self._pace.idle
        if next_at is not None:
            wait = max(self._pace.shortest_rest, min(wait, next_at - self._clock.now_ms()))
        tasks = [
            asyncio.create_task(wake.wait()),
            asyncio.create_task(self._clock.sleep_ms(wait)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _count(self) -> None:
        while True:
            try:
                self._metrics.counted(await self._store.census(), self._clock.now_ms())
            except Exception:  # noqa: BLE001 - a store fails in its own ways; we only try again
                await self._store_failed()
            await self._clock.sleep_ms(self._pace.idle)

    async def _store_failed(self) -> None:
        self._metrics.store_failed()
        log.error("delivery.store_failed")
        await self._clock.sleep_ms(self._pace.store_retry)

    async def _attempt(self, message: Message) -> bool:
        """Is what became of it written down?"""
        receipt = await self._deliver(message)
        settlement = self._settlement(message, receipt)
        verdict = {MessageState.SENT: Verdict.SENT, MessageState.DEAD: Verdict.DEAD}.get(
            settlement.state, Verdict.RETRY
        )
        self._metrics.attempted(message.receiver, verdict, settlement.reason)
        if settlement.state is MessageState.DEAD:
            log.error(
                "delivery.dead receiver=%s reason=%s", message.receiver, settlement.reason.value
            )
        return await self._settle(message, settlement)

    async def _settle(self, message: Message, settlement: Settlement) -> bool:
        """Tries while the lease lasts: what stays unsettled is sent once more after it."""
        while self._clock.now_ms() < message.next_at:
            try:
                if not await self._store.settle(message, settlement):
                    log.warning("delivery.lease_lost receiver=%s", message.receiver)
            except Exception:  # noqa: BLE001 - a store fails in its own ways; we only try again
                await self._store_failed()
            else:
                return True
        return False

    async def _deliver(self, message: Message) -> Receipt:
        channel = self._channels.get(message.receiver, Missing())
        try:
            # Half a lease leaves time to settle before another worker may claim.
            async with asyncio.timeout(self._pace.lease / 2000):
                return await channel.deliver(self._harmless(message))
        except TimeoutError:
            return Receipt(Verdict.RETRY, DeliveryReason.TIMEOUT)
        except Exception:  # noqa: BLE001 - a defect of a channel stops no other message
            log.error("delivery.channel_crashed receiver=%s", message.receiver)  # noqa: TRY400 - a foreign text may hold anything
            return Receipt(Verdict.RETRY, DeliveryReason.CRASH)

    def _harmless(self, message: Message) -> Message:
        """What looks like a patient's leaves in minimal form, and at once."""
        if patterns := shortened(message):
            self._metrics.tripped(Boundary.OUTBOX, message, patterns)
        leaving, patterns = checked(message)
        if patterns:
            self._metrics.tripped(Boundary.CHANNEL, message, patterns)
        return leaving

    def _settlement(self, message: Message, receipt: Receipt) -> Settlement:
        now = self._clock.now_ms()
        match receipt.verdict:
            case Verdict.SENT:
                return Settlement(MessageState.SENT, receipt.reason, receipt.status, now)
            case Verdict.DEAD:
                return Settlement(MessageState.DEAD, receipt.reason, receipt.status, now)
            case Verdict.RETRY:
                if now - message.since >= self._pace.give_up_after:
                    reason = DeliveryReason.EXPIRED
                    return Settlement(MessageState.DEAD, reason, receipt.status, now)
                wait = self._backoff(message.attempts, receipt.retry_after_ms)
                return Settlement(MessageState.PENDING, receipt.reason, receipt.status, now + wait)

    def _backoff(self, attempts: int, wish: int | None) -> int:
        """Doubling, with the upper half random; a receiver's Retry-After is a lower bound."""
        longest = min(self._pace.longest_retry, self._pace.first_retry * 2 ** min(attempts - 1, 20))
        wait = self._rng.randint(longest - longest // 2, longest)
        return max(wait, min(wish or 0, self._pace.longest_wish))
