"""The steps of a run against a FHIR server: each one request, one answer, one verdict.

Every step makes a connection of its own, so none profits from another's. A server that says when
to come again is not asked before (RFC 9110 10.2.3), and no check asks beyond its target's budget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from probes.clock import NS_PER_S
from probes.contract import Env, Fact, Observation, Outcome, Phase, Step, StepName
from probes.fhiraccess import FhirAccess
from probes.httpclient import HTTP_REASONS, HttpAnswer, Requests, ask
from probes.net import Deadline, NetFailure, Stopwatch
from probes.reasons import Reason
from probes.tls import TlsOptions
from probes.wire.fhir import UP, Verdict, judge_status, vendor_code, worst
from probes.wire.http1 import Request, parse_url, retry_after_s

if TYPE_CHECKING:
    from probes.smartsteps import SmartSteps

STEP_REASONS = HTTP_REASONS | {
    Reason.AGENT_BUDGET,
    Reason.AGENT_RETRY_AFTER,
    Reason.FHIR_AUTH,
    Reason.FHIR_BREAK_GLASS,
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
"""At endpoints of their own: how a connection went there says nothing of the server's."""

Judge = Callable[[HttpAnswer, dict[Fact, int]], Verdict]
"""Judges an answer, and puts facts about it into the mapping."""

Special = Callable[[int, bytes], Verdict | None]
"""The verdict of a status and a body that means something else here than elsewhere, or None."""

_CONNECTING = (Phase.RESOLVE, Phase.CONNECT, Phase.TLS)
_QUIET, _AWAY = (425, 429), 503


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
    requests: int = 0
    answer_bytes: int = 0
    before: tuple[Layer, ...] = ()

    @property
    def latency_us(self) -> int:
        """The far side's time: parsing is ours."""
        return sum(took for phase, took in self.phases.items() if phase is not Phase.PARSE)


class FhirSteps:
    """Asks for what one check asks, run after run. `allow` begins a run."""

    def __init__(self, access: FhirAccess, env: Env) -> None:
        self._access = access
        self._env = env
        self._requests = Requests()
        self._target = access.target
        self._spec = access.model_dump_json()
        self._halt: Verdict | None = None
        self._sign_in = _sign_in(access, env)

    def allow(self, requests: int) -> None:
        """Begin a run that asks so often at most. Raises NetFailure when it may not ask at all:
        stopped for good, told to wait, or beyond the budget.
        """
        self.heed()
        now_ns = self._env.clock.monotonic_ns()
        if not self._env.budgets.take(self._target, self._access.allowance, requests, now_ns):
            raise NetFailure(Outcome.UNKNOWN, Reason.AGENT_BUDGET)

    def heed(self) -> None:
        """Raises NetFailure when this check was stopped for good or is told to wait."""
        budgets, now_ns = self._env.budgets, self._env.clock.monotonic_ns()
        stopped = budgets.stopped.get(self._spec)
        if stopped is not None:
            raise NetFailure(Outcome.MISCONFIGURED, stopped)
        if budgets.waits(self._target, now_ns):
            raise NetFailure(Outcome.UNKNOWN, Reason.AGENT_RETRY_AFTER)
        self._halt = None

    def stop(self, reason: Reason) -> None:
        """Never ask again with this spec, in this process."""
        self._env.budgets.stopped[self._spec] = reason

    def leave_export(self) -> None:
        """One may go on over there: begin no other with this spec, in this process."""
        self._env.budgets.exports_left.add(self._spec)

    @property
    def has_left_export(self) -> bool:
        return self._spec in self._env.budgets.exports_left

    @property
    def halted(self) -> bool:
        """Is nothing more to be asked in this run?"""
        return self._halt is not None

    def headers(self) -> dict[str, str]:
        """Of every request of a run; a token comes on top. Raises NetFailure unknown/agent.secret."""
        headers = {"Accept": self._access.vendor.accept}
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
        """`GET [base]/path` as the step `name`; `judge` is given 2xx answers."""
        request = self._requests.of("GET", f"{self._access.base_url}/{path}", headers)
        return await self.step(name, request, deadline, judge)

    async def step(
        self,
        name: StepName,
        request: Request,
        deadline: Deadline,
        judge: Judge,
        special: Special = lambda _status, _body: None,
    ) -> Layer:
        """Ask once. In a run that was told to ask no more, the step has the verdict that said so.

        Where a token is needed and there is none, the step that had none to give comes instead.
        """

        async def send(more: Mapping[str, str]) -> Layer:
            whole_request = request.plus(more) if more else request
            return await self._once(name, whole_request, deadline, judge, special)

        if self._halt is not None:
            return Layer(name, self._halt)
        if self._sign_in is None or name in _OPEN:
            return await send({})
        return await self._sign_in.signed_in(deadline, send)

    async def _once(
        self, name: StepName, request: Request, deadline: Deadline, judge: Judge, special: Special
    ) -> Layer:
        vendor = self._access.vendor

        def judge_all(answer: HttpAnswer, about: dict[Fact, int]) -> Verdict:
            code = vendor_code(answer.body, vendor.codes)
            if code is not None:
                about[Fact.VENDOR_CODE] = code
            of_record = name is not StepName.METADATA
            return (
                special(answer.status, answer.body)
                or judge_status(answer.status, answer.body, vendor, of_record=of_record)
                or judge(answer, about)
            )

        layer = await exchange(self._env, self._access, name, request, deadline, judge_all)
        if Fact.HTTP_STATUS in layer.http:
            wait_s = layer.http.get(Fact.RETRY_AFTER_S, 0)
            self._obey(layer.verdict, layer.http[Fact.HTTP_STATUS], wait_s)
        return layer

    def _obey(self, verdict: Verdict, status: int, wait_s: int) -> None:
        """What the answer says of further requests."""
        until_ns = self._env.clock.monotonic_ns() + wait_s * NS_PER_S
        if verdict.reason is Reason.FHIR_BREAK_GLASS:
            self.stop(verdict.reason)
        elif wait_s and status in _QUIET:
            self._env.budgets.quiet(self._target, until_ns)
        elif not (wait_s and status == _AWAY):
            # How long it expects to be away is what we are here to see: the next slot asks again.
            return
        self._halt = verdict

    def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Request:
        """For `step`, where it is no plain GET."""
        return Request(method, parse_url(f"{self._access.base_url}/{path}"), headers, body)


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
        verdict, sent = Verdict(failure.outcome, failure.reason), Phase.SEND in failure.phases
        return Layer(name, verdict, failure.phases, requests=int(sent))
    phases = dict(answer.phases)
    latency_us = sum(phases.values())
    about: dict[Fact, int] = {}
    with Stopwatch(env.clock, phases, Phase.PARSE):
        verdict = judge(answer, about)
    slow_after = access.slow_after
    if verdict == UP and slow_after is not None and latency_us > slow_after * 1000:
        verdict = Verdict(Outcome.DEGRADED, Reason.SLOW)
    http = _http_facts(answer, env.clock.now_ms())
    return Layer(name, verdict, phases, http, about, 1, len(answer.body))


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


def is_unconnected(layer: Layer) -> bool:
    """Did it fail before anything was sent?"""
    return Phase.SEND not in layer.phases and not layer.http


def connect_apart(layers: list[Layer]) -> list[Layer]:
    """The layers with the connection of the first as one of its own, before it; instead of it, if
    that is where it failed.
    """
    if not layers or layers[0].name in SIGN_IN:
        return layers
    first = layers[0]
    joining = {phase: first.phases[phase] for phase in _CONNECTING if phase in first.phases}
    if is_unconnected(first):
        return [replace(first, name=StepName.CONNECT), *layers[1:]]
    rest = {phase: took for phase, took in first.phases.items() if phase not in joining}
    connect = Layer(StepName.CONNECT, UP, joining, before=first.before)
    return [connect, replace(first, phases=rest, before=()), *layers[1:]]


def whole(layers: list[Layer], ours: Mapping[Phase, int]) -> Observation:
    """The run as its steps make it; `ours` is time of our own beside them."""
    everything = [one for layer in layers for one in (*layer.before, layer)]
    outcome = worst(layer.verdict.outcome for layer in everything)
    # Of two equally bad layers the later one speaks: it is the one users depend on.
    decisive = [layer for layer in everything if layer.verdict.outcome is outcome][-1]
    facts: dict[Fact, int] = {}
    for layer in everything:
        facts.update(layer.about)
    facts.update(decisive.http)
    phases = dict(ours)
    told = list(_once(everything))
    for layer in told:
        for phase, took in layer.phases.items():
            phases[phase] = phases.get(phase, 0) + took
    facts[Fact.REQUESTS] = sum(layer.requests for layer in told)
    facts[Fact.ANSWER_BYTES] = sum(layer.answer_bytes for layer in told)
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
