"""T2: fold what is stored, and commit what follows from it.

Every replica folds, so that every replica can answer; only the lease holder commits. A crash
anywhere between T1 and the commit only folds again: what is recorded is compared with what the
truth shows, so nothing is said twice.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date

from collector import frozenholidays, memory
from collector.access.credentials import RandomBytes
from collector.businesshours import holiday_problem, holidays_version, public_holidays
from collector.commit import (
    News,
    OvertakenError,
    Past,
    Planned,
    commit,
    read_arrivals,
    read_news,
    read_past,
)
from collector.core.rollup import Rollup, Rollups
from collector.core.settled import Source
from collector.deriving import Deriving
from collector.evidence import Evidence
from collector.follower import Follower
from collector.frozenholidays import Frozen
from collector.hindsight import TooDeepError
from collector.leader import Leader
from collector.metrics import CollectorMetrics
from collector.process import Arrival
from collector.saying import Seen, Shown, plan, show
from collector.store import rollups
from collector.store.incidents import StaleError
from collector.store.leases import FencedError
from collector.store.rollups import RollupRow
from collector.store.store import Store, StoreUnavailableError
from collector.tlog.epochs import default_origin
from collector.tlog.sequencer import Sequencer
from collector.truths import Live
from probes.clock import NS_PER_MS, Clock
from probes.config import Config
from probes.history import History
from probes.spans import Interval

log = logging.getLogger("wardwatch.evaluate")

IDLE_MS = 1_000
"""The longest wait between two looks at the store."""
SHORTEST_MS = 20
ASK_MS = 1_000
"""How often at most it is asked which notices have arrived."""
SAY_MS = 10_000
"""How often the cursors and the instant of the last look are committed though nothing changed."""
SAVE_MS = 3_600_000
"""How often what is settled is saved."""


class Evaluator:
    """One per process. `start` before anything else; `run` for ever; `wake` on news."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        metrics: CollectorMetrics,
        org: str,
        leader: Leader,
        *,
        said: Callable[[Collection[str]], None] = lambda _receivers: None,
        random_bytes: RandomBytes = secrets.token_bytes,
    ) -> None:
        """`said` is called after a commit that wrote messages, with whom they are for;
        `random_bytes` makes the secrets of the logs.
        """
        self._follower = Follower(store, clock, org)
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._org = org
        self._leader = leader
        self._said = said
        self._sequencer = Sequencer(store, org, metrics, random_bytes)
        self._unlogged = True
        """May there be something that is no leaf of a log yet?"""
        self._past: Past | None = None
        self._deriving = Deriving()
        self._policy_due: int | None = None
        self._asked_ns: int | None = None
        self._unsaid = True
        self._saved_at = 0
        self._wake = asyncio.Event()
        self.commits = 0
        """Commits of what follows, be it that nothing does."""
        self.due: int | None = None
        """When time alone calls for another look, as the last one left it."""

    @property
    def now(self) -> int:
        """The edge of knowledge: the latest instant folded; it never goes back."""
        return self._follower.now

    @property
    def folded(self) -> Mapping[str, Live]:
        """Every system, by id."""
        return self._follower.lives

    @property
    def evidence(self) -> Evidence:
        return self._follower.evidence

    @property
    def history(self) -> History:
        """The config versions read so far; RuntimeError before `start`."""
        return self._follower.history

    @property
    def frozen(self) -> Frozen:
        """The recorded holidays, for `hours_of`."""
        return self._follower.frozen

    @property
    def config(self) -> Config:
        return self.history.latest

    @property
    def leads(self) -> bool:
        return self._leader.lease is not None

    def wake(self) -> None:
        self._wake.set()

    def prove(self) -> None:
        """Ask `run` for a commit though nothing has changed: it shows in `commits`."""
        self._unsaid = True
        self.wake()

    async def start(self) -> None:
        """Read the versions (at least one is recorded) and the newest snapshots."""
        await self._follower.start()

    async def run(self) -> None:
        """Look at least every second, and whenever woken; rest as long as the last look took."""
        while True:
            begun = self._clock.monotonic_ns()
            try:
                await self.step()
            except (StoreUnavailableError, FencedError, StaleError) as error:
                self._failed(error)
            took = (self._clock.monotonic_ns() - begun) // NS_PER_MS
            await self._clock.sleep_ms(took)
            await self._rest()

    async def _rest(self) -> None:
        untils = (live.until for live in self.folded.values())
        due = [until for until in untils if until is not None]
        if self.leads and self._policy_due is not None:
            due.append(self._policy_due)
        self.due = min(due, default=None)
        wait = min([IDLE_MS, *(t - self._clock.now_ms() for t in due)])
        sleeper = asyncio.ensure_future(self._clock.sleep_ms(max(wait, SHORTEST_MS)))
        waker = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait((sleeper, waker), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeper.cancel()
            waker.cancel()

    def _failed(self, error: Exception) -> None:
        code = error.fault.value if isinstance(error, StoreUnavailableError) else "lease.lost"
        log.warning("evaluate.failed code=%s", code)
        self._metrics.evaluate_failures.labels(code).inc()
        # What was being said may or may not be recorded: read it again, in a while.
        self._past = self._policy_due = None
        if not isinstance(error, StoreUnavailableError):
            self._leader.lost()

    async def step(self) -> None:
        """One look: fold what needs it, and commit when this process leads."""
        self._wake.clear()
        begun = self._clock.monotonic_ns()
        leads = await self._leader.leads()
        self._metrics.lease_held.set(int(leads))
        if not leads:
            self._past = None
            await self._follower.forget()
        elif self._past is None:
            self._past = await self._store.read(read_past, self._org)
            self._leader.said_before = self._past.as_of
            self._follower.now = max(self.now, self._past.as_of)
            self._unsaid = True
        while not await self._look(begun):
            pass
        if leads:
            await self._freeze()
            await self._sequence()
        self._metrics.evaluated_at.set(self._clock.now_ms() / 1000)

    async def _look(self, begun: int) -> bool:
        """False: a file that was loaded, or an override, has overtaken it; look anew."""
        past = self._past
        # News first: whatever version it has seen, the fold has seen too.
        news = None if past is None else await self._store.read(read_news, self._org, past)
        self._unsaid |= await self._follower.catch_up()
        if past is None or news is None:
            return True
        past.again(news.again)
        news = replace(news, arrivals=await self._arrivals(past))
        if not (news or self._unsaid or self._is_due()):
            return True
        said = await self._say(past, news)
        self._metrics.evaluate_seconds.observe((self._clock.monotonic_ns() - begun) / 1e9)
        return said

    async def _arrivals(self, past: Past) -> Sequence[Arrival]:
        """Notices that arrived: asked for every second, and before anything comes due of one."""
        now_ns, last = self._clock.monotonic_ns(), self._asked_ns
        is_due = self._policy_due is None or self._policy_due <= self.now
        lately = last is not None and now_ns - last < ASK_MS * NS_PER_MS
        if not past.awaited or (lately and not is_due):
            return ()
        self._asked_ns = now_ns
        arrived, dead = await self._store.read(read_arrivals, self._org, past)
        past.give_up(dead)
        return arrived

    async def _freeze(self) -> None:
        """Record the holidays of years that nobody has recorded; the next look reads them."""
        years = frozenholidays.missing(self.config, self.frozen, self.now)
        known = [y for y in years if holiday_problem(y[0], y[1]) is None]
        if known:
            edition = holidays_version()
            await self._store.write(
                frozenholidays.freeze, self._org, known, _dates, edition, self.now
            )
            log.info("holidays.frozen")

    async def _sequence(self) -> None:
        """Leaves for what has been committed; the next look comes at once where there is more."""
        lease = self._leader.lease
        if lease is None or not self._unlogged:
            return
        said = self.config.evidence_log
        origin = default_origin(self._org) if said is None else said.origin
        self._unlogged = await self._sequencer.step(lease, origin, self.now)
        if self._unlogged:
            self.wake()

    def _is_due(self) -> bool:
        past = self._past
        due = self._policy_due is not None and self._policy_due <= self.now
        long_ago = past is not None and self.now - past.as_of >= SAY_MS
        return due or long_ago or self._follower.left

    async def catch_up(self) -> None:
        """Read what was recorded, and fold what it touches."""
        self._unsaid |= await self._follower.catch_up()

    async def refold(self) -> None:
        """Fold everything up to now."""
        changed = await self._follower.catch_up(everything=True)
        self._unsaid |= changed

    async def _say(self, past: Past, news: News) -> bool:
        """Whether it is said, or another process is the one to say it."""
        lease = self._leader.lease
        if lease is None:
            return True
        try:
            async with self._follower.lock:
                rows = await self._follower.rollups(self._follower.begin())
                still = not self._unsaid and self._rules_stand(past)
                self._unsaid = False
                seen, shown = await self._seen(past, rows, still=still)
                planned = await asyncio.to_thread(plan, past, news, seen, shown)

            def anew(found: News) -> Planned:
                return plan(past, found, seen, shown)

            done = await self._store.write(commit, self._org, lease, past, news, planned, anew)
        except OvertakenError:
            # What is in force comes before what is said of it.
            self._follower.unmade()
            self._unsaid = True
            return False
        except BaseException:
            self._follower.unmade()
            raise
        self._leader.renewed(done.lease)
        self.commits += 1
        self._unlogged = True
        self._follower.made()
        self._follower.sighted.committed(done.planned.plan.sighted)
        past.take(done.planned.following, done.taken)
        self._policy_due = past.due
        if done.planned.plan.snapshots is not None:
            self._saved_at = done.planned.plan.now
        if done.planned.plan.messages:
            self._said({message.receiver for message in done.planned.plan.messages})
        if rows:
            await asyncio.to_thread(memory.give_back)
        return True

    def _rules_stand(self, past: Past) -> bool:
        """Time alone cannot have changed what they say, and no version was recorded."""
        due = past.rules_due
        return past.history is self.history and (due is None or due > self.now)

    async def _seen(
        self, past: Past, rows: Sequence[RollupRow], *, still: bool
    ) -> tuple[Seen, Shown]:
        deep: dict[str, Live] = {}
        saving = self.now - self._saved_at >= SAVE_MS
        snapshots = await asyncio.to_thread(self._follower.snapshot) if saving else None
        while True:
            seen = Seen(
                now=self.now,
                history=self.history,
                frozen=self.frozen,
                folded=self.folded,
                still=still,
                deep=deep,
                held=dict(self.evidence.held),
                rollups=rows,
                snapshots=snapshots,
                sighted=self._follower.sighted.all(),
            )
            try:
                return seen, await asyncio.to_thread(show, past, seen, self._deriving)
            except TooDeepError as error:
                deep |= await self._follower.older(error.wanted, keep=True)

    async def rollups(self, checks: Collection[str], span: Interval) -> Rollups:
        """All rollups of some checks that start in a span, as of the latest look."""
        async with self._follower.lock:
            stored = await self._store.read(rollups.read, self._org, checks, span.start, span.end)
            fresh = await self._follower.rollups(
                [
                    (check, agent, bucket)
                    for check, agent, bucket in (*self._follower.touched, *self._follower.making)
                    if check in checks and span.start <= bucket < span.end
                ]
            )
        found: dict[Source, dict[int, Rollup]] = {}
        for row in (*stored, *fresh):
            found.setdefault((row.check, row.agent), {})[row.bucket] = row.rollup
        return found


def _dates(year: frozenholidays.Year) -> frozenset[date]:
    return public_holidays(*year)
