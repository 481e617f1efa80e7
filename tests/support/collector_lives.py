"""A collector's processes one after the other over one store: ingest and evaluation, without HTTP."""

from __future__ import annotations

import asyncio

from collector import versions
from collector.evaluate import Evaluator
from collector.ingest import Accepted, Ingest
from collector.keyring import KeyRing
from collector.leader import Leader
from collector.metrics import CollectorMetrics
from collector.store.store import Store
from probes.clock import Clock
from probes.config import Config
from probes.configfile import canonical
from tests.support.evidence_laws import History
from tests.support.watched_store import watch_folds


class GoneError(Exception):
    """There is no process, or it died with the upload in its hands."""


class CollectorLives:
    """`start` and `kill` in turn. Between them nobody answers."""

    def __init__(self, store: Store, clock: Clock, config: Config, history: History) -> None:
        self._store = store
        self._clock = clock
        self._config = config
        self._history = history
        self._evaluator: Evaluator | None = None
        self._ingest: Ingest | None = None
        self._running: asyncio.Task[None] | None = None
        self.life = 0

    @property
    def evaluator(self) -> Evaluator:
        if self._evaluator is None:
            raise GoneError
        return self._evaluator

    async def start(self) -> None:
        self.life += 1
        store, clock, metrics = self._store, self._clock, CollectorMetrics()
        org = self._config.organization.id
        await store.write(versions.record, org, canonical(self._config), clock.now_ms())
        leader = Leader(store, clock, org, f"life {self.life}")
        evaluator = Evaluator(store, clock, metrics, org, leader)
        watch_folds(evaluator.evidence, self._history, self.life)
        await evaluator.start()
        keys = KeyRing(store, clock, org, metrics)
        ingest = Ingest(store, clock, metrics, keys, lambda: evaluator.history, evaluator.wake)
        self._running = asyncio.create_task(ingest.run())
        self._evaluator, self._ingest = evaluator, ingest

    async def kill(self) -> None:
        running, self._running = self._running, None
        self._evaluator = self._ingest = None
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def step(self) -> None:
        """One look, if there is a process."""
        if self._evaluator is not None:
            await self._evaluator.step()

    async def accept(self, data: bytes) -> Accepted:
        """RefusedError as ingest raises it; GoneError."""
        if self._ingest is None:
            raise GoneError
        taking = asyncio.create_task(self._ingest.accept(data))
        await asyncio.wait((taking,))
        if taking.cancelled():
            raise GoneError
        return taking.result()
