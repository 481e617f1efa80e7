"""DICOMweb: a QIDO-RS search that can match nobody (`dicomweb.md`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from probes.authorization import Authorization
from probes.config_words import Model, PositiveDuration
from probes.contract import Env, Fact, Kind, Observation, Outcome, Phase, Slot, Step, StepName
from probes.dicom_spec import NOBODY, NobodysId
from probes.httpclient import HTTP_REASONS, HttpAnswer, Requests, ask
from probes.net import Deadline, NetFailure, Stopwatch
from probes.reasons import Reason
from probes.tls import TlsOptions
from probes.tls_spec import File
from probes.wire.dicom_judge import UP, Verdict
from probes.wire.dicomweb import judge
from probes.wire.http1 import parse_url, retry_after_s

_ACCEPT = {"Accept": "application/dicom+json"}
_COMES_AGAIN = frozenset({425, 429, 503})
_CONNECT = (Phase.RESOLVE, Phase.CONNECT, Phase.TLS)
_ANSWER = (Phase.SEND, Phase.FIRST_BYTE, Phase.BODY)


def _base_url(text: str) -> str:
    parse_url(text)
    if "?" in text:
        raise ValueError("the base URL of DICOMweb has no query")
    return text.rstrip("/")


class DicomwebSpec(Model):
    """The `spec` of a check."""

    base_url: Annotated[str, AfterValidator(_base_url)]
    patient_id: NobodysId = NOBODY
    slow_after: PositiveDuration | None = None
    max_body: Annotated[int, Field(ge=1024, le=16_777_216)] = 1_048_576
    ca: File | None = None
    client_cert: File | None = None
    client_key: File | None = None
    auth: Authorization | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        files = (self.ca, self.client_cert, self.client_key)
        contradictions = (
            (
                (files[1] is None) != (files[2] is None),
                "client_cert and client_key belong together",
            ),
            (not self._secure and any(files), "ca and client_cert need an https base_url"),
            (not self._secure and self.auth is not None, "auth needs an https base_url"),
        )
        problems = [text for wrong, text in contradictions if wrong]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def _secure(self) -> bool:
        return parse_url(self.base_url).tls

    @property
    def url(self) -> str:
        return f"{self.base_url}/studies?PatientID={self.patient_id}&limit=1"

    @property
    def tls(self) -> TlsOptions:
        return TlsOptions(ca=self.ca, client_cert=self.client_cert, client_key=self.client_key)


class DicomwebProbe:
    """One opened check; every run makes a connection of its own."""

    def __init__(self, spec: DicomwebSpec, env: Env) -> None:
        self._spec = spec
        self._env = env
        self._requests = Requests()

    async def run(self, slot: Slot) -> Observation:  # noqa: ARG002 - it asks the same each time
        spec, env = self._spec, self._env
        deadline = Deadline(env.clock, env.timeout_ms)
        try:
            headers = _ACCEPT
            if spec.auth is not None:
                headers = {**headers, **spec.auth.headers(env.read_secret)}
            request = self._requests.of("GET", spec.url, headers)
            answer = await ask(env, request, spec.tls, spec.max_body, deadline)
        except NetFailure as failure:
            return _failed(failure)
        phases = answer.phases
        took_us = _sum(phases, _CONNECT + _ANSWER)
        with Stopwatch(env.clock, phases, Phase.PARSE):
            verdict, matches = judge(answer.status, answer.header("content-type"), answer.body)
            facts = _facts(answer, matches, env.clock.now_ms())
        if verdict == UP and spec.slow_after is not None and took_us > spec.slow_after * 1000:
            verdict = Outcome.DEGRADED, Reason.SLOW
        return Observation(*verdict, phases, facts, _steps(phases, verdict))


def _facts(answer: HttpAnswer, matches: int | None, now_ms: int) -> dict[Fact, int]:
    facts = {Fact.HTTP_STATUS: answer.status, Fact.ANSWER_BYTES: len(answer.body)}
    if matches is not None:
        facts[Fact.MATCHES] = matches
    if answer.cert_days_left is not None:
        facts[Fact.CERT_DAYS_LEFT] = answer.cert_days_left
    if answer.status in _COMES_AGAIN:
        wait_s = retry_after_s(answer.header("retry-after"), now_ms)
        if wait_s is not None:
            facts[Fact.RETRY_AFTER_S] = wait_s
    return facts


def _failed(failure: NetFailure) -> Observation:
    """A run without an answer. Nothing sent yet: it is the connection that failed."""
    verdict, phases = (failure.outcome, failure.reason), failure.phases
    if not phases:
        return Observation(*verdict)
    if Phase.SEND in phases:
        return Observation(*verdict, phases, {}, _steps(phases, verdict))
    step = Step(StepName.CONNECT, *verdict, _sum(phases, _CONNECT))
    return Observation(*verdict, phases, {}, (step,))


def _steps(phases: Mapping[Phase, int], verdict: Verdict) -> tuple[Step, ...]:
    return (
        Step(StepName.CONNECT, *UP, _sum(phases, _CONNECT)),
        Step(StepName.FIND, *verdict, _sum(phases, _ANSWER)),
    )


def _sum(phases: Mapping[Phase, int], names: tuple[Phase, ...]) -> int:
    return sum(phases.get(name, 0) for name in names)


@asynccontextmanager
async def _open(spec: DicomwebSpec, env: Env) -> AsyncIterator[DicomwebProbe]:
    yield DicomwebProbe(spec, env)


def _parse(spec: Mapping[str, Any]) -> DicomwebSpec:
    return DicomwebSpec.model_validate(spec)


KIND = Kind(
    name="dicomweb",
    summary="DICOMweb: a QIDO-RS search that can match nobody, answered with nothing",
    parse=_parse,
    open=_open,
    reasons=HTTP_REASONS
    | {
        Reason.DICOMWEB_AUTH,
        Reason.DICOMWEB_NOT_DICOM,
        Reason.DICOMWEB_TOO_BROAD,
        Reason.DICOM_MATCH,
        Reason.HTTP_STATUS,
        Reason.HTTP_THROTTLED,
        Reason.OK,
        Reason.SLOW,
    },
)
