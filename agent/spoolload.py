"""Reads a spool's folder: what waits, where the chain stands, which runs are in no batch yet.

Writes nothing. What cannot be read is counted and passed over; the rest of its file is kept.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from agent import ranges
from agent.disk import Disk, DiskError, DiskFault
from agent.ranges import Ranges
from agent.spoolformat import (
    HEAD_BYTES,
    AckRecord,
    BatchRecord,
    ChainRecord,
    Found,
    Recorded,
    RunRecord,
    TombstoneRecord,
    decode,
    recorded_of,
    scan,
)
from agent.spoolindex import Entry, Index

BATCHES, RUNS, TOMBSTONE = "batches", "runs", "tombstone"
_NAME = re.compile(r"(batches|runs|tombstone)-([0-9]{12})\.log")


def file_name(series: str, number: int) -> str:
    return f"{series}-{number:012}.log"


@dataclass(slots=True)
class Kept:
    """One file: `size` on disk; `spans` are the seqs it holds, by epoch, `last_run` its last run."""

    series: str
    number: int
    size: int
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    last_run: int = 0

    @property
    def name(self) -> str:
        return file_name(self.series, self.number)

    def holds(self, epoch: str, seq: int) -> None:
        low, high = self.spans.get(epoch, (seq, seq))
        self.spans[epoch] = (min(low, seq), max(high, seq))


@dataclass(slots=True)
class Loaded:
    """`chain` is None when there is none to go on from: nothing is there, or it cannot be trusted
    (`doubt`). `torn` are files with the size they are to be cut to; `dead` hold nothing readable.
    """

    files: dict[int, Kept] = field(default_factory=dict)
    index: Index = field(default_factory=Index)
    gone: dict[str, Ranges] = field(default_factory=dict)
    chain: ChainRecord | None = None
    doubt: bool = False
    covered: int = 0
    unsealed: dict[int, Recorded] = field(default_factory=dict)
    run: int = 0
    stamp_ms: int = 0
    wall_ms: int = 0
    next_file: int = 1
    torn: list[tuple[str, int]] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    torn_bytes: int = 0
    damaged_bytes: int = 0
    faults: Counter[DiskFault] = field(default_factory=Counter)


def load(disk: Disk) -> Loaded:
    """DiskError only when the folder cannot be listed."""
    loaded, covered = Loaded(), Ranges()
    matches = [match for name in disk.names() if (match := _NAME.fullmatch(name))]
    # Tombstones last, the newest at the very end: each takes the place of what it stands for.
    found = sorted((match[1] == TOMBSTONE, int(match[2]), match[1]) for match in matches)
    newest = {series: number for _, number, series in found}
    runs: dict[int, Recorded] = {}
    for _, number, series in found:
        loaded.next_file = max(loaded.next_file, number + 1)
        kept = Kept(series, number, 0)
        records = _records(disk, kept, loaded, is_newest=number == newest[series])
        if records is None:
            continue
        loaded.files[number] = kept
        if series == BATCHES:
            _read_batches(records, kept, loaded, covered)
        elif series == RUNS:
            for record, _ in records:
                if isinstance(record, RunRecord):
                    runs[record.number] = recorded_of(record)
                    kept.last_run = max(kept.last_run, record.number)
        else:
            _read_tombstone(records, kept, loaded)
    for epoch, gone in loaded.gone.items():
        loaded.index.drop(epoch, gone)
    loaded.run = max([loaded.run, *runs])
    sealed = ranges.united([*covered, (0, loaded.covered)])
    loaded.unsealed = {n: runs[n] for n in sorted(runs) if not ranges.holds(sealed, n, n)}
    if loaded.doubt:
        loaded.chain = None
    return loaded


Line = tuple[object, Found]


def _records(disk: Disk, kept: Kept, loaded: Loaded, *, is_newest: bool) -> list[Line] | None:
    """None when there is nothing of it to keep, or it cannot be read. Only the newest file of a
    series was being written; a bad end of another one is damage.
    """
    has_chain = kept.series == BATCHES
    try:
        file = disk.open(kept.name)
        try:
            kept.size = file.size()
            data = file.read(0, kept.size)
        finally:
            file.close()
    except DiskError as error:
        loaded.faults[error.fault] += 1
        loaded.doubt = loaded.doubt or has_chain
        return None
    seen = scan(data)
    decoded = [(decode(found), found) for found in seen.records]
    strange = sum(HEAD_BYTES + len(found.payload) for record, found in decoded if record is None)
    torn = seen.torn if is_newest else 0
    damaged = seen.damaged + strange + seen.torn - torn
    loaded.torn_bytes += torn
    loaded.damaged_bytes += damaged
    if damaged:
        loaded.faults[DiskFault.DAMAGED] += 1
    if has_chain and seen.records:
        # Of an older file nothing matters for the chain once a newer one is whole.
        loaded.doubt = bool(damaged) or not isinstance(decoded[0][0], ChainRecord)
    if not seen.records:
        loaded.dead.append(kept.name)
        return None
    if torn:
        loaded.torn.append((kept.name, seen.end))
        kept.size = seen.end
    return [(record, found) for record, found in decoded if record is not None]


def _read_batches(records: list[Line], kept: Kept, loaded: Loaded, covered: Ranges) -> None:
    for record, found in records:
        if isinstance(record, ChainRecord):
            loaded.chain = record
            loaded.run = max(loaded.run, record.run)
            loaded.covered = record.covered
            for epoch, gone in record.gone.items():
                loaded.gone[epoch] = ranges.united([*loaded.gone.get(epoch, []), *gone])
            _seen(loaded, record.stamp_ms, record.wall_ms)
        elif isinstance(record, AckRecord):
            known = loaded.gone.get(record.epoch, [])
            loaded.gone[record.epoch] = ranges.united([*known, *record.stored])
        elif isinstance(record, BatchRecord):
            _read_batch(record, found, kept, loaded)
            covered += record.runs
            covered[:] = ranges.united(covered)


def _read_batch(record: BatchRecord, found: Found, kept: Kept, loaded: Loaded) -> None:
    loaded.index.add(
        Entry(
            record.epoch,
            record.seq,
            record.seq,
            kept.number,
            found.offset,
            HEAD_BYTES + len(found.payload),
            record.stamp_ms,
        )
    )
    kept.holds(record.epoch, record.seq)
    loaded.run = max([loaded.run, *(last for _, last in record.runs)])
    _seen(loaded, record.stamp_ms, record.wall_ms)
    chain = loaded.chain
    if chain is not None and (chain.epoch, True) == (record.epoch, chain.seq < record.seq):
        loaded.chain = ChainRecord(
            chain.org,
            chain.agent,
            chain.epoch,
            record.seq,
            record.last,
            chain.run,
            chain.covered,
            chain.stamp_ms,
            chain.wall_ms,
            {},
        )


def _read_tombstone(records: list[Line], kept: Kept, loaded: Loaded) -> None:
    for record, found in records:
        if isinstance(record, TombstoneRecord):
            loaded.index.add(
                Entry(
                    record.epoch,
                    record.first,
                    record.last,
                    kept.number,
                    found.offset,
                    HEAD_BYTES + len(found.payload),
                    record.stamp_ms,
                    tombstone=True,
                    bare=record.bare,
                )
            )


def _seen(loaded: Loaded, stamp_ms: int, wall_ms: int) -> None:
    if stamp_ms >= loaded.stamp_ms:
        loaded.stamp_ms, loaded.wall_ms = stamp_ms, wall_ms
