"""One channel of an integration engine: started, moving, its queue, its errors (`engine.md`)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from probes.clock import NS_PER_MS
from probes.contract import Env, Fact, Kind, Observation, Outcome, Slot, Step, StepName
from probes.engineaccess import EngineSpec
from probes.engines.table import PRODUCTS
from probes.enginesource import EngineSource
from probes.enginevisit import Seen
from probes.httpclient import HTTP_REASONS
from probes.net import Deadline, NetFailure
from probes.reasons import Reason
from probes.tokens import Status
from probes.wire.engine import NO_CHANNEL, Reading, Verdict
from probes.wire.engine_judge import judge, oldest_known_ms
from probes.wire.engine_track import Movement, Track

REASONS = HTTP_REASONS | {
    Reason.AGENT_RETRY_AFTER,
    Reason.ENGINE_API,
    Reason.ENGINE_AUTH,
    Reason.ENGINE_DISCONNECTED,
    Reason.ENGINE_ERRORS,
    Reason.ENGINE_NOT_STATUS,
    Reason.ENGINE_NOT_YET,
    Reason.ENGINE_NO_CHANNEL,
    Reason.ENGINE_QUEUE,
    Reason.ENGINE_STALE,
    Reason.ENGINE_STALLED,
    Reason.ENGINE_STARTING,
    Reason.ENGINE_STOPPED,
    Reason.HTTP_STATUS,
    Reason.OK,
}

_STALE: Verdict = (Outcome.UNKNOWN, Reason.ENGINE_STALE)


class EngineProbe:
    """One opened check; what the channel told before is in memory alone."""

    def __init__(self, spec: EngineSpec, env: Env) -> None:
        self._spec = spec
        self._env = env
        self._source = EngineSource(spec, env)
        self._track = Track()
        self._limits = spec.limits

    async def run(self, slot: Slot) -> Observation:  # noqa: ARG002 - it asks the same each time
        deadline = Deadline(self._env.clock, self._env.timeout_ms)
        try:
            status, seen = await self._source.look(deadline)
        except NetFailure as failure:
            return Observation(failure.outcome, failure.reason)
        if status is None:
            outcome, reason = self._unreached(seen.verdict)
            return Observation(outcome, reason, seen.phases, seen.facts, seen.steps)
        verdict, facts = self._judged(status)
        return _observation(verdict, facts, seen)

    def _unreached(self, verdict: Verdict) -> Verdict:
        """A monitoring interface that is down is not the channel that is down (semantics 1)."""
        if verdict[0] is Outcome.DOWN and self._spec.unreachable == "unknown":
            return Outcome.UNKNOWN, Reason.ENGINE_API
        return verdict

    def _judged(self, status: Status) -> tuple[Verdict, dict[Fact, int]]:
        reading = self._reading(status)
        if reading is None:
            return NO_CHANNEL, {}
        now_ms = self._env.clock.now_ms()
        # Of another day to come is no newer: milliseconds for seconds, or a clock that is wrong.
        if reading.at_s is not None and abs(now_ms - reading.at_s * 1000) > self._spec.max_age:
            return _STALE, {}
        moved = self._track.take(reading, self._env.clock.monotonic_ns() // NS_PER_MS)
        facts = _facts(reading, moved)
        if 2 * moved.since_ms > 3 * self._env.every_ms > 0:
            # Of more than one slot: nobody may take it for what came in since the slot before.
            facts.pop(Fact.MESSAGES, None)
        return judge(reading, moved, self._limits), facts

    def _reading(self, status: Status) -> Reading | None:
        channel = status.channels.get(self._spec.channel or "")
        if channel is None or self._spec.destination is None:
            return None if channel is None else channel.reading
        return channel.within(self._spec.destination)


def _observation(verdict: Verdict, facts: dict[Fact, int], seen: Seen) -> Observation:
    step = Step(StepName.CHANNEL, *verdict, 0)
    return Observation(*verdict, seen.phases, {**seen.facts, **facts}, (*seen.steps, step))


def _facts(reading: Reading, moved: Movement) -> dict[Fact, int]:
    oldest_ms = oldest_known_ms(reading, moved)
    told: dict[Fact, int | None] = {
        Fact.MESSAGES: moved.received,
        Fact.QUEUED: reading.queued,
        Fact.OLDEST_S: oldest_ms // 1000 if reading.queued or oldest_ms else None,
        Fact.DRAIN_S: None if moved.drain_ms is None else -(-moved.drain_ms // 1000),
        Fact.ERRORED: moved.errored,
        Fact.COUNTER_RESET: 1 if moved.was_reset else None,
    }
    return {fact: value for fact, value in told.items() if value is not None}


@asynccontextmanager
async def _open(spec: EngineSpec, env: Env) -> AsyncIterator[EngineProbe]:
    yield EngineProbe(spec, env)


KIND = Kind(
    name="engine",
    summary="One channel of an integration engine: started, moving, its queue and errors",
    parse=EngineSpec.model_validate,
    open=_open,
    reasons=REASONS,
    profiles=tuple(PRODUCTS),
)
