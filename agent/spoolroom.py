"""Makes room in a spool: its oldest batches give way to a tombstone, a few at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from agent.disk import DiskError, DiskFault
from agent.spool import Signer, Spool
from agent.spoolindex import Entry
from probes import batch, tombstone
from probes.batch import Anchors, Batch
from probes.contract import Outcome
from probes.envelope import BatchError
from probes.tombstone import GOOD_AFTER, Remains, Why

AT_ONCE = 32
AT_ONCE_BYTES = 1024 * 1024
"""Batches a step takes: a tombstone, and the stop it makes, stays small."""
LARGEST = 1024 * 1024
"""Bytes of a tombstone that grows; a collector takes four times that."""
SHARE = 4
"""Tombstones have a quarter of the spool at most: then the oldest lose their runs."""


@dataclass(frozen=True, slots=True)
class Given:
    """What one step gave up: results by outcome, and batches nobody can read any more."""

    tombstones: int = 0
    results: Counter[Outcome] = field(default_factory=Counter)
    unreadable: int = 0


def needed(spool: Spool) -> Why | None:
    """Why something has to give way now, if it has to."""
    if spool.files.size_bytes() > spool.limits.max_bytes:
        return Why.FULL_BYTES
    oldest = spool.index.oldest_batch()
    if oldest is not None and spool.time.now_ms() - oldest.stamp_ms > spool.limits.max_age_ms:
        return Why.FULL_AGE
    return None


def give_way(
    spool: Spool,
    by: Signer,
    anchors: Anchors,
    why: Why,
    enough: Callable[[str], int] = lambda _check: GOOD_AFTER,
) -> Given | None:
    """One step; None when there is nothing left that could give way."""
    buried = spool.index.tombstones()
    full = [entry for entry in buried if not entry.bare]
    oldest = spool.index.oldest_batch()
    if full and (oldest is None or _bytes(buried) > spool.limits.max_bytes // SHARE):
        return _bare(spool, by, anchors, full[0])
    if oldest is None:
        return None
    taken, batches = _next_batches(spool, oldest)
    if not taken:
        spool.forget(oldest)
        return Given(unreadable=1)
    before = _before(spool, oldest)
    older = None if before is None or before.bare else _remains(spool, before)
    remains = tombstone.of_batches(batches, why, enough, after=older)
    given = Counter(remains.given_up)
    if before is not None and older is not None and before.place not in spool.offered:
        both = tombstone.joined(older, remains)
        data = _sealed(by, anchors, both)
        if data is not None and len(data) <= LARGEST:
            _bury(spool, both, before.stamp_ms, data)
            return Given(0, given)
    data = tombstone.seal(by.key, anchors, remains)
    _bury(spool, remains, oldest.stamp_ms, data)
    return Given(1, given)


def _bytes(entries: list[Entry]) -> int:
    return sum(entry.size for entry in entries)


def _next_batches(spool: Spool, oldest: Entry) -> tuple[list[Entry], list[Batch]]:
    """Batches that follow each other, the oldest first, as far as they can be read."""
    taken: list[Entry] = []
    batches: list[Batch] = []
    begin = (oldest.epoch, oldest.first - 1)
    for entry in islice(spool.index.entries(begin), AT_ONCE):
        follows = (entry.epoch, entry.first) == (oldest.epoch, oldest.first + len(taken))
        too_much = bool(taken) and _bytes([*taken, entry]) > AT_ONCE_BYTES
        if entry.tombstone or not follows or too_much:
            break
        try:
            opened = batch.open_batch(spool.read(entry))
            batch.runs_of(opened)
        except BatchError:
            break
        except DiskError as error:
            if error.fault is not DiskFault.DAMAGED:
                raise
            break
        if batches and opened.header.prev != batch.header_hash(batches[-1]):
            break
        taken.append(entry)
        batches.append(opened)
    return taken, batches


def _before(spool: Spool, oldest: Entry) -> Entry | None:
    """The tombstone that ends where this batch begins."""
    return next(
        (
            entry
            for entry in spool.index.tombstones()
            if (entry.epoch, entry.last) == (oldest.epoch, oldest.first - 1)
        ),
        None,
    )


def _remains(spool: Spool, entry: Entry) -> Remains | None:
    """None for one that is damaged."""
    try:
        return tombstone.remains_of(tombstone.open_tombstone(spool.read(entry)))
    except BatchError:
        return None
    except DiskError as error:
        if error.fault is not DiskFault.DAMAGED:
            raise
        return None


def _sealed(by: Signer, anchors: Anchors, remains: Remains) -> bytes | None:
    try:
        return tombstone.seal(by.key, anchors, remains)
    except ValueError:  # more than a reader takes
        return None


def _bare(spool: Spool, by: Signer, anchors: Anchors, entry: Entry) -> Given:
    remains = _remains(spool, entry)
    if remains is None:
        spool.forget(entry)
        return Given(unreadable=1)
    bared, stamp_ms = tombstone.bared(remains), entry.stamp_ms
    before = _before(spool, entry)
    if before is not None and before.bare and not {before.place, entry.place} & spool.offered:
        older = _remains(spool, before)
        if older is not None:
            bared, stamp_ms = tombstone.joined(older, bared), before.stamp_ms
    _bury(spool, bared, stamp_ms, tombstone.seal(by.key, anchors, bared))
    return Given(0, Counter(remains.kept))


def make_room(spool: Spool, by: Signer, anchors: Anchors, enough: Callable[[str], int]) -> Given:
    """The disk is full: the oldest file gives way, at the cost of the reserve and of new files."""
    spool.files.release_reserve()
    spool.begin(reserve=False)
    oldest = spool.index.oldest_batch()
    given = Given()
    while oldest is not None and spool.index.live_in(oldest.file):
        step = give_way(spool, by, anchors, Why.FULL_BYTES, enough)
        if step is None:
            break
        given = Given(
            given.tombstones + step.tombstones,
            given.results + step.results,
            given.unreadable + step.unreadable,
        )
    spool.clear()
    spool.files.hold_reserve()
    return given


def _bury(spool: Spool, remains: Remains, stamp_ms: int, data: bytes) -> None:
    entry = Entry(
        remains.epoch,
        remains.first_seq,
        remains.last_seq,
        0,
        0,
        0,
        stamp_ms,
        tombstone=True,
        bare=remains.bare,
    )
    spool.bury(entry, data)
