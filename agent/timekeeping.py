"""The collector's clock beside the host's: reads answers, counts, and speaks for batch headers."""

from __future__ import annotations

import logging
from zoneinfo import ZoneInfo

import aiohttp
import msgspec
from yarl import URL

from agent.metrics import AgentMetrics
from agent.offset import Belief, Moment, Offset, Reading, compare
from probes import times
from probes.batch import CLOCK_ERROR_LIMIT_MS, Anchors
from probes.clock import Clock

log = logging.getLogger("wardwatch.agent")

HEALTH = "healthz"
ASK_S = 2.0


class _Now(msgspec.Struct):
    now: str = ""


class Timekeeper:
    """One per process. Times without a reading leave the host's clock believed."""

    def __init__(self, clock: Clock, metrics: AgentMetrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._offset = Offset()
        self._is_well = True

    def moment(self) -> Moment:
        """To be taken right before a question is sent."""
        return Moment(self._clock.now_ms(), self._clock.monotonic_ns())

    def heard(self, sent: Moment, received: Moment, body: bytes) -> None:
        """An answer of the collector; one without its time (an older release) says nothing."""
        found = reading(sent, received, body)
        if found is not None:
            self._offset.take(found)
            self.show()

    async def ask(self, session: aiohttp.ClientSession, collector: URL) -> None:
        """Once at start, so that no result is written down by a clock that is hours off."""
        _, found = await ask(session, collector, self._clock)
        if found is not None:
            self._offset.take(found)
            self.show()

    def stepped(self, step_ms: int) -> None:
        self._metrics.clock_steps.inc()
        self._offset.stepped(step_ms, self._clock.monotonic_ns())
        self.show()

    def belief(self) -> Belief:
        return self._offset.belief(self._clock.monotonic_ns())

    def anchors(self) -> Anchors:
        """For the batch that closes now; `settle` once it has."""
        now, belief = self.moment(), self.belief()
        return Anchors(
            now.wall_ms, now.monotonic_ns, belief.offset_ms, belief.error_ms, belief.source
        )

    def now_ms(self) -> int:
        """The host's time, corrected."""
        return self._clock.now_ms() + self.belief().offset_ms

    def settle(self) -> None:
        """A batch is closed: from here on another offset may hold."""
        if self._offset.settle(self._clock.monotonic_ns()):
            log.warning("clock.offset ms=%d", self.belief().offset_ms)
            self.show()

    def show(self) -> Belief:
        belief = self.belief()
        self._metrics.clock_offset.set(belief.offset_ms / 1000)
        self._metrics.clock_error.set(belief.error_ms / 1000)
        is_well = belief.error_ms <= CLOCK_ERROR_LIMIT_MS
        if is_well is not self._is_well:
            word = "agreed" if is_well else "contradicted"
            log.warning("clock.%s source=%s error_ms=%d", word, belief.source, belief.error_ms)
        self._is_well = is_well
        return belief


async def ask(
    session: aiohttp.ClientSession, collector: URL, clock: Clock
) -> tuple[int | None, Reading | None]:
    """The status of `/healthz`, and what the collector's clock says there; None without either."""
    sent = Moment(clock.now_ms(), clock.monotonic_ns())
    try:
        async with session.get(
            collector / HEALTH,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=ASK_S),
        ) as response:
            received = Moment(clock.now_ms(), clock.monotonic_ns())
            body = await response.content.read(4_096)
    except (aiohttp.ClientError, OSError):  # TimeoutError among them
        return None, None
    found = reading(sent, received, body) if response.status == 200 else None
    return response.status, found


def reading(sent: Moment, received: Moment, body: bytes) -> Reading | None:
    """`now` of a JSON answer, compared; None where there is none that can be read."""
    try:
        now = times.parse_datetime(msgspec.json.decode(body, type=_Now).now)
        if now.tzinfo is None:
            return None
        return compare(sent, received, times.to_ms(now, ZoneInfo("UTC")))
    except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError):
        return None
