"""From the store to a bundle's evidence: the log's range, its rows and proofs, the segments of the
systems that are disclosed, written to files a page at a time.

Nothing is judged here. What is written is what was logged, byte for byte, or nothing is.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, func, select

from collector.attest import note, policyfile
from collector.attest.faults import AttestError
from collector.attest.merkle import CompactRange, inclusion_path
from collector.attest.note import Note
from collector.attest.policy import Policy, accept
from collector.attest.proof import Proof
from collector.attest.proof import write as write_proof
from collector.attesting.disclosing import Disclosing, Shown
from collector.attesting.refusals import Refusal, RefusedAttestationError
from collector.bundle import evidencefile, jsonlines, layout, logfile
from collector.bundle.evidencefile import segment_of
from collector.store import ledger, shortform
from collector.store.ledger import Stored
from collector.store.store import Store
from collector.store.tables import batches
from collector.tlog import checkpoints, reading
from collector.tlog.checkpoints import Published
from collector.tlog.epochs import Epoch, Log
from collector.tlog.leafrows import JOURNAL, Leaf
from collector.tlog.reading import ChangedError
from probes import batch as batch_
from probes import tombstone

PAGE = 256
"""Leaves of a page: a few megabytes."""
AHEAD_MS = 900_000
"""A log's range begins so long before its evidence: clocks of agents and ours differ a little."""
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Asked:
    """`[evidence_from, now)`, UTC ms, of some systems, up to a checkpoint of an epoch of the log.
    `witnessed`: cosignatures are asked for, and early proofs with them.
    """

    org: str
    epoch: Epoch
    systems: tuple[str, ...]
    evidence_from: int
    now: int
    final: Published
    witnessed: bool


@dataclass(frozen=True, slots=True)
class Gathered:
    """Where the range begins, and when the evidence may: `oldest` is when the oldest batch ended."""

    from_size: int
    oldest: int | None


@dataclass(frozen=True, slots=True)
class _Page:
    leaves: Sequence[Leaf]
    entries: Sequence[bytes]
    stored: Sequence[Stored]
    shown: Sequence[Shown]


Tell = Callable[[int, int], Awaitable[None]]
"""Given how much is done of how much."""


async def gather(store: Store, asked: Asked, folder: Path, policy: bytes, tell: Tell) -> Gathered:
    """Write the members from the policy on into `folder`, which is made. OSError where it takes no
    more; RefusedAttestationError where the store is not what was logged.
    """
    try:
        return await _gather(store, asked, folder, policy, tell)
    except ChangedError:
        raise RefusedAttestationError(Refusal.CHANGED) from None


async def _gather(store: Store, asked: Asked, folder: Path, policy: bytes, tell: Tell) -> Gathered:
    for name in ("log", "evidence", "proofs"):
        await asyncio.to_thread((folder / name).mkdir, parents=True)
    (folder / layout.POLICY).write_bytes(policy)
    trusted = policyfile.parse(policy)
    start = await store.read(_start, asked, trusted)
    await asyncio.to_thread(_write_start, asked, folder, start)
    await _checkpoints(store, asked, folder, start.size)
    disclosing = Disclosing(asked.org, asked.epoch, asked.systems)
    with ExitStack() as files:
        rows = files.enter_context((folder / layout.ROWS).open("wb"))
        proven: list[Shown] = []
        after = 0
        while page := await store.read(disclosing.before, start.size, after):
            rows.writelines(one.line for one in page)
            proven += [one.bare() for one in page]
            after = page[-1].row
        out = _Out(asked, folder, files, rows)
        at, end = start.size, asked.final.size
        while at < end:
            last = min(at + PAGE, end)
            page_ = await store.read(_page, asked, disclosing, at, last)
            await asyncio.to_thread(out.write, page_)
            proven += [one.bare() for one in page_.shown]
            at = last
            await tell(at - start.size, end - start.size)
        await asyncio.to_thread(out.close)
    for n in range(0, len(proven), PAGE):
        some = proven[n : n + PAGE]
        for name, data in await store.read(_proofs, asked, start.size, some, trusted):
            await asyncio.to_thread((folder / name).write_bytes, data)
    return Gathered(start.size, await store.read(_oldest, asked.org))


class _Out:
    """The files that grow page by page."""

    def __init__(self, asked: Asked, folder: Path, files: ExitStack, rows: BinaryIO) -> None:
        self._folder, self._files, self._rows = folder, files, rows
        self._entries = files.enter_context((folder / layout.ENTRIES).open("wb"))
        self._tombs: BinaryIO | None = None
        self._writers: dict[str, evidencefile.Writer] = {}
        for system in asked.systems:
            file = files.enter_context((folder / layout.evidence_of(system)).open("wb"))
            self._writers[system] = evidencefile.Writer(file)

    def write(self, page: _Page) -> None:
        places = {(one.chain, one.seq): one for one in page.stored}
        for leaf, entry in zip(page.leaves, page.entries, strict=True):
            self._entries.write(logfile.frame(entry))
            if leaf.chain > JOURNAL:
                self._disclose(leaf.index, places[leaf.chain, leaf.number])
        self._rows.writelines(one.line for one in page.shown)

    def _disclose(self, index: int, stored: Stored) -> None:
        """Whatever its time: so nobody can say that a segment of the range was kept back."""
        data = stored.data
        if shortform.is_tombstone(data):
            body = base64.b64encode(tombstone.open_tombstone(data).body).decode()
            self._tombstones().write(jsonlines.line({"body": body, "index": index}))
            return
        secret, packed = batch_.body_of(batch_.open_batch(data))
        names = sorted(packed)
        wanted = [name for name in names if name in self._writers]
        leaves = batch_.leaves(secret, packed) if wanted else []
        for name in wanted:
            self._writers[name].put(segment_of(index, leaves, names.index(name)))

    def _tombstones(self) -> BinaryIO:
        if self._tombs is None:
            path = self._folder / layout.TOMBSTONES
            self._tombs = self._files.enter_context(path.open("wb"))
        return self._tombs

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()


def _start(conn: Connection, asked: Asked, trusted: Policy) -> CompactRange:
    """The tree before the range: that of the newest checkpoint that is old enough and, where there are
    witnesses, of which they say so; else nobody could know what stands before it.
    """
    at = (conn, asked.org, Log.EVIDENCE)
    number, instant = asked.epoch.epoch, asked.evidence_from - AHEAD_MS
    found = checkpoints.newest_before(*at, instant, epoch=number, cosigned=asked.witnessed)
    if found is None or (asked.witnessed and not _is_accepted(trusted, note.parse(found.note))):
        return CompactRange()
    return reading.peaks(*at, min(found.size, asked.final.size), epoch=number)


def _write_start(asked: Asked, folder: Path, start: CompactRange) -> None:
    data = logfile.write_start(logfile.Start(asked.epoch.name, start))
    (folder / layout.LOG_START).write_bytes(data)


async def _checkpoints(store: Store, asked: Asked, folder: Path, start: int) -> None:
    """The last is the one that the bundle ends with, as it stood when it was chosen."""
    with (folder / layout.CHECKPOINTS).open("wb") as file:
        at = max(start, 1)  # an empty tree needs none
        while found := await store.read(_published, asked, at):
            file.writelines(logfile.write_checkpoints(one.note for one in found))
            at = found[-1].size + 1
        file.writelines(logfile.write_checkpoints([asked.final.note]))
    (folder / layout.CHECKPOINT).write_bytes(asked.final.note)


def _published(conn: Connection, asked: Asked, start: int) -> list[Published]:
    """Some from a size on, by size, before the final one."""
    end = asked.final.size - 1
    if start > end:
        return []
    number = asked.epoch.epoch
    return checkpoints.between(conn, asked.org, Log.EVIDENCE, start, end, epoch=number, limit=PAGE)


def _page(conn: Connection, asked: Asked, disclosing: Disclosing, start: int, end: int) -> _Page:
    at = (conn, asked.org, Log.EVIDENCE, start, end)
    leaves = list(reading.leaves(*at, epoch=asked.epoch.epoch))
    entries = list(reading.entries(*at, epoch=asked.epoch.epoch))
    places = [(leaf.chain, leaf.number) for leaf in leaves if leaf.chain > JOURNAL]
    stored = list(ledger.read_places(conn, asked.org, places))
    if len(leaves) != end - start or len(entries) != len(leaves) or len(stored) != len(places):
        raise RefusedAttestationError(Refusal.MISSING)
    return _Page(leaves, entries, stored, disclosing.within(conn, start, entries))


def _proofs(
    conn: Connection, asked: Asked, start: int, shown: Sequence[Shown], trusted: Policy
) -> list[tuple[str, bytes]]:
    """An early one only by witnesses that count today: of others nobody could judge it."""
    at = (conn, asked.org, Log.EVIDENCE)
    number = asked.epoch.epoch
    out = []
    nodes = reading.nodes(*at, asked.final.size, epoch=number)
    final = note.parse(asked.final.note)
    for one in shown:
        if one.index < start:
            path = inclusion_path(nodes, one.index, asked.final.size)
            out.append((layout.proof_of(one.index), write_proof(Proof(one.index, path, final))))
        if not (asked.witnessed and one.is_early):
            continue
        first = checkpoints.first_cosigned_covering(*at, one.index, epoch=number)
        if first is None or first.size > asked.final.size:
            continue
        witnessed = note.parse(first.note)
        if not _is_accepted(trusted, witnessed):
            continue
        tree = reading.nodes(*at, first.size, epoch=number)
        path = inclusion_path(tree, one.index, first.size)
        proof = write_proof(Proof(one.index, path, witnessed))
        out.append((layout.early_proof_of(one.index), proof))
    return out


def _is_accepted(trusted: Policy, signed: Note) -> bool:
    try:
        accept(trusted, signed)
    except AttestError:
        return False
    return True


def _oldest(conn: Connection, org: str) -> int | None:
    return conn.execute(select(func.min(batches.c.last_t)).where(batches.c.org == org)).scalar()
