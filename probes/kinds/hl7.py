"""HL7 v2 over MLLP: an agreed message to one listener, and its acknowledgement (`hl7.md`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from probes.contract import (
    Env,
    Exclusive,
    Fact,
    Kind,
    Observation,
    Outcome,
    Slot,
    Step,
    StepName,
    Writes,
)
from probes.hl7_line import Tally
from probes.hl7_sender import Message, Sender, Sent, built
from probes.hl7_spec import Hl7Spec
from probes.hl7_template import TemplateError
from probes.net import CONNECT_REASONS
from probes.reasons import Reason
from probes.tls import TLS_REASONS
from probes.wire.hl7_judge import DUPLICATE_KEY, UNKNOWN_KEY, UP

_CLOSE_MS = 1_500
"""For undoing at the end; the agent gives a probe 2 s to close."""
_WORST = (Outcome.DOWN, Outcome.MISCONFIGURED, Outcome.UNKNOWN, Outcome.DEGRADED, Outcome.UP)


class Hl7Probe:
    """One opened check; each run sends its one message, or its two, once."""

    def __init__(self, spec: Hl7Spec, env: Env) -> None:
        self._spec = spec
        self._env = env
        self._sender = Sender(spec, env)
        self._messages: tuple[Message, ...] | None = None
        self._stands_since_ms: int | None = None
        """When the message was sent whose undoing nobody confirmed."""

    async def prepare(self) -> tuple[Message, ...] | None:
        """What a run sends, or None while a file cannot be read or used; then the next run tries."""
        if self._messages is None:
            spec = self._spec
            try:
                files = tuple(self._env.read_secret(reference) for reference in spec.files)
                # In a thread: hl7apy is busy for tens of milliseconds, other checks have slots.
                self._messages = await asyncio.to_thread(built, spec, files)
            except (OSError, KeyError, TemplateError):
                return None
        return self._messages

    async def run(self, slot: Slot) -> Observation:  # noqa: ARG002 - it sends the same each time
        messages, tally = await self.prepare(), Tally()
        if messages is None:
            return Observation(Outcome.UNKNOWN, Reason.AGENT_SECRET)
        if not messages:
            return _whole([_connecting(await self._sender.connect(tally))], tally)
        if len(messages) == 1:
            sent = await self._sender.send(messages[0], self._env.timeout_ms, tally)
            return _whole(list(_steps(sent)), tally)
        steps = await self._pair(messages[0], messages[1], tally)
        stands = {Fact.NOT_UNDONE: int(self._stands_since_ms is not None)}
        seen = _whole(steps, tally)
        return replace(seen, facts={**seen.facts, **stands})

    async def close(self) -> None:
        """Undo what may stand: the check may be gone for good."""
        if self._messages is not None and self._stands_since_ms is not None:
            await self._undo(self._messages[1], _CLOSE_MS, Tally())
        await self._sender.close()

    async def _pair(self, message: Message, undo: Message, tally: Tally) -> list[Step]:
        # The undoing has half of the time: it is sent even when the first was never answered.
        half_ms = self._env.timeout_ms // 2
        before_ms = self._stands_since_ms
        # Remembered before it is sent: whatever ends this run, its undoing is not forgotten.
        self._stands_since_ms = now_ms = self._env.clock.now_ms()
        first = await self._sender.send(message, half_ms, tally, now_ms)
        steps = list(_steps(first))
        if not first.may_stand:
            self._stands_since_ms = before_ms
        if not first.left or self._stands_since_ms is None:
            return steps
        undone = await self._undo(undo, half_ms, tally)
        if before_ms is None and _made_nothing(first) and undone.answer is not None:
            self._stands_since_ms = None
        verdict = undone.verdict
        if self._stands_since_ms is not None and verdict[0] is not Outcome.UNKNOWN:
            # one of our own host keeps its reason
            verdict = (verdict[0], Reason.HL7_NOT_UNDONE)
        took = undone.answering_us + (undone.connecting_us or 0)
        return [*steps, Step(StepName.CANCEL, *verdict, took)]

    async def _undo(self, message: Message, timeout_ms: int, tally: Tally) -> Sent:
        sent = await self._sender.send(message, timeout_ms, tally, self._stands_since_ms)
        unknown = sent.answer is not None and sent.answer.error == UNKNOWN_KEY
        if sent.is_done or unknown:
            self._stands_since_ms = None
        return sent


def _made_nothing(first: Sent) -> bool:
    """It was answered, and rejected, and not because one stands already."""
    answer = first.answer
    return answer is not None and not first.is_done and answer.error != DUPLICATE_KEY


def _connecting(sent: Sent) -> Step:
    return Step(StepName.CONNECT, *sent.verdict, sent.connecting_us or 0)


def _steps(sent: Sent) -> Iterator[Step]:
    if not sent.left:
        yield _connecting(sent)
        return
    if sent.connecting_us is not None:
        yield Step(StepName.CONNECT, *UP, sent.connecting_us)
    yield Step(StepName.ACK, *sent.verdict, sent.answering_us)


def _whole(steps: list[Step], tally: Tally) -> Observation:
    outcome = next(one for one in _WORST if any(step.outcome is one for step in steps))
    # Of two that are as bad the first speaks: the other may follow from it.
    reason = next(step.reason for step in steps if step.outcome is outcome)
    return Observation(outcome, reason, tally.phases, tally.facts(), tuple(steps))


@asynccontextmanager
async def _open(spec: Hl7Spec, env: Env) -> AsyncIterator[Hl7Probe]:
    probe = Hl7Probe(spec, env)
    await probe.prepare()
    try:
        yield probe
    finally:
        await probe.close()


def _prepare(spec: Hl7Spec) -> None:
    """Build and check the messages; ValueError names places, never values."""
    try:
        files = tuple(Path(file.removeprefix("file:")).read_bytes() for file in spec.files)
    except OSError:
        raise TemplateError("the template's file cannot be read") from None
    built(spec, files)


def _writes(spec: Hl7Spec) -> Writes | None:
    rung = spec.rung
    if not rung.least_every_ms:
        return None
    # Two that make and undo the same thing would undo each other's.
    what = spec.identifier or spec.template
    return Writes(rung.least_every_ms, f"{_port(spec)} {spec.message} {what}")


def _port(spec: Hl7Spec) -> str:
    """Names of hosts are the same in small and capital letters."""
    return f"{spec.host.lower()}:{spec.port}"


KIND = Kind(
    name="hl7",
    summary="HL7 v2 over MLLP: an agreed message and its acknowledgement",
    parse=Hl7Spec.model_validate,
    open=_open,
    prepare=_prepare,
    reasons=CONNECT_REASONS
    | TLS_REASONS
    | {
        Reason.HL7_ACK_ERROR,
        Reason.HL7_ACK_MALFORMED,
        Reason.HL7_ACK_REJECT,
        Reason.HL7_CLOSED,
        Reason.HL7_NOT_REJECTED,
        Reason.HL7_NOT_UNDONE,
        Reason.HL7_NO_ACK,
        Reason.HL7_NO_MATCH,
        Reason.HL7_WRONG_ID,
        Reason.HL7_WRONG_PATIENT,
        Reason.OK,
        Reason.SLOW,
        Reason.TCP_DROPPED,
    },
    writes=_writes,
    exclusive=lambda spec: Exclusive(
        _port(spec), alone=spec.exclusive, held=spec.connection == "keep"
    ),
)
