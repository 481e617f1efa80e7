"""Coverage by FHIR: what a test member has, and whether a payer would pay (`coverage.md`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, StringConstraints, model_validator

from probes.config_words import Model
from probes.contract import Env, Fact, Kind, Observation, Slot, StepName, Writes
from probes.fhiraccess import FhirAccess, examine, refuse
from probes.fhirquestions import FHIR_JSON, Question, content, in_turn, send, together
from probes.fhirsteps import STEP_REASONS, FhirSteps, Layer, connect_apart, whole
from probes.httpclient import HttpAnswer
from probes.net import Deadline, NetFailure
from probes.profiles.table import PROFILES
from probes.reasons import Reason
from probes.wire.coverage import (
    REQUEST,
    Agreed,
    eligibility_request,
    judge_found,
    judge_read,
    judge_response,
    judge_submitted,
    response_path,
    search_path,
)
from probes.wire.fhir import Verdict

_LEAST_EVERY_MS = 60_000
"""Each run leaves a request at the payer."""

ResourceId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,64}$")]
Insurer = Annotated[str, StringConstraints(pattern=r"^Organization/[A-Za-z0-9.-]{1,64}$")]
ErrorCode = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")]


def _allowed(given: bool) -> bool:  # noqa: FBT001 - a validator
    if not given:
        raise ValueError(
            "a request for eligibility writes; say allow_writes: true, or leave it out"
        )
    return given


class Eligibility(Model):
    """Writes: each run creates or submits one request."""

    allow_writes: Annotated[bool, AfterValidator(_allowed)]
    coverage: ResourceId
    insurer: Insurer
    purpose: Literal["auth-requirements", "benefits", "discovery", "validation"] = "validation"
    by: Literal["create", "submit"] = "create"
    expect_errors: tuple[ErrorCode, ...] = ()


class CoverageSpec(FhirAccess):
    """The `spec` of a check; durations in milliseconds once loaded."""

    patient: ResourceId
    coverage: ResourceId | None = None
    search_by: Literal["patient", "beneficiary"] | None = None
    eligibility: Eligibility | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        parts = (self.coverage, self.search_by, self.eligibility)
        own = (
            (
                all(part is None for part in parts),
                "write at least one of coverage, search_by and eligibility",
            ),
            (
                self.coverage is not None and self.search_by is not None,
                "coverage is read or searched for, not both",
            ),
            *self.too_often(self.asks),
        )
        refuse(self, own)
        return self

    @property
    def asks(self) -> int:
        """Requests of one run at most."""
        found = self.coverage is not None or self.search_by is not None
        return found + (0 if self.eligibility is None else 2)


class CoverageProbe:
    """One opened check."""

    def __init__(self, spec: CoverageSpec, env: Env) -> None:
        self._spec = spec
        self._env = env
        self._steps = FhirSteps(spec, env)

    async def run(self, slot: Slot) -> Observation:  # noqa: ARG002 - it asks the same each time
        deadline = Deadline(self._env.clock, self._env.timeout_ms)
        try:
            headers = self._steps.headers()
            self._steps.allow(self._spec.asks)
        except NetFailure as failure:
            return Observation(failure.outcome, failure.reason)
        plan = []
        question = self._question()
        if question is not None:
            ask = partial(send, self._steps, StepName.COVERAGE, question, headers, deadline)
            plan.append((StepName.COVERAGE, ask))
        if self._spec.eligibility is not None:
            asks = partial(self._eligibility, self._spec.eligibility, headers, deadline)
            plan.append((StepName.ELIGIBILITY, asks))
        return whole(connect_apart(await in_turn(self._steps, plan, deadline)), {})

    def _question(self) -> Question | None:
        spec = self._spec
        if spec.coverage is not None:
            judge = partial(
                judge_read,
                coverage=spec.coverage,
                patient=spec.patient,
                codes=spec.vendor.codes,
            )
            return Question(f"Coverage/{spec.coverage}", content(judge))
        if spec.search_by is not None:
            found = partial(judge_found, patient=spec.patient, codes=spec.vendor.codes)
            return Question(search_path(spec.patient, spec.search_by), content(found))
        return None

    async def _eligibility(
        self, asked: Eligibility, headers: Mapping[str, str], deadline: Deadline
    ) -> Layer:
        """Submit once; where the request was only stored, look once for its answer."""
        agreed = Agreed(self._spec.patient, frozenset(asked.expect_errors), self._spec.vendor.codes)
        stored: list[str] = []

        def judge(answer: HttpAnswer, _about: dict[Fact, int]) -> Verdict:
            submitted = judge_submitted(
                answer.header("content-type"), answer.body, answer.header("location"), agreed
            )
            stored.extend([] if submitted.request is None else [submitted.request])
            return submitted.verdict

        body = eligibility_request(
            self._spec.patient,
            asked.coverage,
            asked.insurer,
            asked.purpose,
            self._env.clock.now_ms(),
        )
        path = REQUEST if asked.by == "create" else f"{REQUEST}/$submit"
        fields = {"Content-Type": FHIR_JSON}
        question = Question(path, judge, method="POST", body=body, fields=fields)
        layer = await send(self._steps, StepName.ELIGIBILITY, question, headers, deadline)
        if not stored or self._steps.halted or deadline.remaining_s() <= 0:
            return layer
        found = partial(judge_response, request=stored[0], agreed=agreed)
        look = Question(response_path(stored[0]), content(found))
        answer = await send(self._steps, StepName.ELIGIBILITY, look, headers, deadline)
        both = together(StepName.ELIGIBILITY, [layer, answer])
        # That it was stored is no verdict: the answer is.
        return replace(both, verdict=answer.verdict, http=answer.http)


@asynccontextmanager
async def _open(spec: CoverageSpec, env: Env) -> AsyncIterator[CoverageProbe]:
    yield CoverageProbe(spec, env)


def _writes(spec: CoverageSpec) -> Writes | None:
    return None if spec.eligibility is None else Writes(_LEAST_EVERY_MS)


KIND = Kind(
    name="coverage",
    summary="Coverage of a test member by FHIR, and a request for eligibility",
    parse=CoverageSpec.model_validate,
    open=_open,
    reasons=STEP_REASONS
    | {
        Reason.COVERAGE_ACCEPTED,
        Reason.COVERAGE_ERROR,
        Reason.COVERAGE_PARTIAL,
        Reason.COVERAGE_QUEUED,
        Reason.FHIR_NO_MATCH,
    },
    examine=examine,
    writes=_writes,
    demand=lambda spec: spec.demand(spec.asks),
    profiles=tuple(PROFILES),
)
