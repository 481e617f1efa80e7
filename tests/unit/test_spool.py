"""What the spool keeps through faults of the disk, restarts and weeks without a collector."""

from __future__ import annotations

import dataclasses
import errno
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from agent.disk import Disk, DiskFault, HostDisk, MemoryDisk
from agent.holding import DiskLostError
from agent.keeper import Keeper
from agent.spoolfiles import Limits
from agent.spoolindex import Entry, Index
from collector.core.truth import SystemTruth, fold_system
from probes import batch, tombstone
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from probes.segments import Run
from tests.support.chains import a_missed_slot, a_run
from tests.support.faulty_disk import FaultyDisk
from tests.support.spooling import DAY_MS, Collecting, HandClock, a_keeper, offer
from tests.support.stories import check, config

LIMITS = Limits(1 << 20, 21 * DAY_MS)
A_FILE_EACH = Limits(8 * 1024, 21 * DAY_MS)
MINUTE_MS = 60_000


class Watch:
    """One agent's keeper, its restarts, and a collector that may be away."""

    def __init__(self, disk: Disk, limits: Limits = LIMITS, agent: str = "north-1") -> None:
        self.disk = disk
        self.limits = limits
        self.agent = agent
        self.offset_ms = 0
        self.clock = HandClock()
        self.rng = Random(5)
        self.collecting = Collecting()
        self.counted: list[Run] = []
        self.keeper: Keeper

    async def start(self) -> Keeper:
        """A process; the one before was killed."""
        self.keeper = a_keeper(
            self.disk,
            self.clock,
            self.rng,
            self.counted.append,
            self.limits,
            self.agent,
            self.offset_ms,
        )
        await self.keeper.begin()
        return self.keeper

    async def see(self, *outcomes: Outcome, check_id: str = "c", every_ms: int = MINUTE_MS) -> None:
        """Runs that end together, one after the other on the clock."""
        for outcome in outcomes:
            self.clock.pass_ms(every_ms)
            run = a_run(self.clock.now_ms(), outcome, check_id)
            took_us = self.clock.now_ms() * 7_919 % 10_000_019
            self.keeper.add(replace(run, duration_us=took_us))
        await self.keeper._commit()

    async def seal(self) -> None:
        if self.keeper._batcher.due_ms() is not None:
            await self.keeper._close()

    async def batch(self, count: int, outcome: Outcome = Outcome.UP) -> None:
        await self.see(*[outcome] * count)
        await self.seal()

    async def deliver(self) -> None:
        while await offer(self.keeper, self.collecting) is not None:
            pass

    def value(self, name: str, **labels: str) -> float:
        return self.keeper._metrics.registry.get_sample_value(name, labels) or 0

    @property
    def waiting(self) -> list[int]:
        spools = self.keeper.held.spools()
        return [entry.first for spool in spools for entry in spool.index.entries()]

    @property
    def epoch(self) -> str:
        return self.keeper.held.spools()[-1].chain.epoch

    def results(self) -> list[Result]:
        found = [r for b in self.collecting.batches.values() for r in batch.results_of(b, 0)]
        found += [r for t in self.collecting.tombstones for r in tombstone.results_of(t, 0)]
        return sorted(found, key=lambda r: (r.t, r.check))


async def a_watch(disk: Disk, limits: Limits = LIMITS) -> Watch:
    watch = Watch(disk, limits)
    await watch.start()
    return watch


def truth(results: list[Result], until: int, start: int) -> SystemTruth:
    used = config(
        agents={"north-1": {"site": "north"}},
        sites={"north": {"name": "North"}},
        checks={"c": check(every="180s", **{"from": ["north-1"]})},
    )
    return fold_system(
        "ehr", History([Version(None, used)]), {("c", "north-1"): results}, until, start
    )


async def test_three_days_without_a_collector_then_replay_equals_never_disconnected() -> None:
    away, near = Watch(FaultyDisk(Random(1)), Limits(1 << 30, 21 * DAY_MS)), Watch(MemoryDisk())
    start_ms = away.clock.now_ms()
    for watch in (away, near):
        await watch.start()
        story = Random(9)
        for quarter in range(72 * 4):
            letters = [Outcome.DOWN if story.random() < 0.03 else Outcome.UP for _ in range(5)]
            if quarter in range(100, 130):
                letters = [Outcome.DOWN] * 5
            await watch.see(*letters, every_ms=3 * MINUTE_MS)
            await watch.seal()
            if watch is near:
                await watch.deliver()
            elif quarter == 150:
                away.disk.lose_power()  # type: ignore[attr-defined]  # this one is the simulated one
                await away.start()
    assert away.collecting.batches == {}
    await offer(away.keeper, away.collecting)
    assert [seq for _, seq in away.collecting.batches] == [288]
    await offer(away.keeper, away.collecting)
    assert [seq for _, seq in away.collecting.batches] == [288, 1]
    await away.deliver()
    assert away.results() == near.results()
    assert len(near.results()) == 1_440
    until = away.clock.now_ms()
    late, prompt = (truth(one.results(), until, start_ms) for one in (away, near))
    assert (late.states, late.outages) == (prompt.states, prompt.outages)
    assert {str(span.value) for span in late.states} >= {"up", "down"}
    assert away.waiting == []
    assert len([name for name in away.disk.names() if name.startswith("batches")]) == 1


async def test_what_waits_for_a_commit_shares_one_sync() -> None:
    watch = await a_watch(MemoryDisk())
    asked: list[int] = []
    watch.keeper.held.spools()[0].files.synced = asked.append
    await watch.see(*[Outcome.UP] * 50)
    assert len(asked) == 1
    await watch.seal()
    assert len(asked) == 2


async def test_missed_slots_count_once_they_are_in_a_batch_of_their_own() -> None:
    watch = await a_watch(MemoryDisk())
    for second in range(3):
        watch.clock.pass_ms(1_000)
        watch.keeper.add(a_missed_slot(watch.clock.now_ms(), f"m-{second}"))
        watch.keeper.add(a_run(watch.clock.now_ms(), Outcome.UP, "c"))
        await watch.keeper._commit()
    assert [run.check for run in watch.counted] == ["c", "c", "c"]
    assert watch.keeper._due_ms() == 1_250  # the first result of a check is news
    await watch.keeper._close_due(1_250)
    assert watch.keeper._due_ms() == 3_000
    await watch.keeper._close_due(3_000)
    assert [run.check for run in watch.counted[3:]] == ["m-0", "m-1", "m-2"]
    assert watch.keeper._due_ms() is None
    await watch.deliver()
    said = [[run.check for run in batch.runs_of(b)] for b in watch.collecting.batches.values()]
    assert sorted(said) == [["c", "c", "c"], ["m-0", "m-1", "m-2"]]
    assert watch.value("wardwatch_agent_batches_sealed_total") == 2


async def test_a_stop_seals_missed_slots_and_a_kill_costs_those_of_two_seconds_only() -> None:
    disk = MemoryDisk()
    watch = await a_watch(disk)
    watch.keeper.add(a_missed_slot(1, "sealed"))
    await watch.keeper.finish()
    watch.keeper.add(a_missed_slot(2, "gathered"))
    watch.keeper.add(a_run(3, Outcome.UP, "c"))
    await watch.keeper._commit()
    await watch.start()
    await watch.deliver()
    assert [result.check for result in watch.results()] == ["sealed", "c"]
    assert [run.check for run in watch.counted] == ["sealed", "c"]


async def test_a_disk_that_cannot_be_written_costs_no_missed_slot() -> None:
    disk = FaultyDisk(Random(1))
    watch = await a_watch(disk)
    watch.keeper.add(a_missed_slot(1, "m"))
    await watch.keeper._commit()
    disk.read_only = True
    await watch.keeper._close_missed()
    assert watch.keeper.held.in_memory
    await watch.deliver()
    assert [(r.check, r.reason) for r in watch.results()] == [("m", "agent.missed_slot")]


async def test_what_was_missed_under_a_config_is_in_batches_that_name_it() -> None:
    watch = await a_watch(MemoryDisk())
    sealed: list[float] = []
    watch.keeper.add(a_missed_slot(1, "before"))
    watch.keeper.then(lambda: sealed.append(watch.value("wardwatch_agent_batches_sealed_total")))
    watch.keeper.add(a_missed_slot(2, "after"))
    await watch.keeper._commit()
    assert sealed == [1]
    assert [run.check for run in watch.counted] == ["before"]


async def test_a_version_that_comes_between_two_batches_of_missed_slots_is_named_by_neither() -> (
    None
):
    watch = await a_watch(MemoryDisk())
    makings, versions = watch.keeper._makings, iter(["1" * 16, "2" * 16])
    watch.keeper._makings = dataclasses.replace(
        makings, signer=lambda: dataclasses.replace(makings.signer(), config=next(versions))
    )
    for at in range(1_500):
        watch.keeper.add(a_missed_slot(at, "m"))
    await watch.keeper._commit()
    await watch.keeper._close_missed()
    await watch.deliver()
    headers = [one.header for one in watch.collecting.batches.values()]
    assert [header.config for header in headers] == ["1" * 16] * 2


async def test_runs_of_no_batch_are_in_the_next_one_after_a_kill() -> None:
    watch = await a_watch(MemoryDisk())
    await watch.batch(3)
    await watch.see(Outcome.DOWN, Outcome.UP)
    epoch = watch.epoch
    await watch.start()
    assert watch.value("wardwatch_spool_recovered_runs_total") == 2
    await watch.see(Outcome.UP)
    await watch.seal()
    await watch.deliver()
    assert watch.epoch == epoch
    assert [(e == epoch, seq) for e, seq in watch.collecting.batches] == [
        (True, 3),
        (True, 1),
        (True, 2),
    ]
    assert len(watch.results()) == 6


async def test_a_run_found_by_the_next_start_keeps_the_clock_it_was_recorded_by() -> None:
    """The host's clock may have been put right in between."""
    watch = Watch(MemoryDisk())
    watch.offset_ms = 3_600_000
    await watch.start()
    await watch.see(Outcome.DOWN)
    before_ms = watch.clock.now_ms()
    watch.clock.wall_ms += 3_600_000
    watch.offset_ms = 0
    await watch.start()
    await watch.batch(1)
    await watch.deliver()
    assert [r.t - before_ms for r in watch.results()] == [3_600_000, 3_600_000 + MINUTE_MS]


async def test_a_torn_tail_is_cut_off_and_counted(tmp_path: Path) -> None:
    watch = await a_watch(HostDisk(tmp_path / "spool"))
    await watch.batch(3)
    epoch = watch.epoch
    newest = max((tmp_path / "spool").glob("batches-*.log"))
    newest.write_bytes(newest.read_bytes() + b"WWS1" + bytes(90))
    await watch.start()
    assert watch.value("wardwatch_spool_torn_bytes_total") == 94
    assert watch.value("wardwatch_spool_damaged_bytes_total") == 0
    assert (watch.epoch, watch.waiting) == (epoch, [1])


def spoiled(path: Path, word: bytes) -> None:
    """One bit of the record that holds `word`."""
    data = bytearray(path.read_bytes())
    data[data.index(word) + len(word)] ^= 1
    path.write_bytes(bytes(data))


async def test_damage_in_an_old_file_costs_one_batch_and_is_counted(tmp_path: Path) -> None:
    watch = await a_watch(HostDisk(tmp_path / "spool"), A_FILE_EACH)
    for _ in range(4):
        await watch.batch(3)
    epoch = watch.epoch
    files = sorted((tmp_path / "spool").glob("batches-*.log"))
    (old,) = [path for path in files if b'"seq":2' in path.read_bytes()]
    spoiled(old, b'"seq":2')
    await watch.start()
    assert (watch.epoch, watch.waiting) == (epoch, [1, 3, 4])
    assert 600 < watch.value("wardwatch_spool_damaged_bytes_total") < 1_200
    assert watch.value("wardwatch_spool_faults_total", fault="damaged") == 1


async def test_damage_in_the_newest_file_begins_a_new_epoch_and_keeps_the_rest(
    tmp_path: Path,
) -> None:
    watch = await a_watch(HostDisk(tmp_path / "spool"))
    for _ in range(3):
        await watch.batch(3)
    before = watch.epoch
    spoiled(max((tmp_path / "spool").glob("batches-*.log")), b'"seq":2')
    await watch.start()
    assert watch.epoch != before
    assert watch.value("wardwatch_spool_epochs_total", why="unreadable") == 1
    await watch.batch(1)
    assert watch.waiting == [1, 3, 1, 2]  # the runs of the spoiled one were there still


async def test_a_lost_folder_and_another_agent_begin_a_new_epoch(tmp_path: Path) -> None:
    watch = await a_watch(HostDisk(tmp_path / "spool"))
    await watch.batch(1)
    first = watch.epoch
    for path in (tmp_path / "spool").iterdir():
        path.unlink()
    await watch.start()
    second = watch.epoch
    assert watch.value("wardwatch_spool_epochs_total", why="nothing_there") == 1
    watch.agent = "north-2"
    await watch.start()
    assert len({first, second, watch.epoch}) == 3
    assert watch.value("wardwatch_spool_epochs_total", why="other_agent") == 1


async def test_a_batch_the_disk_does_not_give_back_is_given_up_aloud(tmp_path: Path) -> None:
    watch = await a_watch(HostDisk(tmp_path / "spool"))
    for _ in range(3):
        await watch.batch(2)
    spoiled(max((tmp_path / "spool").glob("batches-*.log")), b'"seq":2')
    await watch.deliver()
    assert sorted(seq for _, seq in watch.collecting.batches) == [1, 3]
    assert watch.value("wardwatch_spool_unreadable_batches_total") == 1
    assert watch.waiting == []


def refusing(code: int) -> Callable[..., int]:
    def refuse(*_: object) -> int:
        raise OSError(code, "")

    return refuse


async def test_without_a_descriptor_nothing_is_sent_and_nothing_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = await a_watch(HostDisk(tmp_path / "spool"))
    for _ in range(3):
        await watch.batch(2)
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refusing(errno.EMFILE))
        assert await watch.keeper.held.next(None) is None
    assert watch.waiting == [1, 2, 3]
    assert watch.value("wardwatch_spool_faults_total", fault="resources") == 1
    assert watch.value("wardwatch_spool_unreadable_batches_total") == 0
    await watch.deliver()
    assert sorted(seq for _, seq in watch.collecting.batches) == [1, 2, 3]


@pytest.mark.parametrize("act", ["send", "give way"])
async def test_a_disk_that_does_not_answer_ends_the_process_and_the_next_one_has_it_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    watch = await a_watch(HostDisk(tmp_path / "spool"))
    for _ in range(3):
        await watch.batch(2)
    if act == "give way":
        watch.clock.pass_ms(22 * DAY_MS)
    with monkeypatch.context() as patched:
        patched.setattr(os, "pread", refusing(errno.EIO))
        with pytest.raises(DiskLostError):
            await (
                watch.keeper.held.next(None)
                if act == "send"
                else watch.keeper.held.keep_to_limits()
            )
    assert watch.keeper.held.lost
    assert watch.value("wardwatch_spool_faults_total", fault="read") == 1
    await watch.start()
    await watch.deliver()
    assert len(watch.results()) == 6


async def test_setting_the_wall_clock_throws_nothing_away_but_age_does() -> None:
    watch = await a_watch(MemoryDisk())
    await watch.batch(30)
    watch.clock.wall_ms += 4_000 * DAY_MS
    await watch.keeper.held.keep_to_limits()
    await watch.start()
    await watch.keeper.held.keep_to_limits()
    watch.clock.wall_ms -= 8_000 * DAY_MS
    await watch.start()
    await watch.keeper.held.keep_to_limits()
    assert watch.keeper.held.facts.tombstones == 0
    watch.clock.pass_ms(19 * DAY_MS)
    await watch.keeper.held.keep_to_limits()
    assert watch.keeper.held.facts.tombstones == 0
    watch.clock.pass_ms(2 * DAY_MS)
    await watch.keeper.held.keep_to_limits()
    await watch.deliver()
    (one,) = watch.collecting.tombstones
    assert (one.header.why, one.header.batches) == (tombstone.Why.FULL_AGE, 1)
    assert (one.header.given_up, one.header.kept) == ({Outcome.UP: 21}, {Outcome.UP: 9})


async def test_a_full_spool_keeps_what_was_not_up_and_counts_what_it_gives_up() -> None:
    watch = await a_watch(MemoryDisk(), Limits(96 * 1024, 21 * DAY_MS))
    for n in range(120):
        await watch.batch(30, Outcome.DOWN if n == 20 else Outcome.UP)
        await watch.keeper.held.keep_to_limits()
    assert watch.keeper.held.facts.bytes <= 100 * 1024
    assert 1 <= watch.keeper.held.facts.tombstones <= 4
    given = watch.value("wardwatch_spool_results_given_up_total", outcome="up")
    await watch.deliver()
    results = watch.results()
    assert len(results) + given == 120 * 30
    assert Counter(r.outcome for r in results)[Outcome.DOWN] == 30
    seqs = [s for spans in watch.collecting.stored(watch.epoch) for s in spans[:1]]
    assert seqs == list(range(1, 121))
    full = [t for t in watch.collecting.tombstones if not t.header.bare]
    assert all(t.header.why is tombstone.Why.FULL_BYTES for t in full)


async def test_when_nothing_goes_well_for_long_the_oldest_lose_even_that() -> None:
    watch = await a_watch(MemoryDisk(), Limits(24 * 1024, 21 * DAY_MS))
    for _ in range(120):
        await watch.batch(30, Outcome.DOWN)
        await watch.keeper.held.keep_to_limits()
    assert watch.keeper.held.facts.bytes <= 27 * 1024
    await watch.deliver()
    bare = [t for t in watch.collecting.tombstones if t.header.bare]
    assert [t.header.first_seq for t in bare] == [1]
    counts = Counter[Outcome]()
    for one in watch.collecting.tombstones:
        counts += Counter(one.header.given_up) + Counter(one.header.kept)
    sealed = sum(b.header.results for b in watch.collecting.batches.values())
    assert counts.total() + sealed == 120 * 30


async def test_a_disk_others_fill_is_left_for_memory_and_returned_to() -> None:
    disk = FaultyDisk(Random(1))
    watch = await a_watch(disk)
    await watch.batch(3)
    on_disk = watch.epoch
    disk.capacity = 0
    await watch.batch(4)
    assert watch.keeper.held.in_memory
    assert watch.epoch != on_disk
    assert watch.value("wardwatch_spool_in_memory") == 1
    assert watch.value("wardwatch_spool_faults_total", fault="full") >= 1
    await watch.see(Outcome.UP)
    await watch.keeper.held.come_back()
    assert watch.value("wardwatch_spool_in_memory") == 1
    disk.capacity = 1 << 30
    await watch.keeper.held.come_back()
    assert watch.value("wardwatch_spool_in_memory") == 0
    disk.lose_power()
    await watch.start()
    await watch.seal()
    await watch.deliver()
    assert len(watch.results()) == len(watch.counted) == 8
    assert len({epoch for epoch, _ in watch.collecting.batches}) == 2


async def test_a_small_disk_of_its_own_gives_way_to_tombstones_and_stays() -> None:
    disk = FaultyDisk(Random(1), capacity=200 * 1024)
    watch = await a_watch(disk, Limits(1 << 20, 21 * DAY_MS))
    for _ in range(200):
        await watch.batch(30)
    assert not watch.keeper.held.in_memory
    assert watch.keeper.held.facts.tombstones >= 1
    assert disk.used() <= 200 * 1024


async def test_a_read_only_disk_at_start_still_gives_what_it_has() -> None:
    disk = FaultyDisk(Random(1))
    watch = await a_watch(disk)
    await watch.batch(3)
    await watch.see(Outcome.DOWN)
    disk.read_only = True
    await watch.start()
    assert watch.keeper.held.in_memory
    await watch.batch(2)
    await watch.deliver()
    assert len(watch.results()) == 6
    assert watch.waiting == []


async def test_a_disk_that_can_neither_be_written_nor_read_costs_nothing_that_is_in_memory() -> (
    None
):
    disk = FaultyDisk(Random(1))
    watch = await a_watch(disk)
    await watch.batch(3)
    disk.read_only = disk.unreadable = True
    await watch.batch(2)
    await watch.batch(2)
    assert watch.keeper.held.in_memory
    await watch.deliver()
    assert (len(watch.results()), watch.keeper.held.lost) == (4, False)
    disk.read_only = disk.unreadable = False
    await watch.keeper.held.come_back()
    await watch.deliver()
    assert (len(watch.results()), watch.waiting) == (7, [])


async def test_after_a_failed_sync_the_process_ends_and_the_next_one_has_it_all() -> None:
    disk = FaultyDisk(Random(1))
    watch = await a_watch(disk)
    await watch.batch(3)
    await watch.see(Outcome.UP)
    disk.fail_at = {disk.operations + 2: DiskFault.SYNC}
    with pytest.raises(DiskLostError):
        await watch.seal()
    assert watch.keeper.held.lost
    await watch.start()
    disk.lose_power()
    await watch.start()
    await watch.seal()
    await watch.deliver()
    assert len(watch.results()) == 4


def test_a_backlog_of_three_weeks_is_small_in_memory() -> None:
    """Of 181 440 batches of ten seconds, a tenth."""
    index = Index()
    for seq in range(1, 18_145):
        index.add(Entry("e1", seq, seq, seq // 400, seq % 400 * 11_000, 11_000, seq * 10_000))
    (line,) = index._lines.values()
    size = sum(len(column) * column.itemsize for column in line.columns())
    assert size <= 1024 * 1024
    assert index.drop("e1", [(1, 100), (5_000, 6_000)]) == 1_101
    assert (len(index), index.live_in(14)) == (17_043, 0)


async def test_files_that_are_full_are_closed(tmp_path: Path) -> None:
    def is_open(path: Path) -> bool:
        return path.exists() and path.readlink().parent == tmp_path / "spool"

    watch = await a_watch(HostDisk(tmp_path / "spool"), A_FILE_EACH)
    for _ in range(40):
        await watch.batch(5)
        await watch.deliver()
    assert len([path for path in Path("/proc/self/fd").iterdir() if is_open(path)]) == 2
