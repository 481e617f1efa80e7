"""One check of an agent: opened when first due, run once a slot, every end a result.

What a probe raises becomes a reason here; its text is dropped, it may quote the far side.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from probes.budgets import Demand
from probes.clock import NS_PER_MS
from probes.columns import FAR
from probes.config_checks import Check, Cost
from probes.contract import Env, Kind, Observation, Outcome, Probe, Slot
from probes.leases import Leases
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


@dataclass(frozen=True, slots=True)
class Seen:
    """What a run saw that was no `up`, when it began (monotonic) and how long it took."""

    observation: Observation
    began_ns: int
    took_ns: int
    timeout_ms: int


Blame = Callable[[Seen], Awaitable[Reason | None]]
"""Why what was seen may be owed to this host; None: it stands."""


class Attempts:
    """Runs of one check, one at a time."""

    def __init__(
        self,
        name: str,
        check: Check,
        kind: Kind[Any],
        env: Env,
        blame: Blame,
        grace_ms: int = GRACE_MS,
        leases: Leases | None = None,
    ) -> None:
        self.name = name
        self.system = check.system
        self.every_ms = check.every
        self._cost = check.cost
        self._kind = kind
        self._config = kind.parse(check.spec)
        self._read = env.read_secret
        self._lacks_secret = False
        self._env = replace(env, read_secret=self._read_secret)
        self._blame = blame
        self._limit_s = (env.timeout_ms + grace_ms) / 1000
        wanted = kind.exclusive(self._config)
        self._lease: asyncio.Lock | None = None
        if leases is not None and wanted is not None and wanted.alone:
            self._lease = leases.of(wanted.key)
        self._probe: Probe | None = None
        self._opening = asyncio.Lock()
        self._context: AbstractAsyncContextManager[Probe] | None = None

    @property
    def demand(self) -> Demand | None:
        """What its runs ask of a target that has a budget."""
        return self._kind.demand(self._config)

    @property
    def passive(self) -> bool:
        """It is to be begun before its first slot."""
        return self._kind.passive

    async def begin(self) -> None:
        """Open it before its first slot; what goes wrong is that slot's to tell."""
        try:
            async with asyncio.timeout(self._limit_s):
                await self._opened()
        except (_SecretError, OSError):
            return
        except Exception as error:  # noqa: BLE001 - a foreign defect ends no other check
            self._crashed(error)
            await self.close()

    async def run(self, slot: Slot) -> Run:
        """The slot's result; only cancellation gets out. It begins when the lease is to be had."""
        if self._lease is None:
            return await self._run(slot)
        async with self._lease:
            return await self._run(slot)

    async def _run(self, slot: Slot) -> Run:
        clock = self._env.clock
        unpaid = None if self._cost is None else await self._spend(self._cost)
        wall_ms, began_ns = clock.now_ms(), clock.monotonic_ns()
        if unpaid is None:
            observation = await self._observe(slot)
        else:
            observation = Observation(Outcome.UNKNOWN, unpaid)
        took_ns = clock.monotonic_ns() - began_ns
        if abs(clock.now_ms() - wall_ms - took_ns // NS_PER_MS) > STEP_MS:
            observation = Observation(Outcome.UNKNOWN, Reason.AGENT_CLOCK)
        elif observation.outcome is not Outcome.UP:  # that is proof, whatever our day was like
            seen = Seen(observation, began_ns, took_ns, self._env.timeout_ms)
            cause = await self._blame(seen)
            if cause is not None:
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

    def without_attempt(self, at_ms: int, reason: Reason) -> Run:
        """An explicit unknown: nobody looked at `at_ms`."""
        said = (Outcome.UNKNOWN, reason._value_, 0)
        return Run(self.system, self.name, at_ms, at_ms, *said, _NOTHING, _NOTHING)

    async def close(self) -> None:
        """Give up what the probe holds; a probe that cannot even close is left."""
        context, self._context, self._probe = self._context, None, None
        if context is None:
            return
        try:
            async with asyncio.timeout(CLOSE_S):
                await context.__aexit__(None, None, None)
        except Exception as error:  # noqa: BLE001 - a foreign defect ends no other check
            self._crashed(error)

    async def _spend(self, cost: Cost) -> Reason | None:
        """Count the run before anything of it leaves; why it may not be made."""
        try:
            async with asyncio.timeout(self._limit_s):
                return await self._env.ledger.spend(self.name, cost.per_day)
        except TimeoutError:  # a disk that does not answer
            return Reason.AGENT_UNCOUNTED

    async def _observe(self, slot: Slot) -> Observation:
        try:
            async with asyncio.timeout(self._limit_s):
                probe = self._probe or await self._opened()
                return _held(await probe.run(slot))
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

    async def _opened(self) -> Probe:
        async with self._opening:  # by its slot, or ahead of it
            if self._probe is None:
                self._probe = await self._open()
            return self._probe

    async def _open(self) -> Probe:
        self._lacks_secret = False
        try:
            # Not an AsyncExitStack: it would be a kilobyte for each check.
            context = self._kind.open(self._config, self._env)
            probe = await context.__aenter__()
        except (OSError, KeyError):
            if self._lacks_secret:
                raise _SecretError from None
            raise
        self._context = context
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
