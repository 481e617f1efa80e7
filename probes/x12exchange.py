"""One question of a run on its way: perhaps a token before it, and looks for its answer after it.

The question itself is sent once, whatever comes. A token is shared by the checks of an agent; a client
that was refused is left alone for a while.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from probes.authorization import secret_text
from probes.clearinghouse import Availity, Optum, SignIn
from probes.clock import NS_PER_S
from probes.contract import Env, Fact, Observation, Outcome, Phase, Step, StepName
from probes.httpclient import HttpAnswer, ask
from probes.net import Deadline, NetFailure
from probes.reasons import Reason
from probes.tokens import Admission
from probes.wire import clearinghouse_optum as optum
from probes.wire import clearinghouse_token
from probes.wire.clearinghouse import CREDENTIALS
from probes.wire.http1 import Request, parse_url, retry_after_s
from probes.wire.x12_answer import Answer, Verdict
from probes.wire.x12_question import Asked
from probes.x12transport import Transport

REFUSED_FOR_S = 900
FIRST_LOOK_MS, LOOK_MS = 1_000, 2_000
LOOKS = 15
"""In 29 s: whoever has not answered then has not answered in real time."""

_LATE: Verdict = (Outcome.DOWN, Reason.HTTP_TIMEOUT)
_WAITS: Verdict = (Outcome.UNKNOWN, Reason.AGENT_RETRY_AFTER)
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
_UNAUTHORIZED = 401
_CONNECTING = (Phase.RESOLVE, Phase.CONNECT, Phase.TLS)


@dataclass(frozen=True, slots=True)
class Heard:
    """The last answer, how long it took from the question on, and its reading."""

    answer: HttpAnswer
    phases: dict[Phase, int]
    latency_us: int
    read: Callable[[], Answer | Verdict]


class RefusedError(Exception):
    """The question was not asked: there is no token. The steps say why."""


class Exchange:
    """Of one run. `ask` it once; then `told` adds what came beside the question."""

    def __init__(self, way: Transport, env: Env, deadline: Deadline) -> None:
        self._way = way
        self._env = env
        self._deadline = deadline
        self._steps: list[Step] = []
        self._phases: dict[Phase, int] = {}
        self._facts: dict[Fact, int] = {}

    async def ask(self, asked: Asked) -> Heard:
        """Raises NetFailure, or RefusedError where there is no token to ask with."""
        way, env = self._way, self._env
        request = way.request(asked, env.read_secret)
        if not isinstance(way, (Availity, Optum)):
            answer = await ask(env, request, way.tls, way.max_body, self._deadline)
            took = sum(answer.phases.values())
            return Heard(answer, answer.phases, took, lambda: way.read(asked, answer))
        self._facts = {Fact.REQUESTS: 0}
        sign_in = way.sign_in(asked)
        secret = secret_text(sign_in.secret, env.read_secret)
        key = (sign_in, hashlib.sha256(secret.encode()).digest(), way.tls)
        admission, bearer = await self._admission(key, sign_in, secret)
        if isinstance(way, Optum) and way.healthcheck:
            await self._health(way, way.health(asked).plus(bearer))
        heard = await self._question(way, asked, request.plus(bearer), bearer)
        if heard.answer.status == _UNAUTHORIZED:
            env.tokens.admissions.drop(key, admission)  # the next run asks for another one
        return heard

    def told(self, seen: Observation) -> Observation:
        """What the question saw, and what came beside it."""
        phases = _sums(self._phases, seen.phases)
        facts = {**self._facts, **seen.facts}
        return replace(seen, phases=phases, facts=facts, steps=(*self._steps, *seen.steps))

    def refused(self) -> Observation:
        """A run whose last step had no token."""
        last = self._steps[-1]
        return self.told(Observation(last.outcome, last.reason))

    async def _question(
        self, way: Availity | Optum, asked: Asked, request: Request, bearer: Mapping[str, str]
    ) -> Heard:
        clock = self._env.clock
        began_ns = clock.monotonic_ns()
        answer = await self._once(request, way.max_body)
        phases, sought, looks = dict(answer.phases), None, 0
        while isinstance(way, Availity) and (look := way.look(asked, answer)) is not None:
            wait_ms = LOOK_MS if looks else FIRST_LOOK_MS
            if sought not in (None, look[0]):
                break  # another id: nobody looks there
            if looks == LOOKS or self._deadline.remaining_s() * 1000 <= wait_ms:
                break
            sought, looks = sought or look[0], looks + 1
            await clock.sleep_ms(wait_ms)
            try:
                answer = await self._once(look[1].plus(bearer), way.max_body)
            except NetFailure as failure:
                whole = _sums(phases, failure.phases)
                raise NetFailure(failure.outcome, failure.reason, whole) from None
            phases = _sums(phases, answer.phases)
        last = answer
        took_us = (clock.monotonic_ns() - began_ns) // 1000

        def read() -> Answer | Verdict:
            if isinstance(way, Availity):
                return way.read(asked, last, sought)
            return way.read(asked, last)

        return Heard(last, phases, took_us, read)

    async def _once(self, request: Request, max_body: int) -> HttpAnswer:
        try:
            answer = await ask(self._env, request, self._way.tls, max_body, self._deadline)
        except NetFailure as failure:
            self._facts[Fact.REQUESTS] += int(Phase.SEND in failure.phases)
            raise
        self._facts[Fact.REQUESTS] += 1
        return answer

    async def _health(self, way: Optum, request: Request) -> None:
        try:
            answer = await self._once(request, way.max_body)
        except NetFailure as failure:
            verdict, phases = (failure.outcome, failure.reason), failure.phases
        else:
            phases = answer.phases
            verdict = optum.judge_health(answer.status, answer.body)
        self._step(StepName.HEALTH, verdict, phases)

    async def _admission(
        self, key: object, sign_in: SignIn, secret: str
    ) -> tuple[Admission, dict[str, str]]:
        """The token there is, or a new one. Whoever was refused is not tried again for a while."""
        admissions, clock = self._env.tokens.admissions, self._env.clock

        async def sign() -> tuple[Admission | None, Verdict]:
            return await self._sign_in(sign_in, secret)

        try:
            found, verdict, is_mine = await admissions.get(key, clock, self._deadline, sign)
        except TimeoutError:
            found, verdict, is_mine = None, _LATE, False
        if found is not None and found.token is not None:
            return found, {"Authorization": f"Bearer {found.token}"}
        if not is_mine:  # its step has told why
            refused = CREDENTIALS if found is not None else _LATE
            self._step(StepName.TOKEN, verdict or refused, {})
        raise RefusedError

    async def _sign_in(self, sign_in: SignIn, secret: str) -> tuple[Admission | None, Verdict]:
        env, url = self._env, parse_url(sign_in.url)
        target = url.host, url.port
        asked_ns = env.clock.monotonic_ns()
        if env.budgets.waits(target, asked_ns):
            self._step(StepName.TOKEN, _WAITS, {})
            return None, _WAITS
        form = clearinghouse_token.form(sign_in.client_id, secret, sign_in.scope)
        try:
            answer = await self._once(Request("POST", url, _FORM, form), self._way.max_body)
        except NetFailure as failure:
            verdict: Verdict = (failure.outcome, failure.reason)
            self._step(StepName.TOKEN, verdict, failure.phases)
            return None, verdict
        verdict, granted = clearinghouse_token.judge(
            answer.status, answer.body, sign_in.scope, self._facts
        )
        self._step(StepName.TOKEN, verdict, answer.phases)
        now_ns = env.clock.monotonic_ns()
        if granted is not None:
            return Admission(granted.token, asked_ns + granted.kept_s * NS_PER_S), verdict
        self._facts[Fact.HTTP_STATUS] = answer.status
        wait_s = retry_after_s(answer.header("retry-after"), env.clock.now_ms())
        if wait_s and verdict[1] is Reason.HTTP_THROTTLED:
            self._facts[Fact.RETRY_AFTER_S] = wait_s
            env.budgets.quiet(target, now_ns + wait_s * NS_PER_S)
        if verdict == CREDENTIALS:
            return Admission(None, now_ns + REFUSED_FOR_S * NS_PER_S), verdict
        return None, verdict

    def _step(self, name: StepName, verdict: Verdict, phases: Mapping[Phase, int]) -> None:
        self._steps.append(Step(name, *verdict, sum(phases.values())))
        self._phases = _sums(self._phases, phases)


def _sums(one: Mapping[Phase, int], other: Mapping[Phase, int]) -> dict[Phase, int]:
    return {phase: one.get(phase, 0) + other.get(phase, 0) for phase in (*one, *other)}
