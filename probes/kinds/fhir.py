"""FHIR: the CapabilityStatement, a read and a search of agreed test records (`fhir.md`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, StringConstraints, model_validator

from probes import fhirsearch
from probes.config_words import PositiveDuration
from probes.contract import Env, Fact, Kind, Observation, Phase, Slot, StepName
from probes.fhir_sightings import Sightings
from probes.fhir_validation import Validation
from probes.fhiraccess import FhirAccess, examine, refuse
from probes.fhiroptional import Optionals
from probes.fhirsteps import (
    STEP_REASONS,
    FhirSteps,
    Layer,
    connect_apart,
    is_unconnected,
    late,
    whole,
)
from probes.httpclient import HttpAnswer
from probes.net import Deadline, NetFailure, Stopwatch
from probes.profiles.table import PROFILES
from probes.reasons import Reason
from probes.wire.fhir import Verdict, judge_resource
from probes.wire.fhir_bundle import judge_search
from probes.wire.fhir_statement import INTERACTIONS, judge_statement

_ID = r"[A-Za-z0-9.-]{1,64}$"


def _interaction(text: str) -> str:
    type_, _, code = text.partition(".")
    if not (type_.isascii() and type_.isalpha() and type_[0].isupper() and code in INTERACTIONS):
        raise ValueError(f"write Type.interaction with one of {', '.join(sorted(INTERACTIONS))}")
    return text


def _search(text: str) -> str:
    fhirsearch.parse(text)
    return text


class FhirSpec(FhirAccess):
    """The `spec` of a check; durations in milliseconds once loaded."""

    metadata: bool = True
    read: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z]{1,63}/" + _ID)] | None = None
    search: Annotated[str, AfterValidator(_search)] | None = None
    search_by: Literal["get", "post"] | None = None
    fhir_version: Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+){0,2}$")] = "4.0"
    requires: tuple[Annotated[str, AfterValidator(_interaction)], ...] = ()
    max_age: PositiveDuration | None = None
    versions: bool = False
    subscription: Annotated[str, StringConstraints(pattern="^Subscription/" + _ID)] | None = None
    export: Annotated[str, StringConstraints(pattern="^Group/" + _ID)] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        nothing = not self.metadata and self.read is None and self.search is None
        own = (
            (nothing, "with metadata false, read or search is needed"),
            (not self.metadata and bool(self.requires), "requires needs metadata"),
            (self.max_age is not None and self.read is None, "max_age needs read"),
            (self.search_by is not None and self.search is None, "search_by needs search"),
            *self.too_often(self.asks),
        )
        refuse(self, own)
        return self

    @property
    def asks(self) -> int:
        """Requests of one run at most."""
        wanted = (self.read, self.search, self.subscription, self.export, self.export)
        return self.metadata + self.versions + sum(one is not None for one in wanted)


Headers = Mapping[str, str]
Ask = Callable[[Headers, Deadline], Awaitable[list[Layer]]]


class FhirProbe:
    """One opened check."""

    def __init__(self, spec: FhirSpec, env: Env) -> None:
        self._spec = spec
        self._env = env
        self._steps = FhirSteps(spec, env)
        self._codes = spec.vendor.codes
        self._requires = [(t, i) for t, _, i in (r.partition(".") for r in spec.requires)]
        self._validation = Validation()
        self._sightings = Sightings(env.clock)
        optional = Optionals(self._steps, spec)
        self._plan: list[tuple[StepName, Ask]] = [
            *([(StepName.METADATA, self._metadata)] if spec.metadata else []),
            *([(StepName.READ, self._read)] if spec.read else []),
            *([(StepName.SEARCH, self._search)] if spec.search else []),
            *([(StepName.VERSIONS, optional.versions)] if spec.versions else []),
            *([(StepName.SUBSCRIPTION, optional.subscribed)] if spec.subscription else []),
            *([(StepName.EXPORT, optional.export)] if spec.export else []),
        ]

    async def run(self, slot: Slot) -> Observation:  # noqa: ARG002 - it asks the same each time
        deadline = Deadline(self._env.clock, self._env.timeout_ms)
        try:
            headers = self._steps.headers()
            self._steps.allow(self._spec.asks)
        except NetFailure as failure:
            return Observation(failure.outcome, failure.reason)
        layers = await self._layers(headers, deadline)
        ours: dict[Phase, int] = {}
        if self._validation.pending:  # after the steps, so that it slows none of them
            with Stopwatch(self._env.clock, ours, Phase.PARSE):
                await self._validation.wait(deadline.remaining_s())
        seen = whole(connect_apart(layers), ours)
        if self._validation.errors is None or Fact.RESOURCE_TYPES not in seen.facts:
            return seen
        facts = {**seen.facts, Fact.VALIDATION_ERRORS: self._validation.errors}
        return replace(seen, facts=facts)

    async def close(self) -> None:
        await self._validation.close()

    async def _layers(self, headers: Headers, deadline: Deadline) -> list[Layer]:
        layers: list[Layer] = []
        for name, ask in self._plan:
            if self._is_over(layers):
                break
            good = all(layer.verdict.outcome.good for layer in layers)
            if deadline.remaining_s() <= 0:
                # A run that did not get to a step did not complete in time, so it is not `up`.
                # After a failed step the attempt never made is no step.
                return [*layers, late(name)] if good else layers
            if name is not StepName.EXPORT or good:
                layers += await ask(headers, deadline)
        return layers

    def _is_over(self, layers: list[Layer]) -> bool:
        """Told to ask no more, or the host cannot be reached at all."""
        return self._steps.halted or (len(layers) == 1 and is_unconnected(layers[0]))

    async def _metadata(self, headers: Headers, deadline: Deadline) -> list[Layer]:
        judge = self._judge_metadata
        return [await self._steps.get(StepName.METADATA, "metadata", headers, deadline, judge)]

    async def _read(self, headers: Headers, deadline: Deadline) -> list[Layer]:
        path, judge = self._spec.read or "", self._judge_read
        return [await self._steps.get(StepName.READ, path, headers, deadline, judge)]

    async def _search(self, headers: Headers, deadline: Deadline) -> list[Layer]:
        search, judge = fhirsearch.parse(self._spec.search or ""), self._judge_search
        if fhirsearch.way_of(search, self._spec.search_by) == "get":
            path = f"{search.type}?{search.query}"
            return [await self._steps.get(StepName.SEARCH, path, headers, deadline, judge)]
        form = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
        body = search.query.encode()
        request = self._steps.request("POST", f"{search.type}/_search", form, body)
        return [await self._steps.step(StepName.SEARCH, request, deadline, judge)]

    def _judge_metadata(self, answer: HttpAnswer, about: dict[Fact, int]) -> Verdict:
        verdict, statement = judge_statement(
            answer.header("content-type"),
            answer.body,
            self._spec.fhir_version,
            self._requires,
            self._codes,
        )
        if statement is None:
            return verdict
        about[Fact.RESOURCE_TYPES] = len(statement.types)
        if self._requires:
            about[Fact.DRIFT] = statement.missing(self._requires)
        changed = self._validation.offer(statement.digest(), statement.fhir_version, answer.body)
        if changed is not None:
            about[Fact.STATEMENT_CHANGED] = int(changed)
        about.update(self._sightings.of(statement))
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
            codes=self._codes,
        )
        if age_s is not None:
            about[Fact.AGE_S] = age_s
        return verdict

    def _judge_search(self, answer: HttpAnswer, about: dict[Fact, int]) -> Verdict:
        type_ = fhirsearch.parse(self._spec.search or "").type
        verdict, found = judge_search(
            answer.header("content-type"), answer.body, type_, self._codes
        )
        if found is not None:
            about[Fact.MATCHES] = found.matches
            if found.code is not None:
                about[Fact.VENDOR_CODE] = found.code
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
    summary="FHIR over HTTP: the CapabilityStatement, a read and a search of test records",
    parse=FhirSpec.model_validate,
    open=_open,
    reasons=STEP_REASONS
    | {
        Reason.FHIR_DRIFT,
        Reason.FHIR_EXPORT,
        Reason.FHIR_NO_MATCH,
        Reason.FHIR_OPTIONAL,
        Reason.FHIR_STALE,
        Reason.FHIR_SUBSCRIPTION,
        Reason.FHIR_VERSION,
    },
    demand=lambda spec: spec.demand(spec.asks),
    profiles=tuple(PROFILES),
    examine=examine,
)
