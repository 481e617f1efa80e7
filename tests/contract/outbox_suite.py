"""What every outbox store must do. A test module runs it by naming its store:

    class TestMyOutbox(OutboxSuite):
        @pytest.fixture
        def outbox(self, ...) -> OutboxStore: ...

The store is empty and of the organization `ORG`.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from alerts.outbox import (
    Census,
    DeliveryReason,
    Left,
    Message,
    MessageState,
    OutboxStore,
    Settlement,
    message_id,
)

ORG = "st-elsewhere"
KEY = "ehr.availability.1767225600000"
OTHER = "billing.availability.1767225600000"


def message(seq: int = 1, key: str = KEY, receiver: str = "desk", at: int = 1_000) -> Message:
    body = b'{"seq":%d}\x00\xff' % seq
    return Message(message_id(ORG, key, receiver, seq), ORG, key, receiver, seq, body, at, at)


def sent(at: int = 0) -> Settlement:
    return Settlement(MessageState.SENT, DeliveryReason.ACCEPTED, 200, at)


def again(at: int) -> Settlement:
    return Settlement(MessageState.PENDING, DeliveryReason.STATUS, 503, at)


async def killed(outbox: OutboxStore, *messages: Message, at: int = 1_000) -> None:
    """Add messages and let each die at its first attempt, in order."""
    await outbox.add(messages)
    for one in messages:
        (claimed,) = await outbox.claim(one.receiver, at, at + 4_000, 1)
        dead = Settlement(MessageState.DEAD, DeliveryReason.REFUSED, 422, at)
        assert await outbox.settle(claimed, dead)


class OutboxSuite:
    async def test_a_new_message_is_claimed_whole_and_once(self, outbox: OutboxStore) -> None:
        await outbox.add([message()])
        claimed = await outbox.claim("desk", 1_000, 5_000, 10)
        assert list(claimed) == [replace(message(), attempts=1, next_at=5_000)]
        assert list(await outbox.claim("desk", 4_999, 9_000, 10)) == []

    async def test_adding_a_message_twice_keeps_the_first(self, outbox: OutboxStore) -> None:
        await outbox.add([message()])
        (claimed,) = await outbox.claim("desk", 1_000, 5_000, 10)
        assert await outbox.settle(claimed, sent())
        await outbox.add([message(), message(2)])
        assert [m.seq for m in await outbox.claim("desk", 1_000, 5_000, 10)] == [2]

    async def test_a_message_is_not_tried_again_before_its_time(self, outbox: OutboxStore) -> None:
        await outbox.add([message()])
        (first,) = await outbox.claim("desk", 1_000, 5_000, 10)
        assert await outbox.settle(first, again(2_000))
        assert list(await outbox.claim("desk", 1_999, 9_000, 10)) == []
        assert len(await outbox.claim("desk", 2_000, 9_000, 10)) == 1

    async def test_the_first_attempt_waits_for_no_clock(self, outbox: OutboxStore) -> None:
        """A page that was written before the host's clock was set back goes out at once."""
        await outbox.add([message(at=7_200_000)])
        assert await outbox.next_at("desk") == 0
        (first,) = await outbox.claim("desk", 1_000, 5_000, 10)
        assert (first.created_at, first.next_at) == (7_200_000, 5_000)
        assert list(await outbox.claim("desk", 1_000, 5_000, 10)) == []

    async def test_only_the_lowest_pending_seq_of_a_pair_can_be_claimed(
        self, outbox: OutboxStore
    ) -> None:
        await outbox.add([message(2), message(1)])
        (first,) = await outbox.claim("desk", 1_000, 5_000, 10)
        assert first.seq == 1
        assert list(await outbox.claim("desk", 1_000, 5_000, 10)) == []
        assert await outbox.settle(first, sent())
        (second,) = await outbox.claim("desk", 1_000, 5_000, 10)
        assert second.seq == 2

    async def test_a_message_waiting_for_a_retry_holds_back_those_after_it(
        self, outbox: OutboxStore
    ) -> None:
        await outbox.add([message(1), message(2)])
        (first,) = await outbox.claim("desk", 1_000, 5_000, 10)
        assert await outbox.settle(first, again(8_000))
        assert list(await outbox.claim("desk", 7_999, 9_000, 10)) == []
        (retried,) = await outbox.claim("desk", 8_000, 9_000, 10)
        assert (retried.id, retried.attempts) == (first.id, 2)
        assert (retried.reason, retried.status) == (DeliveryReason.STATUS, 503)

    async def test_a_dead_message_lets_the_next_one_pass(self, outbox: OutboxStore) -> None:
        await outbox.add([message(1), message(2)])
        (first,) = await outbox.claim("desk", 1_000, 5_000, 10)
        dead = Settlement(MessageState.DEAD, DeliveryReason.GONE, 410, 1_000)
        assert await outbox.settle(first, dead)
        assert [m.seq for m in await outbox.claim("desk", 1_000, 5_000, 10)] == [2]

    async def test_incidents_and_receivers_do_not_wait_for_each_other(
        self, outbox: OutboxStore
    ) -> None:
        await outbox.add([message(1), message(1, OTHER), message(1, receiver="pager")])
        assert len(await outbox.claim("desk", 1_000, 5_000, 10)) == 2
        assert [m.receiver for m in await outbox.claim("pager", 1_000, 5_000, 10)] == ["pager"]

    async def test_a_claim_takes_at_most_its_limit_and_the_longest_due_first(
        self, outbox: OutboxStore
    ) -> None:
        await outbox.add([message(1, OTHER, at=900), message(1, at=1_000)])
        assert [m.incident_key for m in await outbox.claim("desk", 2_000, 5_000, 1)] == [OTHER]
        assert [m.incident_key for m in await outbox.claim("desk", 2_000, 5_000, 1)] == [KEY]

    async def test_a_lease_that_ran_out_is_claimed_again_and_fences_the_first(
        self, outbox: OutboxStore
    ) -> None:
        await outbox.add([message()])
        (slow,) = await outbox.claim("desk", 1_000, 5_000, 10)
        (quick,) = await outbox.claim("desk", 5_000, 9_000, 10)
        assert (quick.id, quick.attempts) == (slow.id, 2)
        assert not await outbox.settle(slow, again(20_000))
        assert await outbox.settle(quick, sent())
        assert not await outbox.settle(quick, again(20_000))
        assert await outbox.next_at("desk") is None

    async def test_two_workers_never_hold_the_same_message(self, outbox: OutboxStore) -> None:
        await outbox.add([message(1, f"s{n}.availability.0") for n in range(20)])
        rounds = await asyncio.gather(*(outbox.claim("desk", 1_000, 5_000, 7) for _ in range(6)))
        claimed = [m.id for part in rounds for m in part]
        while rest := await outbox.claim("desk", 1_000, 5_000, 7):
            claimed += [m.id for m in rest]
        assert len(claimed) == 20
        assert len(set(claimed)) == 20

    async def test_it_says_when_something_is_next_due(self, outbox: OutboxStore) -> None:
        assert await outbox.next_at("desk") is None
        await outbox.add([message(1, at=3_000), message(2, at=1_000), message(1, OTHER, at=4_000)])
        assert await outbox.next_at("desk") == 0
        await outbox.claim("desk", 3_000, 7_000, 1)
        await outbox.claim("desk", 3_000, 4_000, 1)
        assert await outbox.next_at("desk") == 4_000
        assert await outbox.next_at("pager") is None

    async def test_it_names_the_receivers_that_wait(self, outbox: OutboxStore) -> None:
        await outbox.add([message(), message(receiver="archive")])
        assert list(await outbox.receivers()) == ["archive", "desk"]
        (claimed,) = await outbox.claim("desk", 1_000, 5_000, 10)
        assert list(await outbox.receivers()) == ["archive", "desk"]
        assert await outbox.settle(claimed, sent())
        assert list(await outbox.receivers()) == ["archive"]

    async def test_it_counts_what_waits_and_what_is_dead(self, outbox: OutboxStore) -> None:
        assert await outbox.census() == Census(0, 0, None)
        await outbox.add([message(1, at=1_500), message(1, OTHER, at=1_200), message(2, OTHER)])
        assert await outbox.census() == Census(3, 0, 1_000)
        claimed = await outbox.claim("desk", 2_000, 5_000, 10)
        dead = Settlement(MessageState.DEAD, DeliveryReason.REFUSED, 400, 2_000)
        assert all([await outbox.settle(m, dead) for m in claimed])
        assert await outbox.census() == Census(1, 2, 1_000)

    async def test_a_dead_message_sent_again_is_due_at_once_and_keeps_its_count(
        self, outbox: OutboxStore
    ) -> None:
        await killed(outbox, message())
        assert await outbox.redrive(
            [message().id, "unknown"], 9_000, channels=["desk"], apart=[]
        ) == {message().id: None}
        assert list(await outbox.receivers()) == ["desk"]
        assert await outbox.next_at("desk") == 9_000
        assert await outbox.census() == Census(1, 0, 9_000)
        assert list(await outbox.claim("desk", 9_000, 13_000, 10)) == [
            replace(
                message(),
                attempts=2,
                next_at=13_000,
                reason=DeliveryReason.REFUSED,
                status=422,
                redriven_at=9_000,
            )
        ]

    async def test_several_sent_again_go_in_their_order_before_those_not_begun(
        self, outbox: OutboxStore
    ) -> None:
        await killed(outbox, message(1), message(2))
        await outbox.add([message(3)])
        again = [message(2).id, message(1).id]
        assert await outbox.redrive(again, 9_000, channels=["desk"], apart=[]) == {
            message(1).id: None,
            message(2).id: None,
        }
        for seq in (1, 2, 3):
            (claimed,) = await outbox.claim("desk", 9_000, 13_000, 10)
            assert claimed.seq == seq
            assert await outbox.settle(claimed, sent())

    async def test_what_a_later_one_has_told_is_not_sent_again(self, outbox: OutboxStore) -> None:
        await killed(outbox, message(1), message(1, OTHER))
        await outbox.add([message(2), message(2, OTHER)])
        under_way, done = await outbox.claim("desk", 1_000, 5_000, 10)
        assert await outbox.settle(done, sent())
        ids = [message(1).id, message(1, OTHER).id]
        kept = await outbox.redrive(ids, 9_000, channels=["desk"], apart=[])
        assert kept == dict.fromkeys(ids, Left.OVERTAKEN)
        assert await outbox.settle(under_way, again(20_000))
        kept = await outbox.redrive(ids, 9_000, channels=["desk"], apart=[])
        assert kept == dict.fromkeys(ids, Left.OVERTAKEN)
        assert list(await outbox.claim("desk", 9_000, 13_000, 10)) == []

    async def test_to_whom_each_stands_by_itself_an_overtaken_one_is_sent_again(
        self, outbox: OutboxStore
    ) -> None:
        await killed(outbox, message(1))
        await outbox.add([message(2)])
        (later,) = await outbox.claim("desk", 1_000, 5_000, 10)
        assert await outbox.settle(later, sent())
        kept = await outbox.redrive([message(1).id], 9_000, channels=["desk"], apart=["desk"])
        assert kept == {message(1).id: None}
        assert [m.seq for m in await outbox.claim("desk", 9_000, 13_000, 10)] == [1]

    async def test_only_what_is_dead_and_has_a_receiver_is_sent_again(
        self, outbox: OutboxStore
    ) -> None:
        await killed(outbox, message(receiver="gone"))
        await outbox.add([message()])
        ids = [message().id, message(receiver="gone").id]
        assert await outbox.redrive(ids, 9_000, channels=["desk"], apart=["gone"]) == {
            ids[0]: Left.NOT_DEAD,
            ids[1]: Left.NO_CHANNEL,
        }
        assert await outbox.redrive([], 9_000, channels=[], apart=[]) == {}
        assert await outbox.census() == Census(1, 1, 1_000)

    async def test_a_claim_and_a_message_sent_again_never_overtake(
        self, outbox: OutboxStore
    ) -> None:
        for n in range(10):
            key = f"s{n}.availability.0"
            await killed(outbox, message(1, key))
            await outbox.add([message(2, key)])
            kept, claimed = await asyncio.gather(
                outbox.redrive([message(1, key).id], 1_000, channels=["desk"], apart=[]),
                outbox.claim("desk", 1_000, 5_000, 10),
            )
            first = kept[message(1, key).id] is None
            assert [m.seq for m in claimed] in ([[1], []] if first else [[2]])
            for one in claimed:
                assert await outbox.settle(one, sent())
            for one in await outbox.claim("desk", 5_000, 9_000, 10):
                assert one.seq == 2 - (first and not claimed)
                assert await outbox.settle(one, sent())
            while rest := await outbox.claim("desk", 9_000, 13_000, 10):
                assert all([await outbox.settle(m, sent()) for m in rest])
