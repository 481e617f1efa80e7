"""The logs of a store: everything in them once, whoever leads and whenever it ends. Both engines."""

from __future__ import annotations

import asyncio
import itertools
import json
import tracemalloc
from collections.abc import Sequence
from random import Random
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from collector import chainlinks, journal, versions
from collector.attest import commitments, entries, projection
from collector.attest.entries import STATE_KINDS, BatchEntry, LogStart, Previous, RowEntry
from collector.audit.kinds import KINDS
from collector.facts import Fact
from collector.facts import canonical as canonical_of
from collector.metrics import CollectorMetrics
from collector.store import leases, ledger
from collector.store.leases import FencedError, Lease
from collector.store.log_tables import log_leaves
from collector.store.store import Store
from collector.store.tables import batches
from collector.store.tables import journal as rows_table
from collector.tlog import checkpoints, epochs, reading, sequencer, sequencing
from collector.tlog.checkpoints import Published
from collector.tlog.epochs import Log
from collector.tlog.reading import ChangedError
from collector.tlog.rows import EVIDENCE_TOPICS
from collector.tlog.sequencer import Sequencer
from collector.tlog.sequencing import MovedError, Sequenced
from probes import tombstone
from probes.batch import open_batch
from probes.configfile import canonical
from probes.contract import Outcome
from probes.tombstone import Why
from tests.model.world import Breaker, Gone
from tests.support import log_laws
from tests.support.chains import ANCHORS, KEY, NOW
from tests.support.rounds import ORG, START, a_round, config, result
from tests.support.taking_in import chained, taken

ORIGIN = "st-elsewhere.example.org/wardwatch"
EVIDENCE, AUDIT = Log


def random_bytes(count: int) -> bytes:
    return Random(7).randbytes(count)


async def laws(store: Store, *, whole: bool = True) -> list[str]:
    return await store.read(log_laws.whole if whole else log_laws.broken, ORG)


async def led(store: Store, holder: str = "one") -> Lease:
    """The lease, taken from whoever has it."""
    seen = await store.read(leases.look, ORG, "evaluate")
    lease = await store.write(leases.take, ORG, "evaluate", holder, seen)
    assert lease is not None
    return lease


async def sequenced(store: Store, lease: Lease, limit: int = 2_000, now: int = NOW) -> Sequenced:
    given: dict[str, Any] = {"origin": ORIGIN, "random_bytes": random_bytes}
    return await store.write(sequencing.sequence, ORG, lease, now, limit, **given)


async def send(store: Store, sent: Sequence[bytes], *, folded: bool = True) -> None:
    """T1, and the cursors of T2."""
    for n in range(0, len(sent), 64):
        some = [taken(data, NOW + n) for data in sent[n : n + 64]]
        await store.write(chainlinks.insert, ORG, some, lambda: NOW)
    if folded:
        done = await store.read(ledger.stored_ranges, ORG)
        await store.write(ledger.advance_cursors, ORG, done, NOW)


def facts(count: int, *kinds: str) -> list[Fact]:
    kind = itertools.cycle(kinds or ("outbox.redriven", "window.proposed", "access.login"))
    return [Fact(next(kind), NOW + n, b'{"n":%d}' % n, "ann") for n in range(count)]


async def size_of(store: Store, log: Log = EVIDENCE) -> int:
    found = await store.read(reading.head, ORG, log)
    return 0 if found is None else found.size


async def test_what_is_taken_in_and_what_is_said_become_leaves(store: Store) -> None:
    async with a_round(store) as one:
        for n in range(12):
            outcome = Outcome.DOWN if 3 <= n < 8 else Outcome.UP
            await one.send([result(10_000 * n, outcome)])
            await one.tick(10_000)
        await store.write(versions.record, ORG, canonical(config(policy={})), one.clock.now_ms())
        await one.tick(10_000)
        await one.tick(10_000)
    assert await laws(store) == []
    assert await size_of(store) > 15
    rows = await store.read(journal.rows, ORG)
    assert await size_of(store, AUDIT) == 1 + len(rows)


async def test_a_batch_is_a_leaf_once_it_is_folded_and_not_before(store: Store) -> None:
    lease = await led(store)
    await send(store, chained(3), folded=False)
    await sequenced(store, lease)
    assert await size_of(store) == 1
    await send(store, ())
    await sequenced(store, lease)
    assert await size_of(store) == 4
    found = list(await store.read(lambda conn: [*reading.entries(conn, ORG, EVIDENCE, 1, 4)]))
    headers = [entry.header for entry in map(entries.parse, found) if isinstance(entry, BatchEntry)]
    assert headers == [open_batch(data).header_bytes for data in chained(3)]
    assert await laws(store) == []


@pytest.mark.parametrize("limit", [1, 3, 7, 255, 256, 300])
async def test_in_pieces_of_any_size_the_tree_is_right(store: Store, limit: int) -> None:
    lease = await led(store)
    count = 40 if limit < 10 else 300
    await store.write(journal.append, ORG, facts(count), NOW)
    await send(store, [*chained(count // 2), *chained(count // 4, epoch="e2")])
    while (await sequenced(store, lease, limit)).more:
        pass
    assert await laws(store) == []
    blocks = await store.read(lambda conn: conn.execute(select(log_leaves.c.count)).scalars().all())
    assert max(blocks) == (256 if count == 300 else max(blocks))


async def test_whatever_comes_late_has_its_place_behind_what_came_before(store: Store) -> None:
    lease = await led(store)
    sent = chained(30)
    for n in Random(3).sample(range(30), 30):
        await send(store, [sent[n]])
        if n % 3 == 0:
            await store.write(journal.append, ORG, facts(2), NOW)
        await sequenced(store, lease)
    assert await laws(store) == []


async def test_no_chain_keeps_the_others_waiting(store: Store) -> None:
    lease = await led(store)
    await send(store, [*chained(50, epoch="a"), *chained(2, epoch="b"), *chained(2, epoch="c")])
    done = await sequenced(store, lease, 12)
    assert done.more
    found = await store.read(lambda conn: [*reading.leaves(conn, ORG, EVIDENCE, 1, 99)])
    heads = await store.read(ledger.heads, ORG)
    by_epoch = {
        epoch: sum(leaf.chain == head.number for leaf in found)
        for (_, epoch), head in heads.items()
    }
    assert by_epoch == {"a": 8, "b": 2, "c": 2}


async def test_a_death_between_any_two_writes_loses_and_doubles_nothing(store: Store) -> None:
    breaker = Breaker(store)
    died = 0
    for n in range(24):
        async with a_round(breaker, holder=f"p{n}", now=START + 60_000 * n) as one:
            await one.take_over()
            await one.send([result(60_000 * n, Outcome.UP)], epoch=f"e{n}")
            await one.send([result(60_000 * n + 1, Outcome.DOWN)], epoch=f"e{n}")
            breaker.left = n
            try:
                await one.evaluator.step()
            except Gone:
                died += 1
            breaker.left = None
        assert await laws(store, whole=False) == []
    assert 10 < died < 24  # the last ones write less than they may
    async with a_round(store, holder="last", now=START + 3_600_000) as one:
        await one.take_over()
        await one.evaluator.step()
    assert await laws(store) == []


async def test_whoever_has_lost_the_lease_appends_nothing(store: Store) -> None:
    first = await led(store, "one")
    await send(store, chained(4))
    await sequenced(store, first, 2)
    prepared = await store.read(sequencing.prepare, ORG)
    assert prepared is not None
    second = await led(store, "two")
    with pytest.raises(FencedError):
        await store.write(sequencing.append, ORG, first, prepared)
    await sequenced(store, second)
    with pytest.raises(FencedError):
        await store.write(sequencing.begin, ORG, first, ORIGIN, NOW, random_bytes)
    assert await laws(store) == []


async def test_what_was_prepared_for_a_log_that_has_moved_on_is_not_appended(store: Store) -> None:
    lease = await led(store)
    await sequenced(store, lease)
    await send(store, chained(4))
    prepared = await store.read(sequencing.prepare, ORG)
    assert prepared is not None
    await sequenced(store, lease, 2)
    with pytest.raises(MovedError):
        await store.write(sequencing.append, ORG, lease, prepared)
    await sequenced(store, lease)
    assert await laws(store) == []


async def test_what_was_prepared_for_an_epoch_that_has_ended_is_not_appended(store: Store) -> None:
    lease = await led(store)
    await sequenced(store, lease)
    await send(store, chained(4))
    prepared = await store.read(sequencing.prepare, ORG)
    assert prepared is not None
    await store.write(epochs.start_epoch, ORG, f"{ORIGIN}-2", {}, NOW, random_bytes)
    with pytest.raises(MovedError):
        await store.write(sequencing.append, ORG, lease, prepared)
    assert await laws(store, whole=False) == []


async def test_large_versions_are_taken_a_few_at_a_time(store: Store) -> None:
    lease = await led(store)
    large = b'{"note":"%s"}' % (b"x" * 90_000)
    await store.write(journal.append, ORG, [Fact("window.proposed", NOW, large)] * 130, NOW)
    sizes = []
    while (done := await sequenced(store, lease)).more:
        sizes.append(done.sizes[AUDIT])
    assert sizes == [48, 95]  # 47 of them are 4 MiB
    assert (done.sizes[AUDIT], done.waiting) == (131, 0)
    assert await laws(store) == []


async def test_of_many_versions_the_parts_of_one_are_in_memory(store: Store) -> None:
    lease = await led(store)
    await sequenced(store, lease)
    version = canonical(config())
    whole = json.loads(version)
    whole["agents"] = {f"a-{n}": {"site": "north", "key": "k" * 60} for n in range(100)}
    one = next(iter(whole["systems"].values()))
    whole["systems"] = {f"s-{n}": one for n in range(100)}
    whole["checks"] = {}
    data = canonical_of(whole)
    parts = sum(map(len, projection.projections(data).values()))
    assert parts > 800_000
    await store.write(journal.append, ORG, [Fact("config.version", NOW, data)] * 30, NOW)
    tracemalloc.start()
    try:
        prepared = await store.read(sequencing.prepare, ORG)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert prepared is not None
    assert len(prepared.audit.leaves) == 30
    assert most < 30 * len(data) + 6 * parts


async def test_no_batch_stands_before_a_row_that_was_there(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencing, "BYTES", 1)
    await store.write(journal.append, ORG, facts(sequencing.ROWS + 9), NOW)
    await send(store, chained(3))
    lease = await led(store)
    while (await sequenced(store, lease)).more:
        pass
    size = await size_of(store)

    def read(conn: Connection) -> list[type]:
        data = reading.entries(conn, ORG, EVIDENCE, 1, size)
        return [type(entries.parse(one)) for one in data]

    kinds = await store.read(read)
    assert kinds[-3:] == [BatchEntry] * 3
    assert set(kinds[:-3]) == {RowEntry}
    assert await laws(store) == []


async def test_rows_of_the_other_log_are_not_read_for_entries(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = await led(store)
    for _ in range(3):
        await store.write(journal.append, ORG, facts(1, "window.proposed"), NOW)
        await store.write(journal.append, ORG, facts(400, "access.login"), NOW)
    while (await sequenced(store, lease)).more:
        pass
    taken_out: list[int] = []
    rows = journal.rows

    def counted(*given: Any, **named: Any) -> list[journal.Row]:
        found = rows(*given, **named)
        taken_out.append(len(found))
        return found

    monkeypatch.setattr(journal, "rows", counted)
    told = await store.read(lambda conn: [*reading.entries(conn, ORG, EVIDENCE, 0, 9)])
    assert len(told) == 4
    assert taken_out == [3]


async def test_a_tombstone_is_a_leaf_with_its_own_header(store: Store) -> None:
    lease = await led(store)
    opened = [open_batch(data) for data in chained(6)]
    tomb = tombstone.seal(KEY, ANCHORS, tombstone.of_batches(opened[1:4], Why.FULL_BYTES))
    await send(store, [chained(6)[0], tomb, *chained(6)[4:]])
    await sequenced(store, lease)
    told = await store.read(lambda conn: [*reading.entries(conn, ORG, EVIDENCE, 1, 9)])
    found = [entry for entry in map(entries.parse, told) if isinstance(entry, BatchEntry)]
    assert [entry.tombstone for entry in found].count(True) == 1
    headers = {entry.header for entry in found if entry.tombstone}
    assert headers == {tombstone.open_tombstone(tomb).header_bytes}
    assert len(found) == 4
    assert await laws(store) == []


def test_every_state_row_is_in_the_evidence_log() -> None:
    known = STATE_KINDS & set(KINDS)
    assert len(known) >= 13
    assert {KINDS[kind].topic for kind in known} <= EVIDENCE_TOPICS


async def test_two_that_append_at_once_do_it_once(store: Store) -> None:
    lease = await led(store)
    await sequenced(store, lease)
    await send(store, chained(20))
    prepared = [await store.read(sequencing.prepare, ORG) for _ in range(2)]
    told = await asyncio.gather(
        *(store.write(sequencing.append, ORG, lease, one) for one in prepared if one is not None),
        return_exceptions=True,
    )
    assert sorted(map(type, told), key=repr) == sorted([Sequenced, MovedError], key=repr)
    assert await laws(store) == []


async def test_ten_thousand_leaves_in_bounded_pieces_and_in_time(store: Store) -> None:
    lease = await led(store)
    for _ in range(4):
        await store.write(journal.append, ORG, facts(2_500), NOW)
    await send(store, chained(500))
    metrics = CollectorMetrics()
    keeping_up = Sequencer(store, ORG, metrics, random_bytes)
    begun, steps, longest = monotonic(), 0, 0.0
    more = True
    while more:
        at, before = monotonic(), max(await size_of(store, AUDIT), 1)
        more = await keeping_up.step(lease, ORIGIN, NOW)
        longest = max(longest, monotonic() - at)
        assert await size_of(store, AUDIT) - before <= sequencer.AT_ONCE
        steps += 1
        left = 10_500 - min(500 * steps, 10_500)
        assert metrics.registry.get_sample_value("wardwatch_log_waiting") == left
    assert steps == 22
    assert metrics.registry.get_sample_value("wardwatch_log_entries", {"log": "audit"}) == 10_001
    assert await size_of(store, AUDIT) == 10_001
    assert await size_of(store) == 1 + 4 * 833 + 500
    assert monotonic() - begun < 60
    assert longest < 5
    assert await laws(store) == []


async def test_a_backlog_does_not_keep_evaluation_waiting(store: Store) -> None:
    async with a_round(store) as one:
        await store.write(journal.append, ORG, facts(3_000, "access.login"), START)
        looks, more = 0, True
        while more:
            await one.send([result(10_000 * looks, Outcome.UP)], epoch=f"e{looks}")
            await one.tick(10_000)
            looks += 1
            folded = await store.read(ledger.folded_ranges, ORG)
            assert len(folded) == looks  # each look has folded what came
            more = one.evaluator._wake.is_set()
        assert looks == 7
    assert await laws(store) == []


async def test_a_new_epoch_takes_everything_in_again_and_names_the_one_before(store: Store) -> None:
    lease = await led(store)
    await store.write(journal.append, ORG, facts(20), NOW)
    await send(store, chained(20))
    await sequenced(store, lease)
    heads = {log: await store.read(reading.head, ORG, log) for log in Log}
    previous = {
        log: Previous(f"{ORIGIN}/{log}", head.size, head.root())
        for log, head in heads.items()
        if head is not None
    }
    begin = epochs.start_epoch
    with pytest.raises(ValueError, match="another epoch"):
        await store.write(begin, ORG, ORIGIN, previous, NOW + 5, random_bytes)
    assert await store.write(begin, ORG, f"{ORIGIN}-2", previous, NOW + 5, random_bytes) == 2
    assert await size_of(store) == 1
    # the operator's file names the new origin, and then nothing changes
    given: dict[str, Any] = {"origin": f"{ORIGIN}-2", "random_bytes": random_bytes}
    await store.write(sequencing.sequence, ORG, lease, NOW + 6, 2_000, **given)
    assert await laws(store) == []
    for log in Log:
        old, new = await store.read(epochs.of, ORG, log)
        assert (old.epoch, old.closed_at, new.epoch, new.closed_at) == (1, NOW + 5, 2, None)
        assert (old.name, new.name) == (f"{ORIGIN}/{log}", f"{ORIGIN}-2/{log}")
        assert old.tree.size == new.tree.size
        assert old.secret == new.secret  # of our chance, which always says the same
        assert entries.parse(new.start) == LogStart(ORG, NOW + 5, previous[log])


async def test_a_log_takes_the_origin_of_the_file_until_something_is_signed(store: Store) -> None:
    lease = await led(store)

    async def begun(origin: str) -> str:
        await store.write(sequencing.begin, ORG, lease, origin, NOW, random_bytes)
        found = await store.read(epochs.current, ORG, EVIDENCE)
        assert found is not None
        return found.name

    unnamed = epochs.default_origin(ORG)
    assert await begun(unnamed) == "st-elsewhere.invalid/wardwatch/evidence"
    assert await begun(ORIGIN) == f"{ORIGIN}/evidence"
    assert await begun(unnamed) == f"{ORIGIN}/evidence"
    await store.write(checkpoints.add, ORG, Published(AUDIT, 1, 1, NOW, b"note"))
    assert await begun("another.example.org") == f"{ORIGIN}/evidence"
    assert not await store.write(epochs.take_name, ORG, "another.example.org")
    assert await store.write(epochs.take_name, ORG, ORIGIN)


async def test_what_was_changed_behind_the_log_is_told_with_its_index(store: Store) -> None:
    lease = await led(store)
    await store.write(journal.append, ORG, facts(3, "window.proposed"), NOW)
    await send(store, chained(3))
    await sequenced(store, lease)

    def read(conn: Connection) -> list[bytes]:
        return [*reading.entries(conn, ORG, EVIDENCE, 0, 7)]

    def later(conn: Connection) -> None:
        conn.execute(update(batches).where(batches.c.seq == 2).values(received_at=NOW + 99))

    def other(conn: Connection) -> None:
        conn.execute(update(rows_table).where(rows_table.c.id == 2).values(kind="window.approved"))

    assert len(await store.read(read)) == 7
    for change, index in ((later, 5), (other, 2)):
        await store.write(change)
        with pytest.raises(ChangedError) as caught:
            await store.read(read)
        assert (caught.value.log, caught.value.index) == (EVIDENCE, index)


async def test_a_version_commits_to_the_part_of_each_system(store: Store) -> None:
    lease = await led(store)
    await store.write(versions.record, ORG, canonical(config()), NOW)
    await sequenced(store, lease)
    (row,) = await store.read(journal.rows, ORG)
    for log in Log:
        epoch = await store.read(epochs.current, ORG, log)
        told = await store.read(lambda conn: [*reading.entries(conn, ORG, log, 1, 2)])  # noqa: B023 - called at once
        entry = entries.parse(told[0])
        assert epoch is not None
        assert isinstance(entry, RowEntry)
        parts = projection.projections(row.data)
        assert set(parts) == {"ehr"}
        commitments.check_part(entry, commitments.disclose_part(epoch.secret, row, parts, "ehr"))


async def test_nothing_is_read_of_a_log_that_has_not_begun(store: Store) -> None:
    def read(conn: Connection) -> list[Any]:
        return [
            reading.head(conn, ORG, EVIDENCE),
            reading.index_of_row(conn, ORG, AUDIT, 1),
            [*reading.entries(conn, ORG, EVIDENCE, 0, 9)],
            checkpoints.latest(conn, ORG, EVIDENCE),
            checkpoints.first_cosigned_covering(conn, ORG, EVIDENCE, 0),
            checkpoints.between(conn, ORG, EVIDENCE, 0, 9),
        ]

    assert await store.read(read) == [None, None, [], None, None, []]
    with pytest.raises(LookupError):
        await store.read(reading.nodes, ORG, EVIDENCE, 1)


async def test_checkpoints_are_found_by_size_and_by_what_they_cover(store: Store) -> None:
    lease = await led(store)
    await sequenced(store, lease)
    sizes = (3, 8, 20)
    added = [Published(EVIDENCE, 1, size, NOW + size, b"note %d" % size) for size in sizes]
    for one in added:
        await store.write(checkpoints.add, ORG, one)
    third = Published(EVIDENCE, 1, 20, NOW + 20, b"note 20 cosigned", NOW + 25)
    await store.write(checkpoints.cosign, ORG, third)

    def read(conn: Connection) -> list[Any]:
        return [
            checkpoints.latest(conn, ORG, EVIDENCE),
            checkpoints.latest(conn, ORG, AUDIT),
            checkpoints.between(conn, ORG, EVIDENCE, 3, 8),
            checkpoints.first_cosigned_covering(conn, ORG, EVIDENCE, 0),
            checkpoints.first_cosigned_covering(conn, ORG, EVIDENCE, 19),
            checkpoints.first_cosigned_covering(conn, ORG, EVIDENCE, 20),
            checkpoints.newest_before(conn, ORG, EVIDENCE, NOW + 19),
            checkpoints.newest_before(conn, ORG, EVIDENCE, NOW + 2),
            checkpoints.newest_before(conn, ORG, EVIDENCE, NOW + 24, cosigned=True),
            checkpoints.newest_before(conn, ORG, EVIDENCE, NOW + 25, cosigned=True),
            checkpoints.latest(conn, ORG, EVIDENCE, epoch=2),
        ]

    assert await store.read(read) == [
        third, None, added[:2], third, third, None, added[1], None, None, third, None,
    ]  # fmt: skip
    with pytest.raises(LookupError):
        await store.write(checkpoints.cosign, ORG, Published(EVIDENCE, 1, 4, NOW, b"", NOW))
