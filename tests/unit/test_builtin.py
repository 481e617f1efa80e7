"""The agent built into the collector: whose slots they are, what is stored of them, and by whom."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector import builtinchain, builtinkey, journal, serving
from collector.away import read_away
from collector.builtin import Around, BuiltIn
from collector.builtinchain import BuiltInChain, Tip
from collector.builtinenv import env_of
from collector.core.agent_keys import KeyState, RevokeReason
from collector.enrolment import approve, invite, revoke
from collector.ingest import Ingest, RefusedError
from collector.keyring import Ring
from collector.leader import LEASE_MS
from collector.store import ledger
from collector.store.agent_keys import keys_of
from collector.store.leases import Lease
from collector.store.ledger import Chain, Stored
from collector.store.ranges import Ranges
from collector.store.store import Store, StoreFault, StoreUnavailableError
from probes import agentkeys, batch, registry
from probes.agentconfig import part_of
from probes.clock import ManualClock
from probes.config import Config
from probes.contract import Outcome
from probes.schedule import first_slot_ms, offset_ms
from probes.segments import Run
from tests.support import judging
from tests.support.batches import seal
from tests.support.judging import JUDGE
from tests.support.rounds import ORG, START, Round, a_round, config, document, result

CONFIG_KEY = Ed25519PrivateKey.from_private_bytes(b"config key".ljust(32))
OWN = builtinkey.derived(CONFIG_KEY)
FINGERPRINT = agentkeys.fingerprint(agentkeys.text_of(OWN.public_key()))
SLOT = first_slot_ms(offset_ms("collector", "nightly", 10_000), 10_000, START + 2)
"""The first one after the agent began."""


@pytest.fixture(autouse=True)
def _own_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.KINDS, "heartbeat", judging.__name__)
    JUDGE.__init__()  # type: ignore[misc]  # as if the module were read anew


def hospital(**checks: Any) -> Config:
    known = document()
    nightly = {"system": "ehr", "kind": "heartbeat", "every": "10s", "timeout": "5s"}
    return config(
        agents=known["agents"] | {"collector": {"site": "south"}},
        checks=known["checks"] | {"nightly": nightly} | checks,
    )


@asynccontextmanager
async def working(
    one: Round, used: Callable[[], Config] | None = None, key: Ed25519PrivateKey = CONFIG_KEY
) -> AsyncIterator[BuiltIn]:
    """The built-in agent of a process, from its start until it is told to stop."""
    around = Around(
        store=one.store,
        clock=one.clock,
        org=ORG,
        leader=one.leader,
        ingest=one.ingest,
        keys=one.keys,
        config=used or (lambda: one.evaluator.config),
        env=env_of(one.clock, random.Random(1), lambda _ref: b""),
        random_bytes=random.Random(id(one)).randbytes,
    )
    own = BuiltIn(around, builtinkey.derived(key))
    task = asyncio.create_task(own.run())
    try:
        yield own
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def eventually(look: Callable[[], Awaitable[bool]]) -> None:
    """The store answers from a thread of its own, whatever the clock of the test shows."""
    for _ in range(500):
        if await look():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came")


async def at_work(own: BuiltIn) -> None:
    """However long the store takes, no time passes on the test's clock."""

    async def works() -> bool:
        return own.works

    await eventually(works)


async def pass_time(one: Round, by_ms: int) -> None:
    """In steps that leave the store time to answer."""
    for _ in range(by_ms // 250):
        await one.clock.advance(250)
        await asyncio.sleep(0.002)


async def stored(store: Store) -> list[Stored]:
    """Batches of the built-in agent, as they came."""
    ranges: dict[Chain, Ranges] = await store.read(ledger.stored_ranges, ORG)
    found: list[Stored] = []
    for chain, there in sorted(ranges.items()):
        if chain[0] == "collector" and there:
            found += await store.read(ledger.read_batches, ORG, chain, there, 1_000)
    return sorted(found, key=lambda one: (one.received_at, one.seq))


async def runs(store: Store) -> list[Run]:
    return [run for one in await stored(store) for run in batch.runs_of(batch.open_batch(one.data))]


def has(store: Store, count: int) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return len(await runs(store)) >= count

    return look


async def test_each_slot_becomes_evidence_like_any_agents(store: Store) -> None:
    async with a_round(store, used=hospital()) as one:
        assert await one.leader.leads()
        async with working(one) as own:
            await at_work(own)
            await pass_time(one, 30_000)
            await eventually(has(store, 2))
        batches = [batch.open_batch(each.data) for each in await stored(store)]
        seen = await runs(store)
        await one.tick(0)
        assert one.evaluator.evidence.last["collector"].seq == len(batches)
    assert [(run.check, run.at_ms, run.outcome) for run in seen][:2] == [
        ("nightly", SLOT, Outcome.UP),
        ("nightly", SLOT + 10_000, Outcome.UP),
    ]
    assert [opened.header.seq for opened in batches] == list(range(1, len(batches) + 1))
    assert batches[0].header.prev == batch.NO_PREVIOUS
    assert batches[1].header.prev == batch.header_hash(batches[0])
    for opened in batches:
        batch.verify(opened, agentkeys.text_of(OWN.public_key()))


def _known(store: Store, state: KeyState) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        found = await store.read(keys_of, ORG, "collector")
        return [key.state for key in found] == [state]

    return look


async def test_its_key_stands_in_the_journal_as_any_agents_does(store: Store) -> None:
    async with a_round(store, used=hospital()) as one:
        assert await one.leader.leads()
        async with working(one) as own:
            await at_work(own)
        async with working(one):  # once, however often it begins
            await pass_time(one, 1_000)
        rows = await store.read(journal.rows, ORG, prefix="agent.")
        (key,) = await store.read(keys_of, ORG, "collector")
    assert [(row.kind, row.actor) for row in rows] == [
        ("agent.enrolled", "system"),
        ("agent.approved", "system"),
    ]
    assert rows[0].data == journal.canonical(
        {
            "agent": "collector",
            "fingerprint": FINGERPRINT,
            "invited_by": "system",
            "key": agentkeys.text_of(OWN.public_key()),
            "site": "south",
        }
    )
    assert (key.fingerprint, key.by) == (FINGERPRINT, "system")


async def test_nothing_runs_where_no_check_is_the_collectors(sqlite_store: Store) -> None:
    async with a_round(sqlite_store) as one:
        assert await one.leader.leads()
        async with working(one):
            await pass_time(one, 5_000)
        assert await sqlite_store.read(keys_of, ORG, "collector") == []
        assert await runs(sqlite_store) == []


async def test_who_does_not_lead_asks_nothing(sqlite_store: Store) -> None:
    async with a_round(sqlite_store, used=hospital()) as one, working(one):
        await pass_time(one, 25_000)
        assert JUDGE.asked == []


async def test_a_process_that_is_told_to_stop_says_what_it_leaves_undone(store: Store) -> None:
    async with a_round(store, used=hospital()) as one:
        assert await one.leader.leads()
        async with working(one) as own:
            await at_work(own)
            JUDGE.hangs = True
            await pass_time(one, SLOT - one.clock.now_ms() + 500)
        (left,) = await runs(store)
    assert (left.at_ms, left.outcome, left.reason) == (SLOT, Outcome.UNKNOWN, "agent.missed_slot")


async def test_a_take_over_doubles_no_slot_and_what_a_stale_holder_signs_is_not_stored(
    store: Store,
) -> None:
    async with (
        a_round(store, used=hospital()) as one,
        a_round(store, holder="two", used=hospital()) as two,
    ):
        assert await one.leader.leads()
        stale = one.leader.lease
        async with working(one) as own:
            await at_work(own)
            await pass_time(one, SLOT - one.clock.now_ms() + 1_000)
            await eventually(has(store, 1))
            # The first process is held up for so long that another one takes over.
            await two.clock.advance(one.clock.now_ms() - two.clock.now_ms())
            if not store.single_process:
                assert not await two.leader.leads()
                await two.clock.advance(LEASE_MS)
            assert await two.leader.leads()
            async with working(two):
                # It goes on, and still believes that it leads.
                assert one.leader.lease is stale
                JUDGE.says = replace(judging.UP, outcome=Outcome.DOWN)
                await pass_time(one, 12_000)
                assert len(JUDGE.asked) >= 2
                JUDGE.says = judging.UP
                await pass_time(two, 30_000)
                await eventually(has(store, 3))
        seen = await runs(store)
        chain = [batch.open_batch(each.data).header for each in await stored(store)]
        (head,) = (await store.read(ledger.heads, ORG)).values()
    assert [header.seq for header in chain] == list(range(1, len(chain) + 1))
    assert ({header.epoch for header in chain}, head.broken) == ({chain[0].epoch}, 0)
    assert len({run.at_ms for run in seen}) == len(seen)
    assert {run.outcome for run in seen} == {Outcome.UP}


async def test_what_its_key_has_signed_comes_by_no_other_way(store: Store) -> None:
    async with a_round(store, used=hospital()) as one:
        assert await one.leader.leads()
        async with working(one) as own:
            await at_work(own)
        await one.keys.refresh()
        forged = result(1_000, Outcome.UP, check="nightly", agent="collector")
        data = seal(OWN, ORG, "collector", "e1", 1, [forged])
        with pytest.raises(RefusedError) as caught:
            await one.ingest.accept(data)
        assert (caught.value.status, caught.value.code) == (403, "batch.unknown_agent")
        assert await runs(store) == []


async def test_while_the_store_is_away_runs_wait_and_come_once(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_round(sqlite_store, used=hospital()) as one:
        assert await one.leader.leads()
        async with working(one) as own:
            await at_work(own)
            write, lost = sqlite_store.write, True

            async def away(*args: Any) -> Any:
                done = await write(*args)
                if lost:  # committed, and nobody hears of it
                    raise StoreUnavailableError(StoreFault.IO)
                return done

            monkeypatch.setattr(sqlite_store, "write", away)
            await pass_time(one, 25_000)
            assert len(await runs(sqlite_store)) == 1
            lost = False
            await pass_time(one, 12_000)
            await eventually(has(sqlite_store, 3))
        seen = await runs(sqlite_store)
    assert [run.at_ms for run in seen] == [SLOT + n * 10_000 for n in range(len(seen))]


async def test_a_step_of_the_clock_makes_unknown_what_was_not_stored_yet(
    sqlite_store: Store,
) -> None:
    async with a_round(sqlite_store, used=hospital()) as one:
        assert await one.leader.leads()
        async with working(one) as own:
            await at_work(own)
            await pass_time(one, SLOT - one.clock.now_ms() + 11_000)
            one.clock.step_wall(60_000)
            await pass_time(one, 12_000)
        headers = [batch.open_batch(each.data).header for each in await stored(sqlite_store)]
        told = [(run.outcome, run.reason) for run in await runs(sqlite_store)]
    assert {header.clock_error_ms for header in headers} == {0, 60_000}
    assert (Outcome.UNKNOWN, "agent.clock") in told


async def test_another_version_is_run_and_named_from_its_next_look_on(sqlite_store: Store) -> None:
    first = hospital()
    second = hospital(weekly={**first.model_dump(by_alias=True)["checks"]["nightly"]})
    used = [first]
    async with a_round(sqlite_store, used=first) as one:
        assert await one.leader.leads()
        async with working(one, lambda: used[0]) as own:
            await at_work(own)
            await pass_time(one, 12_000)
            used[0] = second
            await pass_time(one, 25_000)
        opened = [batch.open_batch(each.data) for each in await stored(sqlite_store)]
    by_digest: dict[str, set[str]] = {}
    for each in opened:
        by_digest.setdefault(each.header.config, set()).update(
            run.check for run in batch.runs_of(each)
        )
    assert [*by_digest.values()] == [{"nightly"}, {"nightly", "weekly"}]


def test_its_checks_are_served_to_nobody_and_it_asks_for_nothing() -> None:
    used, ring = hospital(), Ring()
    assert used.agents_of("nightly") == ("collector",)
    assert [*part_of(used, "north-1").checks] == ["ehr-read"]
    assert [*part_of(used, "collector").checks] == ["nightly"]
    assert serving.keys_of(used, ring, "collector", START) == ()
    everywhere = document()["checks"]
    del everywhere["ehr-read"]["from"]
    assert hospital(**everywhere).agents_of("ehr-read") == ("north-1", "south-1")


async def test_an_absence_of_all_processes_is_recorded_by_the_next_and_a_short_one_is_not(
    store: Store,
) -> None:
    """However seldom the checks look: whoever leads commits every ten seconds."""
    hourly = hospital().model_dump(by_alias=True)["checks"]["nightly"]
    used, last = hospital(nightly=hourly | {"every": "1h"}), START
    for holder, absence_ms in (("one", 0), ("two", 20_000), ("three", 1_500_000)):
        async with a_round(store, holder=holder, used=used, now=last + absence_ms) as one:
            gone = last
            await one.take_over()
            await one.evaluator.step()
            async with working(one) as own:
                await at_work(own)
            last = one.evaluator.now
    ((since, back),) = await store.read(read_away, ORG)
    assert since == gone
    assert last <= back <= last + 1_000


async def test_a_time_in_which_nothing_could_be_stored_is_an_absence_though_the_lease_was_kept(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_round(sqlite_store, used=hospital()) as one:
        await one.tick(0)
        async with working(one) as own:
            await at_work(own)
            await one.tick(12_000)
            gone, read, write = one.evaluator.now, sqlite_store.read, sqlite_store.write

            async def away(*_args: object, **_more: object) -> None:
                raise StoreUnavailableError(StoreFault.IO)

            for minutes, is_told in ((0, False), (1, True)):
                monkeypatch.setattr(sqlite_store, "read", away)
                monkeypatch.setattr(sqlite_store, "write", away)
                with pytest.raises(StoreUnavailableError) as caught:
                    await one.evaluator.step()
                one.evaluator._failed(caught.value)
                await pass_time(one, 10_000 + 60_000 * minutes)
                monkeypatch.setattr(sqlite_store, "read", read)
                monkeypatch.setattr(sqlite_store, "write", write)
                await one.evaluator.step()
                back = one.evaluator.now
                await pass_time(one, 2_000)
                found = await sqlite_store.read(read_away, ORG)
                assert bool(found) is is_told
                gone = gone if is_told else back
    ((since, until),) = found
    assert since == gone
    assert back <= until <= back + 2_000


async def test_what_waits_for_the_store_is_bounded_and_the_oldest_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(builtinchain, "MOST_WAITING", 30)
    taken: list[bytes] = []
    away = True

    class Refusing:
        async def accept(self, data: bytes, _lease: Lease) -> None:
            if away:
                raise RefusedError(503, "store.io", retry=True)
            taken.append(data)

    clock = ManualClock(START)
    ingest, lease = cast("Ingest", Refusing()), Lease("evaluate", "one", 1, 1)
    chain = BuiltInChain(
        ingest, lease, ORG, OWN, Tip("e" * 32), "0" * 16, clock, random.Random(1).randbytes
    )
    task = asyncio.create_task(chain.run())
    for n in range(200):
        at = clock.now_ms()
        chain.add(Run("ehr", "nightly", at, at, Outcome.UP, "ok", n))
        await clock.advance(1_000)
    away = False
    await clock.advance(1_000)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await chain.finish()
    opened = [batch.open_batch(data) for data in taken]
    kept = [run.duration_us for each in opened for run in batch.runs_of(each)]
    assert [each.header.seq for each in opened] == list(range(1, len(opened) + 1))
    assert (kept[0], kept[-1]) == (0, 199)  # the first may be stored, and nobody heard of it
    assert kept[1:] == list(range(kept[1], 200))
    assert 20 < len(kept) <= 42


async def test_nobody_enrols_or_approves_it_by_hand(sqlite_store: Store) -> None:
    async with a_round(sqlite_store, used=hospital()) as one:
        now, used = one.clock.now_ms, one.evaluator.config
        for act in (
            lambda c: invite(c, ORG, used, "collector", "admin-1", "0" * 64, now),
            lambda c: approve(c, ORG, used, "collector", FINGERPRINT, "admin-1", now),
        ):
            with pytest.raises(Exception, match=r"agent\.built_in"):
                await sqlite_store.write(act)


async def test_a_revoked_key_is_not_taken_up_again(store: Store) -> None:
    async with a_round(store, used=hospital()) as one:
        assert await one.leader.leads()
        async with working(one) as own:
            await at_work(own)
            await pass_time(one, 12_000)
            await eventually(has(store, 1))
            stolen, now, used = RevokeReason.STOLEN, one.clock.now_ms, one.evaluator.config
            revoking = ("collector", FINGERPRINT, stolen, None, "admin-1", now)
            await store.write(revoke, ORG, used, *revoking)
            await one.keys.refresh()
            before = len(await runs(store))
            await pass_time(one, 25_000)
        assert len(await runs(store)) == before
        await eventually(_known(store, KeyState.REVOKED))
        async with working(one, key=Ed25519PrivateKey.from_private_bytes(b"another".ljust(32))):
            await pass_time(one, 25_000)
            await eventually(has(store, before + 1))
