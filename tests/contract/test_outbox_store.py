"""The stored outbox keeps the contract, on both engines."""

from __future__ import annotations

import pytest

from alerts.outbox import OutboxStore
from collector.store import outbox as stored
from collector.store.outbox import Outbox
from collector.store.store import Store
from tests.contract.outbox_suite import ORG, OutboxSuite, again, message


class TestStoredOutbox(OutboxSuite):
    @pytest.fixture
    def outbox(self, store: Store) -> OutboxStore:
        return Outbox(store, ORG)


async def test_organizations_do_not_see_each_others_messages(store: Store) -> None:
    await Outbox(store, ORG).add([message()])
    assert list(await Outbox(store, "other").claim("desk", 1_000, 5_000, 10)) == []
    assert list(await Outbox(store, "other").receivers()) == []


async def test_the_last_place_of_each_pair_is_known_after_a_restart(store: Store) -> None:
    await Outbox(store, ORG).add([message(1), message(2), message(1, receiver="pager")])
    key = message().incident_key
    assert await store.read(stored.last_seqs, ORG) == {(key, "desk"): 2, (key, "pager"): 1}


async def test_the_only_process_takes_up_what_a_killed_one_had_under_way(store: Store) -> None:
    outbox = Outbox(store, ORG)
    await outbox.add([message(1)])
    await outbox.claim("desk", 1_000, 121_000, 10)
    await store.write(stored.unlease, ORG, 2_000)
    (claimed,) = await outbox.claim("desk", 2_000, 122_000, 10)
    assert claimed.attempts == 2
    assert await outbox.settle(claimed, again(9_000))
