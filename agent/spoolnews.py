"""What of the spool is counted and logged."""

from __future__ import annotations

import logging

from agent.disk import DiskFault
from agent.metrics import AgentMetrics
from agent.spoolopen import Anew, Opened
from agent.spoolroom import Given

log = logging.getLogger("wardwatch.agent")


class SpoolNews:
    """One for each spool of a folder."""

    def __init__(self, metrics: AgentMetrics) -> None:
        self._metrics = metrics

    def fault(self, fault: DiskFault) -> None:
        self._metrics.faults.labels(fault.value).inc()

    def opened(self, opened: Opened) -> None:
        loaded, metrics = opened.loaded, self._metrics
        metrics.torn_bytes.inc(loaded.torn_bytes)
        metrics.damaged_bytes.inc(loaded.damaged_bytes)
        metrics.recovered.inc(len(loaded.unsealed))
        for fault, count in loaded.faults.items():
            metrics.faults.labels(fault.value).inc(count)
        if opened.anew is not None:
            metrics.epochs.labels(opened.anew.value).inc()
            log.warning(
                "spool.new_epoch why=%s epoch=%s", opened.anew.value, opened.spool.chain.epoch
            )
        if loaded.damaged_bytes or loaded.faults:
            log.error("spool.damaged bytes=%d", loaded.damaged_bytes)
        log.info(
            "spool.opened waiting=%d recovered=%d torn_bytes=%d",
            len(loaded.index),
            len(loaded.unsealed),
            loaded.torn_bytes,
        )

    def given(self, given: Given) -> None:
        self._metrics.tombstones.inc(given.tombstones)
        for outcome, count in given.results.items():
            self._metrics.given_up.labels(outcome.value).inc(count)
        if given.unreadable:
            self.unreadable(DiskFault.DAMAGED, given.unreadable)

    def unreadable(self, fault: DiskFault, batches: int) -> None:
        self.fault(fault)
        self._metrics.unreadable.inc(batches)
        log.error("spool.unreadable fault=%s batches=%d", fault.value, batches)

    def lost(self, fault: DiskFault) -> None:
        self.fault(fault)
        log.critical("spool.lost fault=%s", fault.value)

    def in_memory(self, epoch: str) -> None:
        self._metrics.epochs.labels(Anew.NO_DISK.value).inc()
        self._metrics.in_memory.set(1)
        log.error("spool.in_memory epoch=%s", epoch)

    def on_disk(self, epoch: str) -> None:
        self._metrics.in_memory.set(0)
        log.warning("spool.on_disk epoch=%s", epoch)

    def old_copy(self, epoch: str) -> None:
        self._metrics.epochs.labels(Anew.OLD_COPY.value).inc()
        log.error("spool.new_epoch why=%s epoch=%s", Anew.OLD_COPY.value, epoch)
