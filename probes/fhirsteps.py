"""The steps of a run against a FHIR server: each one request, one answer, one verdict.

Every step makes a connection of its own, so none profits from another's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from probes.contract import Env, Fact, Observation, Outcome, Phase, Step, StepName
from probes.fhiraccess import FhirAccess
from probes.httpclient import HTTP_REASONS, HttpAnswer, Requests, ask
from probes.net import Deadline, NetFailure, Stopwatch
from probes.reasons import Reason
from probes.tls import TlsOptions
from probes.wire.fhir import UP, Verdict, judge_status, worst
from probes.wire.http1 import Request, parse_url, retry_after_s

FHIR_JSON = "application/fhir+json"

STEP_REASONS = HTTP_REASONS | {
    Reason.FHIR_AUTH,
    Reason.FHIR_NOT_FHIR,
    Reason.FHIR_OUTCOME,
    Reason.FHIR_WRONG_RESOURCE,
    Reason.HTTP_STATUS,
    Reason.HTTP_THROTTLED,
    Reason.OK,
    Reason.SLOW,
}
"""What any step may end with, whatever it asks for."""

Judge = Callable[[HttpAnswer, dict[Fact, int]], Verdict]
"""Judges the content of a 2xx answer, and puts facts about it into the mapping."""

ByStatus = Callable[[int, bytes], Verdict | None]
"""The verdict of a status and a body; None where the content is to be judged."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request below the base URL and how its answer is judged; `path` with its query, encoded."""

    path: str
    judge: Judge
    by_status: ByStatus = judge_status
    method: str = "GET"
    body: bytes | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


Ask = Callable[[], Awaitable["Layer"]]
"""Makes one step."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One step: `about` the content it saw, `http` about its answer alone."""

    name: StepName
    verdict: Verdict
    phases: Mapping[Phase, int] = field(default_factory=dict)
    http: Mapping[Fact, int] = field(default_factory=dict)
    about: Mapping[Fact, int] = field(default_factory=dict)

    @property
    def latency_us(self) -> int:
        """The far side's time: parsing is ours."""
        return sum(took for phase, took in self.phases.items() if phase is not Phase.PARSE)


class FhirSteps:
    """Asks for what one check asks, run after run."""

    def __init__(self, access: FhirAccess, env: Env) -> None:
        self._access = access
        self._env = env
        self._tls = TlsOptions(ca=access.ca)
        self._requests = Requests()

    def headers(self) -> dict[str, str]:
        """Of every request of a run. Raises NetFailure unknown/agent.secret."""
        headers = {"Accept": FHIR_JSON}
        if self._access.auth is not None:
            # Read at every run, so that a rotated secret needs no restart.
            headers |= self._access.auth.headers(self._env.read_secret)
        return headers

    async def get(
        self,
        name: StepName,
        path: str,
        headers: Mapping[str, str],
        deadline: Deadline,
        judge: Judge,
    ) -> Layer:
        """`GET [base]/path`, the same at each run, as the step `name`."""
        request = self._requests.of("GET", f"{self._access.base_url}/{path}", headers)
        return await self._step(name, request, deadline, judge, judge_status)

    async def send(
        self,
        name: StepName,
        question: Question,
        headers: Mapping[str, str],
        deadline: Deadline,
    ) -> Layer:
        """Any question as the step `name`, once."""
        url = parse_url(f"{self._access.base_url}/{question.path}")
        fields = {**headers, **question.fields}
        request = Request(question.method, url, fields, question.body)
        return await self._step(name, request, deadline, question.judge, question.by_status)

    async def _step(
        self,
        name: StepName,
        request: Request,
        deadline: Deadline,
        judge: Judge,
        by_status: ByStatus,
    ) -> Layer:
        access = self._access
        try:
            answer = await ask(self._env, request, self._tls, access.max_body, deadline)
        except NetFailure as failure:
            return Layer(name, Verdict(failure.outcome, failure.reason), failure.phases)
        phases = dict(answer.phases)
        latency_us = sum(phases.values())
        about: dict[Fact, int] = {}
        with Stopwatch(self._env.clock, phases, Phase.PARSE):
            verdict = by_status(answer.status, answer.body) or judge(answer, about)
        slow_after = access.slow_after
        if verdict == UP and slow_after is not None and latency_us > slow_after * 1000:
            verdict = Verdict(Outcome.DEGRADED, Reason.SLOW)
        return Layer(name, verdict, phases, self._http_facts(answer), about)

    def _http_facts(self, answer: HttpAnswer) -> dict[Fact, int]:
        facts = {Fact.HTTP_STATUS: answer.status, Fact.BODY_BYTES: len(answer.body)}
        if answer.cert_days_left is not None:
            facts[Fact.CERT_DAYS_LEFT] = answer.cert_days_left
        wait_s = retry_after_s(answer.header("retry-after"), self._env.clock.now_ms())
        if wait_s is not None:
            facts[Fact.RETRY_AFTER_S] = wait_s
        return facts


def content(judge: Callable[[str | None, bytes], Verdict]) -> Judge:
    """A judge of media type and body alone."""
    return lambda answer, _about: judge(answer.header("content-type"), answer.body)


async def in_turn(plan: Iterable[tuple[StepName, Ask]], deadline: Deadline) -> list[Layer]:
    """Step after step while there is time.

    A run that went well and has no time for its next step did not complete in time; after a failed
    step the attempt never made is no step.
    """
    layers: list[Layer] = []
    for name, ask_ in plan:
        if layers and deadline.remaining_s() <= 0:
            if all(layer.verdict.outcome.good for layer in layers):
                layers.append(late(name))
            break
        layers.append(await ask_())
    return layers


def together(name: StepName, layers: list[Layer]) -> Layer:
    """Several requests as one step: the worst of them speaks, the last of equally bad ones."""
    outcome = worst(layer.verdict.outcome for layer in layers)
    decisive = [layer for layer in layers if layer.verdict.outcome is outcome][-1]
    phases: dict[Phase, int] = {}
    about: dict[Fact, int] = {}
    for layer in layers:
        about.update(layer.about)
        for phase, took in layer.phases.items():
            phases[phase] = phases.get(phase, 0) + took
    return Layer(name, decisive.verdict, phases, decisive.http, about)


def late(name: StepName) -> Layer:
    """A step for which a run that went well had no time left: it did not complete in time."""
    return Layer(name, Verdict(Outcome.DOWN, Reason.HTTP_TIMEOUT))


def whole(layers: list[Layer], ours: Mapping[Phase, int]) -> Observation:
    """The run as its steps make it; `ours` is time of our own beside them."""
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
    steps = tuple(
        Step(layer.name, layer.verdict.outcome, layer.verdict.reason, layer.latency_us)
        for layer in layers
    )
    return Observation(outcome, decisive.verdict.reason, phases, facts, steps)
