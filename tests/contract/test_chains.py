"""Chains of batches and tombstones: whatever order they come in, however often, by whichever
replica; what stands for what; and which links hold. Both engines.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random

import pytest

from collector import chainlinks, journal
from collector.store import ledger
from collector.store.ledger import Conflict, Receipt, Verdict
from collector.store.open import open_store
from collector.store.ranges import Ranges
from collector.store.store import Store
from probes import batch, tombstone
from probes.batch import NO_PREVIOUS
from probes.contract import Outcome
from probes.tombstone import Remains, Why
from tests.support.chains import ANCHORS, KEY, NOW
from tests.support.taking_in import ORG, a_batch, chained, taken

EPOCH = ("north-1", "e1")
CHAIN = chained(6)
OPENED = [batch.open_batch(data) for data in CHAIN]
HASHES = [batch.header_hash(one) for one in OPENED]


def remains(first: int, last: int) -> Remains:
    return tombstone.of_batches(OPENED[first - 1 : last], Why.FULL_BYTES)


def tomb(first: int, last: int, *, bare: bool = False) -> bytes:
    stays = remains(first, last)
    return tombstone.seal(KEY, ANCHORS, tombstone.bared(stays) if bare else stays)


async def send(store: Store, *several: bytes) -> list[Receipt]:
    taking = [taken(data) for data in several]
    return await store.write(chainlinks.insert, ORG, taking, lambda: NOW)


async def verdicts(store: Store, *several: bytes) -> list[Verdict]:
    return [receipt.verdict for receipt in await send(store, *several)]


async def rows(store: Store, chain: tuple[str, str] = EPOCH) -> list[bytes]:
    found = await store.read(ledger.read_batches, ORG, chain, ((1, 99),), 99)
    return [row.data for row in found]


async def facts(store: Store) -> list[object]:
    found = await store.read(journal.rows, ORG, kind=[chainlinks.KIND])
    return [json.loads(row.data) for row in found]


async def test_any_order_and_any_repeats_leave_the_same(store: Store) -> None:
    rng = random.Random(6)
    for number, order in enumerate(itertools.islice(itertools.permutations(range(4)), 0, 24, 4)):
        one = chained(4, epoch=f"n{number}")
        coming = [*order, *rng.choices(range(4), k=4)]
        rng.shuffle(coming)
        seen: set[int] = set()
        for n in [*coming, *order]:
            (receipt,) = await send(store, one[n])
            assert receipt.verdict is (Verdict.DUPLICATE if n in seen else Verdict.STORED)
            assert receipt.broken == ()
            seen.add(n)
        assert receipt.stored == ((1, 4),)
        assert await rows(store, ("north-1", f"n{number}")) == one


async def test_several_replicas_store_each_batch_once(database: str) -> None:
    first = await open_store(database)
    others = [] if first.single_process else [await open_store(database) for _ in range(2)]
    replicas = [first, *others]
    south = chained(6, agent="south-1")
    work = [(n, data) for n, data in enumerate([*CHAIN, *south])] * 3
    random.Random(1).shuffle(work)
    told = await asyncio.gather(
        *(verdicts(replicas[n % len(replicas)], data) for n, (_, data) in enumerate(work))
    )
    flat = [verdict for some in told for verdict in some]
    assert (flat.count(Verdict.STORED), flat.count(Verdict.DUPLICATE)) == (12, 24)
    assert await rows(first) == CHAIN
    assert await rows(first, ("south-1", "e1")) == south
    numbers = [head.number for head in (await first.read(ledger.heads, ORG)).values()]
    assert len(set(numbers)) == len(numbers) == 2
    for each in replicas:
        await each.close()


async def test_what_a_tombstone_covers_counts_as_stored_byte_for_byte(store: Store) -> None:
    one = tomb(1, 3)
    assert [r.stored for r in await send(store, one, CHAIN[3])] == [((1, 4),)] * 2
    assert await rows(store, ledger.tombs(EPOCH)) == [one]
    assert await verdicts(store, one) == [Verdict.DUPLICATE]
    head = (await store.read(ledger.heads, ORG))[ledger.tombs(EPOCH)]
    assert (head.covered, head.given_up) == (((1, 3),), 0)  # nine good ones stay


@pytest.mark.parametrize("bare", [False, True])
async def test_a_batch_inside_a_tombstone_is_stored_too_whichever_comes_first(
    store: Store,
    bare: bool,  # noqa: FBT001 - pytest names it
) -> None:
    one = tomb(2, 4, bare=bare)
    assert await verdicts(store, CHAIN[1], one, CHAIN[2]) == [Verdict.STORED] * 3
    (receipt,) = await send(store, CHAIN[0])
    assert (receipt.stored, receipt.broken) == (((1, 4),), ())
    assert await rows(store) == CHAIN[:3]


FORGED = a_batch(3, Outcome.DOWN, prev=HASHES[1])


async def test_another_header_inside_a_tombstone_is_an_equivocation(store: Store) -> None:
    assert await verdicts(store, tomb(2, 4)) == [Verdict.STORED]
    (receipt,) = await send(store, FORGED)
    came = batch.header_hash(batch.open_batch(FORGED))
    assert receipt.conflict == Conflict(3, HASHES[2], came)
    assert await rows(store) == []


async def test_a_tombstone_over_another_header_is_an_equivocation(store: Store) -> None:
    await send(store, FORGED)
    (receipt,) = await send(store, tomb(2, 4))
    assert receipt.verdict is Verdict.EQUIVOCATION
    assert receipt.conflict is not None
    assert (receipt.conflict.seq, receipt.conflict.came) == (3, HASHES[2])
    assert receipt.stored == ((3, 3),)


async def test_a_bare_tombstone_answers_for_its_two_ends(store: Store) -> None:
    await send(store, tomb(2, 4, bare=True))
    inside = a_batch(3, Outcome.DOWN)
    end = a_batch(4, Outcome.DOWN, prev=HASHES[2])
    assert await verdicts(store, inside, end) == [Verdict.STORED, Verdict.EQUIVOCATION]


async def test_the_same_range_made_anew_is_known_and_any_other_overlap_is_not(
    store: Store,
) -> None:
    await send(store, tomb(1, 3))
    assert await verdicts(store, tomb(1, 3, bare=True)) == [Verdict.DUPLICATE]
    assert await verdicts(store, tomb(1, 4), tomb(3, 5), tomb(2, 3)) == [Verdict.EQUIVOCATION] * 3
    assert await verdicts(store, tomb(4, 5)) == [Verdict.STORED]
    head = (await store.read(ledger.heads, ORG))[ledger.tombs(EPOCH)]
    assert (head.stored, head.covered) == (((1, 1), (4, 4)), ((1, 5),))


async def test_a_link_that_does_not_hold_is_stored_counted_and_recorded_once(store: Store) -> None:
    strange = a_batch(3, prev="ab" * 32)
    for coming in ([CHAIN[0]], [strange], [CHAIN[1]], [a_batch(9)], [a_batch(8)], [strange]):
        await send(store, *coming)
    head = (await store.read(ledger.heads, ORG))[EPOCH]
    # 3 does not name 2, and 9 does not name 8; nobody can say of 8 what came before it.
    assert (head.stored, head.broken) == (((1, 3), (8, 9)), 2)
    assert await facts(store) == [{"agent": "north-1", "epoch": "e1", "seq": 3}]


async def test_the_first_of_an_epoch_names_nothing(store: Store) -> None:
    (receipt,) = await send(store, a_batch(1, prev="ab" * 32))
    assert receipt.broken == (1,)
    assert OPENED[0].header.prev == NO_PREVIOUS


async def test_a_chain_goes_on_over_a_tombstone(store: Store) -> None:
    for order in itertools.permutations(range(3)):
        epoch = "".join(map(str, order))
        whole = chained(5, epoch=epoch)
        stays = tombstone.of_batches([batch.open_batch(d) for d in whole[1:4]], Why.FULL_AGE)
        parts = [whole[0], tombstone.seal(KEY, ANCHORS, stays), whole[4]]
        for n in order:
            assert (await send(store, parts[n]))[0].broken == ()
    assert (await send(store, tomb(2, 4), a_batch(5, prev="cd" * 32)))[1].broken == (5,)


def test_ranges_are_what_they_say() -> None:
    empty: Ranges = ()
    assert ledger._common(empty, (1, 5)) == []
    assert ledger._common(((1, 2), (4, 9)), (2, 5)) == [(2, 2), (4, 5)]


async def test_a_chain_with_many_holes_is_read_by_seq_up_to_the_limit(store: Store) -> None:
    """Each tombstone of a long absence is a range of its own; engines limit a statement."""
    await send(store, *CHAIN)
    wanted = tuple((n, n) for n in range(1, 8_000, 2))

    async def seqs(wanted: Ranges, limit: int) -> list[int]:
        return [row.seq for row in await store.read(ledger.read_batches, ORG, EPOCH, wanted, limit)]

    assert await seqs(wanted, 99) == [1, 3, 5]
    assert await seqs(wanted, 2) == [1, 3]
    assert await seqs((*((n, n) for n in range(-8_000, 0, 2)), (2, 3), (6, 6)), 2) == [2, 3]
