"""The steps of a run against a FHIR server: each one request, one answer, one verdict.

Every step makes a connection of its own, so none profits from another's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from probes.contract import Env, Fact, Observation, Outcome, Phase, Step, StepName
from probes.fhiraccess import FhirAccess
from probes.httpclient import HTTP_REASONS, HttpAnswer, Requests, ask
from probes.net import Deadline, NetFailure, Stopwatch
from probes.reasons import Reason
from probes.tls import TlsOptions
from probes.wire.fhir import UP, Verdict, judge_status, worst
from probes.wire.http1 import retry_after_s

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
        headers = {"Accept": "application/fhir+json"}
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
        """`GET [base]/path` as the step `name`."""
        access = self._access
        try:
            request = self._requests.of("GET", f"{access.base_url}/{path}", headers)
            answer = await ask(self._env, request, self._tls, access.max_body, deadline)
        except NetFailure as failure:
            return Layer(name, Verdict(failure.outcome, failure.reason), failure.phases)
        phases = dict(answer.phases)
        latency_us = sum(phases.values())
        about: dict[Fact, int] = {}
        with Stopwatch(self._env.clock, phases, Phase.PARSE):
            verdict = judge_status(answer.status, answer.body) or judge(answer, about)
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
