"""One agent process: checks, spool, uplink and the HTTP side, wired together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import aiohttp
from yarl import URL

from agent import hostfile, toldfile
from agent.canaries import Target
from agent.carriers import carriers_of
from agent.disk import Disk
from agent.fallback import Fallback, rules_of
from agent.identity import Signing
from agent.keeper import Keeper, Makings
from agent.keptfile import KeptFile
from agent.metrics import AgentMetrics
from agent.reporting import Reporter
from agent.runner import Runner
from agent.server import Server
from agent.spool import Limits, Signer, open_spool
from agent.uplink import Uplink
from agent.vitals import SelfKnowledge
from agent.world import World, open_check
from probes.config import Config
from probes.configfile import digest
from probes.segments import Run
from probes.tombstone import GOOD_AFTER

DRAIN_S = 5.0
"""For what is left when the process is told to stop."""
STUCK_NS = 30_000_000_000
"""Without a look at the schedule for so long, the process is of no use."""


class Service:
    """`listen` when wanted, then `run` until told to stop."""

    def __init__(
        self,
        config: Config,
        agent: str,
        key: Signing,
        disk: Disk,
        limits: Limits,
        world: World,
        *,
        canaries: Sequence[Target] = (),
        state: Path | None = None,
        fallback: hostfile.Fallback | None = None,
    ) -> None:
        """Reads the spool on `disk`; DiskError when its folder cannot be listed. `state` is the
        folder of the agent's key; a fallback needs it.
        """
        self._agent = agent
        self._key = key
        self._world = world
        self.metrics = AgentMetrics()
        self._config = config
        self._state = state
        self._settings = fallback
        self._fallback: Fallback | None = None
        self._own = SelfKnowledge(world.clock, self.metrics, canaries, state)
        self.keeper = self._open_keeper(disk, limits)
        checks = [
            open_check(name, check, world, self._own.pulse, self._own.canaries)
            for name, check in config.checks.items()
            if agent in config.agents_of(name)
        ]
        self._runner = Runner(
            agent,
            checks,
            world.clock,
            self.keeper.add,
            self.metrics,
            stepped=self._own.time.stepped,
        )
        self._server = Server(self._metrics_text, self._alive, lambda: self._own.watch.troubles)
        self.checks = len(checks)

    async def listen(self, host: str, port: int) -> int:
        """Returns the port. OSError when it is taken."""
        return await self._server.start(host, port)

    async def run(self, collector: URL, stop: asyncio.Event) -> int:
        """Work until `stop` is set; returns how many batches the collector does not have.
        DiskLostError when the process has to start again.
        """
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            uplink = Uplink(
                session,
                collector,
                self.keeper,
                clock=self._world.clock,
                rng=self._world.rng,
                metrics=self.metrics,
                time=self._own.time,
            )
            self._fallback = self._open_fallback(session, collector, uplink)
            await self._own.time.ask(session, collector)
            try:
                await self.keeper.begin()
                await self._work(uplink, stop)
            finally:
                if not self.keeper.lost:
                    await self.keeper.finish()
                    await uplink.drain(DRAIN_S)
                    await self.keeper.close()
                await self._server.stop()
        return self.keeper.facts.waiting

    async def _work(self, uplink: Uplink, stop: asyncio.Event) -> None:
        """A part that ends by itself has a defect: its exception comes out of here."""
        parts = [
            *([asyncio.create_task(self._fallback.run())] if self._fallback else []),
            *map(asyncio.create_task, self._own.parts(self._runner, uplink.line)),
            asyncio.create_task(self._runner.run()),
            asyncio.create_task(uplink.run()),
            *map(asyncio.create_task, self.keeper.parts()),
        ]
        stopping = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait((*parts, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
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
        org, world = self._config.organization.id, self._world
        reporter = Reporter(session, collector, org, self._agent, self._key)
        fallback = Fallback(
            carriers_of(self._settings, org, self._agent, world),
            self._settings.after,
            KeptFile(self._state / toldfile.NAME),
            world.clock,
            self._own.time.now_ms,
            uplink.line,
            reporter.report,
            lambda: world.random_bytes(16).hex(),
            self.metrics,
        )
        fallback.follow(rules_of(self._config, self._agent))
        return fallback

    def _open_keeper(self, disk: Disk, limits: Limits) -> Keeper:
        world, config, agent = self._world, self._config, self._agent
        org, config_digest = config.organization.id, digest(config)
        makings = Makings(
            world.clock,
            world.random_bytes,
            lambda: Signer(org, agent, self._key(), config_digest),
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
        check = self._config.checks.get(name)
        return GOOD_AFTER if check is None else max(GOOD_AFTER, check.confirm.up)

    def _count(self, run: Run) -> None:
        self.metrics.runs.labels(run.check, run.outcome.value, run.reason).inc()
        if run.duration_us:
            self.metrics.run_seconds.labels(run.check).observe(run.duration_us / 1e6)
        if self._fallback is not None:
            self._fallback.take(run, self._own.time.belief().offset_ms)

    def _synced(self, took_ns: int) -> None:
        self.metrics.sync_seconds.observe(took_ns / 1e9)

    def _metrics_text(self) -> bytes:
        facts = self.keeper.facts
        self.metrics.pending.set(facts.waiting)
        self.metrics.spool_bytes.set(facts.bytes)
        self.metrics.spool_buried.set(facts.tombstones)
        self.metrics.spool_oldest.set(facts.oldest_ms / 1000)
        return self.metrics.text()

    def _alive(self) -> bool:
        return self._world.clock.monotonic_ns() - self._runner.beat_ns < STUCK_NS
