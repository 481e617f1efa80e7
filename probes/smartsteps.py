"""Signing in at a FHIR server by SMART or OAuth 2.0: the discovery document, and a token.

A token is shared by all checks of an agent (`tokens.py`). Asking for one is a step of the run that
asks, and of each run that cannot go on without it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote_plus, urlencode

from probes.assertion import UnusableKeyError, assertion
from probes.authorization import basic_header, secret_text
from probes.clock import NS_PER_MS, NS_PER_S
from probes.contract import Env, Fact, Outcome, StepName
from probes.fhiraccess import FhirAccess
from probes.fhirauthorization import ClientSecret, SmartBackend
from probes.fhirsteps import Judge, Layer, exchange, late
from probes.httpclient import HttpAnswer
from probes.net import Deadline, NetFailure
from probes.reasons import Reason
from probes.tokens import Endpoint, Token
from probes.wire import smart
from probes.wire.fhir import Verdict
from probes.wire.http1 import Request, date_s, parse_url

ENDPOINT_LIVES_MS = 3_600_000
"""How long the token endpoint of a discovery document is used without reading that again."""

_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_NO_SECRET = Verdict(Outcome.UNKNOWN, Reason.AGENT_SECRET)
_UNAUTHORIZED = 401
_RIGHT_PLACE = frozenset(
    {
        Reason.AGENT_RETRY_AFTER,
        Reason.AGENT_SECRET,
        Reason.HTTP_THROTTLED,
        Reason.SMART_SCOPE_REDUCED,
        Reason.SMART_TOKEN_REJECTED,
    }
)
"""Of an endpoint that is where it was said to be; after any other it is looked for again."""

Send = Callable[[Mapping[str, str]], Awaitable[Layer]]
"""Asks for something with these header fields."""


@dataclass(slots=True)
class _Run:
    """What one run has done to sign in; runs are told apart by their deadlines."""

    deadline: Deadline
    token: Token | None = None
    url: str = ""
    has_asked: bool = False
    refused: Layer | None = None


class SmartSteps:
    """Signs one check in, run after run."""

    def __init__(
        self, access: FhirAccess, way: SmartBackend | ClientSecret | None, env: Env
    ) -> None:
        self._access = access
        self._way = way
        self._env = env
        self._run: _Run | None = None

    async def discover(self, deadline: Deadline) -> tuple[smart.Discovery | None, Layer]:
        """Read the discovery document as the step `discovery`."""
        found: list[smart.Discovery] = []

        def judge(answer: HttpAnswer, about: dict[Fact, int]) -> Verdict:
            verdict = smart.judge_status(answer.status)
            if verdict is None:
                verdict, document = smart.judge_discovery(
                    answer.header("content-type"), answer.body
                )
                if document is not None:
                    about[Fact.DEVIATIONS] = document.deviations
                    found.append(document)
            return verdict

        url = parse_url(f"{self._access.base_url}/{smart.DISCOVERY_PATH}")
        request = Request("GET", url, {"Accept": "application/json"})
        layer = await self._once(StepName.DISCOVERY, request, deadline, judge)
        return (found[0] if found else None), layer

    async def renew(self, url: str | None, deadline: Deadline) -> Layer:
        """Ask for a token whether or not there is one; what is granted serves all checks. Without
        `url` at the endpoint of the spec or of the discovery document.
        """
        before: tuple[Layer, ...] = ()
        if url is None:
            url, before = await self._endpoint(deadline)
        if url is None:
            return before[-1]
        token, layer = await self._ask(url, deadline)
        if token is not None:
            self._env.tokens.held.put(self._key(url), token, self._env.clock)
        return replace(layer, before=before)

    async def _ask(self, url: str, deadline: Deadline) -> tuple[Token | None, Layer]:
        """Ask the token endpoint once, as the step `token`."""
        clock, way = self._env.clock, self._needed()
        found: list[Token] = []
        asked_ns = clock.monotonic_ns()

        def judge(answer: HttpAnswer, about: dict[Fact, int]) -> Verdict:
            verdict, grant = smart.judge_token(answer.status, answer.body, way.scope, about)
            if grant is not None:
                found.append(Token(grant.token, asked_ns + _kept_for_s(grant.lives_s) * NS_PER_S))
            server_s = date_s(answer.header("date"))
            if verdict.reason is Reason.SMART_TOKEN_REJECTED and server_s is not None:
                about[Fact.CLOCK_SKEW_S] = server_s - clock.now_ms() // 1000
            return verdict

        try:
            request = self._token_request(way, url)
        except (NetFailure, OSError, KeyError, UnusableKeyError):
            return None, Layer(StepName.TOKEN, _NO_SECRET)
        layer = await self._once(StepName.TOKEN, request, deadline, judge)
        return (found[0] if found else None), layer

    async def _once(
        self, name: StepName, request: Request, deadline: Deadline, judge: Judge
    ) -> Layer:
        """Ask, unless that host said when to come again and it is not yet time."""
        budgets, now_ns = self._env.budgets, self._env.clock.monotonic_ns()
        target = request.url.host, request.url.port
        if budgets.waits(target, now_ns):
            return Layer(name, Verdict(Outcome.UNKNOWN, Reason.AGENT_RETRY_AFTER))
        layer = await exchange(self._env, self._access, name, request, deadline, judge)
        wait_s = layer.http.get(Fact.RETRY_AFTER_S, 0)
        if wait_s and layer.verdict.reason is Reason.HTTP_THROTTLED:
            budgets.quiet(target, self._env.clock.monotonic_ns() + wait_s * NS_PER_S)
        return layer

    async def signed_in(self, deadline: Deadline, send: Send) -> Layer:
        """`send` with a token. Refused with 401, a token from before this run is replaced once.

        Without a token the answer is the step that had none to give.
        """
        run = self._run_of(deadline)
        before: tuple[Layer, ...] = ()
        requests = answer_bytes = 0
        while run.refused is None:
            if run.token is None:
                before += await self._take(run)
                if run.token is None:
                    run.refused = replace(before[-1], before=before[:-1])
                continue
            layer = await send({"Authorization": f"Bearer {run.token.text}"})
            requests += layer.requests
            answer_bytes += layer.answer_bytes
            if layer.http.get(Fact.HTTP_STATUS) != _UNAUTHORIZED or run.has_asked:
                return replace(layer, before=before, requests=requests, answer_bytes=answer_bytes)
            self._env.tokens.held.drop(self._key(run.url), run.token)
            run.token, run.has_asked = None, True
        return run.refused

    async def _take(self, run: _Run) -> tuple[Layer, ...]:
        """Give the run a token; the steps it took, the last of which failed where it has none."""
        clock, tokens, deadline = self._env.clock, self._env.tokens, run.deadline
        url, steps = await self._endpoint(deadline)
        if url is None:
            return steps
        try:
            token, layer, is_mine = await tokens.held.get(
                self._key(url), clock, deadline, lambda: self._ask(url, deadline)
            )
        except TimeoutError:
            return (*steps, late(StepName.TOKEN))
        run.token, run.url = token, url
        if layer is None:
            return steps
        if token is None:
            if layer.verdict.reason not in _RIGHT_PLACE:
                tokens.endpoints.drop(self._place())
            return (*steps, layer if is_mine else _of_another(layer))
        if not is_mine:
            return steps
        if run.has_asked:
            layer = replace(layer, about={**layer.about, Fact.TOKEN_REFRESHED: 1})
        run.has_asked = True
        return (*steps, layer)

    async def _endpoint(self, deadline: Deadline) -> tuple[str | None, tuple[Layer, ...]]:
        """Where to ask, and the step it took to know; one that failed where nobody says."""
        way, clock = self._needed(), self._env.clock
        if way.token_url is not None:
            return way.token_url, ()

        async def read() -> tuple[Endpoint | None, Layer]:
            document, layer = await self.discover(deadline)
            until_ns = clock.monotonic_ns() + ENDPOINT_LIVES_MS * NS_PER_MS
            return (None if document is None else Endpoint(document.token_url, until_ns)), layer

        try:
            endpoint, layer, is_mine = await self._env.tokens.endpoints.get(
                self._place(), clock, deadline, read
            )
        except TimeoutError:
            return None, (late(StepName.DISCOVERY),)
        url = None if endpoint is None else endpoint.url
        if layer is None or (url is not None and not is_mine):
            return url, ()
        return url, (layer if is_mine else _of_another(layer),)

    def _token_request(self, way: SmartBackend | ClientSecret, url: str) -> Request:
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        form = {"grant_type": "client_credentials", "scope": way.scope}
        read, clock = self._env.read_secret, self._env.clock
        if isinstance(way, SmartBackend):
            # Time beside chance: unique even among agents that were started from one image.
            jti = f"{clock.now_ms():x}-{self._env.rng.getrandbits(128):032x}"
            form["client_assertion_type"] = _JWT_BEARER
            form["client_assertion"] = assertion(
                way.signing_key(read), way.client_id, url, clock.now_ms(), jti
            )
        elif way.style == "basic":
            # RFC 6749 2.3.1: form-encoded first, then joined by a colon
            headers |= basic_header(
                quote_plus(way.client_id), quote_plus(secret_text(way.secret, read))
            )
        else:
            form |= {"client_id": way.client_id, "client_secret": secret_text(way.secret, read)}
        return Request("POST", parse_url(url), headers, urlencode(form).encode())

    def _key(self, url: str) -> Hashable:
        return url, self._way, self._access.tls

    def _place(self) -> Hashable:
        return self._access.base_url, self._access.tls

    def _needed(self) -> SmartBackend | ClientSecret:
        if self._way is None:
            raise AssertionError("a token is asked for only with the means to ask")
        return self._way

    def _run_of(self, deadline: Deadline) -> _Run:
        if self._run is None or self._run.deadline is not deadline:
            self._run = _Run(deadline)
        return self._run


def _of_another(layer: Layer) -> Layer:
    """The same, asked for by another check: no request and no time of this one's."""
    return replace(layer, phases={}, requests=0, answer_bytes=0)


def _kept_for_s(lives_s: int) -> int:
    """From when it was asked for: it must not end on its way."""
    return lives_s - max(30, -(-lives_s // 10))
