"""One check of this agent: opened when first due, run once a slot, every end a result.

What a probe raises becomes a reason here; its text is dropped, it may quote the far side.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from agent import fault
from agent.canaries import Canaries
from agent.fault import Facts
from agent.pulse import Pulse
from probes.budgets import Demand
from probes.clock import NS_PER_MS
from probes.columns import FAR
from probes.config_checks import Check
from probes.contract import Env, Kind, Observation, Outcome, Probe, Slot
from probes.net import NetFailure
from probes.reasons import Reason
from probes.segments import Run, RunStep

log = logging.getLogger("wardwatch.agent")

STEP_MS = 2_000
"""Semantics 1: a step of the wall clock beyond it makes the instant of a run worthless."""
GRACE_MS = 5_000
"""A probe keeps its own deadline; one still running this long after it has a defect."""
CLOSE_S = 2.0
_NOTHING: Mapping[str, int] = MappingProxyType({})
"""What was measured where nobody looked: one for all, an overloaded agent has thousands a second."""


class Attempts:
    """Runs of one check, one at a time."""

    def __init__(
        self,
        name: str,
        check: Check,
        kind: Kind[Any],
        env: Env,
        pulse: Pulse,
        grace_ms: int = GRACE_MS,
        canaries: Canaries | None = None,
    ) -> None:
        self.name = name
        self.system = check.system
        self.every_ms = check.every
        self._kind = kind
        self._config = kind.parse(check.spec)
        self._read = env.read_secret
        self._lacks_secret = False
        self._env = replace(env, read_secret=self._read_secret)
        self._pulse = pulse
        self._canaries = canaries
        self._limit_s = (env.timeout_ms + grace_ms) / 1000
        self._probe: Probe | None = None
        self._opened: AbstractAsyncContextManager[Probe] | None = None

    @property
    def demand(self) -> Demand | None:
        """What its runs ask of a target that has a budget."""
        return self._kind.demand(self._config)

    async def run(self, slot: Slot) -> Run:
        """The slot's result; only cancellation gets out."""
        clock = self._env.clock
        wall_ms, began_ns = clock.now_ms(), clock.monotonic_ns()
        observation = await self._observe(slot)
        took_ns = clock.monotonic_ns() - began_ns
        if abs(clock.now_ms() - wall_ms - took_ns // NS_PER_MS) > STEP_MS:
            observation = Observation(Outcome.UNKNOWN, Reason.AGENT_CLOCK)
        elif (cause := await self._cause(observation, began_ns, took_ns)) is not None:
            observation = Observation(Outcome.UNKNOWN, cause)
        return Run(
            self.system,
            self.name,
            slot.at_ms,
            wall_ms,
            observation.outcome,
            observation.reason._value_,
            took_ns // 1000,
            {phase._value_: us for phase, us in observation.phases.items()},
            {fact._value_: value for fact, value in observation.facts.items()},
            tuple(
                RunStep(step.name._value_, step.outcome, step.reason._value_, step.duration_us)
                for step in observation.steps
            ),
        )

    async def _cause(self, observation: Observation, began_ns: int, took_ns: int) -> Reason | None:
        """What of this host the result may be owed to; the canaries are asked about failures only."""
        if observation.outcome is Outcome.UP:
            return None  # proof, whatever our day was like
        late_ms = (took_ns - self._env.timeout_ms * NS_PER_MS) // NS_PER_MS
        facts = Facts(late_ms, self._pulse.worst_since(began_ns), self._env.timeout_ms)
        found = fault.cause(observation, facts)
        if found is None and self._canaries is not None and fault.doubts_network(observation):
            lost = await self._canaries.lost_since(began_ns)
            found = fault.cause(observation, replace(facts, network_lost=lost))
        return found

    def without_attempt(self, at_ms: int, reason: Reason) -> Run:
        """An explicit unknown: nobody looked at `at_ms`."""
        said = (Outcome.UNKNOWN, reason._value_, 0)
        return Run(self.system, self.name, at_ms, at_ms, *said, _NOTHING, _NOTHING)

    async def close(self) -> None:
        """Give up what the probe holds; a probe that cannot even close is left."""
        opened, self._opened, self._probe = self._opened, None, None
        if opened is None:
            return
        try:
            async with asyncio.timeout(CLOSE_S):
                await opened.__aexit__(None, None, None)
        except Exception as error:  # noqa: BLE001 - a foreign defect ends no other check
            self._crashed(error)

    async def _observe(self, slot: Slot) -> Observation:
        try:
            async with asyncio.timeout(self._limit_s):
                if self._probe is None:
                    self._probe = await self._open()
                return _held(await self._probe.run(slot))
        except NetFailure as failure:
            return Observation(failure.outcome, failure.reason, failure.phases)
        except _SecretError:
            return Observation(Outcome.UNKNOWN, Reason.AGENT_SECRET)
        except MemoryError:
            return Observation(Outcome.UNKNOWN, Reason.AGENT_RESOURCES)
        except Exception as error:  # noqa: BLE001 - whatever it is, the slot gets a result
            self._crashed(error)
            await self.close()
            return Observation(Outcome.UNKNOWN, Reason.AGENT_CRASH)

    async def _open(self) -> Probe:
        self._lacks_secret = False
        try:
            # Not an AsyncExitStack: it would be a kilobyte for each check.
            opened = self._kind.open(self._config, self._env)
            probe = await opened.__aenter__()
        except (OSError, KeyError):
            if self._lacks_secret:
                raise _SecretError from None
            raise
        self._opened = opened
        return probe

    def _read_secret(self, reference: str) -> bytes:
        try:
            return self._read(reference)
        except (OSError, KeyError):
            self._lacks_secret = True
            raise

    def _crashed(self, error: Exception) -> None:
        log.error("probe.crash check=%s type=%s", self.name, type(error).__name__)


def _held(seen: Observation) -> Observation:
    """ValueError for a fact too far for evidence: the spool could not hold the whole batch."""
    if any(not -FAR < value < FAR for value in seen.facts.values()):
        raise ValueError("a fact too far for evidence")
    return seen


class _SecretError(Exception):
    """A secret was not to be had while the probe opened; the next slot tries again."""
