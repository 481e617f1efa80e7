"""What delivery counts about itself. Names and meanings stand in `probes/metrics.py`."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge

from alerts.channel import Boundary, Verdict, alarm, log
from alerts.outbox import Census, DeliveryReason, Message
from probes.tripwire import Pattern


class DeliveryMetrics:
    """Counts on the registry it is given; labels are configured ids and closed enumerations."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._attempts = Counter(
            "wardwatch_delivery_attempts",
            "Attempts to deliver a message, by receiver, verdict and reason.",
            ["receiver", "verdict", "reason"],
            registry=registry,
        )
        self._store_failures = Counter(
            "wardwatch_delivery_store_failures",
            "Outbox transactions that failed; each is tried again.",
            registry=registry,
        )
        self._tripped = Counter(
            "wardwatch_tripwire_hits",
            "Messages that left in minimal form, and texts that came in, by boundary and pattern.",
            ["boundary", "pattern"],
            registry=registry,
        )
        self._messages = Gauge(
            "wardwatch_outbox_messages",
            "Messages in the outbox that wait or are dead.",
            ["state"],
            registry=registry,
        )
        self._oldest = Gauge(
            "wardwatch_outbox_oldest_pending_seconds",
            "Age of the oldest message that waits; 0 when none does.",
            registry=registry,
        )

    def attempted(self, receiver: str, verdict: Verdict, reason: DeliveryReason) -> None:
        self._attempts.labels(receiver, verdict.value, reason.value).inc()

    def tripped(self, boundary: Boundary, message: Message, patterns: Sequence[Pattern]) -> None:
        """Counts and logs at a message's first attempt; the others repeat it."""
        if message.attempts > 1:
            return
        alarm(boundary, message, patterns)
        for pattern in patterns:
            self._tripped.labels(boundary.value, pattern.value).inc()

    def written_there(self, channel: str, patterns: Sequence[Pattern]) -> None:
        """What a receiver sent along looked like a patient's: codes and configured ids only."""
        found = ",".join(pattern.value for pattern in patterns)
        log.error("tripwire.hit boundary=inbound pattern=%s receiver=%s", found, channel)
        for pattern in patterns:
            self._tripped.labels(Boundary.INBOUND.value, pattern.value).inc()

    def store_failed(self) -> None:
        self._store_failures.inc()

    def counted(self, census: Census, now: int) -> None:
        self._messages.labels("pending").set(census.pending)
        self._messages.labels("dead").set(census.dead)
        oldest = census.oldest_pending_at
        self._oldest.set(0 if oldest is None else max(0, now - oldest) / 1000)
