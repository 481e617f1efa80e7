"""Measures this process and its host, and says what is wrong: metrics, `/healthz`, one log line."""

from __future__ import annotations

import logging
import resource
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import psutil

from agent.canaries import Canaries, Target
from agent.condition import MEANINGS, Trouble, Vitals, troubles
from agent.metrics import AgentMetrics
from agent.pulse import Pulse
from agent.telling import Line
from agent.timekeeping import Timekeeper
from probes.clock import NS_PER_MS, Clock
from probes.net import Network
from probes.runner import Runner

log = logging.getLogger("wardwatch.agent")

EVERY_MS = 5_000


class SelfKnowledge:
    """What one agent knows of itself, for those who ask: `parts` keep it up to date."""

    def __init__(
        self, clock: Clock, metrics: AgentMetrics, targets: Sequence[Target], folder: Path | None
    ) -> None:
        self.pulse = Pulse(clock)
        self.time = Timekeeper(clock, metrics)
        # The host's own file names them: no list of what checks may reach applies.
        self.canaries = Canaries(targets, Network(clock), clock)
        self.watch = Watch(clock, metrics, self, folder)

    def parts(self, runner: Runner, line: Callable[[], Line]) -> list[Coroutine[Any, Any, None]]:
        """To run until cancelled."""
        return [self.pulse.run(), self.canaries.run(), self.watch.run(runner, line)]


class Watch:
    """`run` for ever; `troubles` is what the last look found."""

    def __init__(
        self, clock: Clock, metrics: AgentMetrics, known: SelfKnowledge, folder: Path | None
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._known = known
        self._folder = folder
        self._process = psutil.Process()
        self._before = (clock.monotonic_ns(), self._cpu_s())
        self.troubles: tuple[Trouble, ...] = ()

    async def run(self, runner: Runner, line: Callable[[], Line]) -> None:
        while True:
            self._tell(troubles(self._measure(runner, line())))
            await self._clock.sleep_ms(EVERY_MS)

    def _tell(self, found: tuple[Trouble, ...]) -> None:
        for trouble in MEANINGS:
            self._metrics.degraded.labels(trouble.value).set(trouble in found)
            if (trouble in found) is not (trouble in self.troubles):
                word = "degraded" if trouble in found else "well_again"
                log.warning("agent.%s reason=%s", word, trouble.value)
        self.troubles = found

    def _measure(self, runner: Runner, line: Line) -> Vitals:
        known, metrics = self._known, self._metrics
        memory: int | None
        try:
            memory, cpu, files = psutil.virtual_memory().available, self._cpu(), self._files()
        except OSError:  # no descriptor is left to look with
            memory, cpu, files = None, 0.0, 0
        disk = self._disk()
        metrics.lag.set(known.pulse.worst_ms() / 1000)
        metrics.late.set(runner.worst_late_ms() / 1000)
        if memory is not None:
            metrics.memory_available.set(memory)
        if disk is not None:
            metrics.state_free.set(disk)
        return Vitals(
            clock_error_ms=known.time.show().error_ms,
            cpu=cpu,
            disk_left=disk,
            files_left=files,
            stalled_ago_ms=self._ago(known.pulse.stalled_ns),
            memory_left=memory,
            network_lost=known.canaries.lost,
            missed_ago_ms=self._ago(runner.missed_ns),
            silent_ms=line.silent_ms if line.waits else None,
        )

    def _ago(self, at_ns: int | None) -> int | None:
        return None if at_ns is None else (self._clock.monotonic_ns() - at_ns) // NS_PER_MS

    def _cpu(self) -> float:
        """Share of one core since the look before; a moment, such as a start, tells nothing."""
        now = (self._clock.monotonic_ns(), self._cpu_s())
        passed_s = (now[0] - self._before[0]) / 1e9
        if passed_s < 1.0:
            return 0.0
        used_s, self._before = now[1] - self._before[1], now
        return used_s / passed_s

    def _cpu_s(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _files(self) -> int | None:
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return None if limit == resource.RLIM_INFINITY else limit - self._process.num_fds()

    def _disk(self) -> int | None:
        if self._folder is None:
            return None
        try:
            return int(psutil.disk_usage(str(self._folder)).free)
        except OSError:  # gone or unreadable: whoever writes there will say so
            return None
