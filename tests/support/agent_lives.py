"""An agent's process without its host: runner, keeper and uplink wired as the service does, with
simulated probes. What it does goes into a history; it can be killed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from yarl import URL

from agent.blame import blame
from agent.disk import Disk
from agent.keeper import AGAIN_MS, Keeper
from agent.makings import Makings
from agent.metrics import AgentMetrics
from agent.outgoing import Choice
from agent.pulse import Pulse
from agent.spool import Signer
from agent.spoolfiles import Limits
from agent.spoolindex import Place
from agent.spoolopen import open_spool
from agent.timekeeping import Timekeeper
from agent.uplink import Uplink
from probes.attempts import Attempts
from probes.clock import Clock
from probes.config import Config
from probes.configfile import digest
from probes.contract import Env, Kind, Observation, Outcome, Slot
from probes.net import Network
from probes.reasons import Reason
from probes.runner import LOOK_MS, Runner
from probes.schedule import first_slot_ms, offset_ms
from probes.segments import Run
from probes.tombstone import GOOD_AFTER
from tests.support.evidence_laws import Acknowledged, Counted, History, Promised, ran
from tests.support.spooling import at_once

LIMITS = Limits(64 * 1024 * 1024, 21 * 86_400_000)
DRAIN_S = 5.0
LONGEST_MS = 2_000
"""Of a simulated attempt."""
UNSAFE_MS = LONGEST_MS + 500
"""What a kill takes with it: attempts under way, and what was not on disk yet."""


@dataclass(frozen=True, slots=True)
class Seen:
    outcome: Outcome
    reason: Reason
    took_ms: int


Sees = Callable[[str, str, int], Seen]
"""What an agent sees of a check at a slot."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the lives of one agent have in common. `disk` outlives each of them."""

    agent: str
    key: Ed25519PrivateKey
    config: Config
    disk: Disk
    clock: Clock
    rng: Random
    sees: Sees
    session: aiohttp.ClientSession
    collector: URL
    history: History
    look_ms: int | None = None
    """How long runner and keeper sleep at most; None: as long as they do by themselves."""


class AgentLife:
    """One process. `run` until cancelled (a kill, if nothing more is asked of it), or `stop`."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._clock = around.clock
        self.metrics = AgentMetrics()
        org = around.config.organization.id
        signer = Signer(org, around.agent, around.key, digest(around.config))
        time = Timekeeper(around.clock, self.metrics)
        makings = Makings(
            around.clock,
            around.rng.randbytes,
            lambda: signer,
            time.anchors,
            time.settle,
            lambda _check: GOOD_AFTER,
        )
        opened = open_spool(
            around.disk,
            LIMITS,
            around.clock,
            (org, around.agent),
            makings.new_epoch,
            lambda _took_ns: None,
        )
        self.keeper = Keeper(
            opened,
            makings,
            at_once,
            self.metrics,
            self._counted,
            look_ms=around.look_ms or AGAIN_MS,
        )
        self.waiting = Watched(self.keeper, around.agent, around.history)
        self.uplink = Uplink(
            around.session,
            around.collector,
            self.waiting,
            clock=around.clock,
            rng=around.rng,
            metrics=self.metrics,
            time=time,
        )
        config = around.config
        checks = [
            _attempts(around, name)
            for name in config.checks
            if around.agent in config.agents_of(name)
        ]
        self._runner = Runner(
            around.agent,
            checks,
            around.clock,
            self.keeper.add,
            look_ms=around.look_ms or LOOK_MS,
        )
        self._parts: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        await self.keeper.begin()
        parts: list[Coroutine[Any, Any, None]] = [
            self._runner.run(),
            self.uplink.run(),
            *self.keeper.parts(),
        ]
        self._parts = [asyncio.create_task(part) for part in parts]

    def is_at_rest(self) -> bool:
        """Nothing is under way, and nothing waits for a batch or for the collector."""
        keeper = self.keeper
        under_way = self._runner._busy or keeper._waiting or keeper.held.spools()[-1].open_runs
        gathered = keeper._missing.due_ms() is not None
        return not under_way and not gathered and keeper.held.facts.waiting == 0

    async def stop(self) -> None:
        """As told: what is under way is recorded, and what is recorded is in batches."""
        await self._end()
        await self.keeper.finish()
        await self.uplink.drain(DRAIN_S)
        await self.keeper.held.close()

    async def kill(self) -> None:
        """Nothing is put in order any more."""
        await self._end()
        for task in tuple(self.keeper._under_way):
            task.cancel()

    async def _end(self) -> None:
        """A part that ended by itself had a defect."""
        over = [part for part in self._parts if part.done()]
        for part in self._parts:
            part.cancel()
        await asyncio.gather(*self._parts, return_exceptions=True)
        for part in over:
            part.result()

    def _counted(self, run: Run) -> None:
        self._around.history.add(Counted(ran(self._around.agent, run)))


class Watched:
    """What waits, as the uplink sees it; each thing it is told goes into the history."""

    def __init__(self, keeper: Keeper, agent: str, history: History) -> None:
        self._keeper = keeper
        self._agent = agent
        self._history = history
        self.sealed = keeper.held.sealed

    async def next(self, passed: Place | None) -> tuple[Choice, bytes] | None:
        found = await self._keeper.held.next(passed)
        if found is not None:
            self._history.offered(found[1])
        return found

    async def acknowledge(self, choice: Choice, stored: Iterable[tuple[int, int]]) -> None:
        named = list(stored)
        epoch = choice.entry.epoch
        for first, last in named:
            self._history.add(Acknowledged(self._agent, epoch, first, last))
        await self._keeper.held.acknowledge(choice, named)

    async def refused(self, choice: Choice, *, contradicted: bool) -> None:
        await self._keeper.held.refused(choice, contradicted=contradicted)

    def unanswered(self) -> None:
        self._keeper.held.unanswered()

    def waits_since_ns(self) -> int | None:
        return self._keeper.held.waits_since_ns()


def promised(config: Config, agent: str, start: int, end: int) -> list[Promised]:
    """Every slot an agent owes in `[start, end)`."""
    found: list[Promised] = []
    for name, check in config.checks.items():
        if agent in config.agents_of(name):
            first = first_slot_ms(offset_ms(agent, name, check.every), check.every, start)
            found.append(Promised(agent, name, range(first, end, check.every)))
    return found


def _attempts(around: Surroundings, name: str) -> Attempts:
    check = around.config.checks[name]
    clock = around.clock
    env = Env(clock, around.rng, Network(clock), check.timeout, _no_secret)

    @asynccontextmanager
    async def open_probe(_config: Mapping[str, Any], env: Env) -> AsyncIterator[_Simulated]:
        yield _Simulated(around, env.clock)

    kind = Kind("simulated", "for tests", dict, open_probe, frozenset())
    return Attempts(name, check, kind, env, blame(Pulse(clock)))


class _Simulated:
    def __init__(self, around: Surroundings, clock: Clock) -> None:
        self._around, self._clock = around, clock

    async def run(self, slot: Slot) -> Observation:
        seen = self._around.sees(self._around.agent, slot.check, slot.at_ms)
        await self._clock.sleep_ms(min(seen.took_ms, LONGEST_MS))
        return Observation(seen.outcome, seen.reason)


def _no_secret(reference: str) -> bytes:
    raise KeyError(reference)
