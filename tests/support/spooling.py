"""An agent's keeper without an agent: a disk, hands that do at once, and a collector's memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import TypeVar

from agent.disk import Disk
from agent.keeper import Keeper
from agent.makings import Makings
from agent.metrics import AgentMetrics
from agent.outgoing import Choice
from agent.spool import Signer
from agent.spoolfiles import Limits
from agent.spoolopen import open_spool
from probes import batch, tombstone
from probes.batch import Anchors, Batch
from probes.clock import Clock
from probes.contract import Outcome
from probes.segments import Run
from probes.tombstone import Tombstone
from tests.support.chains import CONFIG, KEY, PUBLIC

T = TypeVar("T")
Stored = tuple[int, int]
ORG, AGENT = "st-elsewhere", "north-1"
DAY_MS = 86_400_000


class HandClock:
    """Moves when it is told to; nobody sleeps on it."""

    def __init__(self) -> None:
        self.wall_ms = 1_767_225_600_000
        self.mono_ms = 0

    def pass_ms(self, duration_ms: int) -> None:
        self.wall_ms += duration_ms
        self.mono_ms += duration_ms

    def now_ms(self) -> int:
        return self.wall_ms

    def monotonic_ns(self) -> int:
        return self.mono_ms * 1_000_000

    async def sleep_ms(self, duration_ms: int) -> None:
        self.pass_ms(duration_ms)
        await asyncio.sleep(0)


async def at_once(act: Callable[[], T], /) -> T:
    return act()


def a_keeper(
    disk: Disk,
    clock: Clock,
    rng: Random,
    counted: Callable[[Run], None],
    limits: Limits,
    agent: str = AGENT,
    offset_ms: int = 0,
) -> Keeper:
    signer = Signer(ORG, agent, KEY, CONFIG)
    makings = Makings(
        clock,
        rng.randbytes,
        lambda: signer,
        lambda: Anchors(clock.now_ms(), clock.monotonic_ns(), offset_ms),
        lambda: None,
        lambda _check: 9,
    )
    opened = open_spool(disk, limits, clock, (ORG, agent), makings.new_epoch, lambda _took_ns: None)
    return Keeper(opened, makings, at_once, AgentMetrics(), counted)


class Collecting:
    """A simulated collector: it stores what is whole, and says what it has of an epoch. Two headers
    of one number are an equivocation.
    """

    def __init__(self) -> None:
        self.batches: dict[tuple[str, int], Batch] = {}
        self.tombstones: list[Tombstone] = []
        self.hashes: dict[tuple[str, int], str] = {}

    def take(self, data: bytes) -> None:
        if data.startswith(tombstone.MAGIC):
            self._bury(tombstone.open_tombstone(data))
            return
        opened = batch.open_batch(data)
        batch.verify(opened, PUBLIC)
        place = (opened.header.epoch, opened.header.seq)
        self._same(place, batch.header_hash(opened))
        self.batches[place] = opened

    def _bury(self, opened: Tombstone) -> None:
        tombstone.verify(opened, PUBLIC)
        tombstone.check(opened)
        header = opened.header
        span = (header.epoch, header.first_seq, header.last_seq)
        for other in self.tombstones:
            theirs = (other.header.epoch, other.header.first_seq, other.header.last_seq)
            apart = theirs[2] < span[1] or span[2] < theirs[1]
            assert theirs[0] != span[0] or theirs == span or apart, (theirs, span)
            if theirs == span:
                return
        hashes = tombstone.hashes_of(opened)
        for n in range(0 if header.bare else header.batches):
            self._same((header.epoch, header.first_seq + n), tombstone.hash_at(hashes, n))
        self._same((header.epoch, header.last_seq), header.last)
        self.tombstones.append(opened)

    def _same(self, place: tuple[str, int], value: str) -> None:
        assert self.hashes.setdefault(place, value) == value, f"equivocation at {place}"

    def stored(self, epoch: str) -> list[Stored]:
        seqs = {seq for known, seq in self.batches if known == epoch}
        for one in self.tombstones:
            if one.header.epoch == epoch:
                seqs |= set(range(one.header.first_seq, one.header.last_seq + 1))
        return [(seq, seq) for seq in sorted(seqs)]


async def offer(
    keeper: Keeper, collecting: Collecting, *, lose_reply: bool = False
) -> Choice | None:
    """One upload, and its acknowledgement unless that is lost."""
    found = await keeper.held.next(None)
    if found is None:
        return None
    choice, data = found
    collecting.take(data)
    if lose_reply:
        keeper.held.unanswered()
    else:
        stored = ranges_of(collecting.stored(choice.entry.epoch))
        await keeper.held.acknowledge(choice, stored)
    return choice


def ranges_of(stored: list[Stored]) -> list[Stored]:
    found: list[Stored] = []
    for first, last in stored:
        if found and found[-1][1] + 1 >= first:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def counts(opened: Tombstone) -> Counter[Outcome]:
    return Counter(opened.header.given_up) + Counter(opened.header.kept)
