"""What an agent owes: silence is blind time, what comes later corrects, what was given up is told."""

from __future__ import annotations

import pytest

from collector import chainstates
from collector.chainstates import ChainState
from collector.numbers import Numbers
from collector.store import incidents
from collector.store.store import Store
from probes import batch, tombstone
from probes.batch import Anchors, Batch, Place
from probes.contract import Outcome
from probes.segments import Run
from probes.tombstone import Why
from tests.support.rounds import KEYS, ORG, START, Round, a_round, result

UP, DOWN = Outcome.UP, Outcome.DOWN
MINUTE = 60_000
HOUR = 60 * MINUTE


async def unknown_ms(one: Round) -> int:
    numbers = Numbers(one.evaluator, one.store, one.clock, ORG)
    found = await numbers.availability(START, one.clock.now_ms())
    ms: int = found["systems"]["ehr"]["unknown_ms"]
    return ms


async def states(store: Store) -> list[ChainState]:
    return (await store.read(chainstates.read, ORG))["north-1"]


def chain(outcomes: list[Outcome], size: int) -> list[Batch]:
    """A result every 10 s from the start on, so many a batch."""
    runs = [
        Run("ehr", "ehr-read", t, t, outcome, "ok" if outcome is UP else "tcp.refused", 40_000)
        for n, outcome in enumerate(outcomes)
        for t in [START + 10_000 * n]
    ]
    prev, out = batch.NO_PREVIOUS, []
    for n in range(0, len(runs), size):
        some = runs[n : n + size]
        place = Place(ORG, "north-1", "e1", n // size + 1, prev, "0" * 16)
        data = batch.seal(
            KEYS["north-1"], place, Anchors(some[-1].at_ms, n), some, b"sixteen secrets."
        )
        out.append(batch.open_batch(data))
        prev = batch.header_hash(out[-1])
    return out


def data_of(one: Batch) -> bytes:
    size = len(one.header_bytes).to_bytes(4, "big")
    return batch.MAGIC + size + one.header_bytes + one.signature + one.body


async def test_silence_is_blind_time_until_what_was_missing_comes(store: Store) -> None:
    first, second, third = chain([UP] * 180, 60)
    async with a_round(store) as one:
        await one.clock.advance(10 * MINUTE)
        await one.ingest.accept(data_of(first))
        await one.evaluator.step()
        await one.tick(10 * MINUTE + 16_000)  # the hold of 25 s, then blind_after
        assert await one.events() == [("incident.opened", 1_215_000)]
        (opened,) = await store.read(incidents.read_incidents, ORG, is_open=True)
        assert (opened.incident.family, opened.incident.started_at) == ("blind", START + 615_000)
        await one.clock.advance(10 * MINUTE)
        await one.ingest.accept(data_of(third))
        await one.evaluator.step()
        assert await unknown_ms(one) == 585_000 + 1_000
        (state,) = await states(store)
        assert (state.last_seq, state.missing, state.missing_count) == (3, ((2, 2),), 1)
        assert state.complete_until == START + 590_000
        await one.ingest.accept(data_of(second))
        await one.evaluator.step()
        assert await unknown_ms(one) == 1_000  # after the last hold
        (state,) = await states(store)
        assert (state.missing, state.complete_until) == ((), START + 1_790_000)
        assert not await store.read(incidents.read_incidents, ORG, is_open=True)


async def test_what_a_tombstone_kept_is_folded_and_what_it_gave_up_is_told(store: Store) -> None:
    outcomes = [UP] * 60 + [DOWN] * 6 + [UP] * 54
    batches = chain(outcomes, 30)
    stays = tombstone.of_batches(batches[:3], Why.FULL_BYTES)
    tomb = tombstone.seal(KEYS["north-1"], Anchors(START + HOUR, 9), stays)
    async with a_round(store) as one:
        await one.clock.advance(20 * MINUTE)
        accepted = await one.ingest.accept(tomb)
        assert (accepted.epoch, accepted.stored) == ("e1", ((1, 3),))
        await one.ingest.accept(data_of(batches[3]))
        await one.evaluator.step()
        numbers = Numbers(one.evaluator, store, one.clock, ORG)
        found = (await numbers.availability(START, START + 20 * MINUTE))["systems"]["ehr"]
        # Down from the first of six on, as if every batch were here; what was given up is unknown.
        assert (found["down_ms"], found["runs"]) == (60_000, {"judged": 54, "good": 48})
        (state,) = await states(store)
        assert state == ChainState(
            epoch="e1",
            spoke_at=START + 20 * MINUTE,
            last_seq=4,
            missing=(),
            complete_until=START + 1_190_000,
            tombstones=1,
            given_up=sum(stays.given_up.values()),
            broken_links=0,
        )
        name = "wardwatch_ingest_given_up_results_total"
        told = one.metrics.registry.get_sample_value(name, {"agent": "north-1"})
        assert told == state.given_up == 66
        # A batch that was thought to be gone comes all the same: it can only add.
        for n in (0, 2, 1):
            await one.ingest.accept(data_of(batches[n]))
        await one.tick(3_000)  # an answer is given again for a moment
        found = (await numbers.availability(START, START + 20 * MINUTE))["systems"]["ehr"]
        assert (found["down_ms"], found["unknown_ms"]) == (60_000, 0)
        assert found["runs"] == {"judged": 120, "good": 114}


async def test_every_epoch_of_an_agent_is_told_the_newest_first(store: Store) -> None:
    async with a_round(store) as one:
        for n in range(7):
            await one.clock.advance(MINUTE)
            await one.send([result(n * MINUTE, UP)], epoch=f"e{n}")
        assert [state.epoch for state in await states(store)] == ["e6", "e5", "e4", "e3", "e2"]


@pytest.mark.parametrize(
    ("at_ms", "offset_ms", "complete_until"),
    [(2**53 - 1, 0, START + 600_000), (START, -(2**51), 0), (START + 700_000, 0, START + 600_000)],
)
async def test_whatever_an_agents_clock_says_a_chain_is_complete_up_to_what_was_received_at_most(
    sqlite_store: Store, at_ms: int, offset_ms: int, complete_until: int
) -> None:
    place = Place(ORG, "north-1", "e1", 1, batch.NO_PREVIOUS, "0" * 16)
    runs = [Run("ehr", "ehr-read", at_ms, at_ms, UP, "ok", 40_000)]
    anchors = Anchors(at_ms, 1, offset_ms)
    data = batch.seal(KEYS["north-1"], place, anchors, runs, b"sixteen secrets.")
    async with a_round(sqlite_store) as one:
        await one.clock.advance(10 * MINUTE)
        await one.ingest.accept(data)
        (state,) = await states(sqlite_store)
    assert state.complete_until == complete_until
