"""What an answer says of clearinghouse, payer and us: the table of AAA by loop and code, and of STC.

Who failed is to be read from the reason alone. The table: `probes/kinds/x12_eligibility.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from probes.contract import Fact, Outcome
from probes.reasons import Reason
from probes.wire.x12_answer import T4, Answer, Category, FollowUp, Interim, Loop, Rejection, Verdict
from probes.wire.x12_question import Asks

UP: Verdict = (Outcome.UP, Reason.OK)
_ENROLMENT: Verdict = (Outcome.MISCONFIGURED, Reason.X12_ENROLMENT)
_REQUEST: Verdict = (Outcome.MISCONFIGURED, Reason.X12_REQUEST)
_NO_BENEFITS: Verdict = (Outcome.DOWN, Reason.X12_NO_BENEFITS)
_NOT_REJECTED: Verdict = (Outcome.DOWN, Reason.X12_NOT_REJECTED)
_PARTIAL: Verdict = (Outcome.DEGRADED, Reason.X12_PARTIAL)
_MEMBER: Verdict = (Outcome.MISCONFIGURED, Reason.X12_MEMBER)
_PROVIDER_CODES = frozenset({15, 41, *range(43, 49), 50, 51, 79, 97, T4})
_MEMBER_CODES = frozenset({15, *range(33, 36), *range(43, 79)})

AAA: Mapping[tuple[Loop, int], Verdict] = {
    (Loop.CLEARINGHOUSE, 4): _REQUEST,
    (Loop.CLEARINGHOUSE, 41): _ENROLMENT,
    (Loop.CLEARINGHOUSE, 42): (Outcome.DOWN, Reason.X12_AAA_42_CLEARINGHOUSE),
    (Loop.CLEARINGHOUSE, 79): _ENROLMENT,
    (Loop.PAYER, 4): _REQUEST,
    (Loop.PAYER, 41): _ENROLMENT,
    (Loop.PAYER, 42): (Outcome.DOWN, Reason.X12_AAA_42_PAYER),
    (Loop.PAYER, 79): _ENROLMENT,
    (Loop.PAYER, 80): (Outcome.DOWN, Reason.X12_AAA_80_PAYER),
    (Loop.PAYER, T4): _REQUEST,
    **{(Loop.PROVIDER, code): _ENROLMENT for code in _PROVIDER_CODES},
    **{(Loop.MEMBER, code): _MEMBER for code in _MEMBER_CODES},
    (Loop.MEMBER, 42): (Outcome.DEGRADED, Reason.X12_AAA_42_SUBSCRIBER),
}
"""By loop and AAA03. Codes about a member are right where the check expects them."""

_STC: Mapping[Category, Verdict] = {
    Category.ANSWERED: UP,
    Category.E0: _REQUEST,
    Category.E1: (Outcome.DOWN, Reason.X12_STC_E1_PAYER),
    Category.E2: (Outcome.DOWN, Reason.X12_STC_E2_PAYER),
    Category.E3: _REQUEST,
    Category.E4: _ENROLMENT,
}
_RANK = (Outcome.DOWN, Outcome.MISCONFIGURED, Outcome.UNKNOWN, Outcome.DEGRADED, Outcome.UP)
_TRANSIENT = frozenset({FollowUp.P, FollowUp.R, FollowUp.W, FollowUp.X, FollowUp.Y})


class By(Enum):
    """Who answered, or failed to."""

    CLEARINGHOUSE = "clearinghouse"
    PAYER = "payer"


@dataclass(frozen=True, slots=True)
class Judged:
    """`by` PAYER: the clearinghouse did its part."""

    verdict: Verdict
    by: By = By.CLEARINGHOUSE
    facts: Mapping[Fact, int] = field(default_factory=dict)


def judge(asks: Asks, answer: Answer, expected: frozenset[int] = frozenset()) -> Judged:
    """`expected`: the AAA03 about the member with one of which the payer is to reject the question;
    none: benefits are to come.
    """
    if answer.interim is not None:
        return _judge_interim(answer.interim)
    if asks is Asks.CLAIM_STATUS:
        return _judge_status(answer)
    verdict, by, facts = UP, By.PAYER, {Fact.BENEFITS: int(answer.has_benefits)}
    if answer.rejections:
        one, verdict = _worst(answer.rejections, expected)
        by = By.CLEARINGHOUSE if one.loop is Loop.CLEARINGHOUSE else By.PAYER
        facts |= _facts(one)
    elif not answer.has_benefits:
        verdict = _NO_BENEFITS
    if not answer.has_benefits:
        return Judged(verdict, by, facts)
    if expected:
        return Judged(_NOT_REJECTED if verdict == UP else verdict, by, facts)
    # Who gave benefits has answered, whatever else stands in the answer.
    is_partial = verdict[0] in {Outcome.DOWN, Outcome.MISCONFIGURED}
    return Judged(_PARTIAL if is_partial else verdict, By.PAYER, facts)


def judge_rejection(one: Rejection, expected: frozenset[int]) -> Verdict:
    """By the table; what is not in it by AAA01, and where that is silent by AAA04."""
    if one.code is not None:
        if one.loop is Loop.MEMBER and one.code in expected:
            return UP
        listed = AAA.get((one.loop, one.code))
        if listed is not None:
            return listed
    theirs = one.follow_up in _TRANSIENT if one.valid is None else one.valid
    return Outcome.DOWN if theirs else Outcome.MISCONFIGURED, Reason.X12_AAA_OTHER


def _worst(rejections: Iterable[Rejection], expected: frozenset[int]) -> tuple[Rejection, Verdict]:
    judged = [(one, judge_rejection(one, expected)) for one in rejections]
    return min(judged, key=lambda pair: _RANK.index(pair[1][0]))


def _facts(one: Rejection) -> dict[Fact, int]:
    told = {
        Fact.AAA_CODE: one.code,
        Fact.AAA_FOLLOW_UP: None if one.follow_up is None else one.follow_up.value,
    }
    return {fact: value for fact, value in told.items() if value is not None}


def _judge_status(answer: Answer) -> Judged:
    verdicts = [_STC[category] for category in answer.categories]
    none: Verdict = (Outcome.DOWN, Reason.X12_NO_STATUS)
    worst = min(verdicts, key=lambda verdict: _RANK.index(verdict[0]), default=none)
    return Judged(worst, By.PAYER)


def _judge_interim(interim: Interim) -> Judged:
    facts = {} if interim.note is None else {Fact.TA1_NOTE: interim.note}
    if interim.accepted:
        return Judged((Outcome.DOWN, Reason.X12_ONLY_ACKNOWLEDGED), facts=facts)
    reason = Reason.X12_TA1_REJECTED if interim.is_ta1 else Reason.X12_999_REJECTED
    return Judged((Outcome.MISCONFIGURED, reason), facts=facts)
