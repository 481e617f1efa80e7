"""The steps of a run against a FHIR server: each one request, one answer, one verdict.

Every step makes a connection of its own, so none profits from another's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from probes.contract import Env, Fact, Observation, Outcome, Phase, Step, StepName
from probes.fhiraccess import FhirAccess
from probes.httpclient import HTTP_REASONS, HttpAnswer, Requests, ask
from probes.net import Deadline, NetFailure, Stopwatch
from probes.reasons import Reason
from probes.tls import TlsOptions
from probes.wire.fhir import UP, Verdict, judge_status, worst
from probes.wire.http1 import Request, parse_url, retry_after_s

if TYPE_CHECKING:
    from probes.smartsteps import SmartSteps

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
    Reason.SMART_DISCOVERY,
    Reason.SMART_NOT_TOKEN,
    Reason.SMART_SCOPE_REDUCED,
    Reason.SMART_TOKEN_REJECTED,
}
"""What any step may end with, whatever it asks for, and what signing in may."""

_OPEN = frozenset({StepName.CONNECT, StepName.METADATA})
"""Asked without a token: a server says what it is before anybody signs in."""
SIGN_IN = frozenset({StepName.DISCOVERY, StepName.TOKEN})

Judge = Callable[[HttpAnswer, dict[Fact, int]], Verdict]
"""Judges an answer, and puts facts about it into the mapping."""

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
        """`GET [base]/path`, the same at each run, as the step `name`; `judge` is given 2xx answers.

        Where a token is needed and there is none, the step that had none to give comes instead.
        """
        url = f"{self._access.base_url}/{path}"

        def request(more: Mapping[str, str]) -> Request:
            return self._requests.of("GET", url, {**headers, **more})

        return await self._step(name, request, deadline, judge, judge_status)

    async def send(
        self,
        name: StepName,
        question: Question,
        headers: Mapping[str, str],
        deadline: Deadline,
    ) -> Layer:
        """Any question as the step `name`, once; a token as with `get`."""
        url = parse_url(f"{self._access.base_url}/{question.path}")

        def request(more: Mapping[str, str]) -> Request:
            fields = {**headers, **question.fields, **more}
            return Request(question.method, url, fields, question.body)

        return await self._step(name, request, deadline, question.judge, question.by_status)

    async def _step(
        self,
        name: StepName,
        request: Callable[[Mapping[str, str]], Request],
        deadline: Deadline,
        judge: Judge,
        by_status: ByStatus,
    ) -> Layer:
        def whole_judge(answer: HttpAnswer, about: dict[Fact, int]) -> Verdict:
            return by_status(answer.status, answer.body) or judge(answer, about)

        async def attempt(more: Mapping[str, str]) -> Layer:
            return await exchange(
                self._env, self._access, name, request(more), deadline, whole_judge
            )

        if self._sign_in is None or name in _OPEN:
            return await attempt({})
        return await self._sign_in.signed_in(deadline, attempt)


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
    return Layer(name, decisive.verdict, phases, decisive.http, about, before)


def late(name: StepName) -> Layer:
    """A step for which a run that went well had no time left: it did not complete in time."""
    return Layer(name, Verdict(Outcome.DOWN, Reason.HTTP_TIMEOUT))


def whole(layers: list[Layer], ours: Mapping[Phase, int]) -> Observation:
    """The run as its steps make it; `ours` is time of our own beside them."""
    all_ = [one for layer in layers for one in (*layer.before, layer)]
    outcome = worst(layer.verdict.outcome for layer in all_)
    # Of two equally bad layers the later one speaks: it is the one users depend on.
    decisive = [layer for layer in all_ if layer.verdict.outcome is outcome][-1]
    facts: dict[Fact, int] = {}
    for layer in all_:
        facts.update(layer.about)
    facts.update(decisive.http)
    phases = dict(ours)
    told = list(_once(all_))
    for layer in told:
        for phase, took in layer.phases.items():
            phases[phase] = phases.get(phase, 0) + took
    steps = tuple(
        Step(layer.name, layer.verdict.outcome, layer.verdict.reason, layer.latency_us)
        for layer in told
    )
    return Observation(outcome, decisive.verdict.reason, phases, facts, steps)


def _once(layers: list[Layer]) -> Iterator[Layer]:
    """Without a second telling of the step that had no token, for all that needed one."""
    seen: list[tuple[StepName, Verdict, Mapping[Phase, int]]] = []
    for layer in layers:
        what = (layer.name, layer.verdict, layer.phases)
        if layer.name in SIGN_IN and what in seen:
            continue
        seen.append(what)
        yield layer
