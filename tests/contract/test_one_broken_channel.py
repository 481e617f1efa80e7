"""What is wrong with one channel holds up no other: every kind well and every kind broken in every way,
all under one delivery, in virtual time.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from alerts.channel import Channel, ChannelEnv
from alerts.delivery import Delivery, Pace
from alerts.metering import DeliveryMetrics
from alerts.outbox import DeliveryReason, Message, MessageState
from tests.support import ticket_messages as messages
from tests.support.every_kind import EVERY_KIND, UUID, Place, at_work
from tests.support.outbox import MemoryOutbox
from tests.support.virtual_time import LoopClock, on_a_virtual_network, run_virtually

INCIDENTS = 3
"""More than a lane sends at once."""
PATIENCE_MS = 5_500
SOON_MS = 1_000
"""A broken receiver costs its own lane 5 s an attempt."""
WRONG = {"file:/key": UUID.replace("4", "5").encode(), "file:/hook": b"whsec_" + b"A" * 32}
REASONS = {
    "hangs": {DeliveryReason.TIMEOUT},
    "refuses": {DeliveryReason.NETWORK},
    "fails": {DeliveryReason.STATUS},
    "wrong secret": {DeliveryReason.AUTH, DeliveryReason.SECRET},
    "no secret": {DeliveryReason.SECRET},
}


async def _open(stack: AsyncExitStack, place: Place, clock: LoopClock, how: str) -> Channel | None:
    """None: this cannot befall the kind."""
    read: Callable[[str], bytes] = place.read_secret
    more: dict[str, Any] = {}
    if how == "hangs":
        place.script(*["hang"] * 100)
    elif how == "fails":
        place.script(*["500"] * 100)
    elif how == "refuses":
        dead = "http://127.0.0.1:9"
        more = {"urls": [dead]} if "urls" in place.entry else {"port": "9"} if place.mails else {}
        more = more or ({"url": dead} if str(place.entry["url"]).startswith("http") else {})
        if not more:
            read = lambda _ref: f"{dead}/\n".encode()  # noqa: E731 - one of three readers
        elif "login" in place.entry:
            more["login"] = dead
    elif how:
        if not place.simulated.login:
            return None

        def other(reference: str) -> bytes:
            if how == "no secret":
                raise FileNotFoundError(reference)
            address = place.secrets.get("file:/address", b"").replace(b"abc", b"abd")
            return address or WRONG.get(reference, b"ANOTHERKEY0000000000000000000000")

        read = other

    env = ChannelEnv(clock, read)
    return await stack.enter_async_context(place.opened(env, **more))


async def _delivered(how: str) -> tuple[MemoryOutbox, list[str]]:
    """Every kind well and every kind broken in this way; the kinds whom it cannot befall."""
    clock, store = LoopClock(messages.NOW), MemoryOutbox()
    channels: dict[str, Channel] = {}
    spared = []
    async with AsyncExitStack() as stack:
        for name in EVERY_KIND:
            for receiver, way in ((name, ""), (f"{name} {how}", how)):
                place = await stack.enter_async_context(at_work(name, clock))
                channel = await _open(stack, place, clock, way)
                if channel is None:
                    spared.append(name)
                    continue
                channels[receiver] = channel
                await store.add([_opened(receiver, n) for n in range(INCIDENTS)])
        metrics = DeliveryMetrics(CollectorRegistry())
        pace = Pace(parallel=INCIDENTS - 1)
        delivery = Delivery(store, channels, metrics, clock=clock, rng=random.Random(1), pace=pace)
        running = asyncio.create_task(delivery.run())
        await clock.sleep_ms(PATIENCE_MS)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return store, spared


def _opened(receiver: str, number: int) -> Message:
    one = messages.message(messages.OPENED, key=f"ehr.availability.{messages.NOW - number}")
    return replace(one, receiver=receiver, id=f"{receiver}-{number}", next_at=messages.NOW)


@pytest.mark.parametrize("how", REASONS)
def test_what_is_wrong_with_one_holds_up_no_other_and_says_what_it_is(how: str) -> None:
    with on_a_virtual_network():
        store, spared = run_virtually(_delivered(how))
    well = [one for one in store.messages.values() if one.receiver in EVERY_KIND]
    assert {one.state for one in well} == {MessageState.SENT}
    assert [one.receiver for one in well if one.next_at - messages.NOW > SOON_MS] == []
    assert len(well) == INCIDENTS * len(EVERY_KIND)

    broken = [one for one in store.messages.values() if one.receiver not in EVERY_KIND]
    tried = {one.receiver: one.reason for one in broken if one.reason is not None}
    assert len(tried) + len(spared) == len(EVERY_KIND)
    assert set(tried.values()) <= REASONS[how]
    assert {one.state for one in broken} == {MessageState.PENDING}
