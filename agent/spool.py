"""The spool: what an agent has seen, on disk before it counts, until the collector has it.

Runs go to `runs-*.log` as they end. A batch goes to `batches-*.log` with the numbers of the runs it
covers; only then it may be uploaded. A start goes on in new files, and puts runs that are in no
batch into the next one. A file goes when nothing in it is needed any more.

Age is counted in time of the spool's own (`spooltime.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent import ranges, spoolformat
from agent.disk import DiskError, DiskFault
from agent.ranges import Ranges
from agent.spoolfiles import Files, Log
from agent.spoolformat import (
    AckRecord,
    BatchRecord,
    Belief,
    ChainRecord,
    Recorded,
    TombstoneRecord,
)
from agent.spoolindex import Entry, Place
from agent.spoolload import BATCHES, RUNS, TOMBSTONE, Loaded
from agent.spooltime import SpoolTime
from probes import batch
from probes.batch import Anchors
from probes.segments import Run

RUN_FILE_BYTES = 1024 * 1024
MOST_RUNS = 1_000
"""Of a batch."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs, for whom, by which config; `beacon` as `probes/beacon.py` has it."""

    org: str
    agent: str
    key: Ed25519PrivateKey
    config: str
    beacon: str | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """The newest header of an epoch; `seq` 0 before the first."""

    org: str
    agent: str
    epoch: str
    seq: int = 0
    last: str = batch.NO_PREVIOUS


class Spool:
    """One process and one thread at a time. Every method may raise DiskError; after FULL, READ_ONLY
    and DENIED what was there can still be read, after SYNC and WRITE only a new start knows.
    """

    def __init__(self, files: Files, time: SpoolTime, loaded: Loaded, chain: Chain) -> None:
        self.files = files
        self.limits = files.limits
        self.time = time
        self.index = loaded.index
        self.chain = chain
        self.run = loaded.run
        self.open_runs: dict[int, Recorded] = dict(loaded.unsealed)
        """By number: durable, and in no batch yet."""
        self.offered: set[Place] = {e.place for e in loaded.index.entries() if e.tombstone}
        """Tombstones the collector may have: these stay as they are."""
        self._gone = loaded.gone
        self._covered_once: int | None = loaded.covered
        self._torn = loaded.torn
        self._dead = loaded.dead
        self._batches: Log | None = None
        self._runs: Log | None = None

    def begin(self, *, reserve: bool = True) -> None:
        """Start writing: tails are cut, and new files begun. Again after a fault."""
        self._prepare(reserve=reserve)
        self._new_batches(self._covered_once)
        if self._covered_once is not None:
            self._write_again()
            self._covered_once = None

    def _prepare(self, *, reserve: bool = True) -> None:
        """What can be done before anything of this chain is written."""
        if reserve:
            self.files.hold_reserve()
        for name, end in self._torn:
            self.files.cut(name, end)
        self._torn = []
        if self._dead:
            self.files.drop(self._dead)
            self._dead = []
        self.pause()

    def _write_again(self) -> None:
        """What the process before wrote last may be in the host's memory alone, also after a failed
        sync: it was read from there. The newest file of each kind is written once more.
        """
        newest: dict[str, int] = {}
        for number, kept in self.files.kept.items():
            if not self._is_written(number):
                newest[kept.series] = max(number, newest.get(kept.series, 0))
        doubtful = set(newest.values())
        entries = [entry for entry in self.index.entries() if entry.file in doubtful]
        self._take_over(self, entries, self.open_runs)
        self._new_batches()

    def _is_written(self, number: int) -> bool:
        return any(log.kept.number == number for log in (self._batches, self._runs) if log)

    def _take_over(self, of: Spool, entries: Sequence[Entry], runs: dict[int, Recorded]) -> None:
        """Durable here when it returns."""
        added = [self._added(entry, of.record(entry)) for entry in entries]
        self._write_runs(runs)
        if self._batches is not None:
            self.files.sync(self._batches)
        for entry in added:
            self.index.add(entry)

    def add_runs(self, runs: Sequence[Run], belief: Belief) -> None:
        """Durable when it returns. `belief`: what the clock is worth now."""
        recorded = [Recorded(run, belief) for run in runs]
        numbered = dict(enumerate(recorded, self.run + 1))
        self._write_runs(numbered)
        self.run += len(runs)
        self.open_runs |= numbered

    def open_groups(self) -> list[tuple[int, Belief]]:
        """The open runs in order, as many at a time as one clock was believed for, with its largest
        error.
        """
        groups: list[tuple[int, Belief]] = []
        for one in self.open_runs.values():
            belief = one.belief
            if groups and groups[-1][0] < MOST_RUNS and _same_clock(groups[-1][1], belief):
                count, known = groups[-1]
                larger = max(known, belief, key=lambda each: each.error_ms)
                groups[-1] = (count + 1, larger)
            else:
                groups.append((1, belief))
        return groups

    def seal(self, by: Signer, count: int, anchors: Anchors, secret: bytes) -> Entry:
        """The next batch: the oldest `count` open runs. Durable when it returns."""
        covered = dict(islice(self.open_runs.items(), count))
        runs = [one.run for one in covered.values()]
        numbers = ranges.of_numbers(covered)
        entry = self._seal(
            by, anchors, numbers, lambda place: batch.seal(by.key, place, anchors, runs, secret)
        )
        for number in covered:
            del self.open_runs[number]
        return entry

    def seal_missed(
        self, by: Signer, missed: Sequence[Run], anchors: Anchors, secret: bytes
    ) -> Entry:
        """The next batch, of missed slots, which are never open. Durable when it returns."""
        return self._seal(
            by, anchors, [], lambda place: batch.seal_missed(by.key, place, anchors, missed, secret)
        )

    def _seal(
        self, by: Signer, anchors: Anchors, covered: Ranges, sealed: Callable[[batch.Place], bytes]
    ) -> Entry:
        if (by.org, by.agent) != (self.chain.org, self.chain.agent):
            raise ValueError("an epoch belongs to one agent")
        chain = self.chain
        seq, beacon = chain.seq + 1, by.beacon
        place = batch.Place(by.org, by.agent, chain.epoch, seq, chain.last, by.config, beacon)
        data = sealed(place)
        record = BatchRecord(
            chain.epoch,
            place.seq,
            batch.header_hash(batch.open_batch(data)),
            self.time.now_ms(),
            anchors.wall_ms,
            covered,
            data,
        )
        log = self._batches
        if log is None or log.kept.size >= self.limits.file_bytes:
            log = self._new_batches()
        entry = self._batch(log, record)
        self.files.sync(log)
        self.index.add(entry)
        self.chain = Chain(chain.org, chain.agent, chain.epoch, place.seq, record.last)
        return entry

    def acknowledge(self, epoch: str, stored: Iterable[tuple[int, int]]) -> int:
        """Forget what lies in these ranges; returns how many entries that were. Not durable: after
        a crash some may be sent again.
        """
        named = ranges.united(stored)
        dropped = self.index.drop(epoch, named)
        if dropped:
            self._gone[epoch] = ranges.united([*self._gone.get(epoch, []), *named])
            if self._batches is not None:
                self._batches.append(spoolformat.encode(AckRecord(epoch, named)))
        return dropped

    def is_ahead(self, epoch: str, stored: Iterable[tuple[int, int]]) -> bool:
        """Has the collector more of this epoch than was ever made here? Then this folder is an old
        copy of another, and numbers would be used twice.
        """
        return epoch == self.chain.epoch and any(last > self.chain.seq for _, last in stored)

    def begin_epoch(self, epoch: str, org: str, agent: str) -> None:
        """A chain of its own from here on."""
        self.chain = Chain(org, agent, epoch)
        if self._batches is not None:
            self._new_batches()

    def read(self, entry: Entry) -> bytes:
        """The envelope of a batch or a tombstone."""
        return self.record(entry).data

    def record(self, entry: Entry) -> BatchRecord | TombstoneRecord:
        record = spoolformat.read(self.files.read(entry.file, entry.offset, entry.size))
        if isinstance(record, BatchRecord) and entry.place == (record.epoch, record.seq):
            return record
        if isinstance(record, TombstoneRecord) and entry.place == (record.epoch, record.first):
            return record
        raise DiskError(DiskFault.DAMAGED)

    def forget(self, entry: Entry) -> None:
        """What cannot be read any more."""
        self.index.drop(entry.epoch, [(entry.first, entry.last)])

    def bury(self, entry: Entry, data: bytes) -> None:
        """Put a tombstone in the place of all it stands for; where it lies is known only here."""
        self.index.add(self._tombstone(entry, data))

    def adopt(self, other: Spool, new_epoch: Callable[[], str]) -> None:
        """Take over all of a spool that went on from here while this one could not write. If that
        fails half-way, the next start may find the chain here: the other one leaves it.
        """
        self._prepare()
        before = self.chain, self.run
        self.chain, self.run = other.chain, other.run
        try:
            self.begin()
            runs = {n: run for n, run in other.open_runs.items() if n not in self.open_runs}
            self._take_over(other, list(other.index.entries()), runs)
        except DiskError:
            self.chain, self.run = before
            other.begin_epoch(new_epoch(), other.chain.org, other.chain.agent)
            raise
        self.open_runs = dict(other.open_runs)
        self.offered |= other.offered
        self._new_batches()  # its head says which runs are in batches now

    def clear(self) -> None:
        """Remove the files nobody needs any more. The newest of batches holds the chain."""
        covered = self._covered()
        active = {self.files.newest_of_batches()}
        if self._runs is not None:
            active.add(self._runs.kept.number)
        done = [
            kept
            for number, kept in self.files.kept.items()
            if number not in active and not self.index.live_in(number) and kept.last_run <= covered
        ]
        if not done:
            return
        if self._batches is not None and self._batches.dirty:
            self.files.sync(self._batches)  # else their batches were there again after a power cut
        self.files.remove(done)

    def close(self) -> None:
        if self._batches is not None and self._batches.dirty:
            self.files.sync(self._batches)
        self.pause()

    def pause(self) -> None:
        """Write no more; what is there can still be read and acknowledged."""
        logs, self._batches, self._runs = (self._batches, self._runs), None, None
        for log in logs:
            if log is not None:
                log.file.close()

    def _covered(self) -> int:
        """Every run up to it is in a batch."""
        return next(iter(self.open_runs), self.run + 1) - 1

    def _new_batches(self, covered: int | None = None) -> Log:
        """`covered`: as far as it is sure; left out, all that is in no open run."""
        if self._batches is not None:
            if self._batches.dirty:
                self.files.sync(self._batches)
            self._batches.file.close()
            self._batches = None
        log = self.files.make(BATCHES)
        chain = self.chain
        head = ChainRecord(
            chain.org,
            chain.agent,
            chain.epoch,
            chain.seq,
            chain.last,
            self.run,
            self._covered() if covered is None else covered,
            self.time.now_ms(),
            self.time.clock.now_ms(),
            self._gone_here(),
        )
        try:
            log.append(spoolformat.encode(head))
            self.files.sync(log)
        except DiskError:
            log.file.close()
            raise
        self._batches = log
        return log

    def _gone_here(self) -> dict[str, Ranges]:
        """What must be known of the files that are there."""
        self._gone = {
            epoch: ranges.from_on(self._gone[epoch], low)
            for epoch, low in self.files.first_seqs().items()
            if epoch in self._gone
        }
        return {epoch: gone for epoch, gone in self._gone.items() if gone}

    def _write_runs(self, numbered: dict[int, Recorded]) -> None:
        if not numbered:
            return
        log = self._runs
        if log is None or log.kept.size >= min(RUN_FILE_BYTES, self.limits.file_bytes):
            full, log = log, self.files.make(RUNS)
            self._runs = log
            if full is not None:
                full.file.close()
        records = [spoolformat.run_record(number, run) for number, run in numbered.items()]
        log.append(b"".join(map(spoolformat.encode, records)))
        log.kept.last_run = max(numbered)
        self.files.sync(log)

    def _batch(self, log: Log, record: BatchRecord) -> Entry:
        data = spoolformat.encode(record)
        offset = log.append(data)
        log.kept.holds(record.epoch, record.seq)
        return Entry(
            record.epoch,
            record.seq,
            record.seq,
            log.kept.number,
            offset,
            len(data),
            record.stamp_ms,
        )

    def _added(self, entry: Entry, record: BatchRecord | TombstoneRecord) -> Entry:
        if isinstance(record, TombstoneRecord):
            return self._tombstone(entry, record.data)
        log = self._batches
        if log is None or log.kept.size >= self.limits.file_bytes:
            log = self._new_batches(self._covered_once)
        return self._batch(log, record)

    def _tombstone(self, entry: Entry, data: bytes) -> Entry:
        log = self.files.make(TOMBSTONE)
        record = spoolformat.encode(
            TombstoneRecord(entry.epoch, entry.first, entry.last, entry.stamp_ms, entry.bare, data)
        )
        try:
            log.append(record)
            self.files.sync(log)
        finally:
            log.file.close()
        return Entry(
            entry.epoch,
            entry.first,
            entry.last,
            log.kept.number,
            0,
            len(record),
            entry.stamp_ms,
            tombstone=True,
            bare=entry.bare,
        )


def _same_clock(one: Belief, other: Belief) -> bool:
    return (one.offset_ms, one.source) == (other.offset_ms, other.source)
