"""T1: what is stored, what is refused, and what is said about it."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from collector.ingest import GROUP, VERIFIED_AT_ONCE, Accepted, RefusedError
from collector.store import ledger
from collector.store.ledger import Incoming, Receipt
from collector.store.store import Store
from collector.store.tables import reserve
from collector.uploadroom import SHARE, WAITING, WAITING_BYTES
from probes import batch
from probes.contract import Outcome
from probes.segmentforms import Dense
from probes.segments import Table
from tests.support.batches import seal
from tests.support.rounds import KEYS, ORG, START, Round, a_round, config, document, result

KEY = KEYS["north-1"]
RESULTS = [result(1_000, Outcome.UP)]


@pytest.fixture
async def one(sqlite_store: Store) -> AsyncIterator[Round]:
    async with a_round(sqlite_store) as made:
        yield made


async def refusal(one: Round, data: bytes) -> tuple[int, str, bool]:
    with pytest.raises(RefusedError) as caught:
        await one.ingest.accept(data)
    return caught.value.status, caught.value.code, caught.value.retry


async def stored(one: Round) -> int:
    ranges = await one.store.read(ledger.stored_ranges, ORG)
    return sum(last - first + 1 for r in ranges.values() for first, last in r)


def counted(one: Round, name: str, **labels: str) -> float:
    return one.metrics.registry.get_sample_value(name, labels) or 0.0


async def test_an_acknowledged_batch_is_stored_byte_for_byte(one: Round) -> None:
    data = seal(KEY, ORG, "north-1", "e1", 1, RESULTS)
    assert await one.ingest.accept(data) == Accepted("e1", ((1, 1),))
    (kept,) = await one.store.read(ledger.read_batches, ORG, ("north-1", "e1"), ((1, 1),), limit=10)
    assert kept.data == data
    assert counted(one, "wardwatch_ingest_batches_total", verdict="stored") == 1


async def test_sending_again_is_acknowledged_and_changes_nothing(one: Round) -> None:
    data = seal(KEY, ORG, "north-1", "e1", 1, RESULTS)
    await one.ingest.accept(data)
    assert await one.ingest.accept(data) == Accepted("e1", ((1, 1),))
    assert await stored(one) == 1
    assert counted(one, "wardwatch_ingest_batches_total", verdict="duplicate") == 1


async def test_the_same_place_with_another_header_is_an_equivocation(one: Round) -> None:
    await one.ingest.accept(seal(KEY, ORG, "north-1", "e1", 1, RESULTS))
    other = seal(KEY, ORG, "north-1", "e1", 1, [result(1_000, Outcome.DOWN)])
    assert await refusal(one, other) == (409, "batch.equivocation", False)
    assert await stored(one) == 1
    assert counted(one, "wardwatch_ingest_refused_total", code="batch.equivocation") == 1


GOOD = seal(KEY, ORG, "north-1", "e1", 1, RESULTS)


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        pytest.param(b"", 400, "batch.malformed", id="empty"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, "batch.malformed", id="another protocol"),
        pytest.param(GOOD[:40], 400, "batch.malformed", id="cut short in the header"),
        pytest.param(GOOD[:-1], 400, "batch.body_hash", id="cut short in the body"),
        pytest.param(GOOD[:-1] + bytes([GOOD[-1] ^ 1]), 400, "batch.body_hash", id="body changed"),
        pytest.param(
            seal(Ed25519PrivateKey.generate(), ORG, "north-1", "e1", 1, RESULTS),
            400,
            "batch.signature",
            id="signed with another key",
        ),
        pytest.param(
            seal(KEYS["south-1"], ORG, "north-1", "e1", 1, RESULTS),
            400,
            "batch.signature",
            id="signed by another agent of ours",
        ),
        pytest.param(
            seal(KEY, ORG, "east-9", "e1", 1, RESULTS), 403, "batch.unknown_agent", id="agent"
        ),
        pytest.param(
            seal(KEY, "other", "north-1", "e1", 1, RESULTS), 403, "batch.unknown_org", id="org"
        ),
    ],
)
async def test_what_is_not_a_valid_batch_is_refused_counted_and_not_stored(
    one: Round, data: bytes, status: int, code: str
) -> None:
    assert await refusal(one, data) == (status, code, False)
    assert await stored(one) == 0
    assert counted(one, "wardwatch_ingest_refused_total", code=code) == 1


async def test_an_agent_without_a_pinned_key_is_refused(sqlite_store: Store) -> None:
    agents = document()["agents"] | {"north-1": {"site": "north"}}
    async with a_round(sqlite_store, used=config(agents=agents)) as one:
        assert await refusal(one, GOOD) == (403, "batch.no_key", False)


async def test_batches_that_wait_share_a_commit(
    one: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: list[int] = []
    insert: Callable[..., list[Receipt]] = ledger.insert_batches

    def counting(conn: object, org: str, incoming: list[Incoming]) -> list[Receipt]:
        groups.append(len(incoming))
        return insert(conn, org, incoming)

    monkeypatch.setattr(ledger, "insert_batches", counting)
    sealed = [seal(KEY, ORG, "north-1", "e1", n, RESULTS) for n in range(1, 41)]
    await asyncio.gather(*(one.ingest.accept(data) for data in sealed))
    assert sum(groups) == 40
    assert len(groups) < 20
    assert max(groups) <= GROUP
    assert await one.store.read(ledger.stored_ranges, ORG) == {("north-1", "e1"): ((1, 40),)}


async def test_a_client_that_leaves_takes_nobody_with_it(one: Round) -> None:
    leaving = asyncio.create_task(one.ingest.accept(GOOD))
    staying = asyncio.create_task(one.ingest.accept(seal(KEY, ORG, "north-1", "e1", 2, RESULTS)))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying).epoch == "e1"
    assert (await one.ingest.accept(GOOD)).stored == ((1, 2),)


def busy(one: Round, address: str, size: int = 0) -> bool:
    """Is an upload of this address told to come back?"""
    told: list[tuple[int, str, bool]] = []
    try:
        with one.ingest.room(address) as take:
            take(size)
    except RefusedError as refusal:
        told.append((refusal.status, refusal.code, refusal.retry))
    assert told in ([], [(429, "ingest.busy", True)])
    return bool(told)


async def test_more_uploads_than_there_is_room_for_are_told_to_come_back(one: Round) -> None:
    with ExitStack() as held:
        for n in range(WAITING):
            held.enter_context(one.ingest.room(f"address-{n}"))
        assert [busy(one, f"another-{n}") for n in range(100)] == [True] * 100
    with ExitStack() as held:
        for n in range(SHARE):
            take = held.enter_context(one.ingest.room(f"address-{n}"))
            take(WAITING_BYTES // SHARE - (10 if n == 0 else 0))
        assert not busy(one, "another", 10)
        assert busy(one, "another", 11)
    assert not busy(one, "another", WAITING_BYTES // SHARE)
    assert counted(one, "wardwatch_ingest_refused_total", code="ingest.busy") == 101


async def test_whoever_sends_slowly_keeps_no_room_from_other_addresses(one: Round) -> None:
    with ExitStack() as held:
        for _ in range(WAITING // SHARE):
            held.enter_context(one.ingest.room("slow"))
        assert busy(one, "slow")
        assert not busy(one, "north", 4_000_000)
    with one.ingest.room("large") as take:
        take(WAITING_BYTES // SHARE)
        assert busy(one, "large", 1)
        assert not busy(one, "north", WAITING_BYTES // SHARE)
    assert not busy(one, "slow")


async def test_what_is_unpacked_is_gone_before_an_upload_waits_for_its_commit(
    one: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or uploads that are small packed would fill the memory while the store is slow."""
    begun, go = threading.Event(), threading.Event()
    insert: Callable[..., list[Receipt]] = ledger.insert_batches

    def slow(conn: object, org: str, incoming: list[Incoming]) -> list[Receipt]:
        begun.set()
        assert go.wait(10)
        return insert(conn, org, incoming)

    def unpacked() -> int:
        gc.collect()
        return sum(isinstance(each, Table | Dense) for each in gc.get_objects())

    monkeypatch.setattr(ledger, "insert_batches", slow)
    before = unpacked()
    sending = asyncio.create_task(one.ingest.accept(GOOD))
    await asyncio.to_thread(begun.wait, 10)
    assert unpacked() == before
    go.set()
    assert (await sending).stored == ((1, 1),)


async def test_few_uploads_are_unpacked_at_a_time(
    one: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once: list[int] = []
    tables_of = batch.tables_of

    def counting(opened: batch.Batch) -> list[Table]:
        at_once.append(1 + sum(at_once[-1:]))
        try:
            time.sleep(0.002)
            return tables_of(opened)
        finally:
            at_once.append(at_once[-1] - 1)

    monkeypatch.setattr(batch, "tables_of", counting)
    sealed = [seal(KEY, ORG, "north-1", "e1", n, RESULTS) for n in range(1, 41)]
    await asyncio.gather(*(one.ingest.accept(data) for data in sealed))
    assert 2 <= max(at_once) <= VERIFIED_AT_ONCE


async def test_one_upload_that_cannot_be_stored_takes_no_other_with_it(
    one: Round, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    insert: Callable[..., list[Receipt]] = ledger.insert_batches

    def poisoned(conn: object, org: str, incoming: list[Incoming]) -> list[Receipt]:
        receipts = insert(conn, org, incoming)
        if any(each.seq == 7 for each in incoming):
            raise OverflowError("Jane Doe, MRN 12345")
        return receipts

    monkeypatch.setattr(ledger, "insert_batches", poisoned)
    sealed = [seal(KEY, ORG, "north-1", "e1", n, RESULTS) for n in range(1, 41)]
    told = await asyncio.gather(
        *(one.ingest.accept(data) for data in sealed), return_exceptions=True
    )
    refused = [each for each in told if isinstance(each, RefusedError)]
    assert [(each.status, each.code, each.retry) for each in refused] == [
        (500, "ingest.defect", True)
    ]
    assert await one.store.read(ledger.stored_ranges, ORG) == {("north-1", "e1"): ((1, 6), (8, 40))}
    assert "ingest.defect type=OverflowError" in caplog.text
    assert "Jane" not in caplog.text


async def test_results_that_cannot_be_true_are_counted_once_and_kept_byte_for_byte(
    one: Round, caplog: pytest.LogCaptureFixture
) -> None:
    await one.clock.advance(60_000)
    odd = [
        result(0, Outcome.UP),
        result(1_000, Outcome.UP, check="nobody-knows"),
        result(2_000, Outcome.DOWN, check="nobody-knows"),
        result(-START, Outcome.DOWN),
        result(360_001, Outcome.DOWN),
        result(3_000, Outcome.UP),
    ]
    data = seal(KEY, ORG, "north-1", "e1", 1, odd)
    for _ in range(2):
        assert await one.ingest.accept(data) == Accepted("e1", ((1, 1),))
    (kept,) = await one.store.read(ledger.read_batches, ORG, ("north-1", "e1"), ((1, 1),), limit=10)
    assert kept.data == data
    name = "wardwatch_results_rejected_total"
    assert counted(one, name, reason="unknown_check") == 2
    assert counted(one, name, reason="too_old") == 1
    assert counted(one, name, reason="future") == 1
    assert counted(one, name, reason="not_assigned") == 0
    assert "ingest.rejected agent=north-1 reason=unknown_check count=2" in caplog.text


async def test_results_of_an_agent_that_was_never_assigned_are_counted(one: Round) -> None:
    await one.clock.advance(60_000)
    await one.ingest.accept(
        seal(KEYS["south-1"], ORG, "south-1", "e1", 1, [result(0, Outcome.UP, agent="south-1")])
    )
    assert counted(one, "wardwatch_results_rejected_total", reason="not_assigned") == 1


async def test_a_sign_of_life_is_a_commit_in_the_same_loop_and_leaves_nothing(store: Store) -> None:
    async with a_round(store) as idle:
        idle.ingest.prove()
        async with asyncio.timeout(5):
            while idle.ingest.commits == 0:
                await asyncio.sleep(0.005)
        assert await store.read(lambda conn: conn.execute(select(reserve)).all()) == []
        await idle.send(RESULTS)
        assert idle.ingest.commits == 2
