"""One page over HTTP or HTTPS: it comes, in time, with an accepted status and the expected text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from probes.authorization import Authorization, HeaderName
from probes.config_words import Model, PositiveDuration
from probes.contract import Env, Fact, Kind, Observation, Outcome, Phase, Slot, Step, StepName
from probes.httpclient import HTTP_REASONS, HttpAnswer, Requests, ask
from probes.net import Deadline, NetFailure, Stopwatch
from probes.reasons import Reason
from probes.tls import TlsOptions
from probes.wire.http1 import parse_url, retry_after_s

REASONS = HTTP_REASONS | {
    Reason.OK,
    Reason.SLOW,
    Reason.HTTP_BODY,
    Reason.HTTP_STATUS,
    Reason.HTTP_THROTTLED,
}

# RFC 9110 15: alive, and the credentials, the route or the method we use are not welcome
_REJECTS_US = frozenset({401, 403, 404, 405, 406, 407, 410})
# RFC 8470 5.2 and RFC 6585 4: come again later
_THROTTLED = frozenset({425, 429})
# What the exchange itself sets, and what only a secret may fill
_OWN_HEADERS = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "host",
        "proxy-authorization",
        "transfer-encoding",
    }
)
_CONNECT = (Phase.RESOLVE, Phase.CONNECT, Phase.TLS)
_PAGE = (Phase.SEND, Phase.FIRST_BYTE, Phase.BODY)


def _statuses(value: object) -> tuple[int, int]:
    first, dash, last = value.partition("-") if isinstance(value, str) else ("", "", "")
    low, high = first, last if dash else first
    if not (low.isascii() and low.isdigit() and high.isascii() and high.isdigit()):
        raise ValueError("write a status such as 200, or a range such as 200-299")
    if not 200 <= int(low) <= int(high) <= 599:
        raise ValueError("a status lies from 200 to 599, a range goes upwards")
    return int(low), int(high)


def _url(value: str) -> str:
    parse_url(value)
    return value


Statuses = Annotated[tuple[int, int], BeforeValidator(_statuses)]
Url = Annotated[str, AfterValidator(_url)]
File = Annotated[str, StringConstraints(pattern=r"^/.")]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$")]


class HttpConfig(Model):
    """The spec. Redirects are never followed: a 3xx is an answer like any other."""

    url: Url
    method: Literal["GET", "HEAD"] = "GET"
    status: Annotated[tuple[Statuses, ...], Field(min_length=1)] = ((200, 299),)
    contains: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    slow_after: PositiveDuration | None = None
    max_body: Annotated[int, Field(ge=0, le=16_777_216)] = 1_048_576
    ca: File | None = None
    client_cert: File | None = None
    client_key: File | None = None
    headers: Mapping[HeaderName, HeaderValue] = {}
    auth: Authorization | None = None

    @model_validator(mode="after")
    def _consistent(self) -> HttpConfig:
        secure = parse_url(self.url).tls
        if self.contains is not None and self.method == "HEAD":
            raise ValueError("an answer to HEAD has no body: contains needs GET")
        if (self.client_cert is None) != (self.client_key is None):
            raise ValueError("client_cert and client_key belong together")
        if not secure and (self.ca is not None or self.client_cert is not None):
            raise ValueError("ca, client_cert and client_key need an https URL")
        if not secure and self.auth is not None:
            raise ValueError("auth needs an https URL: a secret is never sent in the clear")
        names = [name.lower() for name in self.headers]
        if self.auth is not None and self.auth.header is not None:
            names.append(self.auth.header.name.lower())
        if len(set(names)) != len(names):
            raise ValueError("a header is named twice")
        if not _OWN_HEADERS.isdisjoint(names):
            raise ValueError(f"not among headers: {', '.join(sorted(_OWN_HEADERS))}; see auth")
        return self

    def accepts(self, status: int) -> bool:
        return any(low <= status <= high for low, high in self.status)

    @property
    def tls(self) -> TlsOptions:
        return TlsOptions(ca=self.ca, client_cert=self.client_cert, client_key=self.client_key)


class HttpProbe:
    """One opened check; every run makes a connection of its own."""

    def __init__(self, config: HttpConfig, env: Env) -> None:
        self._config = config
        self._env = env
        self._tls = config.tls
        self._requests = Requests()

    async def run(self, slot: Slot) -> Observation:  # noqa: ARG002 - a page has no business time
        config, env = self._config, self._env
        deadline = Deadline(env.clock, env.timeout_ms)
        try:
            headers = config.headers
            if config.auth is not None:
                headers = {**headers, **config.auth.headers(env.read_secret)}
            request = self._requests.of(config.method, config.url, headers)
            answer = await ask(env, request, self._tls, config.max_body, deadline)
        except NetFailure as failure:
            return _failed(failure)
        phases = answer.phases
        latency_us = sum(phases.values())
        with Stopwatch(env.clock, phases, Phase.PARSE):
            outcome, reason = judge(config, answer, latency_us)
            facts = _facts(answer, reason, env.clock.now_ms())
        return Observation(outcome, reason, phases, facts, _steps(phases, outcome, reason))


def judge(config: HttpConfig, answer: HttpAnswer, latency_us: int) -> tuple[Outcome, Reason]:
    """Status first, then text, then time. `latency_us` is the target's, without our parsing."""
    if not config.accepts(answer.status):
        if answer.status in _THROTTLED:
            return Outcome.DEGRADED, Reason.HTTP_THROTTLED
        if answer.status in _REJECTS_US or 300 <= answer.status <= 399:
            return Outcome.MISCONFIGURED, Reason.HTTP_STATUS
        return Outcome.DOWN, Reason.HTTP_STATUS
    if config.contains is not None and config.contains.encode() not in answer.body:
        return Outcome.DOWN, Reason.HTTP_BODY
    if config.slow_after is not None and latency_us > config.slow_after * 1000:
        return Outcome.DEGRADED, Reason.SLOW
    return Outcome.UP, Reason.OK


def _facts(answer: HttpAnswer, reason: Reason, now_ms: int) -> dict[Fact, int]:
    facts = {Fact.HTTP_STATUS: answer.status, Fact.BODY_BYTES: len(answer.body)}
    if answer.cert_days_left is not None:
        facts[Fact.CERT_DAYS_LEFT] = answer.cert_days_left
    if reason is Reason.HTTP_THROTTLED:
        wait_s = retry_after_s(answer.header("retry-after"), now_ms)
        if wait_s is not None:
            facts[Fact.RETRY_AFTER_S] = wait_s
    return facts


def _failed(failure: NetFailure) -> Observation:
    """A run without an answer. Nothing sent yet: it is the connection that failed."""
    outcome, reason, phases = failure.outcome, failure.reason, failure.phases
    if not phases:
        return Observation(outcome, reason)
    if Phase.SEND in phases:
        return Observation(outcome, reason, phases, {}, _steps(phases, outcome, reason))
    step = Step(StepName.CONNECT, outcome, reason, _sum(phases, _CONNECT))
    return Observation(outcome, reason, phases, {}, (step,))


def _steps(phases: Mapping[Phase, int], outcome: Outcome, reason: Reason) -> tuple[Step, ...]:
    return (
        Step(StepName.CONNECT, Outcome.UP, Reason.OK, _sum(phases, _CONNECT)),
        Step(StepName.PAGE, outcome, reason, _sum(phases, _PAGE)),
    )


def _sum(phases: Mapping[Phase, int], names: tuple[Phase, ...]) -> int:
    return sum(phases.get(name, 0) for name in names)


@asynccontextmanager
async def _open(config: HttpConfig, env: Env) -> AsyncIterator[HttpProbe]:
    yield HttpProbe(config, env)


def _parse(spec: Mapping[str, Any]) -> HttpConfig:
    return HttpConfig.model_validate(spec)


KIND = Kind(
    name="http",
    summary="A page over HTTP or HTTPS: status, text, time",
    parse=_parse,
    open=_open,
    reasons=REASONS,
)
