"""Measures this process and its host, and says what is wrong: metrics, `/healthz`, one log line."""

from __future__ import annotations

import logging
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from agent.canaries import Canaries
from agent.condition import MEANINGS, Trouble, Vitals, troubles
from agent.metrics import AgentMetrics
from agent.pulse import Pulse
from agent.runner import Runner
from agent.timekeeping import Timekeeper
from probes.clock import NS_PER_MS, Clock

log = logging.getLogger("wardwatch.agent")

EVERY_MS = 5_000


@dataclass(frozen=True, slots=True)
class Sources:
    """What is looked at. `waits_ms`: age of the oldest batch not delivered, None without one."""

    pulse: Pulse
    canaries: Canaries
    time: Timekeeper
    runner: Runner
    waits_ms: Callable[[], int | None]
    delivered_ns: Callable[[], int | None]
    folder: Path | None


class Watch:
    """`run` for ever; `troubles` is what the last look found."""

    def __init__(self, clock: Clock, metrics: AgentMetrics, sources: Sources) -> None:
        self._clock = clock
        self._metrics = metrics
        self._sources = sources
        self._process = psutil.Process()
        self._before = (clock.monotonic_ns(), self._cpu_s())
        self.troubles: tuple[Trouble, ...] = ()

    async def run(self) -> None:
        while True:
            self._tell(troubles(self._measure()))
            await self._clock.sleep_ms(EVERY_MS)

    def _tell(self, found: tuple[Trouble, ...]) -> None:
        for trouble in MEANINGS:
            self._metrics.degraded.labels(trouble.value).set(trouble in found)
            if (trouble in found) is not (trouble in self.troubles):
                word = "degraded" if trouble in found else "well_again"
                log.warning("agent.%s reason=%s", word, trouble.value)
        self.troubles = found

    def _measure(self) -> Vitals:
        sources, metrics = self._sources, self._metrics
        memory, disk = psutil.virtual_memory().available, self._disk()
        metrics.lag.set(sources.pulse.worst_ms() / 1000)
        metrics.late.set(sources.runner.worst_late_ms() / 1000)
        metrics.memory_available.set(memory)
        if disk is not None:
            metrics.state_free.set(disk)
        return Vitals(
            clock_error_ms=sources.time.show().error_ms,
            cpu=self._cpu(),
            disk_left=disk,
            files_left=self._files(),
            stalled_ago_ms=self._ago(sources.pulse.stalled_ns),
            memory_left=memory,
            network_lost=sources.canaries.lost,
            missed_ago_ms=self._ago(sources.runner.missed_ns),
            waits_ms=sources.waits_ms(),
            delivered_ago_ms=self._ago(sources.delivered_ns()),
        )

    def _ago(self, at_ns: int | None) -> int | None:
        return None if at_ns is None else (self._clock.monotonic_ns() - at_ns) // NS_PER_MS

    def _cpu(self) -> float:
        """Share of one core since the look before."""
        now = (self._clock.monotonic_ns(), self._cpu_s())
        passed_s = (now[0] - self._before[0]) / 1e9
        used_s, self._before = now[1] - self._before[1], now
        return used_s / passed_s if passed_s > 0 else 0.0

    def _cpu_s(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _files(self) -> int | None:
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return None if limit == resource.RLIM_INFINITY else limit - self._process.num_fds()

    def _disk(self) -> int | None:
        if self._sources.folder is None:
            return None
        try:
            return int(psutil.disk_usage(str(self._sources.folder)).free)
        except OSError:  # gone or unreadable: whoever writes there will say so
            return None
