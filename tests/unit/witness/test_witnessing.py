"""A witness at work: one request of a log at a time, safe on disk before anybody hears of it."""

from __future__ import annotations

import asyncio
import logging
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.attest import note
from collector.attest.note import SignatureLine
from collector.witness import messages
from collector.witness.kept import Kept, StateError, name_of
from collector.witness.keyfile import WitnessKey
from collector.witness.messages import AddCheckpoint
from collector.witness.refusals import Refusal, Refused
from collector.witness.witnessing import ALARM_NS, MOST_A_SECOND, Witnessing
from probes.clock import NS_PER_MS, ManualClock
from tests.support.lossy_folder import LossyFolder, PowerLossError
from tests.unit.attest import naive
from tests.unit.witness.logs import NAME, NOW_S, ORIGIN, WITNESS, Log, private

KEY = WitnessKey(NAME, private(9))
LOG = Log()
OTHER = Log(origin="other.example", n=2)
LOGS = {ORIGIN: [LOG.key], OTHER.origin: [OTHER.key]}


def witness(disk: LossyFolder | None = None, clock: ManualClock | None = None) -> Witnessing:
    disk = LossyFolder(random.Random(1)) if disk is None else disk
    return Witnessing(KEY, LOGS, Kept(disk, KEY.verifier), clock or ManualClock())


async def ask(one: Witnessing, asked: AddCheckpoint) -> SignatureLine | Refused:
    return await one.answer(messages.write(asked))


def time_of(found: SignatureLine | Refused, log: Log, size: int) -> int:
    assert isinstance(found, SignatureLine)
    (signed,) = note.verify(note.Note(log.text(size), (found,)), [WITNESS])
    assert signed.time_s is not None
    return signed.time_s


async def test_each_log_grows_by_itself() -> None:
    one = witness()
    assert time_of(await ask(one, LOG.asks(0, 5)), LOG, 5) == NOW_S
    assert time_of(await ask(one, OTHER.asks(0, 7)), OTHER, 7) == NOW_S
    assert time_of(await ask(one, LOG.asks(5, 30)), LOG, 30) == NOW_S
    assert await ask(one, OTHER.asks(5, 30)) == Refused(Refusal.SIZE, 7)
    assert {origin: held.checkpoint.size for origin, held in one.held.items()} == {
        ORIGIN: 30,
        OTHER.origin: 7,
    }


async def test_what_was_cosigned_outlives_the_process() -> None:
    disk = LossyFolder(random.Random(1))
    await ask(witness(disk), LOG.asks(0, 20))
    fork = Log(leaves=[b"another", *LOG.leaves[1:]])
    later = witness(disk)
    assert await ask(later, fork.asks(20, 30)) == Refused(Refusal.PROOF)
    assert await ask(later, fork.asks(0, 30)) == Refused(Refusal.SIZE, 20)
    assert time_of(await ask(later, LOG.asks(20, 30)), LOG, 30) == NOW_S


async def test_of_two_requests_at_once_one_is_told_the_size() -> None:
    one = witness()
    await ask(one, LOG.asks(0, 10))
    fork = Log(leaves=[*LOG.leaves[:10], b"another", *LOG.leaves[11:]])
    found = await asyncio.gather(ask(one, LOG.asks(10, 20)), ask(one, fork.asks(10, 20)))
    time_of(found[0], LOG, 20)
    assert found[1] == Refused(Refusal.SIZE, 20)


async def test_a_log_may_ask_a_few_times_a_second() -> None:
    clock = ManualClock()
    one = witness(clock=clock)
    for size in range(MOST_A_SECOND):
        time_of(await ask(one, LOG.asks(size, size + 1)), LOG, size + 1)
    busy = LOG.asks(MOST_A_SECOND, MOST_A_SECOND + 1)
    assert await ask(one, busy) == Refused(Refusal.BUSY)
    time_of(await ask(one, OTHER.asks(0, 1)), OTHER, 1)
    await clock.advance(999)
    assert await ask(one, busy) == Refused(Refusal.BUSY)
    await clock.advance(1)
    time_of(await ask(one, busy), LOG, MOST_A_SECOND + 1)


async def test_the_same_again_within_a_second_costs_no_write_and_takes_no_turn() -> None:
    disk = LossyFolder(random.Random(1))
    one = witness(disk)
    first, steps = await ask(one, LOG.asks(0, 5)), disk.steps
    for _ in range(20):
        assert await ask(one, LOG.asks(5, 5)) == first
    assert disk.steps == steps
    time_of(await ask(one, LOG.asks(5, 6)), LOG, 6)


async def test_the_same_again_later_has_a_time_of_its_own() -> None:
    clock = ManualClock()
    one = witness(clock=clock)
    await ask(one, LOG.asks(0, 5))
    await clock.advance(3_000)
    assert time_of(await ask(one, LOG.asks(5, 5)), LOG, 5) == NOW_S + 3


async def test_times_of_a_log_never_go_back_and_are_never_zero() -> None:
    disk, clock = LossyFolder(random.Random(1)), ManualClock()
    await ask(witness(disk, clock), LOG.asks(0, 5))
    clock.step_wall(-1_000)
    behind = witness(disk, clock)
    assert await ask(behind, LOG.asks(5, 6)) == Refused(Refusal.CLOCK)
    assert time_of(await ask(behind, OTHER.asks(0, 6)), OTHER, 6) == NOW_S - 1
    clock.step_wall(1_000)
    assert time_of(await ask(behind, LOG.asks(5, 6)), LOG, 6) == NOW_S
    assert await ask(witness(clock=ManualClock(999)), LOG.asks(0, 5)) == Refused(Refusal.CLOCK)


async def test_a_full_disk_refuses_and_the_next_request_goes_on() -> None:
    disk = LossyFolder(random.Random(1))
    one = witness(disk)
    await ask(one, LOG.asks(0, 5))
    disk.fail_at = disk.steps + 1
    assert await ask(one, LOG.asks(5, 6)) == Refused(Refusal.STATE)
    assert not one.lost.is_set()
    time_of(await ask(one, LOG.asks(5, 6)), LOG, 6)


@pytest.mark.parametrize("step", [2, 3, 4])
async def test_after_a_failed_sync_nothing_is_cosigned_any_more(step: int) -> None:
    disk = LossyFolder(random.Random(1))
    one = witness(disk)
    await ask(one, LOG.asks(0, 5))
    disk.fail_at = disk.steps + step
    assert await ask(one, LOG.asks(5, 6)) == Refused(Refusal.STATE)
    assert one.lost.is_set()
    assert await ask(one, LOG.asks(5, 6)) == Refused(Refusal.STATE)
    assert await ask(one, OTHER.asks(0, 6)) == Refused(Refusal.STATE)


@given(st.randoms(use_true_random=False))
def test_no_loss_of_power_lets_it_cosign_a_fork(rng: random.Random) -> None:
    """Two trees ask in turn, power goes at any step, again and again: all that was ever cosigned
    lies in one tree.
    """
    disk, answered = LossyFolder(rng), [0]
    logs = [LOG, Log(leaves=[*LOG.leaves[:6], *(b"fork %d" % n for n in range(34))])]
    roots: dict[int, bytes] = {}

    async def live() -> None:
        clock = ManualClock()
        one = witness(disk, clock)
        for _ in range(rng.randint(1, 6)):
            await clock.advance(1_000)
            held = one.held.get(ORIGIN)
            old = 0 if held is None else held.checkpoint.size
            assert old >= answered[0], "what was answered is forgotten"
            log, size = rng.choice(logs), min(40, old + rng.randint(0, 6))
            found = await ask(one, log.asks(old, size))
            if isinstance(found, SignatureLine):
                time_of(found, log, size)
                answered[0] = size
                roots[size] = naive.mth(log.leaves[:size])

    for _ in range(12):
        disk.lose_power_at = disk.steps + rng.randint(1, 20)
        try:
            asyncio.run(live())
        except PowerLossError:
            disk = disk.lose_power()
    assert any(
        all(naive.mth(log.leaves[:size]) == root for size, root in roots.items()) for log in logs
    )


async def test_a_file_that_is_not_what_was_cosigned_stops_it() -> None:
    disk = LossyFolder(random.Random(1))
    await ask(witness(disk), LOG.asks(0, 5))
    name = name_of(ORIGIN)
    good = disk.read(name)
    for bad in (b"", good[:-1], good.replace(b"\n5\n", b"\n4\n"), good + b"x", b"\xff"):
        disk.put(name, bad)
        with pytest.raises(StateError, match="Never remove the file"):
            witness(disk)
    disk.put(name, good)
    disk.put(name_of("other.example"), good)
    with pytest.raises(StateError, match="another log"):
        witness(disk)


async def test_a_key_that_has_not_cosigned_the_folder_is_refused() -> None:
    disk = LossyFolder(random.Random(1))
    await ask(witness(disk), LOG.asks(0, 5))
    key = WitnessKey(NAME, private(8))
    with pytest.raises(StateError, match="not what this key has cosigned"):
        Witnessing(key, LOGS, Kept(disk, key.verifier), ManualClock())


async def test_what_is_half_written_is_passed_over() -> None:
    disk = LossyFolder(random.Random(1))
    disk.put(name_of(ORIGIN) + ".new", b"half a che")
    assert witness(disk).held == {}


async def test_a_log_that_is_named_no_more_is_kept_and_not_shown() -> None:
    disk = LossyFolder(random.Random(1))
    one = witness(disk)
    await ask(one, LOG.asks(0, 5))
    without = Witnessing(KEY, {OTHER.origin: [OTHER.key]}, Kept(disk, KEY.verifier), ManualClock())
    assert without.held == {}
    assert await ask(without, LOG.asks(5, 6)) == Refused(Refusal.ORIGIN)
    assert witness(disk).held[ORIGIN].checkpoint.size == 5


async def test_an_alarm_is_a_line_with_codes_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = ManualClock()
    one = witness(clock=clock)
    fork = Log(leaves=[b"another", *LOG.leaves[1:]])
    await ask(one, LOG.asks(0, 5))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert await ask(one, fork.asks(5, 5)) == Refused(Refusal.ROOT, 5)
            await ask(one, LOG.asks(0, 5))  # which anybody can do
            await one.answer(b"what a stranger says")
        await clock.advance(ALARM_NS // NS_PER_MS)
        await ask(one, fork.asks(5, 5))
    assert [record.getMessage() for record in caplog.records] == [
        "witness.refused code=witness.root log=log.example/evidence size=5"
    ] * 2


@given(st.binary(max_size=400))
async def test_any_bytes_are_refused_by_code(data: bytes) -> None:
    assert await witness().answer(data) == Refused(Refusal.REQUEST)


@given(st.integers(0, 10_000), st.integers(0, 255))
async def test_a_request_that_was_changed_or_cut_short_on_the_way_is_refused(
    at: int, by: int
) -> None:
    data = messages.write(LOG.asks(0, 30))
    at %= len(data)
    changed = data[:at] + bytes([data[at] ^ by]) + data[at + 1 :] if by else data[:at]
    found = await witness().answer(changed)
    assert isinstance(found, Refused)
    assert found.code in {
        Refusal.REQUEST,
        Refusal.SIGNATURE,
        Refusal.ORIGIN,
        Refusal.SIZE,
        Refusal.OLD_SIZE,
    }
