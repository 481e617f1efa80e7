"""T2: fold what is stored, and commit what follows from it.

Every replica folds, so that every replica can answer; only the lease holder commits. A crash
anywhere between T1 and the commit only folds again: what is recorded is compared with what the
truth shows, so nothing is said twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace

from alerts import policy
from alerts.transitions import match, transitions
from collector import changes, journal, truths, versions
from collector.commit import Past, Plan, commit, read_past
from collector.evidence import Evidence
from collector.journal import Row
from collector.leader import Leader
from collector.messages import messages
from collector.metrics import CollectorMetrics
from collector.occasions import occasions, shown_for
from collector.store.incidents import StaleError
from collector.store.leases import FencedError
from collector.store.store import Store, StoreUnavailableError
from collector.truths import Folded
from probes.clock import NS_PER_MS, Clock
from probes.config import Config
from probes.history import History

log = logging.getLogger("wardwatch.evaluate")

IDLE_MS = 1_000
"""The longest wait between two looks at the store."""
SHORTEST_MS = 20
BEHIND_MS = 2_000


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
        said: Callable[[], None] = lambda: None,
    ) -> None:
        """`said` is called after a commit that wrote messages."""
        self.evidence = Evidence(store, org)
        self.folded: dict[str, Folded] = {}
        self.now = 0
        """The edge of knowledge: the latest instant folded; it never goes back."""
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._org = org
        self._leader = leader
        self._said = said
        self._rows: list[Row] = []
        self._history: History | None = None
        self._past: Past | None = None
        self._policy_due: int | None = None
        self._unsaid = True
        self._new_versions = False
        self._wake = asyncio.Event()
        self._folding = asyncio.Lock()

    @property
    def history(self) -> History:
        """The config versions read so far; RuntimeError before `start`."""
        if self._history is None:
            raise RuntimeError("not started")
        return self._history

    @property
    def config(self) -> Config:
        return self.history.latest

    @property
    def leads(self) -> bool:
        return self._leader.lease is not None

    def wake(self) -> None:
        self._wake.set()

    async def start(self) -> None:
        """Read the versions; at least one is recorded."""
        await self._read_versions()

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
        due = [f.until for f in self.folded.values() if f.until is not None]
        if self.leads and self._policy_due is not None:
            due.append(self._policy_due)
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
        elif self._past is None:
            self._past = await self._store.read(read_past, self._org)
            self.now = max(self.now, self._past.as_of)
            self._unsaid = True
        folded = await self.refold()
        if leads and (self._unsaid or self._is_due()):
            await self._say()
        if folded:
            took = (self._clock.monotonic_ns() - begun) / 1e9
            self._metrics.evaluate_seconds.observe(took)
        self._metrics.evaluated_at.set(self._clock.now_ms() / 1000)

    def _is_due(self) -> bool:
        return self._policy_due is not None and self._policy_due <= self.now

    async def refold(self, *, everything: bool = False) -> set[str]:
        """Fold what evidence, versions or time have touched; the systems that were."""
        async with self._folding:
            await self.evidence.refresh()
            await self._read_versions()
            self._advance()
            by_check = truths.systems_by_check(self.history)
            stale = truths.due(self.folded, self.now)
            for check in self.evidence.touched:
                stale |= by_check.get(check, set())
            if self._new_versions or everything or not self.folded:
                stale = set(truths.systems_of(self.history))
            if stale:
                await asyncio.to_thread(self._fold, stale)
                self._unsaid = True
            # Only now: a look that fails before this point leaves its news for the next.
            self.evidence.touched.clear()
            self._new_versions = False
            return stale

    def _advance(self) -> None:
        clock = self._clock.now_ms()
        if clock < self.now - BEHIND_MS:
            # A host clock set back: what is said stays said, and time goes on when it is here again.
            log.warning("evaluate.clock_behind ms=%d", self.now - clock)
        self.now = max(self.now, clock)

    def _fold(self, systems: Iterable[str]) -> None:
        for system in systems:
            self.folded[system] = truths.fold(system, self.history, self.evidence.results, self.now)

    async def _read_versions(self) -> None:
        after = self._rows[-1].id if self._rows else 0
        fresh = await self._store.read(journal.rows, self._org, kind=versions.KINDS, after=after)
        if fresh:
            self._rows.extend(fresh)
            self._history = versions.history(self._rows)
            self._new_versions = True

    async def _say(self) -> None:
        past, lease = self._past, self._leader.lease
        if past is None or lease is None:
            return
        async with self._folding:
            plan, following, due = await asyncio.to_thread(self._plan, past)
            self._unsaid = False
        self._leader.renewed(await self._store.write(commit, self._org, lease, plan))
        self._past, self._policy_due = following, due
        if plan.messages:
            self._said()

    def _plan(self, past: Past) -> tuple[Plan, Past, int | None]:
        """What to say now, what is said once that is committed, and when to look again."""
        now, history = self.now, self.history
        views = {name: truths.prolonged(folded, now) for name, folded in self.folded.items()}
        derived = policy.incidents(views, history, now)
        due = policy.next_due(views, history, now)
        said = {key: row.incident for key, row in past.incidents.items()}
        matched = match(said.values(), derived, history)
        found = shown_for(transitions(said, derived, history), derived, matched)
        instants = occasions(
            found, self.folded, history, self.evidence.results, since=past.as_of, now=now
        )
        dated = [
            (changes.in_order(transition, shown), at)
            for (transition, shown), at in zip(found, instants, strict=True)
        ]
        rows, facts = changes.rows(dated, past.incidents, due)
        sent = messages(dated, rows, past.told, history.latest, now)
        places = changes.flips(views.values())
        moved = {p: (past.flips.get(p, ()), f) for p, f in places.items()}
        plan = Plan(
            now=now,
            facts=facts,
            incidents=rows,
            messages=sent,
            flips={p: pair for p, pair in moved.items() if pair[0] != pair[1]},
            states=changes.states(places, now),
            folded={c: r for c, r in self.evidence.held.items() if past.folded.get(c) != r},
        )
        following = replace(
            past,
            incidents={**past.incidents, **{row.incident.key: row for row in rows}},
            flips=places,
            folded=dict(self.evidence.held),
            told={**past.told, **{(m.incident_key, m.receiver): m.seq for m in sent}},
            as_of=now,
        )
        return plan, following, due
