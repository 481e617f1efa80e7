"""The steps of a run against a FHIR server: each one request, one answer, one verdict.

Every step makes a connection of its own, so none profits from another's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from probes.contract import Env, Fact, Observation, Outcome, Phase, Step, StepName
from probes.fhiraccess import FhirAccess
from probes.httpclient import HTTP_REASONS, HttpAnswer, Requests, ask
from probes.net import Deadline, NetFailure, Stopwatch
from probes.reasons import Reason
from probes.tls import TlsOptions
from probes.wire.fhir import UP, Verdict, judge_status, worst
from probes.wire.http1 import Request, retry_after_s

if TYPE_CHECKING:
    from probes.smartsteps import SmartSteps

STEP_REASONS = HTTP_REASONS | {
    Reason.FHIR_AUTH,
    Reason.FHIR_NOT_FHIR,
    Reason.FHIR_OUTCOME,
    Reason.FHIR_WRONG_RESOURCE,
    Reason.HTTP_STATUS,
    Reason.HTTP_THROTTLED,
    Reason.OK,
    Reason.SLOW,
    Reason.SMART_DISCOVERY,
    Reason.SMART_NOT_TOKEN,
    Reason.SMART_SCOPE_REDUCED,
    Reason.SMART_TOKEN_REJECTED,
}
"""What any step may end with, whatever it asks for, and what signing in may."""

_OPEN = frozenset({StepName.CONNECT, StepName.METADATA})
"""Asked without a token: a server says what it is before anybody signs in."""

Judge = Callable[[HttpAnswer, dict[Fact, int]], Verdict]
"""Judges an answer, and puts facts about it into the mapping."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One step: `about` the content it saw, `http` about its answer alone; `before` it came those
    that were needed for it.
    """

    name: StepName
    verdict: Verdict
    phases: Mapping[Phase, int] = field(default_factory=dict)
    http: Mapping[Fact, int] = field(default_factory=dict)
    about: Mapping[Fact, int] = field(default_factory=dict)
    before: tuple[Layer, ...] = ()

    @property
    def latency_us(self) -> int:
        """The far side's time: parsing is ours."""
        return sum(took for phase, took in self.phases.items() if phase is not Phase.PARSE)


class FhirSteps:
    """Asks for what one check asks, run after run."""

    def __init__(self, access: FhirAccess, env: Env) -> None:
        self._access = access
        self._env = env
        self._requests = Requests()
        self._sign_in = _sign_in(access, env)

    def headers(self) -> dict[str, str]:
        """Of every request of a run; a token comes on top. Raises NetFailure unknown/agent.secret."""
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
        """`GET [base]/path` as the step `name`; `judge` is given 2xx answers.

        Where a token is needed and there is none, the step that had none to give comes instead.
        """

        async def send(more: Mapping[str, str]) -> Layer:
            url = f"{self._access.base_url}/{path}"
            request = self._requests.of("GET", url, {**headers, **more})
            return await exchange(self._env, self._access, name, request, deadline, whole_judge)

        def whole_judge(answer: HttpAnswer, about: dict[Fact, int]) -> Verdict:
            return judge_status(answer.status, answer.body) or judge(answer, about)

        if self._sign_in is None or name in _OPEN:
            return await send({})
        return await self._sign_in.signed_in(deadline, send)


def _sign_in(access: FhirAccess, env: Env) -> SmartSteps | None:
    way = access.auth.by_token if access.auth is not None else None
    if way is None:
        return None
    from probes.smartsteps import SmartSteps  # noqa: PLC0415 - it is made of steps itself

    return SmartSteps(access, way, env)


async def exchange(
    env: Env,
    access: FhirAccess,
    name: StepName,
    request: Request,
    deadline: Deadline,
    judge: Judge,
    tls: TlsOptions | None = None,
) -> Layer:
    """One request and its answer as the step `name`; `tls` replaces that of the access."""
    if deadline.remaining_s() == 0:
        return late(name)
    try:
        answer = await ask(env, request, tls or access.tls, access.max_body, deadline)
    except NetFailure as failure:
        return Layer(name, Verdict(failure.outcome, failure.reason), failure.phases)
    phases = dict(answer.phases)
    latency_us = sum(phases.values())
    about: dict[Fact, int] = {}
    with Stopwatch(env.clock, phases, Phase.PARSE):
        verdict = judge(answer, about)
    slow_after = access.slow_after
    if verdict == UP and slow_after is not None and latency_us > slow_after * 1000:
        verdict = Verdict(Outcome.DEGRADED, Reason.SLOW)
    return Layer(name, verdict, phases, _http_facts(answer, env.clock.now_ms()), about)


def _http_facts(answer: HttpAnswer, now_ms: int) -> dict[Fact, int]:
    facts = {Fact.HTTP_STATUS: answer.status, Fact.BODY_BYTES: len(answer.body)}
    if answer.cert_days_left is not None:
        facts[Fact.CERT_DAYS_LEFT] = answer.cert_days_left
    wait_s = retry_after_s(answer.header("retry-after"), now_ms)
    if wait_s is not None:
        facts[Fact.RETRY_AFTER_S] = wait_s
    return facts


def late(name: StepName) -> Layer:
    """A step for which a run that went well had no time left: it did not complete in time."""
    return Layer(name, Verdict(Outcome.DOWN, Reason.HTTP_TIMEOUT))


def whole(layers: list[Layer], ours: Mapping[Phase, int]) -> Observation:
    """The run as its steps make it; `ours` is time of our own beside them."""
    layers = list(_in_order(layers))
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


def _in_order(layers: list[Layer]) -> Iterator[Layer]:
    """Each once, after those that were needed for it."""
    told: set[int] = set()
    for layer in layers:
        for one in (*layer.before, layer):
            if id(one) not in told:
                told.add(id(one))
                yield one
