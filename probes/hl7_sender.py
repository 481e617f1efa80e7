"""Sends the messages of one HL7 check, each once, and judges what comes back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from probes import hl7_template
from probes.contract import Env, Outcome
from probes.hl7_exchange import ANSWER, CONNECT, exchange, latency_us, total
from probes.hl7_ladder import asked_patient
from probes.hl7_line import Line, Tally
from probes.hl7_spec import Hl7Spec
from probes.hl7_template import TemplateError
from probes.net import Connection, Deadline, NetFailure, ReceiveTimeout
from probes.reasons import Reason
from probes.wire.hl7 import Acknowledgement, Template, control_id
from probes.wire.hl7_judge import UP, Expect, Verdict, is_refused, judge

_STAYS_S = 0.5
"""A port that closes at once, or refuses our certificate, has done so by then."""
_DONE = frozenset({Reason.OK, Reason.SLOW})


@dataclass(frozen=True, slots=True)
class Message:
    """`patient` is the id a query asks for."""

    template: Template
    expect: Expect
    patient: str | None


@dataclass(frozen=True, slots=True)
class Sent:
    """How one message fared. `connecting_us` None: it went out on a connection that was there."""

    verdict: Verdict
    answer: Acknowledgement | None = None
    connecting_us: int | None = None
    answering_us: int = 0
    left: bool = False
    """Something of it may have reached the far side."""

    @property
    def is_done(self) -> bool:
        return self.verdict[1] in _DONE

    @property
    def may_stand(self) -> bool:
        """Whether what it asks for may have been made."""
        return self.left and not (self.answer is not None and is_refused(self.answer))


def built(spec: Hl7Spec, files: tuple[bytes, ...]) -> tuple[Message, ...]:
    """The messages of a run, checked and cut; TemplateError with every problem."""
    expect, texts = spec.rung.expect, spec.messages(files)
    problems, messages = list(spec.template_problems(texts)), []
    for text in texts:
        try:
            template = hl7_template.build(text, is_standard=expect is not Expect.REJECTED)
        except TemplateError as error:
            problems.append(str(error))
        else:
            messages.append(Message(template, expect, asked_patient(text)))
    if problems:
        raise TemplateError("; ".join(dict.fromkeys(problems)))
    return tuple(messages)


class Sender:
    """Used by one run at a time."""

    def __init__(self, spec: Hl7Spec, env: Env) -> None:
        self._spec = spec
        self._env = env
        self._line = Line(spec, env)

    async def send(
        self, message: Message, timeout_ms: int, tally: Tally, day_ms: int | None = None
    ) -> Sent:
        """Within `timeout_ms`, connecting included. `day_ms`: what {start} counts from, if not now."""
        env = self._env
        try:
            line = await self._line.open(Deadline(env.clock, timeout_ms), tally)
        except NetFailure as failure:
            tally.add(failure.phases)
            return Sent((failure.outcome, failure.reason), None, total(failure.phases, CONNECT))
        phases = line.connection.phases
        try:
            now_ms = env.clock.now_ms()
            sent = control_id(now_ms, env.rng.getrandbits(45))
            data = message.template.fill(now_ms, sent, day_ms)
            application = self._spec.application_ack
            answer = await exchange(env.clock, line, sent, data, tally, application=application)
        finally:
            await self._line.done(line)
            tally.add(phases)
        connecting = None if line.is_kept else total(phases, CONNECT)
        took = total(phases, ANSWER)
        if isinstance(answer, tuple):
            return Sent(answer, None, connecting, took, left=True)
        verdict = self._in_time(judge(answer, message.expect, message.patient), latency_us(line))
        return Sent(verdict, answer, connecting, took, left=True)

    async def connect(self, tally: Tally) -> Sent:
        """Connect, say nothing, and see whether the far side keeps the connection."""
        env = self._env
        try:
            line = await self._line.open(Deadline(env.clock, env.timeout_ms), tally)
        except NetFailure as failure:
            tally.add(failure.phases)
            return Sent((failure.outcome, failure.reason), None, total(failure.phases, CONNECT))
        try:
            verdict = await _stays(line.connection)
        finally:
            await line.connection.close()
        tally.add(line.connection.phases)
        connecting = total(line.connection.phases, CONNECT)
        return Sent(self._in_time(verdict, connecting), None, connecting)

    async def close(self) -> None:
        await self._line.close()

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
    except (TimeoutError, ReceiveTimeout):
        return UP
    except NetFailure as failure:
        return failure.outcome, failure.reason
    return UP if data else (Outcome.DOWN, Reason.HL7_CLOSED)
