"""A thousand time-outs after the receiver has stored what it got: one ticket a key where the receiver
files by our key, and none lost where it knows none. By the real delivery and HTTP, in virtual time.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping

import pytest
from prometheus_client import CollectorRegistry

from alerts.channel import ChannelEnv, Guarantee
from alerts.channels import registry
from alerts.delivery import Delivery
from alerts.metering import DeliveryMetrics
from alerts.outbox import Message, MessageState
from tests.support import ticket_messages as messages
from tests.support.every_kind import EVERY_KIND, Place, at_work
from tests.support.outbox import MemoryOutbox
from tests.support.soak import longer
from tests.support.virtual_time import LoopClock, on_a_virtual_network, run_virtually

THOUSAND = 1_000
INCIDENTS = 20
MAILS = 2 * INCIDENTS
"""Of those by e-mail, as many as there are messages: each costs as much as ten others."""


def of(guarantee: Guarantee) -> list[str]:
    return [name for name in EVERY_KIND if registry.load(name).guarantee is guarantee]


def each(guarantee: Guarantee) -> Mapping[str, int]:
    """Time-outs of each kind; all of the guarantee together have a thousand. Each is even."""
    dear = {name: MAILS for name in of(guarantee) if name == "email"}
    others = [name for name in of(guarantee) if name not in dear]
    share = 2 * -(-(THOUSAND - sum(dear.values())) // (2 * len(others)))
    return {name: longer(count) for name, count in (dear | dict.fromkeys(others, share)).items()}


def story(*told: object, first: int) -> list[Message]:
    return [
        messages.message(step, first + n, key=f"ehr.availability.{messages.NOW - incident}")  # type: ignore[arg-type]  # a step and a state
        for incident in range(INCIDENTS)
        for n, step in enumerate(told)
    ]


class Sender:
    def __init__(self, place: Place, clock: LoopClock) -> None:
        self._place, self._clock = place, clock
        self.store = MemoryOutbox()
        self._counts = CollectorRegistry()
        self._metrics = DeliveryMetrics(self._counts)

    def counted(self, verdict: str, reason: str) -> int:
        labels = {"receiver": "desk", "verdict": verdict, "reason": reason}
        name = "wardwatch_delivery_attempts_total"
        return int(self._counts.get_sample_value(name, labels) or 0)

    async def deliver(self, told: list[Message], timeouts: int) -> None:
        """Until each is settled, though so many attempts get no answer to what they wrote."""
        self._place.silence(timeouts)
        await self.store.add(told)
        env = ChannelEnv(self._clock, self._place.read_secret)
        async with self._place.opened(env) as channel:
            delivery = Delivery(
                self.store,
                {"desk": channel},
                self._metrics,
                clock=self._clock,
                rng=random.Random(1),
            )
            running = asyncio.create_task(delivery.run())
            while await self.store.receivers():
                await self._clock.sleep_ms(5_000)
                self._place.simulated.settle()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def _keyed(name: str, timeouts: int) -> tuple[Sender, list[str], list[str], list[str]]:
    clock = LoopClock(messages.NOW)
    async with at_work(name, clock) as place:
        sender = Sender(place, clock)
        await sender.deliver(story(messages.OPENED, first=1), timeouts // 2)
        place.simulated.settle()
        opened = place.simulated.open()
        await sender.deliver(story(messages.RESOLVED, first=2), timeouts // 2)
        place.simulated.settle()
        return sender, opened, place.simulated.keys(), place.simulated.open()


@pytest.mark.parametrize("name", of(Guarantee.KEYED))
def test_a_receiver_that_files_by_our_key_has_one_ticket_a_key_and_none_stays_open(
    name: str,
) -> None:
    timeouts = each(Guarantee.KEYED)[name]
    with on_a_virtual_network():
        sender, opened, keys, left = run_virtually(_keyed(name, timeouts))
    assert {one.state for one in sender.store.messages.values()} == {MessageState.SENT}
    assert sender.counted("retry", "timeout") == timeouts
    wanted = [f"st-elsewhere.ehr.availability.{messages.NOW - n}.desk" for n in range(INCIDENTS)]
    assert sorted(opened) == sorted(wanted)
    assert Counter(keys) == Counter(wanted)
    assert left == []


async def _sent(name: str, timeouts: int) -> tuple[Sender, list[bytes]]:
    clock = LoopClock(messages.NOW)
    async with at_work(name, clock) as place:
        sender = Sender(place, clock)
        await sender.deliver(story(messages.OPENED, messages.RESOLVED, first=1), timeouts)
        return sender, place.heard()


@pytest.mark.parametrize("name", of(Guarantee.SEND))
def test_a_receiver_that_knows_no_key_has_every_message_at_least_once(name: str) -> None:
    timeouts = each(Guarantee.SEND)[name]
    with on_a_virtual_network():
        sender, heard = run_virtually(_sent(name, timeouts))
    assert {one.state for one in sender.store.messages.values()} == {MessageState.SENT}
    assert sender.counted("retry", "timeout") == timeouts
    assert len(heard) == timeouts + 2 * INCIDENTS
    for n in range(INCIDENTS):
        key = f"ehr.availability.{messages.NOW - n}".encode()
        said = [one for one in heard if key in one]
        assert any(b"A new incident." in one for one in said), n
        assert any(b"The incident is resolved." in one for one in said), n
