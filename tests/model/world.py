"""Runs a script over a store: processes look, people act, receivers answer, processes are gone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, event, select

from alerts.deadlines import due
from alerts.outbox import DeliveryReason, MessageState, Settlement
from alerts.people import ActKind
from alerts.permitted import IllegalActError
from collector import ingest, journal, truths, versions
from collector.commit import commit, read_past
from collector.evaluate import Evaluator
from collector.incident_acting import Wanted, record
from collector.journal import Row
from collector.leader import LEASE_MS, Leader
from collector.metrics import CollectorMetrics
from collector.process import Case, among, groups_of
from collector.process_facts import KINDS
from collector.saying import settings_of
from collector.store import ledger
from collector.store.incidents import Recorded, StaleError, read_incidents
from collector.store.leases import FencedError
from collector.store.outbox import Outbox
from collector.store.store import Store, StoreFault
from collector.store.tables import outbox
from probes import batch
from probes.clock import ManualClock
from probes.configfile import canonical
from probes.contract import Outcome
from probes.results import Result
from probes.times import from_ms
from tests.model.hospital import (
    BEGIN,
    CHECKS,
    MINUTE,
    REASONS,
    Action,
    Acts,
    Dies,
    Loads,
    Looks,
    Passes,
    Sees,
    Steps,
    Takes,
    TakesOver,
    hospital,
)
from tests.support import log_laws
from tests.support.batches import seal
from tests.support.rounds import KEYS, ORG

P = ParamSpec("P")
T = TypeVar("T")


class Gone(Exception):  # noqa: N818 - SQLAlchemy drops the connection of what is none
    """The process is gone."""


class Breaker:
    """A store that ends the work at the n-th statement that writes, or lets somebody in first."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self.left: int | None = None
        self.first: Callable[[], Awaitable[None]] | None = None
        """What happens before the next commit of an evaluation."""
        engine = getattr(inner, "_write_engine", None) or inner._engine  # type: ignore[attr-defined]
        event.listen(engine, "before_cursor_execute", self._before)

    @property
    def single_process(self) -> bool:
        return self.inner.single_process

    @property
    def fault(self) -> StoreFault | None:
        return self.inner.fault

    def _before(self, conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if self.left is None or not statement.lstrip().upper().startswith(
            ("INSERT", "UPDATE", "DELETE")
        ):
            return
        self.left -= 1
        if self.left < 0:
            self.left = None
            raise Gone

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if fn is commit and self.first is not None:
            happens, self.first = self.first, None
            await happens()
        return await self.inner.write(fn, *args, **kwargs)

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self.inner.read(fn, *args, **kwargs)

    async def close(self) -> None:
        await self.inner.close()


@dataclass
class Process:
    evaluator: Evaluator
    leader: Leader


@dataclass(frozen=True)
class Sent:
    """A message as it stands in the outbox."""

    key: str
    receiver: str
    seq: int
    body: bytes
    created_at: int


@dataclass(frozen=True)
class Told:
    """All that is recorded in the end."""

    rows: list[Row]
    incidents: list[Recorded]
    messages: list[Sent]


@dataclass
class World:
    """`crashes`: whether processes die and take over where the script says so."""

    store: Breaker
    crashes: bool
    clock: ManualClock = field(default_factory=lambda: ManualClock(BEGIN))
    processes: list[Process] = field(default_factory=list)
    sees: dict[str, Outcome | None] = field(
        default_factory=lambda: dict.fromkeys(CHECKS, Outcome.UP)
    )
    seq: int = 0
    seen_until: int = BEGIN
    agents_now: int = BEGIN
    dies_at: int | None = None
    begun: int = 0
    died: int = 0

    async def run(self, script: list[Action]) -> Told:
        """Begins with half an hour in which all is well, and ends with a look and one more."""
        await self.store.write(versions.record, ORG, canonical(hospital(0)), BEGIN - 1)
        await self.begin()
        for action in (Passes(31 * MINUTE), *script, Passes(MINUTE)):
            await self.happens(action)
        await self._met()
        await self.look()
        before = await self.told()
        await self.look()
        await self.begin()
        await self.look()
        after = await self.told()
        assert after == before, "a look without news has said something"
        await self.clock.advance(MINUTE)
        await self.look()
        assert await self.store.read(log_laws.whole, ORG) == []
        return after

    async def happens(self, action: Action) -> None:
        match action:
            case Sees(system, outcome):
                self.sees[system] = outcome
            case Passes(ms):
                await self.clock.advance(ms)
                await self.hear(ms)
                await self.look()
            case Steps(ms):
                self.clock.step_wall(ms)
                await self.look()
            case Acts():
                await self._meets(action.meets, lambda: self.act(action))
            case Takes(receiver, how):
                await self.deliver(receiver, how)
            case Loads(variant, meets):
                await self._meets(meets, lambda: self.load(variant))
            case Looks():
                await self.look()
            case Dies(at):
                await self._met()
                self.dies_at = at
            case TakesOver():
                await self._met()
                if self.crashes:
                    await self.begin()
                await self.look()

    async def _meets(self, meets: bool, happens: Callable[[], Awaitable[None]]) -> None:  # noqa: FBT001
        """It happens now and is looked at, or between the next evaluation's look and its commit."""
        if self.store.first is not None:
            await self._met()
            await self.look()
        if meets:
            self.store.first = happens
        else:
            await happens()
            await self.look()

    async def _met(self) -> None:
        """What was to meet an evaluation has met none."""
        if self.store.first is not None:
            happens, self.store.first = self.store.first, None
            await happens()

    async def begin(self) -> None:
        self.begun += 1
        leader = Leader(self.store, self.clock, ORG, f"p{self.begun}")
        evaluator = Evaluator(self.store, self.clock, CollectorMetrics(), ORG, leader)
        await evaluator.start()
        self.processes.append(Process(evaluator, leader))

    async def look(self) -> None:
        """The newest process looks, at this very instant, and what it says is whole."""
        if self.dies_at is not None:
            await self._met()
        dies_at, self.dies_at = self.dies_at, None
        self.store.left = dies_at if self.crashes else None
        try:
            await self._step(self.processes[-1])
        except Gone:
            self.died += 1
            self.processes = []
            await self.begin()
            await self._step(self.processes[-1])
        self.store.left = None
        if len(self.processes) > 1:
            # the one before comes to say the same, and has lost its lease
            await self._step(self.processes.pop(0), leads=False)
        await self._is_whole(self.processes[-1])

    async def _step(self, process: Process, *, leads: bool = True) -> None:
        if leads:
            await self._lead(process)
        try:
            await process.evaluator.step()
        except (FencedError, StaleError) as error:
            assert not leads
            process.evaluator._failed(error)

    async def _lead(self, process: Process) -> None:
        """Wait for the lease of a process that is gone, and set the wall to where it was."""
        while not await process.leader.leads():
            await self.clock.advance(LEASE_MS)
            self.clock.step_wall(-LEASE_MS)

    async def _is_whole(self, process: Process) -> None:
        """Nothing that was due by now is missing from the rows, and the process knows what they
        say as one that has just read them.
        """
        evaluator = process.evaluator
        past = await self.store.read(read_past, ORG)
        now = evaluator.now
        views = {name: truths.prolonged(live, now) for name, live in evaluator.folded.items()}
        of = settings_of(views, evaluator.history, evaluator.frozen, now)
        groups = groups_of(past.cases.values(), now)
        for key, case in past.cases.items():
            settings = among(case.course, groups, past.cases, of, now)
            found = due(case.course, settings, case.fired, case.delivered, now)
            assert found.new == (), key
            assert found.look_at is None or found.look_at > now, key
        mine = evaluator._past
        assert mine is not None
        assert known(mine.cases) == known(past.cases)
        assert mine.told == past.told
        assert mine.incidents == past.incidents
        # what is dead has arrived nowhere: the process has ceased to ask for it
        assert mine.awaited.items() <= past.awaited.items()

    async def hear(self, ms: int) -> None:
        """What the agent saw in the last `ms`: every half hour, at the beginning and at the end.

        Its own clock is right whatever becomes of the collector's.
        """
        true = self.agents_now = self.agents_now + ms
        half = 30 * MINUTE
        grid = range((true - ms) // half * half + half, true - 1_000, half)
        times = sorted({true - ms + 1, *grid, true - 100})
        results = [
            result(check, t, outcome)
            for t in times
            if self.seen_until < t < true
            for system, check in CHECKS.items()
            if (outcome := self.sees[system]) is not None
        ]
        self.seen_until = max([self.seen_until, *(r.t for r in results)])
        if not results:
            return
        self.seq += 1
        data = seal(KEYS["north-1"], ORG, "north-1", "e1", self.seq, results)
        incoming = ingest._incoming(batch.open_batch(data), data, self.clock.now_ms())
        await self.store.write(ledger.insert_batches, ORG, [incoming])

    async def act(self, action: Acts) -> None:
        keys = [row.incident.key for row in await self.store.read(read_incidents, ORG)]
        if not keys:
            return
        sets = action.kind is ActKind.RAISED
        category = action.category if sets else None
        wanted = Wanted(
            action.kind,
            action.by,
            by_service=action.by == "svc-1",
            safety=action.safety,
            category=category,
            reason=REASONS[action.category] if sets else None,
            aware_on=self._today() if category == 4 else None,
            into=keys[action.into % len(keys)] if action.kind is ActKind.MERGED else None,
            text="typed" if action.kind in (ActKind.NOTED, ActKind.RESOLVED) else None,
        )
        key = keys[action.which % len(keys)]
        try:
            await self.store.write(record, ORG, key, wanted, self.clock.now_ms, bytes)
        except IllegalActError:
            return

    def _today(self) -> str:
        return from_ms(self.clock.now_ms(), hospital(0).organization.zone).date().isoformat()

    async def deliver(self, receiver: str, how: str) -> None:
        box, now = Outbox(self.store, ORG), self.clock.now_ms()
        state, reason = {
            "takes": (MessageState.SENT, DeliveryReason.ACCEPTED),
            "waits": (MessageState.PENDING, DeliveryReason.TIMEOUT),
            "refuses": (MessageState.DEAD, DeliveryReason.REFUSED),
        }[how]
        while claimed := await box.claim(receiver, now, now + MINUTE, 10):
            for one in claimed:
                later = now + 1 if state is MessageState.PENDING else now
                assert await box.settle(one, Settlement(state, reason, None, later))

    async def load(self, variant: int) -> None:
        now = self.clock.now_ms()
        await self.store.write(versions.record, ORG, canonical(hospital(variant)), now)

    async def told(self) -> Told:
        return Told(
            [
                row
                for row in await self.store.read(journal.rows, ORG)
                if row.kind in (*KINDS, *versions.KINDS)
            ],
            await self.store.read(read_incidents, ORG),
            await self.store.read(messages),
        )


def known(found: dict[str, Case] | Any) -> dict[str, tuple[Any, ...]]:
    """Of cases all but when to look at them."""
    return {key: (c.course, c.fired, c.delivered, c.sent) for key, c in found.items()}


def messages(conn: Connection) -> list[Sent]:
    query = select(outbox).where(outbox.c.org == ORG)
    found = [
        Sent(m.incident_key, m.receiver, m.seq, bytes(m.body), m.created_at)
        for m in conn.execute(query)
    ]
    return sorted(found, key=lambda m: (m.key, m.receiver, m.seq))


def result(check: str, t: int, outcome: Outcome) -> Result:
    reason = {
        Outcome.UP: "ok",
        Outcome.DOWN: "tcp.refused",
        Outcome.MISCONFIGURED: "http.status",
    }.get(outcome, "slow")
    return Result(check, "north-1", t, outcome, reason, 40, t + 40)
