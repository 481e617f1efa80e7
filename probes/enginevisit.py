"""One run's way to an integration engine: perhaps a sign-in, then its questions, each with its step.

A session is shared by the checks of an agent. A user that was refused is left alone for a while:
more tries lock it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import urlencode

from probes.authorization import Basic
from probes.clock import NS_PER_S
from probes.contract import Env, Fact, Outcome, Phase, Step, StepName
from probes.engineaccess import EngineSpec
from probes.httpclient import HttpAnswer, ask
from probes.net import Deadline, NetFailure, Stopwatch
from probes.reasons import Reason
from probes.tokens import Session, Status
from probes.wire.engine import NO_CHANNEL, NOT_STATUS, UP, Channel, Channels, EngineError, Verdict
from probes.wire.engine_answer import AUTH, cookie, judge_login, judge_status, refuses_us
from probes.wire.engine_generic import MissingError
from probes.wire.engine_generic import read as read_generic
from probes.wire.http1 import Request, parse_url, retry_after_s

SHARED_FOR_S = 5
"""How long an answer that tells of all channels serves other checks."""
SESSION_LIVES_S = 86_400
REFUSED_FOR_S = 900
LATE: Verdict = (Outcome.DOWN, Reason.HTTP_TIMEOUT)

_CONNECTING = (Phase.RESOLVE, Phase.CONNECT, Phase.TLS)
_THROTTLED = frozenset({425, 429})
_AWAY = 503
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Seen:
    """What it took to know, or not to: `verdict` is that of the last step."""

    verdict: Verdict
    steps: tuple[Step, ...] = ()
    phases: Mapping[Phase, int] = field(default_factory=dict)
    facts: Mapping[Fact, int] = field(default_factory=dict)


class _StopError(Exception):
    """No answer to judge: the step that failed says why."""


class Visit:
    """One run's way to an engine: perhaps a sign-in, then its questions, each with its step."""

    def __init__(
        self,
        spec: EngineSpec,
        env: Env,
        headers: Mapping[str, str],
        password: bytes,
        deadline: Deadline,
    ) -> None:
        self._spec = spec
        self._env = env
        self._headers = headers
        self._password = password
        self._deadline = deadline
        self._steps: list[Step] = []
        self._phases: dict[Phase, int] = {}
        self._facts: dict[Fact, int] = {Fact.REQUESTS: 0, Fact.ANSWER_BYTES: 0}
        self._is_connected = False
        self._is_signed_in = False
        """By this very visit."""

    async def make(self) -> tuple[Status | None, Seen]:
        try:
            bodies = await self._ask_all()
            status = self._read(bodies)
        except _StopError:
            last = self._steps[-1]
            return None, self._seen((last.outcome, last.reason))
        return status, self._seen(UP)

    def _seen(self, verdict: Verdict) -> Seen:
        return Seen(verdict, tuple(self._steps), self._phases, self._facts)

    async def _ask_all(self) -> list[bytes]:
        product, spec = self._spec.product, self._spec
        bodies: list[bytes] = []
        took = 0
        session = await self._session() if self._login is not None else None
        for path in product.paths(spec.channel or "", self._env.clock.now_ms()):
            url = f"{spec.base_url}/{path}" if path else f"{spec.base_url}{spec.path}"
            answer, us = await self._get(url, session)
            took += us
            if refuses_us(answer.status) and session is not None and not self._is_signed_in:
                # It may just have ended: once more, with a new one.
                self._env.tokens.sessions.drop(self._place, session)
                session = await self._session()
                answer, us = await self._get(url, session)
                took += us
            self._judge(answer.status, took, session)
            bodies.append(answer.body)
        self._steps.append(Step(StepName.STATUS, *UP, took))
        return bodies

    def _judge(self, status: int, took: int, session: Session | None) -> None:
        if refuses_us(status):
            if session is not None:
                self._refused()
            self._fail(StepName.STATUS, AUTH, took)
        if status == _NOT_FOUND and not self._spec.product.whole and self._spec.read is None:
            self._fail(StepName.STATUS, NO_CHANNEL, took)
        verdict = judge_status(status)
        if verdict is not None:
            self._fail(StepName.STATUS, verdict, took)

    @property
    def _login(self) -> Basic | None:
        return None if self._spec.auth is None else self._spec.auth.session

    async def _get(self, url: str, session: Session | None) -> tuple[HttpAnswer, int]:
        headers = dict(self._headers)
        if session is not None and session.cookie is not None:
            headers["Cookie"] = session.cookie
        return await self._ask(StepName.STATUS, Request("GET", parse_url(url), headers))

    async def _session(self) -> Session:
        """The one there is, or a new one. A user that was refused is not tried again for a while."""
        sessions, clock = self._env.tokens.sessions, self._env.clock
        try:
            session, said, is_mine = await sessions.get(
                self._place, clock, self._deadline, self._sign_in
            )
        except TimeoutError:
            self._fail(StepName.LOGIN, LATE, 0)
        self._is_signed_in = is_mine
        if is_mine and (session is None or session.cookie is None):
            raise _StopError  # its step has told why
        if session is None:
            self._fail(StepName.LOGIN, LATE if said is None else said.verdict, 0)
        if session.cookie is None:
            self._fail(StepName.LOGIN, AUTH, 0)
        return session

    def _refused(self) -> None:
        until_ns = self._env.clock.monotonic_ns() + REFUSED_FOR_S * NS_PER_S
        self._env.tokens.sessions.put(self._place, Session(None, until_ns), self._env.clock)

    @property
    def _place(self) -> Hashable:
        """With the password, so that a new one is tried at once."""
        spec = self._spec
        digest = hashlib.sha256(self._password).digest()
        return spec.base_url, spec.engine, spec.auth, digest, spec.tls

    async def _sign_in(self) -> tuple[Session | None, Seen]:
        login = self._login
        if login is None or self._spec.product.login is None:
            raise AssertionError("validated to have a session")
        url = f"{self._spec.base_url}/{self._spec.product.login}"
        form = {"username": login.user, "password": self._password.decode()}
        headers = {**self._headers, "Content-Type": "application/x-www-form-urlencoded"}
        request = Request("POST", parse_url(url), headers, urlencode(form).encode())
        try:
            answer, took = await self._ask(StepName.LOGIN, request)
        except _StopError:
            last = self._steps[-1]
            return None, Seen((last.outcome, last.reason))
        now_ns = self._env.clock.monotonic_ns()
        found = cookie(answer.exchange.headers)
        verdict = judge_login(answer.status, has_cookie=found is not None)
        self._steps.append(Step(StepName.LOGIN, *verdict, took))
        if verdict == UP:
            return Session(found, now_ns + SESSION_LIVES_S * NS_PER_S), Seen(UP)
        if verdict == AUTH:
            return Session(None, now_ns + REFUSED_FOR_S * NS_PER_S), Seen(AUTH)
        return None, Seen(verdict)

    async def _ask(self, name: StepName, request: Request) -> tuple[HttpAnswer, int]:
        """Ask once; the answer, and what it took without the connection. Raises _StopError."""
        env, target = self._env, (request.url.host, request.url.port)
        if env.budgets.waits(target, env.clock.monotonic_ns()):
            self._fail(name, (Outcome.UNKNOWN, Reason.AGENT_RETRY_AFTER), 0)
        if self._deadline.remaining_s() == 0:
            self._fail(name, LATE, 0)
        try:
            answer = await ask(env, request, self._spec.tls, self._spec.max_body, self._deadline)
        except NetFailure as failure:
            self._took(failure.phases)
            self._facts[Fact.REQUESTS] += int(Phase.SEND in failure.phases)
            verdict = failure.outcome, failure.reason
            if Phase.SEND in failure.phases:
                self._connected(failure.phases)
                self._fail(name, verdict, _sum(failure.phases) - _connecting(failure.phases))
            at = name if self._is_connected else StepName.CONNECT
            self._fail(at, verdict, _connecting(failure.phases))
        self._took(answer.phases)
        self._connected(answer.phases)
        self._facts[Fact.REQUESTS] += 1
        self._facts[Fact.ANSWER_BYTES] += len(answer.body)
        self._facts[Fact.HTTP_STATUS] = answer.status
        if answer.cert_days_left is not None:
            self._facts[Fact.CERT_DAYS_LEFT] = answer.cert_days_left
        self._obey(answer, target)
        return answer, _sum(answer.phases) - _connecting(answer.phases)

    def _obey(self, answer: HttpAnswer, target: tuple[str, int]) -> None:
        """After 425 and 429 nobody asks before it said. How long it is away is what we are to see."""
        if answer.status not in (*_THROTTLED, _AWAY):
            return
        wait_s = retry_after_s(answer.header("retry-after"), self._env.clock.now_ms())
        if wait_s:
            self._facts[Fact.RETRY_AFTER_S] = wait_s
        if wait_s and answer.status in _THROTTLED:
            now_ns = self._env.clock.monotonic_ns()
            self._env.budgets.quiet(target, now_ns + wait_s * NS_PER_S)

    def _read(self, bodies: list[bytes]) -> Status:
        until_ns = self._env.clock.monotonic_ns() + SHARED_FOR_S * NS_PER_S
        with Stopwatch(self._env.clock, self._phases, Phase.PARSE):
            found = _channels(self._spec, bodies)
        if isinstance(found, tuple):
            self._fail(StepName.STATUS, found, self._steps.pop().duration_us)
        return Status(found, until_ns)

    def _connected(self, phases: Mapping[Phase, int]) -> None:
        """One step for all connections of a run, as long as the first took."""
        if not self._is_connected:
            self._is_connected = True
            self._steps.append(Step(StepName.CONNECT, *UP, _connecting(phases)))

    def _took(self, phases: Mapping[Phase, int]) -> None:
        for phase, us in phases.items():
            self._phases[phase] = self._phases.get(phase, 0) + us

    def _fail(self, name: StepName, verdict: Verdict, duration_us: int) -> NoReturn:
        self._steps.append(Step(name, *verdict, duration_us))
        raise _StopError


def _channels(spec: EngineSpec, bodies: list[bytes]) -> Channels | Verdict:
    try:
        if spec.read is None:
            return spec.product.read(bodies)
        return {"": Channel(read_generic(spec.read.recipe, bodies[0]))}
    except EngineError:
        return NOT_STATUS
    except MissingError:
        return NO_CHANNEL


def _sum(phases: Mapping[Phase, int]) -> int:
    return sum(phases.values())


def _connecting(phases: Mapping[Phase, int]) -> int:
    return sum(phases.get(phase, 0) for phase in _CONNECTING)
