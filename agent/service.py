"""One agent process: checks, spool, uplink and the HTTP side, wired together."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from agent import checks, hostfile, toldfile
from agent.canaries import Target
from agent.carriers import carriers_of
from agent.disk import Disk
from agent.fallback import Fallback, rules_of
from agent.identity import Signing
from agent.keeper import Keeper
from agent.keptfile import KeptFile
from agent.makings import Makings
from agent.metrics import AgentMetrics
from agent.notify import Notify
from agent.reporting import Reporter
from agent.server import Face, Server
from agent.spool import Signer
from agent.spoolfiles import Limits
from agent.spoolopen import open_spool
from agent.telling import Line
from agent.uplink import Uplink, open_session
from agent.vitals import SelfKnowledge
from agent.world import World
from probes.agentconfig import AgentConfig
from probes.attempts import Attempts
from probes.runner import Runner
from probes.segments import Run
from probes.tombstone import GOOD_AFTER

log = logging.getLogger("wardwatch.agent")

DRAIN_S = 5.0
"""For what is left when the process is told to stop."""
ALONE: Callable[[], Line] = lambda: Line(0, False, False)  # noqa: E731, FBT003
"""The line of an agent without a collector: never lost."""
STUCK_NS = 30_000_000_000
"""Without a look at the schedule for so long, the process is of no use."""


class Service:
    """`run` until told to stop."""

    def __init__(
        self,
        part: AgentConfig,
        key: Signing,
        disk: Disk,
        limits: Limits,
        world: World,
        *,
        metrics: AgentMetrics | None = None,
        canaries: Sequence[Target] = (),
        state: Path | None = None,
        fallback: hostfile.Fallback | None = None,
        notify: Notify | None = None,
        server: Server | None = None,
        once: Callable[[Run], None] | None = None,
    ) -> None:
        """Reads the spool on `disk`; DiskError when its folder cannot be listed. `state` is the
        folder of the agent's key; a fallback needs it. `server` shows this agent from now on. With
        `once` each check runs once, that is told of each, and `run` ends.
        """
        self._part = part
        self._key = key
        self._world = world
        self._digest = part.digest
        self._beacon = part.beacon
        self.metrics = metrics or AgentMetrics()
        self.metrics.config_version.set(part.version)
        self._state = state
        self._settings = fallback
        self._once = once
        self._notify = notify or Notify(None, None)
        self._fallback: Fallback | None = None
        self._own = SelfKnowledge(world.clock, self.metrics, canaries, state)
        self.keeper = self._open_keeper(disk, limits)
        self._checks = self._opened(part, {})
        self._runner = Runner(
            part.agent,
            [*self._checks.values()],
            world.clock,
            self.keeper.add,
            stepped=self._own.time.stepped,
        )
        self.face = Face(self._metrics_text, self._alive, lambda: self._own.watch.troubles)
        if server is not None:
            server.show(self.face)

    @property
    def checks(self) -> int:
        """How many run."""
        return len(self._checks)

    def apply(self, part: AgentConfig) -> None:
        """Run this from the next look on. What is the same goes on; what was recorded before names
        the config it was recorded under.
        """
        if part.beacon is not None:
            self._told(part.beacon)
        same = checks.unchanged(self._part, part)
        kept = {name: self._checks[name] for name in same}
        self._part = part
        self._checks = self._opened(part, kept)

        def recorded() -> None:
            self._digest = part.digest
            log.info("config.applied version=%d checks=%d", part.version, len(part.checks))

        def in_force() -> None:
            self.keeper.then(recorded)
            if self._fallback is not None:
                self._fallback.follow(rules_of(part))
            self.metrics.config_version.set(part.version)

        self._runner.change([*self._checks.values()], in_force)

    def _told(self, beacon: str) -> None:
        """The newest checkpoint of the evidence log, in the batches from now on."""
        self._beacon = beacon

    def _opened(self, part: AgentConfig, kept: Mapping[str, Attempts]) -> dict[str, Attempts]:
        return checks.opened(part, self._world, self._own.pulse, self._own.canaries, kept)

    async def run(
        self,
        collector: URL | None,
        stop: asyncio.Event,
        *,
        tls: ssl.SSLContext | None = None,
        beside: Sequence[Coroutine[Any, Any, None]] = (),
    ) -> int:
        """Work until `stop` is set; returns how many batches no collector has. DiskLostError when
        the process has to start again.

        Without a collector they wait as if it was away. `beside` runs for as long.
        """
        async with open_session(tls) as session:
            uplink = None
            if collector is not None:
                uplink = Uplink(
                    session,
                    collector,
                    self.keeper.held,
                    clock=self._world.clock,
                    rng=self._world.rng,
                    metrics=self.metrics,
                    time=self._own.time,
                    told=self._told,
                )
                self._fallback = self._open_fallback(session, collector, uplink)
                await self._own.time.ask(session, collector)
            try:
                await self.keeper.begin()
                await self._work(uplink, stop, beside)
            finally:
                if not self.keeper.held.lost:
                    await self.keeper.finish()
                    if uplink is not None:
                        await uplink.drain(DRAIN_S)
                    await self.keeper.held.close()
        return self.keeper.held.facts.waiting

    async def _work(
        self,
        uplink: Uplink | None,
        stop: asyncio.Event,
        beside: Sequence[Coroutine[Any, Any, None]],
    ) -> None:
        """A part that ends by itself has a defect: its exception comes out of here."""
        line = ALONE if uplink is None else uplink.line
        parts = [
            *([asyncio.create_task(self._fallback.run())] if self._fallback else []),
            *map(asyncio.create_task, self._own.parts(self._runner, line)),
            *map(asyncio.create_task, beside),
            asyncio.create_task(
                self._notify.run(self._world.clock, self._alive, lambda: self._own.watch.troubles)
            ),
            asyncio.create_task(self._runner.run() if self._once is None else self._runner.once()),
            *([asyncio.create_task(uplink.run())] if uplink else []),
            *map(asyncio.create_task, self.keeper.parts()),
        ]
        stopping = asyncio.create_task(stop.wait())
        self._notify.ready()
        try:
            done, _ = await asyncio.wait((*parts, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._notify.stopping()
            for task in (*parts, stopping):
                task.cancel()
            await asyncio.gather(*parts, stopping, return_exceptions=True)
        for task in done:
            task.result()

    def _open_fallback(
        self, session: aiohttp.ClientSession, collector: URL, uplink: Uplink
    ) -> Fallback | None:
        if self._settings is None or self._state is None:
            return None
        org, agent, world = self._part.org, self._part.agent, self._world
        reporter = Reporter(session, collector, org, agent, self._key)
        fallback = Fallback(
            carriers_of(self._settings, org, agent, world),
            self._settings.after,
            KeptFile(self._state / toldfile.NAME),
            world.clock,
            self._own.time.now_ms,
            uplink.line,
            reporter.report,
            lambda: world.random_bytes(16).hex(),
            self.metrics,
        )
        fallback.follow(rules_of(self._part))
        return fallback

    def _open_keeper(self, disk: Disk, limits: Limits) -> Keeper:
        world, org, agent = self._world, self._part.org, self._part.agent
        makings = Makings(
            world.clock,
            world.random_bytes,
            lambda: Signer(org, agent, self._key(), self._digest, self._beacon),
            self._own.time.anchors,
            self._own.time.settle,
            self._enough,
        )
        opened = open_spool(
            disk, limits, world.clock, (org, agent), makings.new_epoch, self._synced
        )
        return Keeper(opened, makings, world.hand, self.metrics, self._count)

    def _enough(self, name: str) -> int:
        """Good runs that end an outage for sure, and stand between it and a hole."""
        return max(GOOD_AFTER, checks.good_runs(self._part, name))

    def _count(self, run: Run) -> None:
        if self._once is not None:
            self._once(run)
        self.metrics.tallies.count(run.check, run.outcome._value_, run.reason, run.duration_us)
        if self._fallback is not None:
            self._fallback.take(run, self._own.time.belief().offset_ms)

    def _synced(self, took_ns: int) -> None:
        self.metrics.sync_seconds.observe(took_ns / 1e9)

    def _metrics_text(self) -> bytes:
        facts = self.keeper.held.facts
        self.metrics.pending.set(facts.waiting)
        self.metrics.spool_bytes.set(facts.bytes)
        self.metrics.spool_buried.set(facts.tombstones)
        self.metrics.spool_oldest.set(facts.oldest_ms / 1000)
        return self.metrics.text()

    def _alive(self) -> bool:
        return self._world.clock.monotonic_ns() - self._runner.beat_ns < STUCK_NS
