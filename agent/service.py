"""One agent process: checks, spool, uplink and the HTTP side, wired together."""

from __future__ import annotations

import asyncio

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from yarl import URL

from agent.disk import Disk
from agent.keeper import Keeper, Makings
from agent.metrics import AgentMetrics
from agent.onethread import OneThread
from agent.pulse import Pulse
from agent.runner import Runner
from agent.server import Server
from agent.spool import Limits, Signer, open_spool
from agent.uplink import Uplink
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
        key: Ed25519PrivateKey,
        disk: Disk,
        limits: Limits,
        world: World,
    ) -> None:
        """Reads the spool on `disk`; DiskError when its folder cannot be listed."""
        self._world = world
        self.metrics = AgentMetrics()
        self._hand = OneThread("spool")
        org = config.organization.id
        signer = Signer(org, agent, key, digest(config))
        ups = {name: check.confirm.up for name, check in config.checks.items()}
        makings = Makings(
            world.clock,
            world.random_bytes,
            lambda: signer,
            lambda check: max(GOOD_AFTER, ups.get(check, 0)),
        )
        opened = open_spool(
            disk, limits, world.clock, (org, agent), makings.new_epoch, self._synced
        )
        self.keeper = Keeper(opened, makings, self._hand, self.metrics, self._count)
        self._pulse = Pulse(world.clock)
        checks = [
            open_check(name, check, world, self._pulse)
            for name, check in config.checks.items()
            if agent in config.agents_of(name)
        ]
        self._runner = Runner(agent, checks, world.clock, self.keeper.add, self.metrics)
        self._server = Server(self._metrics_text, self._alive)
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
            )
            try:
                await self.keeper.begin()
                await self._work(uplink, stop)
            finally:
                if not self.keeper.lost:
                    await self.keeper.finish()
                    await uplink.drain(DRAIN_S)
                    await self.keeper.close()
                await self._server.stop()
                self._hand.close()
        return self.keeper.facts.waiting

    async def _work(self, uplink: Uplink, stop: asyncio.Event) -> None:
        """A part that ends by itself has a defect: its exception comes out of here."""
        parts = [
            asyncio.create_task(self._pulse.run()),
            asyncio.create_task(self._runner.run()),
            asyncio.create_task(uplink.run()),
            *(asyncio.create_task(part) for part in self.keeper.parts()),
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

    def _count(self, run: Run) -> None:
        self.metrics.runs.labels(run.check, run.outcome.value, run.reason).inc()
        if run.duration_us:
            self.metrics.run_seconds.labels(run.check).observe(run.duration_us / 1e6)

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
