"""One association of one run: TCP, TLS, A-ASSOCIATE, one request and its answer, A-RELEASE."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

from probes.contract import Env, Fact, Observation, Outcome, Phase, Scheme, Step, StepName
from probes.dicom_line import Ended, Line, in_thread
from probes.dicom_spec import DicomAccess
from probes.net import CONNECT_REASONS, Deadline, NetFailure, ReceiveTimeout
from probes.reasons import Reason
from probes.tls import TLS_REASONS
from probes.wire.dicom import ABORT, CONTEXT, RELEASE_RQ, DicomError, PduType, accepted
from probes.wire.dicom_judge import MALFORMED, PENDING, UP, Verdict, context, rejection, status

if TYPE_CHECKING:
    from probes.dicom_codec import Response

ASSOCIATION_REASONS = (
    CONNECT_REASONS
    | TLS_REASONS
    | {
        Reason.AGENT_STALLED,
        Reason.DICOM_ABORTED,
        Reason.DICOM_BUSY,
        Reason.DICOM_CALLED_AE,
        Reason.DICOM_CALLING_AE,
        Reason.DICOM_CLOSED,
        Reason.DICOM_FAILED,
        Reason.DICOM_IDENTIFIER,
        Reason.DICOM_MALFORMED,
        Reason.DICOM_NOT_AUTHORIZED,
        Reason.DICOM_NOT_DICOM,
        Reason.DICOM_NO_CONTEXT,
        Reason.DICOM_PROTOCOL,
        Reason.DICOM_PROVIDER_ABORTED,
        Reason.DICOM_REJECTED,
        Reason.DICOM_RESOURCES,
        Reason.DICOM_TIMEOUT,
        Reason.DICOM_UNSUPPORTED,
        Reason.OK,
        Reason.SLOW,
    }
)
MOST_MATCHES = 10
"""More are not counted: the first is one too many."""
_MOST_COMMAND = 16_384
_RELEASE_S = 0.5
"""For the far side to agree that we are done; no part of its time."""
_CONNECT = (Phase.RESOLVE, Phase.CONNECT, Phase.TLS)
_TALK = (Phase.SEND, Phase.FIRST_BYTE, Phase.BODY)
_T = TypeVar("_T")


async def load() -> ModuleType:
    """`dicom_codec` and the library behind it. Raises ImportError."""
    return await in_thread(_codec)


def _codec() -> ModuleType:
    from probes import dicom_codec  # noqa: PLC0415 - heavy, and an extra of the distribution

    return dicom_codec


@dataclass(frozen=True, slots=True)
class Service:
    """What a check asks of a node: the SOP class, the request, and the command that answers it.

    `request` makes the message for the longest PDU the far side takes.
    """

    codec: ModuleType
    step: StepName
    sop_class: str
    expected: int
    request: Callable[[int], bytes]


async def visit(access: DicomAccess, env: Env, service: Service) -> Observation:
    """Connect, associate, ask once, release."""
    deadline = Deadline(env.clock, env.timeout_ms)
    tls = None if access.tls is None else access.tls.options
    scheme = Scheme.DICOM if tls is None else Scheme.DICOMS
    try:
        connection = await env.network.connect(access.host, access.port, deadline, tls, scheme)
    except NetFailure as failure:
        return _unconnected(failure)
    talk = _Talk(access, service, Line(connection, deadline, env.clock))
    phases = connection.phases
    steps = [Step(StepName.CONNECT, *UP, _total(phases, _CONNECT))]
    try:
        verdict = await talk.run(steps)
        phases, facts = dict(phases), dict(talk.facts)  # taking leave is no part of it
        await talk.leave()
    finally:
        await connection.close()
    if connection.cert_days_left is not None:
        facts[Fact.CERT_DAYS_LEFT] = connection.cert_days_left
    return Observation(*verdict, phases, facts, tuple(steps))


class _Talk:
    def __init__(self, access: DicomAccess, service: Service, line: Line) -> None:
        self._access = access
        self._service = service
        self._line = line
        self._sound = False
        """Associated, and nothing is under way or was wrong: it can be released."""
        self.facts = line.facts

    async def run(self, steps: list[Step]) -> Verdict:
        codec = self._service.codec
        try:
            associating = self._associate(codec)
            max_pdu = await self._step(StepName.ASSOCIATE, associating, lambda _: UP, steps)
            self._line.associated, self._sound = True, False
            asking = self._ask(codec, max_pdu)
            verdict = await self._step(self._service.step, asking, lambda said: said, steps)
        except Ended as ended:
            return ended.verdict
        self._sound = True
        return verdict

    async def leave(self) -> None:
        """Release, so that nobody's log tells of an abort; abort where nothing can be agreed."""
        line = self._line
        if line.ended:
            return
        with suppress(Ended, NetFailure, ReceiveTimeout, TimeoutError):
            async with asyncio.timeout(_RELEASE_S):
                if not self._sound:
                    await line.connection.send(ABORT)
                    return
                await line.send(RELEASE_RQ)
                while (await line.pdu()).type is not PduType.RELEASE_RP:
                    pass

    async def _step(
        self, name: StepName, work: Awaitable[_T], of: Callable[[_T], Verdict], steps: list[Step]
    ) -> _T:
        before_us = self._talked_us()
        try:
            found = await work
        except Ended as ended:
            steps.append(Step(name, *ended.verdict, self._talked_us() - before_us))
            raise
        steps.append(Step(name, *of(found), self._talked_us() - before_us))
        return found

    async def _associate(self, codec: ModuleType) -> int:
        """The longest PDU that we may send; Ended where there is no association."""
        access, line = self._access, self._line
        asking = await line.think(
            codec.association, access.called_ae, access.calling_ae, self._service.sop_class
        )
        await line.send(asking)
        pdu = await line.pdu()
        if pdu.type is PduType.ASSOCIATE_RJ:
            _, result, source, reason = pdu.content
            self.facts[Fact.REJECT_RESULT] = result
            self.facts[Fact.REJECT_SOURCE] = source
            self.facts[Fact.REJECT_REASON] = reason
            raise Ended(rejection(result, source, reason))
        if pdu.type is not PduType.ASSOCIATE_AC:
            raise Ended(MALFORMED)
        try:
            answer = accepted(pdu.content)
        except DicomError:
            raise Ended(MALFORMED) from None
        self._sound = True
        if answer.result:
            self.facts[Fact.CONTEXT_RESULT] = answer.result
            raise Ended(context(answer.result))
        return answer.max_pdu

    async def _ask(self, codec: ModuleType, max_pdu: int) -> Verdict:
        line, counts = self._line, self._service.step is StepName.FIND
        await line.send(await line.think(self._service.request, max_pdu))
        matches = 0
        while True:
            answer = await self._response(codec)
            if not counts or answer.status not in PENDING:
                break
            matches += 1
            self.facts[Fact.MATCHES] = matches
            if matches == MOST_MATCHES:
                raise Ended((Outcome.DEGRADED, Reason.DICOM_MATCH))
        if counts:
            self.facts[Fact.MATCHES] = matches
        self.facts[Fact.DIMSE_STATUS] = answer.status
        verdict = status(answer.status)
        if verdict == UP and matches:
            return Outcome.DEGRADED, Reason.DICOM_MATCH
        return self._in_time(verdict)

    async def _response(self, codec: ModuleType) -> Response:
        """One message: its command is read, its data set, a patient's perhaps, is passed over."""
        line, command = self._line, bytearray()
        while True:
            part = await line.fragment()
            if not part.is_command or part.context != CONTEXT:
                raise Ended(MALFORMED)
            command += part.data
            if len(command) > _MOST_COMMAND:
                raise Ended(MALFORMED)
            if part.is_last:
                break
        answer: Response = await line.think(codec.response, bytes(command), self._service.expected)
        # a last response has none, whatever it announces (PS3.7 sections 9.3.2.2 and 9.3.5.2)
        is_over = not answer.has_data_set or answer.status not in PENDING
        while not is_over:
            part = await line.fragment()
            if part.is_command or part.context != CONTEXT:
                raise Ended(MALFORMED)
            is_over = part.is_last
        return answer

    def _in_time(self, verdict: Verdict) -> Verdict:
        limit_ms = self._access.slow_after
        took_us = _total(self._line.connection.phases, _CONNECT + _TALK)
        if verdict == UP and limit_ms is not None and took_us > limit_ms * 1000:
            return Outcome.DEGRADED, Reason.SLOW
        return verdict

    def _talked_us(self) -> int:
        return _total(self._line.connection.phases, _TALK)


def _unconnected(failure: NetFailure) -> Observation:
    phases = failure.phases
    if not phases:
        return Observation(failure.outcome, failure.reason)
    took = _total(phases, _CONNECT)
    step = Step(StepName.CONNECT, failure.outcome, failure.reason, took)
    return Observation(failure.outcome, failure.reason, phases, {}, (step,))


def _total(phases: dict[Phase, int], names: tuple[Phase, ...]) -> int:
    return sum(phases.get(name, 0) for name in names)
