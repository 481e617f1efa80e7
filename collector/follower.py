"""Keeps every system's truth up with the store: versions, batches, and the passing of time.

One per process. It starts from the newest snapshots and reads the batches since; a result too
late for what is settled sends its system back to an older snapshot.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

import msgspec

from collector import frozenholidays, journal, rollups, snapshots, truths, versions
from collector.core.tally import BUCKET_MS
from collector.evidence import Evidence, Page
from collector.frozenholidays import Frozen
from collector.journal import Row
from collector.rollups import Bucket
from collector.sightings import Pending
from collector.snapshots import FORMAT
from collector.sorting import AHEAD_MS
from collector.store import incidents
from collector.store import snapshots as saved
from collector.store.rollups import RollupRow
from collector.store.snapshots import DAY_MS, Snapshot, Snapshots
from collector.store.store import Store
from collector.truths import GRACE_MS, SETTLE_MS, Live
from probes.clock import Clock
from probes.history import History

log = logging.getLogger("wardwatch.follower")

BEHIND_MS = 2_000
CLOSED_MS = 60_000
"""How long after its end a rollup is made for the first time."""
FORGOTTEN_MS = 7_200_000
"""A process that does not lead forgets which rollups are to be made anew once the one that leads
has committed anything so long after.
"""
AT_ONCE = 2_000
"""Rollups made and committed together at most: after a backlog there are many."""
GATHERED = 2_000
"""Results of a system that may wait to be settled while a backlog is read."""
CROWDED = 80_000
"""Results of all systems that may: twelve megabytes. With more, a system is settled as soon as
`PART_MS` of it can be.
"""
PART_MS = 600_000


class _Last(msgspec.Struct, array_like=True):
    """What is saved beside the systems: `row` is the last of the journal that was read."""

    evidence: str
    touched: list[Bucket]
    row: int
    now: int


@dataclass(frozen=True, slots=True)
class _Joined:
    """A check that a later version gave to a system, and when its results may have been read
    before that version was.
    """

    system: str
    check: str
    start: int
    end: int


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
        self._read_to = 0
        self.frozen: Frozen = {}
        """The recorded holidays."""
        self._history: History | None = None
        self._by_check: dict[str, frozenset[str]] = {}
        self._new_versions = False
        self.touched: dict[Bucket, int] = {}
        """Rollups whose results came since they were made, and when the last of them came."""
        self.sighted = Pending()
        """States of servers that agents saw, and nobody has recorded yet."""
        self.making: dict[Bucket, int] = {}
        """Those of them whose rows are being committed."""
        self.left = False
        """Are there more than were made last?"""
        self._joined: list[_Joined] = []
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
            self.lives |= self._restored(newest)
            last = _last(newest)
            self.evidence.load(newest.folded, last.evidence)
            self.touched = dict.fromkeys(last.touched, self._clock.now_ms())
            self._joined = self._joined_since(last)
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
            await self._hand_over()
            async for page in self.evidence.since(self.evidence.held):
                # Read first, so that a version recorded before these results is known.
                await self._read_versions()
                await self._hand_over()
                await asyncio.to_thread(self._feed, self.lives, page, {})
                self.evidence.read(page)
                known = {s: line for s, line in page.lines.items() if s[0] in self._by_check}
                self.sighted.add(s for s in page.sightings if (s.check, s.agent) in known)
                self.touched |= dict.fromkeys(rollups.touched(known), self.now)
                await self._send_back()
            await self._send_back()
            self._advance()
            await asyncio.to_thread(self._fold, everything)
            while any(live.older is not None for live in self.lives.values()):
                await self._send_back()
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
        limits = dict(wanted) if keep else {}
        while True:
            base = await self._store.read(saved.read_before, self._org, FORMAT, wanted)
            lives = {system: Live(system) for system in wanted}
            if base is not None:
                lives.update(self._restored(base))
                for joined in self._joined_since(_last(base)):
                    await self._hand(lives, joined)
            folded = {} if base is None else base.folded
            async for page in self.evidence.since(folded, self.evidence.held):
                await asyncio.to_thread(self._feed, lives, page, limits)
            await asyncio.to_thread(self._look, lives)
            refused = {name: live.older for name, live in lives.items() if live.older is not None}
            if not refused:
                return lives
            # A chain whose agent set its clock back is not in the order of time.
            wanted |= {name: min(t, wanted[name]) for name, t in refused.items()}
            limits |= {name: wanted[name] for name in refused}

    def snapshot(self) -> Snapshots:
        """All that is settled now; `lock` must be held."""
        return Snapshots(
            self.now // DAY_MS,
            dict(self.evidence.held),
            msgspec.json.encode(
                _Last(self.evidence.dump(), sorted(self.touched), self._rows[-1].id, self.now)
            ).decode(),
            tuple(
                Snapshot(name, live.settled.edge, snapshots.encode(live))
                for name, live in self.lives.items()
            ),
        )

    def begin(self) -> Collection[Bucket]:
        """Touched rollups of five minutes that are over, the oldest first: to be made and committed
        now.
        """
        edge = self.now - BUCKET_MS - CLOSED_MS
        over = [bucket for bucket in self.touched if bucket[2] <= edge]
        self.left = len(over) > AT_ONCE
        if self.left:
            over.sort(key=itemgetter(2))
            del over[AT_ONCE:]
        self.making = {bucket: self.touched.pop(bucket) for bucket in over}
        return self.making

    def made(self) -> None:
        """The rows of what `begin` said are committed."""
        self.making = {}

    def unmade(self) -> None:
        """They may not be."""
        self.touched = {**self.making, **self.touched}
        self.making = {}

    async def forget(self) -> None:
        """Drop what another process has made rollups of: it has said something much later."""
        if min(self.touched.values(), default=self.now) > self.now - FORGOTTEN_MS:
            return
        edge = await self._store.read(incidents.said_at, self._org) - FORGOTTEN_MS
        self.touched = {
            bucket: at for bucket, at in self.touched.items() if max(at, bucket[2]) > edge
        }

    async def rollups(self, wanted: Collection[Bucket]) -> list[RollupRow]:
        """These rollups as the evidence makes them; `lock` must be held."""
        return await rollups.make(wanted, self.lives, self.evidence)

    def _restored(self, made: Snapshots) -> dict[str, Live]:
        return {s.system: snapshots.decode(s.system, s.data, self.history) for s in made.systems}

    def _feed(self, lives: Mapping[str, Live], page: Page, limits: Mapping[str, int]) -> None:
        """Hand results out, and keep what waits to be settled short, up to a limit at most."""
        fed: dict[str, Live] = {}
        for source, line in page.lines.items():
            for system in self._by_check.get(source[0], ()):
                if (live := lives.get(system)) is not None:
                    live.take_line(source, line, self.now)
                    fed[system] = live
        if page.edge is None:
            return
        crowded = sum(live.gathered for live in lives.values()) > CROWDED
        # An agent whose clock is ahead says nothing of time that has not come.
        now = min(page.edge, self.now)
        for live in fed.values():
            edge = min(now - GRACE_MS, limits.get(live.system, now))
            ahead = edge - live.settled.until
            due = live.gathered > GATHERED or (crowded and ahead >= PART_MS)
            if due and ahead > 0 and live.older is None:
                live.fold(self.history, now)
                if live.older is None:
                    live.settle(edge, now)
                live.stale = True

    async def _send_back(self) -> None:
        """Systems with a result too late for what is settled start from an older snapshot."""
        late = {name: live.older for name, live in self.lives.items() if live.older is not None}
        if late:
            log.info("follower.older systems=%d", len(late))
            self.lives.update(await self.older(late))

    async def _hand_over(self) -> None:
        """Checks that joined a system: their results that were read before the version was."""
        while self._joined:
            await self._hand(self.lives, self._joined[0])
            del self._joined[0]

    async def _hand(self, lives: Mapping[str, Live], joined: _Joined) -> None:
        if joined.system not in lives or joined.start >= joined.end:
            return
        agents = {agent for v in self.history.versions for agent in v.config.agents}
        sources = [(joined.check, agent) for agent in agents]
        found = await self.evidence.between(sources, joined.start, joined.end)
        lives[joined.system].take_lines({s: line for s, line in found.items() if line}, self.now)

    def _joined_since(self, last: _Last) -> list[_Joined]:
        known = [row for row in self._rows if row.id <= last.row]
        fresh = [row for row in self._rows if row.id > last.row]
        if not fresh:
            return []
        before = truths.systems_by_check(versions.history(known))
        # Nobody's clock is ahead by more, so no later result was read without that version.
        return [
            _Joined(system, check, fresh[0].recorded_at, last.now + AHEAD_MS + 1)
            for check, systems in self._by_check.items()
            for system in sorted(systems - before.get(check, frozenset()))
        ]

    def _look(self, lives: Mapping[str, Live]) -> None:
        """Is what is settled of them still so?"""
        for live in lives.values():
            if live.older is None:
                live.fold(self.history, self.now)

    def _fold(self, everything: bool) -> None:  # noqa: FBT001 - asyncio.to_thread hands it on
        everything = everything or self._new_versions
        settling = self.now - self._settled_at >= SETTLE_MS
        for live in self.lives.values():
            anew = everything or live.stale or truths.is_due(live, self.now)
            if anew or (settling and not live.only_lasts(self.history, self.now)):
                live.fold(self.history, self.now)
            if settling and live.older is None:
                live.settle(self.now - GRACE_MS, self.now)
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
        kinds, after = (*versions.KINDS, frozenholidays.KIND), self._read_to
        found = await self._store.read(journal.rows, self._org, kind=kinds, after=after)
        if not found:
            return
        self._read_to = found[-1].id
        self.frozen = {**frozenholidays.frozen_in(found), **self.frozen}
        fresh = [row for row in found if row.kind != frozenholidays.KIND]
        if not fresh:
            return
        before = self._rows[-1].id if self._rows else None
        self._rows.extend(fresh)
        self._history = versions.history(self._rows)
        self._by_check = truths.systems_by_check(self.history)
        if before is not None:
            self._joined += self._joined_since(_Last("", [], before, self.now))
            self._judge_anew([row for row in fresh if row.kind == journal.CONFIG])
        self._new_versions = True
        for system in truths.systems_of(self.history):
            self.lives.setdefault(system, Live(system))

    def _judge_anew(self, fresh: Sequence[Row]) -> None:
        """A version recorded by a clock behind ours judges time that is settled."""
        for row in fresh:
            for live in self.lives.values():
                if row.recorded_at < live.settled.edge:
                    live.older = min(row.recorded_at, live.older or row.recorded_at)


def _last(made: Snapshots) -> _Last:
    return msgspec.json.decode(made.last, type=_Last)
