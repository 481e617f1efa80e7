"""The spool under a model: power loss at any write, full and read-only disks, lost replies.

Laws: a run that counted is with the collector, in the spool, or inside a tombstone's counts; no run
is in two batches; no number of an epoch is used twice; chains hang together. What counted while
there was no disk is exempt from a crash, and only then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from itertools import chain
from random import Random
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from agent.disk import DiskFault
from agent.holding import DiskLostError
from agent.keeper import Keeper
from agent.spoolfiles import Limits
from probes import batch, tombstone
from probes.contract import Outcome
from probes.segments import Run
from probes.tombstone import Tombstone
from tests.support.chains import a_missed_slot, a_run
from tests.support.faulty_disk import FaultyDisk, PowerLossError
from tests.support.soak import longer
from tests.support.spooling import Collecting, HandClock, a_keeper, counts, offer

LIMITS = Limits(24 * 1024, 3_600_000)
"""A file for each batch or two: all that is rare with gigabytes is daily here."""
RunId = tuple[str, int]


def run_id(run: Run) -> RunId:
    return (run.check, run.at_ms)


class SpoolMachine(RuleBasedStateMachine):
    @initialize(seed=st.integers(0, 2**32))
    def start(self, seed: int) -> None:
        self.loop = asyncio.new_event_loop()
        self.patched = pytest.MonkeyPatch()
        self.patched.setattr("agent.holding.MEMORY_BYTES", LIMITS.max_bytes)
        self.rng = Random(seed)
        self.disk = FaultyDisk(self.rng)
        self.clock = HandClock()
        self.collecting = Collecting()
        self.counted: set[RunId] = set()
        self.in_memory: set[RunId] = set()
        """Counted without a disk: a crash may take them."""
        self.lost: set[RunId] = set()
        """Those a crash may have taken."""
        self.twice: set[RunId] = set()
        """On disk in no batch, and in one in memory, when a crash came."""
        self.sealed: dict[tuple[str, int], set[RunId]] = {}
        self.keeper = self.open()

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.loop.close()
            self.patched.undo()

    def open(self) -> Keeper:
        while True:
            keeper = a_keeper(self.disk, self.clock, self.rng, self.count, LIMITS)
            try:
                self.loop.run_until_complete(keeper.begin())
            except PowerLossError:
                self.disk.lose_power()
                continue
            self.keeper = keeper
            self.observe()
            self.watch(keeper)
            return keeper

    def watch(self, keeper: Keeper) -> None:
        """A batch may be swallowed by the very next thing that is written."""
        write = keeper.held.write

        async def watched(act: Any) -> Any:
            done = await write(act)
            self.observe()
            return done

        keeper.held.write = watched  # type: ignore[method-assign]  # to look between two writes

    def count(self, run: Run) -> None:
        self.counted.add(run_id(run))
        if self.keeper.held.in_memory:
            self.in_memory.add(run_id(run))

    def act(self, work: Coroutine[Any, Any, Any]) -> None:
        """The process ends where a real one would."""
        try:
            self.loop.run_until_complete(work)
        except PowerLossError:
            self.crash(power=True)
        except DiskLostError:
            self.crash(power=False)
        self.observe()

    def crash(self, *, power: bool) -> None:
        if self.keeper.held.in_memory:
            self.lost |= self.in_memory
            self.twice |= self.counted
        self.in_memory = set()
        if power:
            self.disk.lose_power()
        self.disk.fail_at = {}
        self.disk.lose_power_at = None
        self.open()

    def observe(self) -> None:
        """What each batch holds, before anything can swallow it."""
        if not self.keeper.held.in_memory:
            self.in_memory = set()
        for spool in self.keeper.held.spools():
            for entry in spool.index.entries():
                if not entry.tombstone and entry.place not in self.sealed:
                    opened = batch.open_batch(spool.read(entry))
                    self.sealed[entry.place] = {run_id(run) for run in batch.runs_of(opened)}

    def record(self, letters: str) -> None:
        for letter in letters:
            self.clock.pass_ms(1_000)
            check, at_ms = self.rng.choice(["c-1", "c-2"]), self.clock.mono_ms
            self.keeper.add(
                a_missed_slot(at_ms, check)
                if letter == "m"
                else a_run(at_ms, Outcome.UP if letter == "u" else Outcome.DOWN, check)
            )
        self.act(self.keeper._commit())

    def seal(self) -> None:
        if self.keeper._batcher.due_ms() is not None:
            self.act(self.keeper._close())

    @rule()
    def missed_slots_close(self) -> None:
        self.act(self.keeper._close_missed())

    @rule(letters=st.text("uuuuuudm", min_size=1, max_size=8))
    def runs_end(self, letters: str) -> None:
        self.record(letters)

    @rule(batches=st.integers(1, 12), letters=st.text("uuuuuudm", min_size=1, max_size=12))
    def batches_close(self, batches: int, letters: str) -> None:
        for _ in range(batches):
            self.record(letters)
            self.seal()

    @rule(lose_reply=st.booleans(), times=st.integers(1, 8))
    def send(self, *, lose_reply: bool, times: int) -> None:
        for _ in range(times):
            self.act(self.sent(lose_reply=lose_reply))

    async def sent(self, *, lose_reply: bool) -> None:
        await offer(self.keeper, self.collecting, lose_reply=lose_reply)

    @rule()
    def keep_to_limits(self) -> None:
        calm = not self.disk.fail_at and self.disk.lose_power_at is None
        self.act(self.keeper.held.keep_to_limits())
        if calm:
            written = self.keeper.held.spools()[-1]
            assert written.files.size_bytes() <= LIMITS.max_bytes + 2 * LIMITS.file_bytes

    @rule(hours=st.integers(1, 10))
    def time_passes(self, hours: int) -> None:
        self.clock.pass_ms(hours * 100_000)

    @rule(by_days=st.integers(-4_000, 4_000))
    def wall_clock_is_set(self, by_days: int) -> None:
        self.clock.wall_ms = max(self.clock.wall_ms + by_days * 86_400_000, 1_000_000_000_000)

    @rule(kind=st.sampled_from(["kill", "power", "stop", "power soon", "full", "read-only"]))
    def trouble(self, kind: str) -> None:
        if kind == "power soon":
            self.disk.lose_power_at = self.disk.operations + self.rng.randint(1, 30)
        elif kind == "full":
            self.disk.capacity = self.disk.used() + self.rng.randint(0, 3_000)
        elif kind == "read-only":
            self.disk.read_only = True
        else:
            if kind == "stop":
                self.act(self.stopping())
            self.crash(power=kind == "power")
            self.observe()

    async def stopping(self) -> None:
        await self.keeper.finish()
        await self.keeper.held.close()

    @rule(
        ahead=st.integers(1, 30),
        fault=st.sampled_from([DiskFault.SYNC, DiskFault.WRITE, DiskFault.FULL]),
    )
    def disk_fails_soon(self, ahead: int, fault: DiskFault) -> None:
        self.disk.fail_at[self.disk.operations + ahead] = fault

    @precondition(lambda self: self.keeper.held.in_memory or self.disk.capacity < 1 << 30)
    @rule(heal=st.booleans())
    def try_the_disk_again(self, *, heal: bool) -> None:
        if heal:
            self.disk.read_only, self.disk.capacity = False, 1 << 30
        self.clock.pass_ms(10_000)
        self.act(self.keeper.held.come_back())

    @invariant()
    def nothing_that_counted_is_gone(self) -> None:
        if not hasattr(self, "keeper"):
            return
        where: set[RunId] = set()
        for spool in self.keeper.held.spools():
            where |= {run_id(one.run) for one in spool.open_runs.values()}
            where |= set(
                chain(*(self.sealed[e.place] for e in spool.index.entries() if not e.tombstone))
            )
        for place in self.collecting.batches:
            where |= self.sealed[place]
        for one in self.buried():
            span = range(one.header.first_seq, one.header.last_seq + 1)
            inside = [self.sealed[one.header.epoch, seq] for seq in span]
            assert counts(one).total() == sum(map(len, inside))
            where |= set(chain(*inside))
        assert self.counted - self.lost <= where

    @invariant()
    def no_run_is_in_two_batches(self) -> None:
        if not hasattr(self, "keeper"):
            return
        seen: dict[RunId, tuple[str, int]] = {}
        for place, opened in self.collecting.batches.items():
            for run in batch.runs_of(opened):
                other = seen.setdefault(run_id(run), place)
                assert other == place or run_id(run) in self.twice

    @invariant()
    def chains_hang_together(self) -> None:
        if not hasattr(self, "keeper"):
            return
        hashes = dict(self.collecting.hashes)
        links = {place: b.header.prev for place, b in self.collecting.batches.items()}
        links |= {(t.header.epoch, t.header.first_seq): t.header.prev for t in self.buried()}
        hashes |= {(t.header.epoch, t.header.last_seq): t.header.last for t in self.buried()}
        for (epoch, seq), prev in links.items():
            if seq == 1:
                assert prev == batch.NO_PREVIOUS
            elif (epoch, seq - 1) in hashes:
                assert prev == hashes[epoch, seq - 1]

    def buried(self) -> list[Tombstone]:
        waiting = [
            tombstone.open_tombstone(spool.read(entry))
            for spool in self.keeper.held.spools()
            for entry in spool.index.tombstones()
        ]
        return [*self.collecting.tombstones, *waiting]


TestSpool = SpoolMachine.TestCase
TestSpool.settings = settings(max_examples=longer(25), stateful_step_count=40, deadline=None)
