"""A FHIR terminology server: known codes, one that does not exist, the release (`terminology.md`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Annotated, Self

from pydantic import AfterValidator, StringConstraints, model_validator

from probes.config_words import Model
from probes.contract import Env, Fact, Kind, Observation, Outcome, Slot, StepName
from probes.fhiraccess import FhirAccess, examine, refuse
from probes.fhirquestions import Question, content, in_turn, send, together
from probes.fhirsteps import STEP_REASONS, FhirSteps, Layer, connect_apart, whole
from probes.httpclient import HttpAnswer
from probes.net import Deadline, NetFailure
from probes.profiles.table import PROFILES
from probes.reasons import Reason
from probes.wire.fhir import Verdict
from probes.wire.terminology import (
    NOT_FOUND,
    SYSTEMS,
    expand_path,
    judge_expansion,
    judge_known,
    judge_lookup,
    judge_unknown,
    lookup_path,
    refuses_known,
    refuses_unknown,
    validate_path,
)

_MOST_CODES = 3
_MISSING = Verdict(Outcome.DEGRADED, Reason.TERMINOLOGY_CODE_MISSING)


def _system(text: str) -> str:
    if text not in SYSTEMS and ":" not in text:
        raise ValueError(f"write an absolute URI, or one of {', '.join(sorted(SYSTEMS))}")
    return SYSTEMS.get(text, text)


CodeText = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")]
Release = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Uri = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9+.-]*:[!-~]{1,500}$")]


class KnownCode(Model):
    code: CodeText
    display: Text | None = None
    """A word its name must hold, in any case."""


class TerminologySpec(FhirAccess):
    """The `spec` of a check; durations in milliseconds once loaded."""

    system: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,500}$"), AfterValidator(_system)]
    codes: tuple[KnownCode, ...]
    unknown_code: CodeText = "ZZZ.999"
    release: Release | None = None
    lookup: bool = True
    validate_code: bool = True
    value_set: Uri | None = None
    filter: Text | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        known = [one.code for one in self.codes]
        own = (
            (not 1 <= len(known) <= _MOST_CODES, f"write one to {_MOST_CODES} codes"),
            (
                not (self.lookup or self.validate_code or self.value_set),
                "with lookup and validate_code false, value_set is needed",
            ),
            (self.filter is not None and self.value_set is None, "filter needs value_set"),
            (
                self.release is not None and not (self.lookup or self.value_set),
                "release needs lookup or value_set",
            ),
            (self.unknown_code in known, "unknown_code is among codes"),
            (len(set(known)) < len(known), "a code is listed twice"),
            *self.too_often(self.asks),
        )
        refuse(self, own)
        return self

    @property
    def asks(self) -> int:
        """Requests of one run."""
        codes = len(self.codes)
        validations = codes + 1 if self.validate_code else 0
        return (codes if self.lookup else 0) + validations + (self.value_set is not None)


class TerminologyProbe:
    """One opened check."""

    def __init__(self, spec: TerminologySpec, env: Env) -> None:
        self._spec = spec
        self._env = env
        self._steps = FhirSteps(spec, env)
        system, codes = spec.system, spec.codes
        validations = [
            Question(validate_path(system, c.code), content(judge_known), refuses_known)
            for c in codes
        ]
        unknown = Question(
            validate_path(system, spec.unknown_code), content(judge_unknown), refuses_unknown
        )
        self._plan: list[tuple[StepName, list[Question]]] = []
        if spec.lookup:
            self._plan.append((StepName.LOOKUP, [self._lookup(c) for c in codes]))
        if spec.validate_code:
            self._plan.append((StepName.VALIDATE, [*validations, unknown]))
        if spec.value_set is not None:
            path = expand_path(spec.value_set, spec.filter)
            self._plan.append((StepName.EXPAND, [Question(path, self._judge_expansion)]))

    async def run(self, slot: Slot) -> Observation:  # noqa: ARG002 - it asks the same each time
        deadline = Deadline(self._env.clock, self._env.timeout_ms)
        try:
            headers = self._steps.headers()
            self._steps.allow(self._spec.asks)
        except NetFailure as failure:
            return Observation(failure.outcome, failure.reason)
        plan = [
            (name, partial(self._step, name, questions, headers, deadline))
            for name, questions in self._plan
        ]
        return whole(connect_apart(await in_turn(self._steps, plan, deadline)), {})

    async def _step(
        self,
        name: StepName,
        questions: list[Question],
        headers: Mapping[str, str],
        deadline: Deadline,
    ) -> Layer:
        asks = [
            (name, partial(send, self._steps, name, question, headers, deadline))
            for question in questions
        ]
        layers = await in_turn(self._steps, asks, deadline)
        missing = [layer for layer in layers if layer.verdict == NOT_FOUND]
        if name is StepName.EXPAND or not missing:
            return together(name, layers)
        if len(missing) < len(self._spec.codes):
            layers = [
                replace(layer, verdict=_MISSING) if layer.verdict == NOT_FOUND else layer
                for layer in layers
            ]
        step = together(name, layers)
        return replace(step, about={**step.about, Fact.CODES_MISSING: len(missing)})

    def _lookup(self, known: KnownCode) -> Question:
        judge = partial(judge_lookup, display=known.display, release=self._spec.release)
        path = lookup_path(self._spec.system, known.code)
        return Question(path, content(judge), refuses_known)

    def _judge_expansion(self, answer: HttpAnswer, about: dict[Fact, int]) -> Verdict:
        verdict, total = judge_expansion(
            answer.header("content-type"), answer.body, self._spec.system, self._spec.release
        )
        if total is not None:
            about[Fact.EXPANSION_TOTAL] = total
        return verdict


@asynccontextmanager
async def _open(spec: TerminologySpec, env: Env) -> AsyncIterator[TerminologyProbe]:
    yield TerminologyProbe(spec, env)


KIND = Kind(
    name="terminology",
    summary="A FHIR terminology server: known codes, one that does not exist, the release",
    parse=TerminologySpec.model_validate,
    open=_open,
    reasons=STEP_REASONS
    | {
        Reason.TERMINOLOGY_ACCEPTS_UNKNOWN,
        Reason.TERMINOLOGY_CODE_MISSING,
        Reason.TERMINOLOGY_NOT_LOADED,
        Reason.TERMINOLOGY_RELEASE,
        Reason.TERMINOLOGY_WRONG_DISPLAY,
    },
    examine=examine,
    demand=lambda spec: spec.demand(spec.asks),
    profiles=tuple(PROFILES),
)
