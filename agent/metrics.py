"""What the agent counts. Names and meanings stand in `probes/metrics.py`.

Labels are ids from the operator's file and closed enumerations, nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import psutil
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from agent.tallies import Tallies
from probes.metrics import METRICS

SYNC_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
SIZE_BUCKETS = (1, 3, 10, 30, 100, 300, 1_000)
_MEANINGS = {metric.name: metric.meaning for metric in METRICS}


class AgentMetrics:
    """One registry per agent, so that several fit in one process."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library left it untyped
        self.registry = CollectorRegistry()
        self.tallies = Tallies()
        self.clock_steps = self._counter("wardwatch_agent_clock_steps")
        self.clock_offset = self._gauge("wardwatch_agent_clock_offset_seconds")
        self.clock_error = self._gauge("wardwatch_agent_clock_error_seconds")
        self.degraded = self._gauge("wardwatch_agent_degraded", "reason")
        self.lag = self._gauge("wardwatch_agent_loop_lag_seconds")
        self.late = self._gauge("wardwatch_agent_schedule_late_seconds")
        self.memory_available = self._gauge("wardwatch_agent_memory_available_bytes")
        self.state_free = self._gauge("wardwatch_agent_state_free_bytes")
        self.fallback = self._counter("wardwatch_fallback_attempts", "carrier", "verdict")
        self.sealed = self._counter("wardwatch_agent_batches_sealed")
        self.config_version = self._gauge("wardwatch_agent_config_version")
        self.config_refused = self._counter("wardwatch_agent_config_refused", "code")
        self.uploads = self._counter("wardwatch_uplink_attempts", "verdict")
        self.pending = self._gauge("wardwatch_uplink_pending_batches")
        self.spool_bytes = self._gauge("wardwatch_spool_bytes")
        self.spool_oldest = self._gauge("wardwatch_spool_oldest_seconds")
        self.spool_buried = self._gauge("wardwatch_spool_tombstones")
        self.in_memory = self._gauge("wardwatch_spool_in_memory")
        self.sync_seconds = self._histogram("wardwatch_spool_fsync_seconds", SYNC_BUCKETS)
        self.batch_results = self._histogram("wardwatch_spool_batch_results", SIZE_BUCKETS)
        self.tombstones = self._counter("wardwatch_spool_tombstones_made")
        self.given_up = self._counter("wardwatch_spool_results_given_up", "outcome")
        self.unreadable = self._counter("wardwatch_spool_unreadable_batches")
        self.recovered = self._counter("wardwatch_spool_recovered_runs")
        self.torn_bytes = self._counter("wardwatch_spool_torn_bytes")
        self.damaged_bytes = self._counter("wardwatch_spool_damaged_bytes")
        self.faults = self._counter("wardwatch_spool_faults", "fault")
        self.epochs = self._counter("wardwatch_spool_epochs", "why")
        self._process = psutil.Process()
        self._cpu = self._counter("wardwatch_agent_cpu_seconds")
        self._cpu_counted = 0.0
        self._resident = self._gauge("wardwatch_agent_resident_bytes")
        self._open_files = self._gauge("wardwatch_agent_open_files")

    def text(self) -> bytes:
        """The exposition; what the agent takes of its host is read now."""
        with self._process.oneshot():
            times = self._process.cpu_times()
            self._resident.set(self._process.memory_info().rss)
            self._open_files.set(self._process.num_fds())
        used = times.user + times.system
        self._cpu.inc(used - self._cpu_counted)
        self._cpu_counted = used
        return generate_latest(self.registry) + self.tallies.text().encode()

    def _counter(self, name: str, *labels: str) -> Counter:
        return Counter(name, _MEANINGS[f"{name}_total"], labels, registry=self.registry)

    def _histogram(self, name: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(name, _MEANINGS[name], buckets=buckets, registry=self.registry)

    def _gauge(self, name: str, *labels: str) -> Gauge:
        return Gauge(name, _MEANINGS[name], labels, registry=self.registry)
