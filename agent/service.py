"""One agent process: checks, batches, uplink and the HTTP side, wired together."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from agent import checks, hostfile, toldfile
from agent.attempts import Attempts
from agent.batcher import Batcher
from agent.canaries import Target
from agent.carriers import carriers_of
from agent.fallback import Fallback, rules_of
from agent.identity import Signing
from agent.keptfile import KeptFile
from agent.metrics import AgentMetrics
from agent.notify import Notify
from agent.outgoing import Outgoing, Sealed
from agent.reporting import Reporter
from agent.runner import Runner
from agent.server import Server
from agent.telling import Line
from agent.uplink import Uplink, open_session
from agent.vitals import SelfKnowledge
from agent.waiting import news_within
from agent.world import World
from probes import batch
from probes.agentconfig import AgentConfig
from probes.batch import Place
from probes.clock import NS_PER_MS
from probes.segments import Run

log = logging.getLogger("wardwatch.agent")

DRAIN_S = 5.0
"""For what is left when the process is told to stop."""
ALONE: Callable[[], Line] = lambda: Line(0, False, False)  # noqa: E731, FBT003
"""The line of an agent without a collector: never lost."""
STUCK_NS = 30_000_000_000
"""Without a look at the schedule for so long, the process is of no use."""


class Service:
    """`listen` when wanted, then `run` until told to stop."""

    def __init__(
        self,
        part: AgentConfig,
        key: Signing,
        epoch: str,
        world: World,
        *,
        metrics: AgentMetrics | None = None,
        canaries: Sequence[Target] = (),
        state: Path | None = None,
        fallback: hostfile.Fallback | None = None,
        notify: Notify | None = None,
        once: Callable[[Run], None] | None = None,
    ) -> None:
        """`state` is the folder of the agent's key; a fallback needs it. With `once` each check runs
        once, that is told of each, and `run` ends.
        """
        self._part = part
        self._key = key
        self._world = world
        self._place = Place(part.org, part.agent, epoch, 1, batch.NO_PREVIOUS, part.digest)
        self.metrics = metrics or AgentMetrics()
        self.metrics.config_version.set(part.version)
        self.outgoing = Outgoing()
        self._batcher = Batcher()
        self._news = asyncio.Event()
        self._state = state
        self._settings = fallback
        self._once = once
        self._notify = notify or Notify(None, None)
        self._fallback: Fallback | None = None
        self._own = SelfKnowledge(world.clock, self.metrics, canaries, state)
        self._checks = self._opened(part, {})
        self._runner = Runner(
            part.agent,
            [*self._checks.values()],
            world.clock,
            self._record,
            self.metrics,
            stepped=self._own.time.stepped,
        )
        self._server = Server(self._metrics_text, self._alive, lambda: self._own.watch.troubles)

    @property
    def checks(self) -> int:
        """How many run."""
        return len(self._checks)

    def apply(self, part: AgentConfig) -> None:
        """Run this from the next look on. What is the same goes on; what was recorded before names
        the config it was recorded under.
        """
        same = checks.unchanged(self._part, part)
        kept = {name: self._checks[name] for name in same}
        self._part = part
        self._checks = self._opened(part, kept)

        def in_force() -> None:
            while self._batcher.due_ms() is not None:
                self._seal()
            self._place = replace(self._place, config=part.digest)
            if self._fallback is not None:
                self._fallback.follow(rules_of(part))
            self.metrics.config_version.set(part.version)
            log.info("config.applied version=%d checks=%d", part.version, len(part.checks))

        self._runner.change([*self._checks.values()], in_force)

    def _opened(self, part: AgentConfig, kept: Mapping[str, Attempts]) -> dict[str, Attempts]:
        return checks.opened(part, self._world, self._own.pulse, self._own.canaries, kept)

    async def listen(self, host: str, port: int) -> int:
        """Returns the port. OSError when it is taken."""
        return await self._server.start(host, port)

    async def run(
        self,
        collector: URL | None,
        stop: asyncio.Event,
        *,
        tls: ssl.SSLContext | None = None,
        beside: Sequence[Coroutine[Any, Any, None]] = (),
    ) -> int:
        """Work until `stop` is set; returns how many batches no collector took.

        Without a collector they wait as if it was away. `beside` runs for as long.
        """
        async with open_session(tls) as session:
            uplink = None
            if collector is not None:
                uplink = Uplink(
                    session,
                    collector,
                    self.outgoing,
                    self._place.epoch,
                    clock=self._world.clock,
                    rng=self._world.rng,
                    metrics=self.metrics,
                    time=self._own.time,
                )
                self._fallback = self._open_fallback(session, collector, uplink)
                await self._own.time.ask(session, collector)
            try:
                await self._work(uplink, stop, beside)
            finally:
                while self._batcher.due_ms() is not None:
                    self._seal()
                if uplink is not None:
                    await uplink.drain(DRAIN_S)
                await self._server.stop()
        return len(self.outgoing)

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
            asyncio.create_task(self._close_batches(uplink)),
            *([asyncio.create_task(uplink.run())] if uplink else []),
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

    async def _close_batches(self, uplink: Uplink | None) -> None:
        while True:
            due_ms = self._batcher.due_ms()
            now_ms = self._world.clock.monotonic_ns() // NS_PER_MS
            if due_ms is None:
                await self._news.wait()
                self._news.clear()
            elif due_ms > now_ms:
                await news_within(self._news, self._world.clock, due_ms - now_ms)
            else:
                self._seal()
                if uplink is not None:
                    uplink.wake()

    def _record(self, run: Run) -> None:
        if self._once is not None:
            self._once(run)
        self.metrics.runs.labels(run.check, run.outcome.value, run.reason).inc()
        if run.duration_us:
            self.metrics.run_seconds.labels(run.check).observe(run.duration_us / 1e6)
        if self._fallback is not None:
            self._fallback.take(run, self._own.time.belief().offset_ms)
        self._batcher.add(run, self._world.clock.monotonic_ns() // NS_PER_MS)
        self._news.set()

    def _seal(self) -> None:
        anchors = self._own.time.anchors()
        secret = self._world.random_bytes(batch.SECRET_BYTES)
        data = batch.seal(self._key(), self._place, anchors, self._batcher.take(), secret)
        dropped = self.outgoing.add(Sealed(self._place.seq, data, anchors.monotonic_ns))
        if dropped:
            log.error("uplink.dropped batches=%d", dropped)
            self.metrics.dropped.inc(dropped)
        self.metrics.sealed.inc()
        self._own.time.settle()
        place = self._place
        self._place = Place(
            place.org,
            place.agent,
            place.epoch,
            place.seq + 1,
            batch.header_hash(batch.open_batch(data)),
            place.config,
        )

    def _metrics_text(self) -> bytes:
        self.metrics.pending.set(len(self.outgoing))
        self.metrics.pending_bytes.set(self.outgoing.size_bytes)
        self.metrics.oldest_seconds.set((self._waits_ms() or 0) / 1000)
        return self.metrics.text()

    def _waits_ms(self) -> int | None:
        oldest = self.outgoing.oldest()
        if oldest is None:
            return None
        return (self._world.clock.monotonic_ns() - oldest.closed_ns) // NS_PER_MS

    def _alive(self) -> bool:
        return self._world.clock.monotonic_ns() - self._runner.beat_ns < STUCK_NS
