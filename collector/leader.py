"""Whether this process evaluates the organization: holding, taking and losing the lease."""

from __future__ import annotations

import logging

from collector.store import incidents, leases
from collector.store.leases import FencedError, Lease
from collector.store.store import Store
from probes.clock import NS_PER_MS, Clock

log = logging.getLogger("wardwatch.leader")

NAME = "evaluate"
LEASE_MS = 6_000
"""A holder silent for so long is taken for gone; it beats three times as often."""


class Leader:
    """One per process. `holder` is any text no other process uses."""

    def __init__(self, store: Store, clock: Clock, org: str, holder: str) -> None:
        self._store = store
        self._clock = clock
        self._org = org
        self._holder = holder
        self._seen: Lease | None = None
        self._seen_at = 0
        self._beaten_at = 0
        self.lease: Lease | None = None
        self.said_before = 0
        """When anybody said something last, which is every ten seconds, before this process did, or
        could again; 0: nobody ever did.
        """

    async def leads(self) -> bool:
        """Keep the lease alive, or take it when it is free. StoreUnavailableError passes."""
        return await self._keep() if self.lease else await self._take()

    def renewed(self, lease: Lease) -> None:
        """A commit has shown a sign of life."""
        self.lease = lease
        self._beaten_at = self._now()

    def lost(self) -> None:
        """A commit was refused."""
        log.warning("lease.lost")
        self.lease = None

    async def release(self) -> None:
        """Let another process begin at once."""
        if self.lease:
            await self._store.write(leases.release, self._org, self.lease)
            self.lease = None

    def _now(self) -> int:
        return self._clock.monotonic_ns() // NS_PER_MS

    async def _keep(self) -> bool:
        if self.lease is None:
            return False
        if self._store.single_process or self._now() - self._beaten_at < LEASE_MS // 3:
            return True
        try:
            self.renewed(await self._store.write(leases.beat, self._org, self.lease))
        except FencedError:
            self.lost()
            return False
        return True

    async def _take(self) -> bool:
        seen = await self._store.read(leases.look, self._org, NAME)
        free = self._store.single_process or seen is None or seen.holder is None
        if not free and seen != self._seen:
            self._seen, self._seen_at = seen, self._now()
            return False
        if not free and self._now() - self._seen_at < LEASE_MS:
            return False
        said = await self._store.read(incidents.said_at, self._org)
        taken = await self._store.write(leases.take, self._org, NAME, self._holder, seen)
        if taken is None:
            return False
        self.said_before = said
        log.info("lease.taken token=%d", taken.token)
        self.renewed(taken)
        return True
