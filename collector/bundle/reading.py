"""A system's segments in the order of time, each proven by the header its agent signed.

Evidence stands in the order of the log; what came late is held back and put where it belongs, so
that what lies behind can be settled while the rest is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collector.attest import spelling
from collector.attest.strictjson import Value
from collector.bundle import evidencefile, jsonlines, layout
from collector.bundle.evidence import Arrived, Log
from collector.bundle.evidencefile import Segment
from collector.bundle.faults import BundleError, BundleFault
from collector.bundle.members import Members
from collector.core.windows import FAR
from probes import segments, tombstone
from probes.batch import Clock
from probes.envelope import BatchError
from probes.segments import SegmentError, Table
from probes.tombstone import Tombstone

LATE_MS = 900_000
"""What comes no later than this after its last result is not held back, and counts as in time."""

MOST_LATE = 512 << 20
"""Bytes of a system's segments that are held back at most."""


@dataclass(frozen=True, slots=True)
class Record:
    """Runs of one system out of one batch. `again`: of a tombstone, of a batch that is there too.
    Nothing that follows began before `edge`.
    """

    arrived: Arrived
    clock: Clock
    table: Table
    edge: int
    again: bool = False


class Order:
    """When what is still to be read began: made once for all systems."""

    def __init__(self, log: Log) -> None:
        self.late = frozenset(
            one.index
            for one in log.arrived.values()
            if one.tombstone or one.received_at - one.last_t > LATE_MS
        )
        self._ahead: dict[int, int] = {}
        first = FAR
        for index in sorted(log.arrived, reverse=True):
            self._ahead[index] = first
            if index not in self.late:
                first = min(first, log.arrived[index].first_t)

    def ahead(self, index: int) -> int:
        """Nothing in time that stands behind this entry began before."""
        return self._ahead[index]


def records(members: Members, log: Log, order: Order, system: str) -> Iterator[Record]:
    """All of a system's evidence; BundleError for what no batch of the range holds."""
    held = _late(members, log, order, system)
    at = 0
    for one in _read(members, system):
        arrived = _batch_of(log, one, system)
        if one.entry in order.late:
            continue
        while at < len(held) and held[at].arrived.first_t <= arrived.first_t:
            yield _late_record(held, at, min(order.ahead(one.entry), arrived.first_t), system)
            at += 1
        ahead = order.ahead(one.entry)
        edge = ahead if at == len(held) else min(ahead, held[at].arrived.first_t)
        yield Record(arrived, arrived.clock, _table(one, arrived, system), edge)
    while at < len(held):
        yield _late_record(held, at, FAR, system)
        at += 1


def tombstones(members: Members, log: Log) -> Iterator[tuple[Arrived, Tombstone]]:
    """Those whose bodies are disclosed, in the order of the log, each body the one of its header."""
    if layout.TOMBSTONES not in members.names:
        return
    before = -1
    with members.open(layout.TOMBSTONES) as file:
        for place, found in jsonlines.lines(
            file, BundleFault.EVIDENCE_TOMBSTONE, layout.TOMBSTONES
        ):
            index, body = jsonlines.count(found.get("index")), _body(found.get("body"))
            header = None if index is None else log.tombstones.get(index)
            if len(found) != len(("body", "index")) or index is None or body is None:
                raise BundleError(BundleFault.EVIDENCE_TOMBSTONE, place)
            if header is None or index <= before or not _is_of(header, body):
                raise BundleError(BundleFault.EVIDENCE_TOMBSTONE, place)
            before = index
            yield log.arrived[index], Tombstone(header, b"", b"", body)


@dataclass(frozen=True, slots=True)
class _Late:
    """`data` is unpacked when its turn has come."""

    arrived: Arrived
    clock: Clock
    data: Segment | Table
    again: bool


def _late(members: Members, log: Log, order: Order, system: str) -> list[_Late]:
    """What is held back, by when it began; BundleError TOO_LARGE where that is more than fits."""
    if not order.late:
        return []
    found: list[_Late] = []
    held = 0
    for one in _read(members, system):
        if one.entry in order.late:
            arrived = _batch_of(log, one, system)
            found.append(_Late(arrived, arrived.clock, one, again=False))
            held += len(one.data)
            if held > MOST_LATE:
                raise BundleError(BundleFault.TOO_LARGE, layout.evidence_of(system))
    there = {(a.agent, a.epoch, a.seq) for a in log.arrived.values() if not a.tombstone}
    for arrived, stone in tombstones(members, log):
        place = (arrived.agent, arrived.epoch)
        found += (
            _Late(arrived, clock, table, again=(*place, seq) in there)
            for seq, clock, table in _kept(stone, system)
        )
    return sorted(found, key=lambda one: (one.arrived.first_t, one.arrived.index))


def _kept(stone: Tombstone, system: str) -> Iterator[tuple[int, Clock, Table]]:
    try:
        entries = tombstone.entries_of(stone)
    except BatchError:
        raise BundleError(BundleFault.EVIDENCE_TOMBSTONE, layout.TOMBSTONES) from None
    for entry, tables in entries:
        for name, table in zip(sorted(entry.systems), tables, strict=True):
            if name == system:
                yield entry.seq, Clock(entry.clock_offset_ms, entry.clock_error_ms), table


def _late_record(held: Sequence[_Late], at: int, ahead: int, system: str) -> Record:
    one = held[at]
    following = held[at + 1].arrived.first_t if at + 1 < len(held) else FAR
    data = one.data
    table = _table(data, one.arrived, system) if isinstance(data, Segment) else data
    return Record(one.arrived, one.clock, table, min(ahead, following), one.again)


def _read(members: Members, system: str) -> Iterator[Segment]:
    name = layout.evidence_of(system)
    with members.open(name) as file:
        yield from evidencefile.read(file, name)


def _batch_of(log: Log, one: Segment, system: str) -> Arrived:
    found = log.arrived.get(one.entry)
    if found is None or found.tombstone:
        raise _refused(BundleFault.EVIDENCE_BATCH, one, system)
    return found


def _table(one: Segment, arrived: Arrived, system: str) -> Table:
    """The segment as columns, when it is the one that was signed."""
    if one.of != arrived.systems or one.root != arrived.root:
        raise _refused(BundleFault.EVIDENCE_PROOF, one, system)
    try:
        table = segments.read(one.data)
    except SegmentError:
        raise _refused(BundleFault.EVIDENCE_SEGMENT, one, system) from None
    at_ms, offset = table.at_ms, arrived.clock.offset_ms
    if (
        at_ms
        and not arrived.first_t <= min(at_ms) + offset <= max(at_ms) + offset <= arrived.last_t
    ):
        raise _refused(BundleFault.EVIDENCE_SEGMENT, one, system)
    return table


def _refused(fault: BundleFault, one: Segment, system: str) -> BundleError:
    return BundleError(fault, f"{layout.evidence_of(system)}:{one.entry}")


def _body(value: Value) -> bytes | None:
    return spelling.bytes_of(value) if isinstance(value, str) else None


def _is_of(header: tombstone.Header, body: bytes) -> bool:
    return (
        len(body) == header.body_length and hashlib.sha256(body).hexdigest() == header.body_sha256
    )
