"""While the line to the collector is lost, the agent tells those whom the host's file names.

What is told stands on disk before it goes, so a restart loses nothing and repeats nothing that
was known to be taken. When the line is back the collector hears what was told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

import msgspec
from pydantic import ValidationError

from agent import telling, toldfile
from agent.carriers import Carrier, Verdict
from agent.confirming import Confirming, Rule
from agent.keptfile import KeptFile
from agent.metrics import AgentMetrics
from agent.telling import Line, Message, Outage
from agent.toldfile import Waiting
from probes import tripwire
from probes.agentconfig import AgentConfig
from probes.clock import Clock
from probes.config_checks import Check
from probes.config_systems import ImpactClass
from probes.segments import Run

log = logging.getLogger("wardwatch.agent")

LOOK_MS = 1_000
FIRST_BACKOFF_MS = 5_000
LAST_BACKOFF_MS = 300_000
ATTEMPTS = 300
"""Of one message to one carrier: about a day."""
CLINICAL = frozenset({ImpactClass.CLINICAL, ImpactClass.POINT_OF_CARE})

Report = Callable[[Message, Sequence[str]], Awaitable[bool]]
"""Tells the collector what was told, and who took it; False when it is to be tried again."""


def rules_of(part: AgentConfig) -> dict[str, Rule]:
    """Of the checks that this agent runs: critical ones of clinical systems, no group's members.

    One that it cannot run is never down, so it needs none.
    """
    rules: dict[str, Rule] = {}
    for name, raw in part.checks.items():
        with suppress(ValidationError):
            check = Check.model_validate(raw)
            if check.role == "critical" and part.systems.get(check.system) in CLINICAL:
                rules[name] = Rule(
                    check.system, check.confirm.down, check.confirm.up, check.hold_ms
                )
    return rules


class Fallback:
    """`take` every run; `run` for ever."""

    def __init__(
        self,
        carriers: Sequence[Carrier],
        after_ms: int,
        file: KeptFile,
        clock: Clock,
        now_ms: Callable[[], int],
        line: Callable[[], Line],
        report: Report,
        new_id: Callable[[], str],
        metrics: AgentMetrics,
    ) -> None:
        """`now_ms` is the corrected time, by which everything told is stamped."""
        self._carriers = {carrier.name: carrier for carrier in carriers}
        self._after_ms = after_ms
        self._file = file
        self._clock = clock
        self._now_ms = now_ms
        self._line = line
        self._report = report
        self._new_id = new_id
        self._metrics = metrics
        self._confirming = Confirming()
        self._memory = toldfile.load(file)
        self._news = {name: asyncio.Event() for name in self._carriers}
        self._adopt()

    def follow(self, rules: Mapping[str, Rule]) -> None:
        """The critical checks of clinical systems that this agent runs."""
        self._confirming.follow(rules)

    def take(self, run: Run, offset_ms: int) -> None:
        self._confirming.take(run.check, run.at_ms + offset_ms, run.outcome, run.reason)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self._look())
            parts.create_task(self._tell_collector())
            for name in self._carriers:
                parts.create_task(self._carry(name))

    async def _look(self) -> None:
        while True:
            outages = [
                Outage(self._confirming.system_of(check), check, found.cause, found.since_ms)
                for check, found in self._confirming.failing().items()
            ]
            before = msgspec.json.encode(self._memory.told)
            messages = telling.decide(
                self._memory.told,
                self._now_ms(),
                self._line(),
                self._after_ms,
                outages,
                self._confirming.is_well,
                self._new_id,
            )
            if messages:
                self._put(messages)
            elif msgspec.json.encode(self._memory.told) != before:
                toldfile.save(self._file, self._memory)  # another check of what was told
            await self._clock.sleep_ms(LOOK_MS)

    def _put(self, messages: Sequence[Message]) -> None:
        for message in messages:
            log.warning("fallback.tells kind=%s system=%s", message.kind.value, message.system)
            for pattern in _looks_personal(message):
                log.error("tripwire.hit boundary=fallback pattern=%s", pattern)
            self._memory.waiting.append(Waiting(message, dict.fromkeys(self._carriers, 0)))
        toldfile.save(self._file, self._memory)
        for news in self._news.values():
            news.set()

    async def _carry(self, name: str) -> None:
        """In order; a message that is not taken holds up those behind it to the same carrier."""
        while True:
            waiting = next((one for one in self._memory.waiting if name in one.carriers), None)
            if waiting is None:
                await self._news[name].wait()
                self._news[name].clear()
                continue
            verdict = await self._carriers[name].carry(waiting.message)
            self._metrics.fallback.labels(name, verdict.value).inc()
            waiting.carriers[name] += 1
            failed = waiting.carriers[name]
            if verdict is Verdict.AGAIN and failed < ATTEMPTS:
                if failed == 1:
                    log.warning("fallback.waits carrier=%s", name)
                toldfile.save(self._file, self._memory)
                backoff_ms = FIRST_BACKOFF_MS << min(failed - 1, 10)
                await self._clock.sleep_ms(min(backoff_ms, LAST_BACKOFF_MS))
                continue
            self._done(waiting, name, verdict)

    def _done(self, waiting: Waiting, name: str, verdict: Verdict) -> None:
        del waiting.carriers[name]
        if verdict is Verdict.TAKEN:
            waiting.taken.append(name)
        else:
            log.error("fallback.given_up carrier=%s kind=%s", name, waiting.message.kind.value)
        if not waiting.carriers:
            self._memory.waiting.remove(waiting)
            self._memory.notices.append((waiting.message, sorted(waiting.taken)))
        toldfile.save(self._file, self._memory)

    async def _tell_collector(self) -> None:
        failures = 0
        while True:
            line = self._line()
            if self._memory.notices and line.has_spoken and line.silent_ms < self._after_ms:
                message, taken = self._memory.notices[0]
                if await self._report(message, taken):
                    failures = 0
                    self._memory.notices.pop(0)
                    toldfile.save(self._file, self._memory)
                    continue
                failures += 1
                backoff_ms = FIRST_BACKOFF_MS << min(failures - 1, 10)
                await self._clock.sleep_ms(min(backoff_ms, LAST_BACKOFF_MS))
            else:
                await self._clock.sleep_ms(LOOK_MS)

    def _adopt(self) -> None:
        """The host's file may name other carriers than it did when a message was put."""
        for waiting in list(self._memory.waiting):
            for name in [name for name in waiting.carriers if name not in self._carriers]:
                del waiting.carriers[name]
            if not waiting.carriers:
                self._memory.waiting.remove(waiting)
                self._memory.notices.append((waiting.message, sorted(waiting.taken)))


def _looks_personal(message: Message) -> tuple[str, ...]:
    """An alarm only: what is told is minimal already, and ids stay whatever they look like."""
    texts = [message.system or "", *message.checks, *message.systems]
    return tuple(pattern.value for pattern in tripwire.tripped(*texts))
