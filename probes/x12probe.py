"""One question of a run: sent once, never again, and judged with what came before the time was up."""

from __future__ import annotations

from collections.abc import Mapping

from probes.clock import NS_PER_S
from probes.contract import Env, Fact, Observation, Outcome, Phase, Slot, Step, StepName
from probes.httpclient import HTTP_REASONS, HttpAnswer
from probes.net import Deadline, NetFailure, Stopwatch
from probes.reasons import Reason
from probes.wire.http1 import parse_url, retry_after_s
from probes.wire.x12_answer import Answer, Verdict
from probes.wire.x12_judge import UP, By, Judged, judge
from probes.wire.x12_question import Asked, Question, numbers
from probes.x12exchange import Exchange, RefusedError
from probes.x12spec import RULE_S, X12Spec

REASONS = HTTP_REASONS | {
    Reason.AGENT_RETRY_AFTER,
    Reason.HTTP_STATUS,
    Reason.HTTP_THROTTLED,
    Reason.OK,
    Reason.SLOW,
    Reason.X12_999_REJECTED,
    Reason.X12_API_ERROR,
    Reason.X12_CORE_ERROR,
    Reason.X12_CORE_REJECTED,
    Reason.X12_CREDENTIALS,
    Reason.X12_ENROLMENT,
    Reason.X12_FOREIGN_ANSWER,
    Reason.X12_MALFORMED,
    Reason.X12_NOT_CORE,
    Reason.X12_NOT_JSON,
    Reason.X12_NOT_TOKEN,
    Reason.X12_NOT_X12,
    Reason.X12_ONLY_ACKNOWLEDGED,
    Reason.X12_OVER_20S,
    Reason.X12_REQUEST,
    Reason.X12_SOAP_FAULT,
    Reason.X12_TA1_REJECTED,
    Reason.X12_TRUNCATED,
    Reason.X12_UNREACHABLE_PAYER,
    Reason.X12_WRONG_ANSWER,
    Reason.X12_WRONG_MODE,
}
"""Whatever is asked; a kind adds what its answers say."""

_CONNECTING = (Phase.RESOLVE, Phase.CONNECT, Phase.TLS)
_CONNECTED = Step(StepName.CLEARINGHOUSE, Outcome.UP, Reason.OK, 0)


class X12Probe:
    """One opened check. `expected`: AAA03 with one of which the question is to be rejected."""

    def __init__(
        self, spec: X12Spec, question: Question, expected: frozenset[int], env: Env
    ) -> None:
        self._spec = spec
        self._way = spec.connect.way
        self._question = question
        self._expected = expected
        self._env = env
        url = parse_url(self._way.url)
        self._target = url.host, url.port

    async def run(self, slot: Slot) -> Observation:  # noqa: ARG002 - it asks the same each time
        env, way = self._env, self._way
        if env.budgets.waits(self._target, env.clock.monotonic_ns()):
            return Observation(Outcome.UNKNOWN, Reason.AGENT_RETRY_AFTER)
        deadline = Deadline(env.clock, env.timeout_ms)
        run = numbers(env.clock.now_ms(), env.rng.getrandbits(128))
        asked = Asked(self._question, run)
        exchange = Exchange(way, env, deadline)
        try:
            heard = await exchange.ask(asked)
        except RefusedError:
            return exchange.refused()
        except NetFailure as failure:
            return exchange.told(_failed(failure))
        phases = heard.phases
        with Stopwatch(env.clock, phases, Phase.PARSE):
            judged = self._judged(heard.read())
        verdict = self._timed(judged.verdict, heard.latency_us)
        facts = {**self._http_facts(heard.answer, verdict), **judged.facts}
        steps = _steps(phases, Judged(verdict, judged.by), heard.latency_us)
        return exchange.told(Observation(*verdict, phases, facts, steps))

    def _judged(self, heard: Answer | Verdict) -> Judged:
        if isinstance(heard, Answer):
            return judge(self._question.asks, heard, self._expected)
        # Of verdicts without an answer this one alone is not about whoever gave it.
        is_payers = heard[1] is Reason.X12_UNREACHABLE_PAYER
        return Judged(heard, By.PAYER if is_payers else By.CLEARINGHOUSE)

    def _timed(self, verdict: Verdict, latency_us: int) -> Verdict:
        """What is right and late; what is wrong stays what it is."""
        if verdict != UP:
            return verdict
        if latency_us > RULE_S * 1_000_000:
            return Outcome.DEGRADED, Reason.X12_OVER_20S
        slow_after = self._spec.slow_after
        if slow_after is not None and latency_us > slow_after * 1000:
            return Outcome.DEGRADED, Reason.SLOW
        return verdict

    def _http_facts(self, answer: HttpAnswer, verdict: Verdict) -> dict[Fact, int]:
        env = self._env
        facts = {Fact.HTTP_STATUS: answer.status, Fact.BODY_BYTES: len(answer.body)}
        if answer.cert_days_left is not None:
            facts[Fact.CERT_DAYS_LEFT] = answer.cert_days_left
        if verdict[1] is Reason.HTTP_THROTTLED:
            wait_s = retry_after_s(answer.header("retry-after"), env.clock.now_ms())
            if wait_s is not None:
                facts[Fact.RETRY_AFTER_S] = wait_s
                until_ns = env.clock.monotonic_ns() + wait_s * NS_PER_S
                env.budgets.quiet(self._target, until_ns)
        return facts


def _failed(failure: NetFailure) -> Observation:
    """A run without an answer."""
    outcome, reason, phases = failure.outcome, failure.reason, failure.phases
    if not phases:
        return Observation(outcome, reason)
    if Phase.SEND in phases:
        steps = _steps(phases, Judged((outcome, reason)), sum(phases.values()))
        return Observation(outcome, reason, phases, {}, steps)
    step = Step(StepName.CONNECT, outcome, reason, _sum(phases, _CONNECTING))
    return Observation(outcome, reason, phases, {}, (step,))


def _steps(phases: Mapping[Phase, int], judged: Judged, latency_us: int) -> tuple[Step, ...]:
    """Connection, clearinghouse, payer: up to whoever answered. The time is of the whole way, with
    the waits between looks for the answer.
    """
    connecting_us = _sum(phases, _CONNECTING)
    took_us = latency_us - connecting_us
    connected = Step(StepName.CONNECT, Outcome.UP, Reason.OK, connecting_us)
    if judged.by is By.CLEARINGHOUSE:
        return connected, Step(StepName.CLEARINGHOUSE, *judged.verdict, took_us)
    return connected, _CONNECTED, Step(StepName.PAYER, *judged.verdict, took_us)


def _sum(phases: Mapping[Phase, int], names: tuple[Phase, ...]) -> int:
    return sum(phases.get(name, 0) for name in names)
