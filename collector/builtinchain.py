"""From runs of the built-in agent to stored batches: numbered, chained, signed and verified as any
agent's, and handed to T1 in this process.

Runs wait in memory: the evidence of this agent and its store are in one place, so a spool would
hold what the store cannot. Whoever takes the lease goes on with the chain as it is stored; nobody
before it can store anything any more.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection

from collector.ingest import Ingest, RefusedError
from collector.store import ledger
from collector.store.leases import Lease
from probes import batch
from probes.batch import Anchors, Place
from probes.batcher import Batcher
from probes.clock import NS_PER_MS, Clock
from probes.config_places import COLLECTOR
from probes.segments import Run
from probes.waiting import news_within

log = logging.getLogger("wardwatch.builtin")

AGAIN_MS = 1_000
"""Between two tries while the store cannot."""
MOST_WAITING = 10_000
"""Runs that wait for the store; of more the oldest are given up: silence, as of any agent that is
gone."""


@dataclass(frozen=True, slots=True)
class Tip:
    """Where a chain goes on: the number of its next batch, and the hash of the header before it.
    `spoke_at`: when the last batch came, None before the first.
    """

    epoch: str
    seq: int = 1
    prev: str = batch.NO_PREVIOUS
    spoke_at: int | None = None


def stored_tip(conn: Connection, org: str) -> Tip | None:
    """Of the newest epoch; None where there is none, or one with a hole."""
    heads = {
        epoch: h for (agent, epoch), h in ledger.heads(conn, org).items() if agent == COLLECTOR
    }
    epoch, head = max(heads.items(), key=lambda one: one[1].spoke_at, default=(None, None))
    if epoch is None or head is None or head.stored != ((1, head.tip),):
        return None
    return Tip(epoch, head.tip + 1, head.tip_hash.hex(), head.spoke_at)


@dataclass(slots=True)
class _Closed:
    """What goes into one batch."""

    runs: list[Run]
    digest: str
    anchors: Anchors
    beacon: str | None
    sealed: bytes = field(default=b"", repr=False)


class BuiltInChain:
    """`add` takes runs; `run` for ever, then `finish`. RefusedError comes out where T1
    will not take what this process signs, such as after its lease went to another one.
    """

    def __init__(
        self,
        ingest: Ingest,
        lease: Lease,
        org: str,
        key: Ed25519PrivateKey,
        tip: Tip,
        digest: str,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        beacon: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`digest` names the config version that runs are recorded under; `follow` changes it.
        `beacon`: as agents are told of the evidence log.
        """
        self._ingest = ingest
        self._lease = lease
        self._org = org
        self._key = key
        self._digest = digest
        self._clock = clock
        self._random_bytes = random_bytes
        self._beacon = beacon
        self._tip = tip
        self._batcher = Batcher()
        self._closed: deque[_Closed] = deque()
        self._came = asyncio.Event()

    def add(self, run: Run) -> None:
        self._batcher.add(run, self._now_ms())
        self._came.set()

    def follow(self, digest: str) -> None:
        """What was recorded before names the version it was recorded under."""
        self._close_all()
        self._digest = digest

    def stepped(self, step_ms: int) -> None:
        """The wall clock jumped: nobody knows when the runs of the open batch were."""
        self._close_all(error_ms=abs(step_ms))

    async def run(self) -> None:
        while True:
            due_ms = self._batcher.due_ms()
            if due_ms is not None and due_ms <= self._now_ms():
                self._close()  # also while the store cannot: what waits is bounded once it is closed
            elif self._closed:
                await self._store()
            elif due_ms is None:
                await self._came.wait()
                self._came.clear()
            else:
                await news_within(self._came, self._clock, due_ms - self._now_ms())

    async def finish(self) -> None:
        """Store all there is."""
        self._close_all()
        while self._closed:
            await self._store()

    def _close_all(self, *, error_ms: int = 0) -> None:
        while self._batcher.due_ms() is not None:
            self._close(error_ms=error_ms)

    def _close(self, *, error_ms: int = 0) -> None:
        anchors = Anchors(self._clock.now_ms(), self._clock.monotonic_ns(), error_ms=error_ms)
        closed = _Closed(self._batcher.take(), self._digest, anchors, self._beacon())
        self._closed.append(closed)
        while sum(len(one.runs) for one in self._closed) > MOST_WAITING:
            oldest = 1 if self._closed[0].sealed else 0  # that one may be stored already
            log.error("builtin.given_up results=%d", len(self._closed[oldest].runs))
            del self._closed[oldest]

    async def _store(self) -> None:
        """The oldest, or wait a while: sealed once, so that a commit whose answer was lost is known
        again.
        """
        first = self._closed[0]
        first.sealed = first.sealed or self._seal(first)
        try:
            await self._ingest.accept(first.sealed, self._lease)
        except RefusedError as refusal:
            if not refusal.retry:
                raise
            await self._clock.sleep_ms(AGAIN_MS)
            return
        self._closed.popleft()
        stored = batch.header_hash(batch.open_batch(first.sealed))
        self._tip = Tip(self._tip.epoch, self._tip.seq + 1, stored)

    def _seal(self, one: _Closed) -> bytes:
        tip = self._tip
        place = Place(self._org, COLLECTOR, tip.epoch, tip.seq, tip.prev, one.digest, one.beacon)
        secret = self._random_bytes(batch.SECRET_BYTES)
        return batch.seal(self._key, place, one.anchors, one.runs, secret)

    def _now_ms(self) -> int:
        return self._clock.monotonic_ns() // NS_PER_MS
