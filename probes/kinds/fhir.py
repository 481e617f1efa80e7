"""FHIR R4: the CapabilityStatement and one read of an agreed test resource (`fhir.md`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from probes.authorization import Authorization
from probes.config_words import Model, PositiveDuration
from probes.contract import Env, Fact, Kind, Observation, Outcome, Phase, Slot, Step, StepName
from probes.fhir_validation import Validation
from probes.httpclient import HTTP_REASONS, HttpAnswer, Requests, ask
from probes.net import Deadline, NetFailure, Stopwatch
from probes.reasons import Reason
from probes.tls import TlsOptions
from probes.wire.fhir import (
    INTERACTIONS,
    UP,
    Verdict,
    judge_resource,
    judge_statement,
    judge_status,
    worst,
)
from probes.wire.http1 import parse_url, retry_after_s


def _base_url(text: str) -> str:
    parse_url(text)
    if "?" in text:
        raise ValueError("a FHIR base URL has no query")
    return text.rstrip("/")


def _interaction(text: str) -> str:
    type_, _, code = text.partition(".")
    if not (type_.isascii() and type_.isalpha() and type_[0].isupper() and code in INTERACTIONS):
        raise ValueError(f"write Type.interaction with one of {', '.join(sorted(INTERACTIONS))}")
    return text


class FhirSpec(Model):
    """The `spec` of a check; durations in milliseconds, sizes in bytes once loaded."""

    base_url: Annotated[str, AfterValidator(_base_url)]
    metadata: bool = True
    read: (
        Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z]{1,63}/[A-Za-z0-9.-]{1,64}$")]
        | None
    ) = None
    fhir_version: Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+){0,2}$")] = "4.0"
    requires: tuple[Annotated[str, AfterValidator(_interaction)], ...] = ()
    slow_after: PositiveDuration | None = None
    max_age: PositiveDuration | None = None
    max_body: Annotated[int, Field(ge=1024, le=16_777_216)] = 2_097_152
    ca: Annotated[str, StringConstraints(pattern=r"^/")] | None = None
    auth: Authorization | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        secure = parse_url(self.base_url).tls
        contradictions = (
            (not self.metadata and self.read is None, "with metadata false, read is needed"),
            (not self.metadata and bool(self.requires), "requires needs metadata"),
            (self.max_age is not None and self.read is None, "max_age needs read"),
            (self.auth is not None and self.auth.header is not None, "auth has no header here"),
            (self.auth is not None and not secure, "auth needs an https base_url"),
            (self.ca is not None and not secure, "ca needs an https base_url"),
        )
        problems = [text for wrong, text in contradictions if wrong]
        if problems:
            raise ValueError("; ".join(problems))
        return self


@dataclass(frozen=True, slots=True)
class _Layer:
    """One step: `about` the content it saw, `http` about its answer alone."""

    name: StepName
    verdict: Verdict
    phases: Mapping[Phase, int]
    http: Mapping[Fact, int]
    about: Mapping[Fact, int]

    @property
    def latency_us(self) -> int:
        """The far side's time: parsing is ours."""
        return sum(took for phase, took in self.phases.items() if phase is not Phase.PARSE)


class FhirProbe:
    """One opened check; every step makes a connection of its own."""

    def __init__(self, spec: FhirSpec, env: Env) -> None:
        self._spec = spec
        self._env = env
        self._tls = TlsOptions(ca=spec.ca)
        self._requests = Requests()
        self._requires = [(t, i) for t, _, i in (r.partition(".") for r in spec.requires)]
        self._validation = Validation()

    async def run(self, slot: Slot) -> Observation:  # noqa: ARG002 - it asks the same each time
        deadline = Deadline(self._env.clock, self._env.timeout_ms)
        headers = {"Accept": "application/fhir+json"}
        try:
            if self._spec.auth is not None:
                # Read at every run, so that a rotated secret needs no restart.
                headers |= self._spec.auth.headers(self._env.read_secret)
        except NetFailure as failure:
            return Observation(failure.outcome, failure.reason)
        layers = []
        if self._spec.metadata:
            layers.append(
                await self._ask(
                    StepName.METADATA, "metadata", headers, deadline, self._judge_metadata
                )
            )
        if self._spec.read and (not layers or deadline.remaining_s() > 0):
            layers.append(
                await self._ask(StepName.READ, self._spec.read, headers, deadline, self._judge_read)
            )
        elif self._spec.read and layers[0].verdict.outcome.good:
            # A run that did not get to its read did not complete in time, so it is not `up`. After
            # a failed first step the attempt never made is no step.
            late = Verdict(Outcome.DOWN, Reason.HTTP_TIMEOUT)
            layers.append(_Layer(StepName.READ, late, {}, {}, {}))
        ours: dict[Phase, int] = {}
        if self._validation.pending:  # after the steps, so that it slows none of them
            with Stopwatch(self._env.clock, ours, Phase.PARSE):
                await self._validation.wait(deadline.remaining_s())
        return self._observe(layers, ours)

    async def close(self) -> None:
        await self._validation.close()

    async def _ask(
        self,
        name: StepName,
        path: str,
        headers: Mapping[str, str],
        deadline: Deadline,
        judge: Callable[[HttpAnswer, dict[Fact, int]], Verdict],
    ) -> _Layer:
        spec = self._spec
        url = f"{spec.base_url}/{path}"
        try:
            request = self._requests.of("GET", url, headers)
            answer = await ask(self._env, request, self._tls, spec.max_body, deadline)
        except NetFailure as failure:
            verdict = Verdict(failure.outcome, failure.reason)
            return _Layer(name, verdict, failure.phases, {}, {})
        phases = dict(answer.phases)
        latency_us = sum(phases.values())
        about: dict[Fact, int] = {}
        with Stopwatch(self._env.clock, phases, Phase.PARSE):
            verdict = judge_status(answer.status, answer.body) or judge(answer, about)
        slow_after = spec.slow_after
        if verdict == UP and slow_after is not None and latency_us > slow_after * 1000:
            verdict = Verdict(Outcome.DEGRADED, Reason.SLOW)
        return _Layer(name, verdict, phases, self._http_facts(answer), about)

    def _http_facts(self, answer: HttpAnswer) -> dict[Fact, int]:
        facts = {Fact.HTTP_STATUS: answer.status, Fact.BODY_BYTES: len(answer.body)}
        if answer.cert_days_left is not None:
            facts[Fact.CERT_DAYS_LEFT] = answer.cert_days_left
        wait_s = retry_after_s(answer.header("retry-after"), self._env.clock.now_ms())
        if wait_s is not None:
            facts[Fact.RETRY_AFTER_S] = wait_s
        return facts

    def _judge_metadata(self, answer: HttpAnswer, about: dict[Fact, int]) -> Verdict:
        verdict, statement = judge_statement(
            answer.header("content-type"), answer.body, self._spec.fhir_version, self._requires
        )
        if statement is None:
            return verdict
        about[Fact.RESOURCE_TYPES] = len(statement.types)
        if self._requires:
            about[Fact.DRIFT] = statement.missing(self._requires)
        changed = self._validation.offer(statement.digest(), statement.fhir_version, answer.body)
        if changed is not None:
            about[Fact.STATEMENT_CHANGED] = int(changed)
        return verdict

    def _judge_read(self, answer: HttpAnswer, about: dict[Fact, int]) -> Verdict:
        type_, _, id_ = (self._spec.read or "").partition("/")
        verdict, age_s = judge_resource(
            answer.header("content-type"),
            answer.body,
            type_,
            id_,
            max_age_ms=self._spec.max_age,
            now_ms=self._env.clock.now_ms(),
        )
        if age_s is not None:
            about[Fact.AGE_S] = age_s
        return verdict

    def _observe(self, layers: list[_Layer], ours: Mapping[Phase, int]) -> Observation:
        outcome = worst(layer.verdict.outcome for layer in layers)
        # Of two equally bad layers the later one speaks: it is the one users depend on.
        decisive = [layer for layer in layers if layer.verdict.outcome is outcome][-1]
        facts: dict[Fact, int] = {}
        phases = dict(ours)
        for layer in layers:
            facts.update(layer.about)
            for phase, took in layer.phases.items():
                phases[phase] = phases.get(phase, 0) + took
        facts.update(decisive.http)
        if self._validation.errors is not None and Fact.RESOURCE_TYPES in facts:
            facts[Fact.VALIDATION_ERRORS] = self._validation.errors
        steps = tuple(
            Step(layer.name, layer.verdict.outcome, layer.verdict.reason, layer.latency_us)
            for layer in layers
        )
        return Observation(outcome, decisive.verdict.reason, phases, facts, steps)


@asynccontextmanager
async def _open(spec: FhirSpec, env: Env) -> AsyncIterator[FhirProbe]:
    probe = FhirProbe(spec, env)
    try:
        yield probe
    finally:
        await probe.close()


KIND = Kind(
    name="fhir",
    summary="FHIR R4 over HTTP: the CapabilityStatement and the read of one test resource",
    parse=FhirSpec.model_validate,
    open=_open,
    reasons=HTTP_REASONS
    | {
        Reason.FHIR_AUTH,
        Reason.FHIR_DRIFT,
        Reason.FHIR_NOT_FHIR,
        Reason.FHIR_OUTCOME,
        Reason.FHIR_STALE,
        Reason.FHIR_VERSION,
        Reason.FHIR_WRONG_RESOURCE,
        Reason.HTTP_STATUS,
        Reason.HTTP_THROTTLED,
        Reason.OK,
        Reason.SLOW,
    },
)
