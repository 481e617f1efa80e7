"""T1: verify a batch, store its exact bytes, commit, and only then acknowledge.

Batches that arrive while a commit runs wait and share the next one. A crash at any point leaves a
batch stored or not stored; the agent sends again what was not acknowledged, and sending again
changes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from collector import chainlinks, equivocations, keyring
from collector.keyring import KeyRing, NotTakenError, Ring
from collector.metrics import CollectorMetrics
from collector.sorting import Flaw, Known, is_possible, sort_out
from collector.store import health, shortform
from collector.store.leases import FencedError, Lease
from collector.store.ledger import Conflict, Covers, Incoming, Receipt, Verdict
from collector.store.ranges import Ranges
from collector.store.store import Store, StoreUnavailableError
from collector.uploadroom import NoRoomError, UploadRoom
from probes import batch, tombstone
from probes.batch import Batch
from probes.clock import Clock
from probes.config import Config
from probes.config_places import COLLECTOR
from probes.envelope import BatchError
from probes.history import History
from probes.segments import Table
from probes.tombstone import Tombstone

log = logging.getLogger("wardwatch.ingest")

GROUP = 64
"""Batches in one commit at most."""
VERIFIED_AT_ONCE = 4
"""Uploads that stand in memory unpacked: each up to four times what an upload may have."""
RETRY_AFTER_S = 5
BUSY = "ingest.busy"
DEFECT = "ingest.defect"


@dataclass(frozen=True, slots=True)
class Accepted:
    """`stored` is all that is stored of the batch's epoch."""

    epoch: str
    stored: Ranges


class RefusedError(Exception):
    """The upload is not acknowledged. `retry` tells to keep it and come back later."""

    def __init__(self, status: int, code: str, *, retry: bool = False) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.retry = retry


class Ingest:
    """One per process. `run` must be running for `accept` to answer."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        metrics: CollectorMetrics,
        keys: KeyRing,
        history: Callable[[], History],
        stored: Callable[[], None],
    ) -> None:
        """`history` holds the versions read so far; `stored` is called after each commit with news in it."""
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._keys = keys
        self._history = history
        self._known: tuple[History, Known] | None = None
        self._stored = stored
        self._waiting: list[tuple[Incoming, asyncio.Future[Receipt]]] = []
        self._room = UploadRoom()
        self._unpacking = asyncio.Semaphore(VERIFIED_AT_ONCE)
        self._asked = False
        self._wake = asyncio.Event()
        self.commits = 0
        """Transactions of `run` that the store has taken."""

    @contextlib.contextmanager
    def room(self, address: str) -> Iterator[Callable[[int], None]]:
        """For one upload, from its first byte to its answer: each of its bytes is told to what is
        given; RefusedError when there is no room for it.
        """
        try:
            with self._room.taken(address) as take:
                yield take
        except NoRoomError:
            self._metrics.refused.labels(BUSY).inc()
            raise RefusedError(429, BUSY, retry=True) from None

    async def accept(self, data: bytes, lease: Lease | None = None) -> Accepted:
        """Returns once `data` is durable; RefusedError otherwise. Whoever calls has `room`.

        What the agent built into the collector has signed comes with the lease it probed under, by
        no other way, and counts only while that is held.
        """
        try:
            return await self._accept(data, lease)
        except RefusedError as refusal:
            self._metrics.refused.labels(refusal.code).inc()
            log.warning("ingest.refused code=%s", refusal.code)
            raise

    async def _accept(self, data: bytes, lease: Lease | None) -> Accepted:
        received_at = self._clock.now_ms()
        history, known = self._versions()
        try:
            async with self._unpacking:
                checked = await asyncio.to_thread(
                    _verified, data, history.latest, self._keys.ring, received_at, known
                )
        except BatchError as error:
            raise RefusedError(400, error.code.value) from None
        except NotTakenError as error:
            raise RefusedError(403, str(error)) from None
        incoming = checked.incoming
        if (incoming.agent == COLLECTOR) is (lease is None):
            raise RefusedError(403, "batch.unknown_agent")
        receipt = await (self._commit(incoming) if lease is None else self._alone(incoming, lease))
        self._metrics.batches.labels(receipt.verdict.value).inc()
        if receipt.conflict is not None:
            await self._equivocation(incoming, receipt.conflict)
            raise RefusedError(409, "batch.equivocation")
        if receipt.verdict is Verdict.STORED:
            self._stored_now(checked, receipt)
        return Accepted(incoming.epoch, receipt.stored)

    def _stored_now(self, checked: _Checked, receipt: Receipt) -> None:
        incoming = checked.incoming
        self._count(checked.rejected, incoming.agent)
        if incoming.covers is not None:
            self._metrics.given_up.labels(incoming.agent).inc(incoming.covers.given_up)
            log.warning(
                "ingest.tombstone agent=%s first_seq=%d last_seq=%d given_up=%d",
                *(incoming.agent, incoming.seq, incoming.last_seq, incoming.covers.given_up),
            )
        if receipt.broken:
            self._metrics.broken_links.labels(incoming.agent).inc(len(receipt.broken))
            log.error("ingest.chain_broken agent=%s seq=%d", incoming.agent, receipt.broken[0])

    async def _equivocation(self, incoming: Incoming, conflict: Conflict) -> None:
        """In the journal, once, before its agent hears of it."""
        agent, org = incoming.agent, self._history().latest.organization.id
        log.error("ingest.equivocation agent=%s seq=%d", agent, conflict.seq)
        place = (agent, incoming.epoch, conflict)
        try:
            if await self._store.write(equivocations.record, org, *place, self._clock.now_ms):
                await self._keys.refresh()
        except StoreUnavailableError as error:
            raise RefusedError(503, error.fault.value, retry=True) from None

    def _versions(self) -> tuple[History, Known]:
        history = self._history()
        if self._known is None or self._known[0] is not history:
            self._known = (history, Known.of(history))
        return self._known

    def _count(self, rejected: Mapping[Flaw, int], agent: str) -> None:
        for flaw, count in sorted(rejected.items()):
            self._metrics.rejected.labels(flaw.value).inc(count)
            log.warning("ingest.rejected agent=%s reason=%s count=%d", agent, flaw.value, count)

    async def _commit(self, incoming: Incoming) -> Receipt:
        answer: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.append((incoming, answer))
        self._wake.set()
        return await answer

    async def _alone(self, incoming: Incoming, lease: Lease) -> Receipt:
        """In a transaction of its own: it waits for the lease's row, and agents do not."""
        (receipt,) = await self._write([incoming], lease)
        if receipt.verdict is Verdict.STORED:
            self._stored()
        return receipt

    def prove(self) -> None:
        """Ask `run` for a sign of life though no agent sends anything: it shows in `commits`."""
        self._asked = True
        self._wake.set()

    async def run(self) -> None:
        """Commit what waits, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            asked, self._asked = self._asked, False
            if asked and not self._waiting:
                await self._prove()
            while self._waiting:
                group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
                await self._commit_group(group)

    async def _commit_group(self, group: list[tuple[Incoming, asyncio.Future[Receipt]]]) -> None:
        begun = self._clock.monotonic_ns()
        try:
            receipts = await self._write([incoming for incoming, _ in group])
        except asyncio.CancelledError:
            for _, answer in group:
                answer.cancel()
            raise
        except RefusedError as refusal:
            await self._refuse(group, refusal)
            return
        self._metrics.commit_seconds.observe((self._clock.monotonic_ns() - begun) / 1e9)
        self.commits += 1
        for receipt, (_, answer) in zip(receipts, group, strict=True):
            if not answer.done():  # its client may be gone
                answer.set_result(receipt)
        if any(receipt.verdict is Verdict.STORED for receipt in receipts):
            self._stored()

    async def _refuse(
        self, group: list[tuple[Incoming, asyncio.Future[Receipt]]], refusal: RefusedError
    ) -> None:
        if refusal.code == DEFECT and len(group) > 1:
            for each in group:  # what cannot be done of one of them can be done of the others
                await self._commit_group([each])
            return
        for _, answer in group:
            if not answer.done():
                answer.set_exception(
                    RefusedError(refusal.status, refusal.code, retry=refusal.retry)
                )

    async def _prove(self) -> None:
        """A commit as large as a big batch's. What the store lacks it keeps as its fault."""
        with contextlib.suppress(StoreUnavailableError):
            await self._store.write(health.prove, self._history().latest.organization.id)
            self.commits += 1

    async def _write(self, incoming: list[Incoming], lease: Lease | None = None) -> list[Receipt]:
        org, now = self._history().latest.organization.id, self._clock.now_ms
        try:
            return await self._store.write(chainlinks.insert, org, incoming, now, lease)
        except StoreUnavailableError as error:
            raise RefusedError(503, error.fault.value, retry=True) from None
        except FencedError:
            raise RefusedError(409, "lease.lost") from None
        except Exception as error:  # noqa: BLE001 - one bad upload must not end ingest
            log.error("ingest.defect type=%s", type(error).__name__)  # noqa: TRY400 - no foreign text
            raise RefusedError(500, DEFECT, retry=True) from None


@dataclass(frozen=True, slots=True)
class _Checked:
    """What came, found right. `rejected` counts results of a batch that are left out of the fold."""

    incoming: Incoming
    rejected: Mapping[Flaw, int]


def _verified(data: bytes, config: Config, ring: Ring, received_at: int, known: Known) -> _Checked:
    """Signature first: an unsigned body is never decompressed. Nothing of what is unpacked here
    outlives the call.
    """
    if shortform.is_tombstone(data):
        tomb = tombstone.open_tombstone(data)
        _known_agent(
            tomb.header, config, ring, received_at, lambda key: tombstone.verify(tomb, key)
        )
        return _Checked(_tombstone(tomb, data, received_at), {})
    opened = batch.open_batch(data)
    _known_agent(opened.header, config, ring, received_at, lambda key: batch.verify(opened, key))
    tables = batch.tables_of(opened)
    incoming = _incoming(opened, data, received_at)
    return _Checked(incoming, _rejected(incoming, tables, batch.clock_of(opened.header), known))


def _incoming(opened: Batch, data: bytes, received_at: int) -> Incoming:
    """Of a batch that was found right."""
    header = opened.header
    return Incoming(
        agent=header.agent,
        epoch=header.epoch,
        seq=header.seq,
        header_hash=batch.header_hash(opened),
        prev=header.prev,
        received_at=received_at,
        form=shortform.shortened(opened, data),
        first_t=header.first_at + header.clock_offset_ms,
        last_t=header.last_at + header.clock_offset_ms,
    )


def _known_agent(
    header: batch.Header | tombstone.Header,
    config: Config,
    ring: Ring,
    received_at: int,
    check: Callable[[str], None],
) -> None:
    if header.org != config.organization.id:
        raise RefusedError(403, "batch.unknown_org")
    agent = config.agents.get(header.agent)
    if agent is None:
        raise RefusedError(403, "batch.unknown_agent")
    keyring.verify(ring, header.agent, agent, received_at, check)


def _tombstone(tomb: Tombstone, data: bytes, received_at: int) -> Incoming:
    header = tomb.header
    tombstone.check(tomb)
    return Incoming(
        agent=header.agent,
        epoch=header.epoch,
        seq=header.first_seq,
        header_hash=tombstone.header_hash(tomb),
        prev=header.prev,
        received_at=received_at,
        form=shortform.whole(data),
        first_t=header.first_t,
        last_t=header.last_t,
        covers=Covers(
            header.last_seq,
            header.last,
            tombstone.hashes_of(tomb),
            sum(header.given_up.values()),
        ),
    )


def _rejected(
    one: Incoming, tables: Sequence[Table], clock: batch.Clock, known: Known
) -> Mapping[Flaw, int]:
    """As `sort_out` counts them; a batch like any other is not looked through for that."""
    own = known.checks_of.get(one.agent, frozenset())
    assigned = all(own.issuperset(table.checks) for table in tables)
    received_at = one.received_at
    if assigned and is_possible(one.first_t, received_at) and is_possible(one.last_t, received_at):
        return {}
    results = batch.results_in(tables, one.agent, clock, received_at)
    return sort_out(results, received_at, known).rejected
