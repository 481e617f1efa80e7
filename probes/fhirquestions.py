"""Several questions to one FHIR server, step after step, each asked once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from probes.contract import Fact, Phase, StepName
from probes.fhirsteps import SIGN_IN, FhirSteps, Judge, Layer, Special, is_unconnected, late
from probes.net import Deadline
from probes.wire.fhir import Verdict, worst

FHIR_JSON = "application/fhir+json"


def _nothing(_status: int, _body: bytes) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Question:
    """One request below the base URL and how its answer is judged; `path` with its query, encoded."""

    path: str
    judge: Judge
    special: Special = _nothing
    method: str = "GET"
    body: bytes | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


Ask = Callable[[], Awaitable[Layer]]
"""Makes one step."""


def content(judge: Callable[[str | None, bytes], Verdict]) -> Judge:
    """A judge of media type and body alone."""
    return lambda answer, _about: judge(answer.header("content-type"), answer.body)


async def send(
    steps: FhirSteps,
    name: StepName,
    question: Question,
    headers: Mapping[str, str],
    deadline: Deadline,
) -> Layer:
    """The question as the step `name`."""
    fields = {**headers, **question.fields}
    request = steps.request(question.method, question.path, fields, question.body)
    return await steps.step(name, request, deadline, question.judge, question.special)


async def in_turn(
    steps: FhirSteps, plan: Iterable[tuple[StepName, Ask]], deadline: Deadline
) -> list[Layer]:
    """Step after step while there is time, a host that can be reached, and leave to ask.

    A run that went well and has no time for its next step did not complete in time; after a failed
    step the attempt never made is no step.
    """
    layers: list[Layer] = []
    for name, ask in plan:
        if layers and (steps.halted or is_unconnected(layers[0])):
            break
        if layers and deadline.remaining_s() <= 0:
            if all(layer.verdict.outcome.good for layer in layers):
                layers.append(late(name))
            break
        layers.append(await ask())
    return layers


def together(name: StepName, layers: list[Layer]) -> Layer:
    """Several requests as one step: the worst of them speaks, the last of equally bad ones. Where a
    token was missing, its own step does.
    """
    outcome = worst(layer.verdict.outcome for layer in layers)
    decisive = [layer for layer in layers if layer.verdict.outcome is outcome][-1]
    before = tuple(one for layer in layers for one in layer.before)
    if decisive.name in SIGN_IN:
        return replace(decisive, before=before)
    phases: dict[Phase, int] = {}
    about: dict[Fact, int] = {}
    for layer in layers:
        about.update(layer.about)
        for phase, took in layer.phases.items():
            phases[phase] = phases.get(phase, 0) + took
    return Layer(
        name,
        decisive.verdict,
        phases,
        decisive.http,
        about,
        sum(layer.requests for layer in layers),
        sum(layer.answer_bytes for layer in layers),
        before,
    )
