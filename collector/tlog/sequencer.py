"""Keeps the logs up with what was committed: one bounded piece a look, by the process that leads."""

from __future__ import annotations

import logging

from collector.access.credentials import RandomBytes
from collector.metrics import CollectorMetrics
from collector.store.leases import Lease
from collector.store.store import Store
from collector.tlog import sequencing
from collector.tlog.leafrows import DamagedError
from collector.tlog.sequencing import MovedError

log = logging.getLogger("wardwatch.log")

AT_ONCE = 500
"""Leaves of the evidence log in one look at most: evaluation waits for it."""


class Sequencer:
    """One per process; `step` while its lease is held."""

    def __init__(
        self, store: Store, org: str, metrics: CollectorMetrics, random_bytes: RandomBytes
    ) -> None:
        self._store = store
        self._org = org
        self._metrics = metrics
        self._random_bytes = random_bytes
        self._begun: tuple[int, str] | None = None
        self._damaged = False

    async def step(self, lease: Lease, origin: str, now: int) -> bool:
        """Whether there is more to do. FencedError when the lease is lost. `origin`: the operator's,
        or `default_origin`. Where the logs are damaged nothing gets leaves, and monitoring goes on.
        """
        try:
            more, damaged = await self._step(lease, origin, now), False
        except DamagedError:
            more, damaged = False, True
        if damaged and not self._damaged:
            log.error("log.damaged")
        self._damaged = damaged
        return more

    async def _step(self, lease: Lease, origin: str, now: int) -> bool:
        if self._begun != (lease.token, origin):
            begun = (self._org, lease, origin, now, self._random_bytes)
            await self._store.write(sequencing.begin, *begun)
            self._begun = (lease.token, origin)
        # hashing takes no turn of those who write
        prepared = await self._store.read(sequencing.prepare, self._org, AT_ONCE)
        try:
            if prepared is None:
                done = await self._store.read(sequencing.nothing, self._org)
            else:
                done = await self._store.write(sequencing.append, self._org, lease, prepared)
        except MovedError:
            self._begun = None
            return True
        self._metrics.log_waiting.set(done.waiting)
        for each, size in done.sizes.items():
            self._metrics.log_entries.labels(each.value).set(size)
        return done.more
