"""Holds what waits: on disk, and in memory while there is no disk. One act at a time, in a thread of
its own: the loop never waits for a disk.

After a failed sync nobody knows what the disk holds: the process ends, and the next one reads it. A
disk that is full, read-only or closed to us is left; everything goes on in memory under an epoch of
its own until the disk takes it over.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from agent.disk import DiskError, DiskFault
from agent.makings import Makings
from agent.metrics import AgentMetrics
from agent.onethread import Hand
from agent.outgoing import Choice, Order
from agent.spool import Signer, Spool
from agent.spoolfiles import Limits
from agent.spoolindex import Place
from agent.spoolnews import SpoolNews
from agent.spoolopen import Opened, spool_in_memory
from agent.spoolroom import Given, give_way, make_room, needed
from probes.batch import Anchors

log = logging.getLogger("wardwatch.agent")

ROOM_NS = 60_000_000_000
"""A full disk gets one file of ours in that time: whoever fills it does not get all."""
MEMORY_BYTES = 64 * 1024 * 1024
"""Without a disk; beyond it the oldest gives way as it does there."""

_LEAVE = frozenset({DiskFault.FULL, DiskFault.READ_ONLY, DiskFault.DENIED})
"""What passes, and leaves what is there as it is."""

T = TypeVar("T")


class DiskLostError(Exception):
    """Nobody knows what the disk holds: start again from what it says."""


@dataclass(frozen=True, slots=True)
class Facts:
    """How the spool stood after the last thing that was done. `oldest_ms` is an age."""

    waiting: int = 0
    bytes: int = 0
    tombstones: int = 0
    oldest_ms: int = 0


class Holding:
    """`begin`, then `write`. `sealed` is set when there is something to send: `next`, and then
    `acknowledge`, `refused` or `unanswered`.
    """

    def __init__(self, opened: Opened, makings: Makings, hand: Hand, metrics: AgentMetrics) -> None:
        self._disk = opened.spool
        self._memory: Spool | None = None
        self._makings = makings
        self._clock = makings.clock
        self._hand = hand
        self._news = SpoolNews(metrics)
        self.sealed = asyncio.Event()
        self._turn = asyncio.Lock()
        self._order = Order()
        self._began = False
        self._room_ns: int | None = None
        self._doubtful: set[str] = set()
        self._last_fault: DiskFault | None = None
        self._waits_since_ns: int | None = None
        self._is_mute = False
        """While we are in memory: what is on disk cannot be read."""
        self.lost = False
        self.facts = Facts()
        self._news.opened(opened)

    @property
    def in_memory(self) -> bool:
        return self._memory is not None

    async def begin(self) -> None:
        """Start writing, on disk if it can be."""
        async with self._turn:
            try:
                await self._hand(self._disk.begin)
            except DiskError as error:
                await self._leave(error.fault)
            self._began = True
            await self._hand(self._look)

    def spools(self) -> list[Spool]:
        """By age; the last one is written."""
        return [self._disk] if self._memory is None else [self._disk, self._memory]

    async def write(self, act: Callable[[Spool], T]) -> T:
        """On disk; in memory when that leaves us."""
        async with self._turn:
            spool = self.spools()[-1]

            def act_and_look() -> T:
                done = act(spool)
                self._look()
                return done

            try:
                return await self._hand(act_and_look)  # one way to the thread and back
            except DiskError as error:
                done = await self._write_again(act, error.fault)
            await self._hand(self._look)
            return done

    async def next(self, passed: Place | None) -> tuple[Choice, bytes] | None:
        """What to send now; None also while this process has no descriptor to read it with.

        What is damaged is given up, aloud. A disk that does not answer is no damage: what lies there
        stays, for the next start.
        """
        async with self._turn:
            while True:
                found = await self._hand(partial(self._pick, passed))
                if not isinstance(found, DiskFault):
                    return found
                if found is DiskFault.DAMAGED:
                    self._news.unreadable(found, 1)
                    continue
                mute = found is not DiskFault.RESOURCES
                if mute and self._memory is None:
                    raise self._lost(found)
                self._news.fault(found)
                log.error("spool.fault fault=%s", found.value)
                if not mute:
                    return None
                self._is_mute = True  # an end would cost what is in memory alone

    async def acknowledge(self, choice: Choice, stored: Iterable[tuple[int, int]]) -> None:
        """The collector has this one, and all of these of its epoch."""
        epoch, own = choice.entry.epoch, (choice.entry.first, choice.entry.last)
        named = [own, *stored]
        self._order.answered(choice)
        if any(spool.is_ahead(epoch, named) for spool in self.spools()):
            await self._contradicted(epoch)
        if epoch in self._doubtful:  # its other numbers may be those of the other copy
            named = [own]
        await self.write(partial(_acknowledge, epoch=epoch, named=named))
        if self._memory is not None:
            async with self._turn:
                await self._hand(lambda: self._disk.acknowledge(epoch, named))
                await self._hand(self._look)

    async def refused(self, choice: Choice, *, contradicted: bool) -> None:
        """The collector does not take it; `contradicted`: it has another one of that number."""
        self._order.answered(choice)
        if contradicted:
            await self._contradicted(choice.entry.epoch)

    def waits_since_ns(self) -> int | None:
        """The monotonic instant since when there is always something that waits; None: nothing does."""
        return self._waits_since_ns

    def unanswered(self) -> None:
        self._order.unanswered()

    async def keep_to_limits(self) -> None:
        """In small steps: what is recorded meanwhile waits for one of them at most."""
        while True:
            by, anchors = self._makings.signer(), self._makings.anchors()
            step = partial(_one_step, by=by, anchors=anchors, enough=self._makings.enough)
            given = await self.write(step)
            if given is None:
                return
            self._news.given(given)

    async def come_back(self) -> None:
        """To the disk, if it takes everything over."""
        async with self._turn:
            memory = self._memory
            if memory is None:
                return
            try:
                await self._hand(self._disk.clear)
                await self._hand(lambda: self._disk.adopt(memory, self._makings.new_epoch))
            except DiskError as error:
                await self._step_back(error.fault)
                return
            self._memory, self._is_mute = None, False
            self._news.on_disk(self._disk.chain.epoch)
            await self._hand(self._look)

    async def close(self) -> None:
        """An acknowledgement that cannot be noted any more is asked for again by the next start."""
        async with self._turn:
            with contextlib.suppress(DiskError):
                await self._hand(self._disk.close)

    def _pick(self, passed: Place | None) -> tuple[Choice, bytes] | DiskFault | None:
        memory = self._memory
        offered = self.spools() if memory is None or not self._is_mute else [memory]
        choice = self._order.next(offered, passed)
        if choice is None:
            return None
        try:
            data = choice.spool.read(choice.entry)
        except DiskError as error:
            if error.fault is DiskFault.DAMAGED:
                choice.spool.forget(choice.entry)
            return error.fault
        if choice.entry.tombstone:
            choice.spool.offered.add(choice.entry.place)
        return choice, data

    async def _write_again(self, act: Callable[[Spool], T], fault: DiskFault) -> T:
        now_ns = self._clock.monotonic_ns()
        may = self._room_ns is None or now_ns - self._room_ns >= ROOM_NS
        if fault is DiskFault.FULL and may:
            self._room_ns = now_ns
            self._news.fault(fault)
            by, anchors = self._makings.signer(), self._makings.anchors()
            try:
                given = await self._hand(
                    lambda: make_room(self._disk, by, anchors, self._makings.enough)
                )
                self._news.given(given)
                log.error("spool.full tombstones=%d", given.tombstones)
                return await self._hand(lambda: act(self._disk))
            except DiskError as error:
                fault = error.fault
        await self._leave(fault)
        return await self._hand(lambda: act(self.spools()[-1]))

    async def _leave(self, fault: DiskFault) -> None:
        """Go on in memory; what is on disk stays as it is."""
        if self._memory is not None or (self._began and fault not in _LEAVE):
            raise self._lost(fault)
        await self._step_back(fault)
        limits = Limits(MEMORY_BYTES, self._disk.limits.max_age_ms)
        epoch = self._makings.new_epoch()
        self._news.in_memory(epoch)
        self._memory = await self._hand(lambda: spool_in_memory(self._disk, limits, epoch))

    def _lost(self, fault: DiskFault) -> DiskLostError:
        self.lost = True
        self._news.lost(fault)
        return DiskLostError(fault.value)

    async def _step_back(self, fault: DiskFault) -> None:
        self._news.fault(fault)
        if fault is not self._last_fault:
            log.error("spool.fault fault=%s", fault.value)
        self._last_fault = fault
        await self._hand(lambda: _step_back(self._disk, fault))

    async def _contradicted(self, epoch: str) -> None:
        """The folder is an old copy: numbers given from here on would be used twice."""
        self._doubtful.add(epoch)
        if epoch != self.spools()[-1].chain.epoch:
            return
        fresh = self._makings.new_epoch()
        self._news.old_copy(fresh)
        await self.write(lambda spool: spool.begin_epoch(fresh, spool.chain.org, spool.chain.agent))

    def _look(self) -> None:
        spools = self.spools()
        oldest = next((e for spool in spools if (e := spool.index.oldest()) is not None), None)
        self.facts = Facts(
            sum(len(spool.index) for spool in spools),
            sum(spool.files.size_bytes() for spool in spools),
            sum(spool.index.buried() for spool in spools),
            0 if oldest is None else spools[-1].time.now_ms() - oldest.stamp_ms,
        )
        if oldest is None:
            self._waits_since_ns = None
        elif self._waits_since_ns is None:
            self._waits_since_ns = self._clock.monotonic_ns()


def _acknowledge(spool: Spool, epoch: str, named: list[tuple[int, int]]) -> None:
    spool.acknowledge(epoch, named)
    spool.clear()


def _one_step(
    spool: Spool, by: Signer, anchors: Anchors, enough: Callable[[str], int]
) -> Given | None:
    why = needed(spool)
    given = None if why is None else give_way(spool, by, anchors, why, enough)
    spool.clear()
    return given


def _step_back(spool: Spool, fault: DiskFault) -> None:
    """Whoever needs the room of a full disk gets the reserve; its absence is what full means."""
    with contextlib.suppress(DiskError):  # it could not be written anyway
        spool.pause()
        if fault is DiskFault.FULL:
            spool.files.release_reserve()
