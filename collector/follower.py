"""Keeps every system's truth up with the store: versions, batches, and the passing of time.

One per process. It starts from the newest snapshots and reads the batches since; a result too
late for what is settled sends its system back to an older snapshot.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping

import msgspec

from collector import journal, rollups, snapshots, truths, versions
from collector.core.rollup import BUCKET_MS
from collector.core.windows import FAR
from collector.evidence import Evidence, Page
from collector.journal import Row
from collector.rollups import Bucket
from collector.snapshots import FORMAT
from collector.store import snapshots as saved
from collector.store.rollups import RollupRow
from collector.store.snapshots import DAY_MS, Snapshot, Snapshots
from collector.store.store import Store
from collector.truths import GRACE_MS, SETTLE_MS, Live
from probes.clock import Clock
from probes.history import History
from probes.results import Result

log = logging.getLogger("wardwatch.follower")

BEHIND_MS = 2_000
CLOSED_MS = 60_000
"""How long after its end a rollup is made for the first time."""
FORGOTTEN_MS = 7_200_000
GATHERED = 2_000
"""Results of a system that may wait to be settled while a backlog is read."""


class Follower:
    """`start` before anything else. `lives` are by system id; every one is folded up to `now`
    or holds unchanged until then.
    """

    def __init__(self, store: Store, clock: Clock, org: str) -> None:
        self.evidence = Evidence(store, org)
        self.lives: dict[str, Live] = {}
        self.now = 0
        """The edge of knowledge: the latest instant folded; it never goes back."""
        self._store = store
        self._clock = clock
        self._org = org
        self._rows: list[Row] = []
        self._history: History | None = None
        self._by_check: dict[str, set[str]] = {}
        self._new_versions = False
        self.touched: set[Bucket] = set()
        """Rollups whose results came since they were made."""
        self._joined: list[tuple[str, str, int]] = []
        self._settled_at = 0
        self.lock = asyncio.Lock()

    @property
    def history(self) -> History:
        """The config versions read so far; RuntimeError before `start`."""
        if self._history is None:
            raise RuntimeError("not started")
        return self._history

    async def start(self) -> None:
        """Read the versions (at least one is recorded) and the newest snapshots."""
        await self._read_versions()
        newest = await self._store.read(saved.read_latest, self._org, FORMAT)
        if newest is not None:
            self.lives = self._restored(newest)
            text, buckets = msgspec.json.decode(newest.last, type=tuple[str, list[Bucket]])
            self.evidence.load(newest.folded, text)
            self.touched = set(buckets)
            self._advance()
            # Only a system that is folded can take back a silence, instead of being sent back.
            await asyncio.to_thread(self._fold_each)

    async def catch_up(self, *, everything: bool = False) -> bool:
        """Fold what evidence, versions or time have touched, or everything up to now; did
        anything but the passing of time change what is seen?
        """
        async with self.lock:
            await self._read_versions()
            self._advance()
            async for page in self.evidence.since(self.evidence.held):
                # Read first, so that a version recorded before these results is known.
                await self._read_versions()
                await asyncio.to_thread(self._feed, self.lives, page, None)
                self.evidence.read(page)
                self.touched |= rollups.touched(
                    [r for r in page.results if r.check in self._by_check]
                )
                await self._send_back()
            await self._send_back()
            await self._hand_over()
            self._advance()
            await asyncio.to_thread(self._fold, everything)
            self._new_versions = False
            changed = any(live.changed for live in self.lives.values())
            for live in self.lives.values():
                live.changed = False
            return changed

    async def older(self, wanted: Mapping[str, int], *, keep: bool = False) -> dict[str, Live]:
        """Systems as they are now, from snapshots that take in a result at an instant each; with
        `keep` nothing from that instant on is settled.
        """
        wanted = dict(wanted)
        while True:
            base = await self._store.read(saved.read_before, self._org, FORMAT, wanted)
            lives = {system: Live(system) for system in wanted}
            if base is not None:
                lives.update(self._restored(base))
            folded = {} if base is None else base.folded
            async for page in self.evidence.since(folded, self.evidence.held):
                await asyncio.to_thread(self._feed, lives, page, wanted if keep else None)
            refused = {name: live.older for name, live in lives.items() if live.older is not None}
            if not refused:
                return lives
            if base is None:
                raise RuntimeError("a result is late for nothing")
            wanted |= {name: min(t, wanted[name]) for name, t in refused.items()}

    def snapshot(self) -> Snapshots:
        """All that is settled now; `lock` must be held."""
        return Snapshots(
            self.now // DAY_MS,
            dict(self.evidence.held),
            msgspec.json.encode([self.evidence.dump(), sorted(self.touched)]).decode(),
            tuple(
                Snapshot(name, live.settled.edge, snapshots.encode(live))
                for name, live in self.lives.items()
            ),
        )

    def closed(self) -> set[Bucket]:
        """Touched rollups of five minutes that are over."""
        edge = self.now - BUCKET_MS - CLOSED_MS
        return {bucket for bucket in self.touched if bucket[2] <= edge}

    def forget(self) -> None:
        """Drop what another process has made rollups of by now."""
        edge = self.now - FORGOTTEN_MS
        self.touched = {bucket for bucket in self.touched if bucket[2] > edge}

    async def rollups(self, wanted: Collection[Bucket]) -> list[RollupRow]:
        """These rollups as the evidence makes them; `lock` must be held."""
        return await rollups.make(wanted, self.lives, self.evidence)

    def _restored(self, made: Snapshots) -> dict[str, Live]:
        return {s.system: snapshots.decode(s.system, s.data, self.history) for s in made.systems}

    def _feed(self, lives: Mapping[str, Live], page: Page, limit: Mapping[str, int] | None) -> None:
        """Hand results out, and keep what waits to be settled short."""
        by_system: dict[str, list[Result]] = {}
        for result in page.results:
            for system in self._by_check.get(result.check, ()):
                by_system.setdefault(system, []).append(result)
        for system, results in by_system.items():
            live = lives.get(system)
            if live is None:
                continue
            live.take(results, self.now)
            if page.edge is None or live.gathered <= GATHERED or live.older is not None:
                continue
            edge = page.edge - GRACE_MS
            if limit is None or live.settled.until < limit[system]:
                live.fold(self.history, page.edge)
                live.settle(edge if limit is None else min(edge, limit[system]))
                live.stale = True

    async def _send_back(self) -> None:
        """Systems with a result too late for what is settled start from an older snapshot."""
        late = {name: live.older for name, live in self.lives.items() if live.older is not None}
        if late:
            log.info("follower.older systems=%d", len(late))
            self.lives.update(await self.older(late))

    async def _hand_over(self) -> None:
        """A check that joined a system: its results that were read before the version was."""
        for system, check, at in self._joined:
            sources = [(check, agent) for v in self.history.versions for agent in v.config.agents]
            found = await self.evidence.between(sources, at, FAR)
            results = sorted((r for line in found.values() for r in line), key=lambda r: r.t)
            self.lives[system].take(results, self.now)
        self._joined.clear()

    def _fold(self, everything: bool) -> None:  # noqa: FBT001 - asyncio.to_thread hands it on
        everything = everything or self._new_versions
        settling = self.now - self._settled_at >= SETTLE_MS
        for live in self.lives.values():
            if everything or settling or live.stale or truths.is_due(live, self.now):
                live.fold(self.history, self.now)
            if settling:
                live.settle(self.now - GRACE_MS)
        if settling:
            self._settled_at = self.now

    def _fold_each(self) -> None:
        for live in self.lives.values():
            live.fold(self.history, self.now)

    def _advance(self) -> None:
        clock = self._clock.now_ms()
        if clock < self.now - BEHIND_MS:
            # A host clock set back: what is said stays said, and time goes on when it is here again.
            log.warning("evaluate.clock_behind ms=%d", self.now - clock)
        self.now = max(self.now, clock)

    async def _read_versions(self) -> None:
        after = self._rows[-1].id if self._rows else 0
        fresh = await self._store.read(journal.rows, self._org, kind=versions.KINDS, after=after)
        if not fresh:
            return
        known = self._by_check if self._rows else None
        self._rows.extend(fresh)
        self._history = versions.history(self._rows)
        self._by_check = truths.systems_by_check(self.history)
        if known is not None:
            self._joined += [
                (system, check, fresh[0].recorded_at)
                for check, systems in self._by_check.items()
                for system in systems - known.get(check, set())
            ]
        self._new_versions = True
        for system in truths.systems_of(self.history):
            self.lives.setdefault(system, Live(system))
