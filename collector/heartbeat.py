"""The dead-man's switch: a sign of life to a receiver outside, sent by the process that leads.

It goes out only when every part has got on since the one before; what keeps it back is shown, and
the receiver calls for help. A receiver that does not take it is tried again soon.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from alerts.outbox import DeliveryReason
from collector import journal
from collector.metrics import CollectorMetrics
from collector.progress import Marks, Part, held_by
from probes.clock import NS_PER_MS, Clock
from probes.times import rfc3339

log = logging.getLogger("wardwatch.heartbeat")

LOOK_MS = 500
"""From one look to the next while a heartbeat is due."""
PATIENCE_MS = 20_000
"""How long a part may take before it is named: a receiver that hangs is given 15 s."""
RETRY_MS = 10_000


@dataclass(frozen=True, slots=True)
class Watched:
    """The collector as the switch sees it."""

    leads: Callable[[], bool]
    marks: Callable[[], Awaitable[Marks]]
    ask: Callable[[tuple[Part, ...]], None]
    """Asks parts for a sign of life though they have nothing to do."""


def body(org: str, at_ms: int, version: str) -> bytes:
    """All that is said: whose collector, when, and its version."""
    return journal.canonical({"at": rfc3339(at_ms), "organization": org, "version": version})


class Heartbeat:
    """`send` makes one attempt at an instant (UTC ms) and says what came of it."""

    def __init__(
        self,
        watched: Watched,
        send: Callable[[int], Awaitable[DeliveryReason]],
        every_ms: int,
        clock: Clock,
        metrics: CollectorMetrics,
    ) -> None:
        self._watched = watched
        self._send = send
        self._every_ms = every_ms
        self._clock = clock
        self._metrics = metrics
        self._last: Marks | None = None
        self._due_at = 0
        self._named: tuple[Part, ...] = ()
        self._failing: DeliveryReason | None = None
        self._name(())

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._clock.sleep_ms(await self._look())

    async def _look(self) -> int:
        """Send if nothing keeps it back; milliseconds until the next look."""
        if not self._watched.leads():
            self._last = None
            self._name(())
            return LOOK_MS
        marks = await self._watched.marks()
        if self._last is None:
            # The first heartbeat, too, says that everything has got on while this process led.
            self._last, self._due_at = marks, self._now()
        held = held_by(self._last, marks, self._clock.now_ms())
        if held:
            if self._now() - self._due_at >= PATIENCE_MS:
                self._name(held)
            self._watched.ask(held)
            return LOOK_MS
        self._name(())
        wait = self._every_ms if await self._sent() else min(self._every_ms, RETRY_MS)
        self._last, self._due_at = marks, self._now() + wait
        return wait

    async def _sent(self) -> bool:
        at = self._clock.now_ms()
        reason = await self._send(at)
        if reason is DeliveryReason.ACCEPTED:
            self._metrics.heartbeats.inc()
            self._metrics.heartbeat_at.set(at / 1000)
        else:
            self._metrics.heartbeat_failures.labels(reason.value).inc()
            if reason is not self._failing:
                log.warning("heartbeat.failed reason=%s", reason.value)
        self._failing = reason
        return reason is DeliveryReason.ACCEPTED

    def _name(self, held: tuple[Part, ...]) -> None:
        for part in Part:
            self._metrics.heartbeat_held.labels(part.value).set(int(part in held))
        if held and held != self._named:
            log.warning("heartbeat.withheld by=%s", ",".join(held))
        if self._named and not held:
            log.info("heartbeat.goes_on")
        self._named = held

    def _now(self) -> int:
        return self._clock.monotonic_ns() // NS_PER_MS
