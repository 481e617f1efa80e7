"""FHIR R4: the CapabilityStatement and one read of an agreed test resource (`fhir.md`)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated, Self

from pydantic import AfterValidator, StringConstraints, model_validator

from probes.config_words import PositiveDuration
from probes.contract import Env, Fact, Kind, Observation, Phase, Slot, StepName
from probes.fhir_validation import Validation
from probes.fhiraccess import FhirAccess, prepare, refuse
from probes.fhirsteps import STEP_REASONS, FhirSteps, Layer, late, whole
from probes.httpclient import HttpAnswer
from probes.net import Deadline, NetFailure, Stopwatch
from probes.reasons import Reason
from probes.wire.fhir import INTERACTIONS, Verdict, judge_resource, judge_statement


def _interaction(text: str) -> str:
    type_, _, code = text.partition(".")
    if not (type_.isascii() and type_.isalpha() and type_[0].isupper() and code in INTERACTIONS):
        raise ValueError(f"write Type.interaction with one of {', '.join(sorted(INTERACTIONS))}")
    return text


class FhirSpec(FhirAccess):
    """The `spec` of a check; durations in milliseconds once loaded."""

    metadata: bool = True
    read: (
        Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z]{1,63}/[A-Za-z0-9.-]{1,64}$")]
        | None
    ) = None
    fhir_version: Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+){0,2}$")] = "4.0"
    requires: tuple[Annotated[str, AfterValidator(_interaction)], ...] = ()
    max_age: PositiveDuration | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        own = (
            (not self.metadata and self.read is None, "with metadata false, read is needed"),
            (not self.metadata and bool(self.requires), "requires needs metadata"),
            (self.max_age is not None and self.read is None, "max_age needs read"),
        )
        refuse(self, own)
        return self


class FhirProbe:
    """One opened check."""

    def __init__(self, spec: FhirSpec, env: Env) -> None:
        self._spec = spec
        self._env = env
        self._steps = FhirSteps(spec, env)
        self._requires = [(t, i) for t, _, i in (r.partition(".") for r in spec.requires)]
        self._validation = Validation()

    async def run(self, slot: Slot) -> Observation:  # noqa: ARG002 - it asks the same each time
        deadline = Deadline(self._env.clock, self._env.timeout_ms)
        try:
            headers = self._steps.headers()
        except NetFailure as failure:
            return Observation(failure.outcome, failure.reason)
        layers: list[Layer] = []
        if self._spec.metadata:
            layers.append(
                await self._steps.get(
                    StepName.METADATA, "metadata", headers, deadline, self._judge_metadata
                )
            )
        if self._spec.read and (not layers or deadline.remaining_s() > 0):
            layers.append(
                await self._steps.get(
                    StepName.READ, self._spec.read, headers, deadline, self._judge_read
                )
            )
        elif self._spec.read and layers[0].verdict.outcome.good:
            # A run that did not get to its read did not complete in time, so it is not `up`. After
            # a failed first step the attempt never made is no step.
            layers.append(late(StepName.READ))
        ours: dict[Phase, int] = {}
        if self._validation.pending:  # after the steps, so that it slows none of them
            with Stopwatch(self._env.clock, ours, Phase.PARSE):
                await self._validation.wait(deadline.remaining_s())
        seen = whole(layers, ours)
        if self._validation.errors is None or Fact.RESOURCE_TYPES not in seen.facts:
            return seen
        facts = {**seen.facts, Fact.VALIDATION_ERRORS: self._validation.errors}
        return replace(seen, facts=facts)

    async def close(self) -> None:
        await self._validation.close()

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
    reasons=STEP_REASONS | {Reason.FHIR_DRIFT, Reason.FHIR_STALE, Reason.FHIR_VERSION},
    prepare=prepare,
)
