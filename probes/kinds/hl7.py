"""HL7 v2 over MLLP: one agreed message to one listener, and its acknowledgement (`hl7.md`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from probes import hl7_template
from probes.config_words import Model, PositiveDuration
from probes.contract import (
    Env,
    Fact,
    Kind,
    Observation,
    Outcome,
    Phase,
    Scheme,
    Slot,
    Step,
    StepName,
)
from probes.hl7_template import TemplateError
from probes.net import (
    CONNECT_REASONS,
    Connection,
    Deadline,
    NetFailure,
    ReceiveTimeout,
    Stopwatch,
)
from probes.reasons import Reason
from probes.tls import TLS_REASONS, TlsOptions
from probes.wire.hl7 import AckCode, Acknowledgement, Template, control_id, parse_ack
from probes.wire.mllp import Decoder, Frame, Garbage, LimitError, encode

Verdict = tuple[Outcome, Reason]
File = Annotated[str, StringConstraints(pattern=r"^/.")]
# HL7's delimiters have no place in a value, save those of components and subcomponents
Value = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$", max_length=64)]
Hierarchic = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._^&-]*$", max_length=199)
]
PersonName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 .'^-]*$", max_length=199)
]

_ACCEPTED = frozenset({AckCode.AA, AckCode.CA})
_ERRORS = frozenset({AckCode.AE, AckCode.CE})
_RECORD_LOCKED, _INTERNAL_ERROR = 206, 207  # table 0357
_CONNECT = (Phase.RESOLVE, Phase.CONNECT, Phase.TLS)
_ACK = (Phase.SEND, Phase.FIRST_BYTE, Phase.BODY)
_OF_THE_MESSAGE = (
    "patient",
    "processing_id",
    "sending_application",
    "sending_facility",
    "receiving_application",
    "receiving_facility",
    "version",
)


class Patient(Model):
    """The agreed test patient."""

    id: Value
    assigning_authority: Hierarchic
    name: PersonName


class Tls(Model):
    """Empty: TLS with the system's CAs and no client certificate."""

    ca: File | None = None
    client_cert: File | None = None
    client_key: File | None = None

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.client_cert is None) != (self.client_key is None):
            raise ValueError("client_cert and client_key belong together")
        return self


class Hl7Config(Model):
    """The spec; durations in milliseconds once loaded."""

    host: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]+$", max_length=253)]
    port: Annotated[int, Field(ge=1, le=65535)]
    tls: Tls | None = None
    template: Annotated[str, StringConstraints(pattern=r"^(adt_a08|file:/.+)$")] = "adt_a08"
    patient: Patient | None = None
    processing_id: Literal["P", "T", "D"] | None = None
    sending_application: Hierarchic = "WARDWATCH"
    sending_facility: Hierarchic | None = None
    receiving_application: Hierarchic | None = None
    receiving_facility: Hierarchic | None = None
    version: Literal["2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2"] = (
        "2.5.1"
    )
    slow_after: PositiveDuration | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.template == "adt_a08":
            missing = [n for n in ("patient", "processing_id") if getattr(self, n) is None]
            if missing:
                raise ValueError(f"the template adt_a08 needs {' and '.join(missing)}")
        else:
            twice = [name for name in _OF_THE_MESSAGE if name in self.model_fields_set]
            if twice:
                raise ValueError(f"the template's file says it already: {', '.join(twice)}")
        return self

    @property
    def template_file(self) -> str | None:
        """The reference of the operator's file, such as `file:/etc/wardwatch/a08.hl7`."""
        return self.template if self.template != "adt_a08" else None

    def message(self, data: bytes) -> str:
        """The text of the template; `data` is the content of its file, if it has one."""
        if self.template_file is not None:
            return hl7_template.from_file(data)
        if self.patient is None or self.processing_id is None:
            raise AssertionError("adt_a08 was parsed without its fields")
        return hl7_template.adt_a08(
            sending_application=self.sending_application,
            sending_facility=self.sending_facility or "",
            receiving_application=self.receiving_application or "",
            receiving_facility=self.receiving_facility or "",
            processing_id=self.processing_id,
            version=self.version,
            patient_id=self.patient.id,
            assigning_authority=self.patient.assigning_authority,
            patient_name=self.patient.name,
        )


@dataclass(slots=True)
class _Exchange:
    """One message under way. `latency_us` lacks our own parsing."""

    sent: str
    connection: Connection
    decoder: Decoder = field(default_factory=Decoder)
    stale: int = 0
    duplicates: int = 0
    garbage: int = 0
    error: int | None = None

    @property
    def latency_us(self) -> int:
        return _sum(self.connection.phases, _CONNECT + _ACK)

    def facts(self) -> dict[Fact, int]:
        counts = {
            Fact.STALE_ACKS: self.stale,
            Fact.DUPLICATE_ACKS: self.duplicates,
            Fact.GARBAGE_BYTES: self.garbage,
        }
        facts = {fact: count for fact, count in counts.items() if count}
        if self.error is not None:
            facts[Fact.ERR_CODE] = self.error
        if self.connection.cert_days_left is not None:
            facts[Fact.CERT_DAYS_LEFT] = self.connection.cert_days_left
        return facts


class Hl7Probe:
    """One opened check; each run makes one connection and sends one message, once."""

    def __init__(self, config: Hl7Config, env: Env) -> None:
        self._config = config
        self._env = env
        self._template: Template | None = None
        tls = config.tls
        self._tls = (
            None
            if tls is None
            else TlsOptions(tls.ca, tls.client_cert, tls.client_key, watches=True)
        )
        self._scheme = Scheme.MLLP if tls is None else Scheme.MLLPS

    async def prepare(self) -> Template | None:
        """The template, or None while its file cannot be read or used; then the next run tries."""
        if self._template is None:
            config, data = self._config, b""
            try:
                if config.template_file is not None:
                    data = self._env.read_secret(config.template_file)
                # In a thread: hl7apy is busy for tens of milliseconds, other checks have slots.
                self._template = await asyncio.to_thread(hl7_template.build, config.message(data))
            except (OSError, KeyError, TemplateError):
                return None
        return self._template

    async def run(self, slot: Slot) -> Observation:  # noqa: ARG002 - it sends the same each time
        template = await self.prepare()
        if template is None:
            return Observation(Outcome.UNKNOWN, Reason.AGENT_SECRET)
        config, env = self._config, self._env
        deadline = Deadline(env.clock, env.timeout_ms)
        try:
            connection = await env.network.connect(
                config.host, config.port, deadline, self._tls, self._scheme
            )
        except NetFailure as failure:
            return _connect_failed(failure)
        now_ms = env.clock.now_ms()
        exchange = _Exchange(control_id(now_ms, env.rng.getrandbits(45)), connection)
        try:
            message = encode(template.fill(now_ms, exchange.sent))
            outcome, reason = await self._converse(exchange, message)
        except NetFailure as failure:
            outcome, reason = failure.outcome, failure.reason
        finally:
            await connection.close()
        phases = connection.phases
        steps = _steps(phases, outcome, reason)
        return Observation(outcome, reason, phases, exchange.facts(), steps)

    async def _converse(self, exchange: _Exchange, message: bytes) -> Verdict:
        """Send, then read until the answer to this very message, the end or the deadline.

        After that nothing is sent again: whether the far side processed the message is unknown.
        """
        clock, connection = self._env.clock, exchange.connection
        try:
            await connection.send(message)
            with Stopwatch(clock, connection.phases, Phase.FIRST_BYTE):
                data = await connection.receive()
            exchange.decoder.receive(data)
            while data:
                with Stopwatch(clock, connection.phases, Phase.BODY):
                    frame = await _next_frame(exchange)
                if frame is None:
                    break
                with Stopwatch(clock, connection.phases, Phase.PARSE):
                    ack = parse_ack(frame.message)
                    if ack is None:
                        return Outcome.DOWN, Reason.HL7_ACK_MALFORMED
                    if ack.control_id == exchange.sent:
                        _count_rest(exchange)
                        exchange.error = ack.error
                        return judge(ack, exchange.latency_us, self._config.slow_after)
                    exchange.stale += 1
        except ReceiveTimeout:
            return _without(exchange, Reason.HL7_NO_ACK)
        except LimitError:
            return Outcome.DOWN, Reason.HL7_ACK_MALFORMED
        return _without(exchange, Reason.HL7_CLOSED)


def judge(ack: Acknowledgement, latency_us: int, slow_after_ms: int | None) -> Verdict:
    """What an acknowledgement of our message says. `latency_us` is the far side's."""
    if ack.code in _ACCEPTED:
        if slow_after_ms is not None and latency_us > slow_after_ms * 1000:
            return Outcome.DEGRADED, Reason.SLOW
        return Outcome.UP, Reason.OK
    reason = Reason.HL7_ACK_ERROR if ack.code in _ERRORS else Reason.HL7_ACK_REJECT
    if ack.error == _INTERNAL_ERROR:
        return Outcome.DOWN, reason
    if ack.error == _RECORD_LOCKED and reason is Reason.HL7_ACK_ERROR:
        return Outcome.DEGRADED, reason
    return Outcome.MISCONFIGURED, reason  # alive: the message, its route or its patient is wrong


async def _next_frame(exchange: _Exchange) -> Frame | None:
    """The next frame, or None when the peer ended; raises what `receive` and the decoder do."""
    while True:
        event = exchange.decoder.next_event()
        if isinstance(event, Frame):
            return event
        if isinstance(event, Garbage):
            exchange.garbage += event.count
            continue
        data = await exchange.connection.receive()
        if not data:
            return None
        exchange.decoder.receive(data)


def _count_rest(exchange: _Exchange) -> None:
    """What came in one piece with the answer; nobody waits for more."""
    try:
        while event := exchange.decoder.next_event():
            if isinstance(event, Garbage):
                exchange.garbage += event.count
                continue
            ack = parse_ack(event.message)
            exchange.duplicates += ack is not None and ack.control_id == exchange.sent
    except LimitError:
        return


def _without(exchange: _Exchange, reason: Reason) -> Verdict:
    return Outcome.DOWN, Reason.HL7_WRONG_ID if exchange.stale else reason


def _connect_failed(failure: NetFailure) -> Observation:
    outcome, reason, phases = failure.outcome, failure.reason, failure.phases
    step = Step(StepName.CONNECT, outcome, reason, _sum(phases, _CONNECT))
    return Observation(outcome, reason, phases, {}, (step,) if phases else ())


def _steps(phases: Mapping[Phase, int], outcome: Outcome, reason: Reason) -> tuple[Step, ...]:
    return (
        Step(StepName.CONNECT, Outcome.UP, Reason.OK, _sum(phases, _CONNECT)),
        Step(StepName.ACK, outcome, reason, _sum(phases, _ACK)),
    )


def _sum(phases: Mapping[Phase, int], names: tuple[Phase, ...]) -> int:
    return sum(phases.get(name, 0) for name in names)


@asynccontextmanager
async def _open(config: Hl7Config, env: Env) -> AsyncIterator[Hl7Probe]:
    probe = Hl7Probe(config, env)
    await probe.prepare()
    yield probe


def _prepare(config: Hl7Config) -> None:
    """Build and check the template; ValueError names places, never values."""
    data = b""
    if config.template_file is not None:
        try:
            data = Path(config.template_file.removeprefix("file:")).read_bytes()
        except OSError:
            raise TemplateError("the template's file cannot be read") from None
    hl7_template.build(config.message(data))


KIND = Kind(
    name="hl7",
    summary="HL7 v2 over MLLP: one agreed message and its acknowledgement",
    parse=Hl7Config.model_validate,
    open=_open,
    prepare=_prepare,
    reasons=CONNECT_REASONS
    | TLS_REASONS
    | {
        Reason.HL7_ACK_ERROR,
        Reason.HL7_ACK_MALFORMED,
        Reason.HL7_ACK_REJECT,
        Reason.HL7_CLOSED,
        Reason.HL7_NO_ACK,
        Reason.HL7_WRONG_ID,
        Reason.OK,
        Reason.SLOW,
    },
)
