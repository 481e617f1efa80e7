"""Attestations as they are asked for and come due, one after the other, by the process that leads.

What is asked for is a row, so a process that dies loses nothing: the next one begins it anew, and
sweeps what was left of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy import Connection

from collector import journal
from collector.attesting import asking, newer, schedule
from collector.attesting.folder import Folder
from collector.attesting.making import Maker
from collector.attesting.refusals import Refusal, RefusedAttestationError
from collector.evaluate import Evaluator
from collector.journal import SYSTEM
from collector.leader import Leader
from collector.store import attestations, leases
from collector.store.attestations import Wanted
from collector.store.leases import FencedError, Lease
from collector.store.store import Store, StoreUnavailableError
from probes.clock import NS_PER_MS, Clock

log = logging.getLogger("wardwatch.attesting")

LOOK_MS = 5_000
"""From one look for what is asked for to the next, unless woken."""
DUE_MS = 60_000
"""From one look for what is due, and what came late, to the next."""


@dataclass(frozen=True, slots=True)
class Around:
    """`told` is called with the receivers of letters once they are written."""

    store: Store
    clock: Clock
    org: str
    evaluator: Evaluator
    leader: Leader
    told: Callable[[Collection[str]], None]


class Attesting:
    """One per process: `run` for ever. `folder` is None where bundles have no place."""

    def __init__(self, around: Around, maker: Maker | None) -> None:
        self._around = around
        self._maker = maker
        self._wake = asyncio.Event()
        self._swept: int | None = None
        self._looked_ns: int | None = None

    @property
    def folder(self) -> Folder | None:
        return None if self._maker is None else self._maker.folder

    @property
    def is_signed(self) -> bool:
        """Does the file in force name a key that signs?"""
        return self._around.evaluator.config.evidence_log is not None

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        while True:
            self._wake.clear()
            try:
                while await self.step():
                    pass
            except (StoreUnavailableError, FencedError) as error:
                log.warning("attesting.failed type=%s", type(error).__name__)
            await self._rest()

    async def step(self) -> bool:
        """What is due is asked for, and one that is asked for is made; was there one?"""
        around, maker = self._around, self._maker
        lease = around.leader.lease
        if lease is None or maker is None or not self.is_signed:
            return False
        if self._swept != lease.token:
            self._swept = lease.token
            try:
                await asyncio.to_thread(maker.folder.sweep)
            except OSError:  # whoever makes one is told
                log.warning("attesting.not_swept")
        await self._look(lease)
        one = await around.store.read(attestations.next_asked, around.org)
        if one is None:
            return False
        log.info("attesting.begun number=%d", one.number)
        try:
            told = await maker.make(one, lease)
        except (StoreUnavailableError, FencedError):
            raise
        except RefusedAttestationError as error:
            log.warning("attesting.refused number=%d code=%s", one.number, error.refusal.value)
            refused = error.refusal
        except Exception as error:  # noqa: BLE001 - one that cannot be made must not stop monitoring
            # the type's name only: an exception's text may hold anything
            log.critical("attesting.defect number=%d type=%s", one.number, type(error).__name__)
            refused = Refusal.DEFECT
        else:
            around.told(told)
            return True
        await around.store.write(_refused, around.org, lease, one.number, refused.value)
        return True

    async def _look(self, lease: Lease) -> None:
        """Every minute: what came since, and what is due."""
        around = self._around
        now_ns = around.clock.monotonic_ns()
        if self._looked_ns is not None and now_ns - self._looked_ns < DUE_MS * NS_PER_MS:
            return
        self._looked_ns = now_ns
        history, now = around.evaluator.history, around.clock.now_ms()
        while await around.store.write(newer.look, around.org, history):
            pass
        known = await around.store.read(attestations.every, around.org)
        for wanted in schedule.due(history, known, now):
            await around.store.write(self._ask, lease, wanted, now)

    def _ask(self, conn: Connection, lease: Lease, wanted: Wanted, now: int) -> None:
        around = self._around
        leases.guard(conn, around.org, lease)
        journal.hold(conn, around.org)
        asking.ask(conn, around.org, wanted, SYSTEM, around.evaluator.history, now)

    async def _rest(self) -> None:
        sleeper = asyncio.ensure_future(self._around.clock.sleep_ms(LOOK_MS))
        waker = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait((sleeper, waker), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeper.cancel()
            waker.cancel()


def _refused(conn: Connection, org: str, lease: Lease, number: int, code: str) -> None:
    leases.guard(conn, org, lease)
    attestations.refuse(conn, org, number, code)
