"""HL7 v2 over MLLP: an agreed message to one listener, and its acknowledgement (`hl7.md`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from probes import hl7_template
from probes.contract import (
    Env,
    Exclusive,
    Fact,
    Kind,
    Observation,
    Outcome,
    Phase,
    Slot,
    Step,
    StepName,
    Writes,
)
from probes.hl7_exchange import ANSWER, CONNECT, exchange, latency_us, total
from probes.hl7_ladder import asked_patient
from probes.hl7_line import Line, Tally
from probes.hl7_spec import Hl7Spec
from probes.hl7_template import TemplateError
from probes.net import CONNECT_REASONS, Connection, Deadline, NetFailure
from probes.reasons import Reason
from probes.tls import TLS_REASONS
from probes.wire.hl7 import Acknowledgement, Template, control_id
from probes.wire.hl7_judge import UNKNOWN_KEY, UP, Expect, Verdict, is_refused, judge

_CLOSE_MS = 1_500
"""For undoing at the end; the agent gives a probe 2 s to close."""
_STAYS_S = 0.5
"""A port that closes at once, or refuses our certificate, has done so by then."""
_WORST = (Outcome.DOWN, Outcome.MISCONFIGURED, Outcome.UNKNOWN, Outcome.DEGRADED, Outcome.UP)
_DONE = frozenset({Reason.OK, Reason.SLOW})


@dataclass(frozen=True, slots=True)
class _Message:
    template: Template
    expect: Expect
    patient: str | None


@dataclass(frozen=True, slots=True)
class _Sent:
    """How one message fared. `connecting_us` None: it went out on a connection that was there."""

    verdict: Verdict
    answer: Acknowledgement | None = None
    connecting_us: int | None = None
    answering_us: int = 0
    left: bool = False
    """Something of it may have reached the far side."""


class Hl7Probe:
    """One opened check; each run sends its one message, or its two, once."""

    def __init__(self, spec: Hl7Spec, env: Env) -> None:
        self._spec = spec
        self._env = env
        self._line = Line(spec, env)
        self._messages: tuple[_Message, ...] | None = None
        self._stands_since_ms: int | None = None
        """When the message was sent whose undoing nobody confirmed."""

    async def prepare(self) -> tuple[_Message, ...] | None:
        """What a run sends, or None while a file cannot be read or used; then the next run tries."""
        if self._messages is None:
            spec = self._spec
            try:
                files = tuple(self._env.read_secret(reference) for reference in spec.files)
                # In a thread: hl7apy is busy for tens of milliseconds, other checks have slots.
                self._messages = await asyncio.to_thread(_built, spec, files)
            except (OSError, KeyError, TemplateError):
                return None
        return self._messages

    async def run(self, slot: Slot) -> Observation:  # noqa: ARG002 - it sends the same each time
        messages = await self.prepare()
        if messages is None:
            return Observation(Outcome.UNKNOWN, Reason.AGENT_SECRET)
        if not messages:
            return await self._connect_alone()
        tally, timeout_ms = Tally(), self._env.timeout_ms
        # The undoing has half of the time: it is sent even when the first was never answered.
        before_ms = self._stands_since_ms
        first = await self._send(messages[0], timeout_ms // len(messages), tally)
        steps = list(_steps(StepName.ACK, first))
        if not _may_stand(first):
            self._stands_since_ms = before_ms
        elif len(messages) > 1:
            undone = await self._undo(messages[1], timeout_ms // 2, tally, first)
            steps.append(Step(StepName.CANCEL, *undone.verdict, _took(undone)))
        facts = tally.facts()
        if len(messages) > 1:
            facts[Fact.NOT_UNDONE] = int(self._stands_since_ms is not None)
        outcome = next(one for one in _WORST if any(s.outcome is one for s in steps))
        # Of two that are as bad the first speaks: the other may follow from it.
        reason = next(step.reason for step in steps if step.outcome is outcome)
        return Observation(outcome, reason, tally.phases, facts, tuple(steps))

    async def close(self) -> None:
        """Undo what may stand: the check may be gone for good."""
        if self._messages is not None and self._stands_since_ms is not None:
            await self._undo(self._messages[1], _CLOSE_MS, Tally(), None)
        await self._line.close()

    async def _undo(
        self, message: _Message, timeout_ms: int, tally: Tally, first: _Sent | None
    ) -> _Sent:
        sent = await self._send(message, timeout_ms, tally, self._stands_since_ms)
        nothing = sent.answer is not None and (
            sent.answer.error == UNKNOWN_KEY
            or (first is not None and first.answer is not None and not _is_done(first))
        )
        if _is_done(sent) or nothing:
            self._stands_since_ms = None
            return sent
        outcome = sent.verdict[0]
        if outcome is Outcome.UNKNOWN:  # one of our own host keeps its reason
            return sent
        verdict = (outcome, Reason.HL7_NOT_UNDONE)
        return _Sent(verdict, sent.answer, sent.connecting_us, sent.answering_us, sent.left)

    async def _send(
        self, message: _Message, timeout_ms: int, tally: Tally, day_ms: int | None = None
    ) -> _Sent:
        spec, env = self._spec, self._env
        deadline = Deadline(env.clock, timeout_ms)
        try:
            line = await self._line.open(deadline, tally)
        except NetFailure as failure:
            tally.add(failure.phases)
            return _Sent((failure.outcome, failure.reason), None, total(failure.phases, CONNECT))
        phases = line.connection.phases
        try:
            now_ms = env.clock.now_ms()
            sent = control_id(now_ms, env.rng.getrandbits(45))
            data = message.template.fill(now_ms, sent, day_ms)
            if self._spec.rung.is_pair and day_ms is None:
                # Remembered before it is sent: whatever ends this run, its undoing is not forgotten.
                self._stands_since_ms = now_ms
            answer = await exchange(
                env.clock, line, sent, data, tally, application=spec.application_ack
            )
        finally:
            await self._line.done(line)
            tally.add(phases)
        connecting = None if line.is_kept else total(phases, CONNECT)
        took = total(phases, ANSWER)
        if isinstance(answer, tuple):
            return _Sent(answer, None, connecting, took, left=True)
        verdict = self._in_time(judge(answer, message.expect, message.patient), latency_us(line))
        return _Sent(verdict, answer, connecting, took, left=True)

    async def _connect_alone(self) -> Observation:
        env, tally = self._env, Tally()
        try:
            line = await self._line.open(Deadline(env.clock, env.timeout_ms), tally)
        except NetFailure as failure:
            return _connected(failure.phases, (failure.outcome, failure.reason), tally)
        try:
            verdict = await _stays(line.connection)
        finally:
            line.is_sound = False
            await self._line.done(line)
        phases = line.connection.phases
        return _connected(phases, self._in_time(verdict, latency_us(line)), tally)

    def _in_time(self, verdict: Verdict, latency: int) -> Verdict:
        limit = self._spec.slow_after
        if verdict == UP and limit is not None and latency > limit * 1000:
            return Outcome.DEGRADED, Reason.SLOW
        return verdict


async def _stays(connection: Connection) -> Verdict:
    """Whether the far side keeps a connection nobody says anything on."""
    try:
        async with asyncio.timeout(_STAYS_S):
            data = await connection.receive()
    except TimeoutError:
        return UP
    except NetFailure as failure:
        return failure.outcome, failure.reason
    return UP if data else (Outcome.DOWN, Reason.HL7_CLOSED)


def _is_done(sent: _Sent) -> bool:
    return sent.verdict[1] in _DONE


def _may_stand(first: _Sent) -> bool:
    return first.left and not (first.answer is not None and is_refused(first.answer))


def _steps(name: StepName, sent: _Sent) -> tuple[Step, ...]:
    if not sent.left:
        failed = Step(StepName.CONNECT, *sent.verdict, sent.connecting_us or 0)
        return (failed,)
    answered = Step(name, *sent.verdict, sent.answering_us)
    if sent.connecting_us is None:
        return (answered,)
    return Step(StepName.CONNECT, *UP, sent.connecting_us), answered


def _took(sent: _Sent) -> int:
    return sent.answering_us + (sent.connecting_us or 0)


def _connected(phases: dict[Phase, int], verdict: Verdict, tally: Tally) -> Observation:
    step = Step(StepName.CONNECT, *verdict, total(phases, CONNECT))
    return Observation(*verdict, phases, tally.facts(), (step,))


def _built(spec: Hl7Spec, files: tuple[bytes, ...]) -> tuple[_Message, ...]:
    """Checked and cut; TemplateError with every problem."""
    expect, texts = spec.rung.expect, spec.messages(files)
    problems, built = list(spec.template_problems(texts)), []
    for text in texts:
        try:
            template = hl7_template.build(text, is_standard=expect is not Expect.REJECTED)
        except TemplateError as error:
            problems.append(str(error))
        else:
            built.append(_Message(template, expect, asked_patient(text)))
    if problems:
        raise TemplateError("; ".join(dict.fromkeys(problems)))
    return tuple(built)


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
    _built(spec, files)


def _writes(spec: Hl7Spec) -> Writes | None:
    rung = spec.rung
    if not rung.least_every_ms:
        return None
    # Two that make and undo the same thing would undo each other's.
    what = spec.identifier or spec.template
    return Writes(rung.least_every_ms, f"{spec.host}:{spec.port} {spec.message} {what}")


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
        f"{spec.host}:{spec.port}", alone=spec.exclusive, held=spec.connection == "keep"
    ),
)
