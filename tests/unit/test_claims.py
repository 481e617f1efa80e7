"""The chain of claims, judged: what is late, rejected, silent, or nobody can say."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.claims import TOLD_MS, Answer, Known, Sent, Stage, Terms, judge
from probes.contract import Fact, Outcome
from probes.reasons import MEANINGS, Reason
from probes.wire.claims import Ack, Number, Numbers

HOUR, DAY = 3_600_000, 86_400_000
NOW = 1_800_000_000_000
TERMS = Terms({Stage.ACK: DAY, Stage.ACCEPTANCE: 3 * DAY, Stage.REMITTANCE: 30 * DAY})


def sent(days: float, number: int | None = None) -> Sent:
    numbers = None if number is None else Numbers(f"{number}", f"{number}", f"B{number}")
    return Sent(NOW - int(days * DAY), numbers)


def ack(days: float, number: int, *, rejected: bool = False) -> Answer:
    return Answer(Stage.ACK, NOW - int(days * DAY), Ack(Number.GROUP, f"{number}", rejected))


def ta1(days: float, number: int) -> Answer:
    return Answer(Stage.ACK, NOW - int(days * DAY), Ack(Number.INTERCHANGE, f"{number}", True))  # noqa: FBT003


def taken(days: float, number: int, *, rejected: bool = False) -> Answer:
    found = Ack(Number.SUBMISSION, f"B{number}", rejected)
    return Answer(Stage.ACCEPTANCE, NOW - int(days * DAY), found)


def came(stage: Stage, days: float) -> Answer:
    return Answer(stage, NOW - int(days * DAY))


def reason(*seen: Sent | Answer, terms: Terms = TERMS, **more: Any) -> Reason:
    return facts_and_reason(*seen, terms=terms, **more)[1]


def facts_and_reason(
    *seen: Sent | Answer, terms: Terms = TERMS, since_days: float = 400, **more: Any
) -> tuple[dict[Fact, int], Reason]:
    known = Known(
        [one for one in seen if isinstance(one, Sent)],
        [one for one in seen if isinstance(one, Answer)],
        NOW - int(since_days * DAY),
        **more,
    )
    found = judge(terms, known, NOW)
    assert found.outcome.value in MEANINGS[found.reason][0]
    return dict(found.facts), found.reason


WHOLE: list[Sent | Answer] = [sent(34, 1), ack(33.9, 1), taken(32, 1), came(Stage.REMITTANCE, 12)]
TABLE: list[tuple[str, list[Sent | Answer], Reason]] = [
    ("nothing is known", [], Reason.CLAIMS_NONE_YET),
    ("all came", WHOLE, Reason.OK),
    ("all is still in time", [sent(0.9, 1)], Reason.OK),
    ("due exactly now", [sent(1, 1)], Reason.OK),
    ("no 999", [sent(1.01, 1)], Reason.CLAIMS_NO_999),
    ("no 277CA", [sent(3.01, 1), ack(3, 1)], Reason.CLAIMS_NO_277CA),
    ("no 835", [sent(30.1, 1), ack(30, 1), taken(29, 1)], Reason.CLAIMS_NO_835),
    ("neither, so the earlier speaks", [sent(4, 1)], Reason.CLAIMS_NO_999),
    ("a 999 that came late", [sent(2, 1), ack(0.1, 1)], Reason.OK),
    ("a 999 of another", [sent(2, 1), ack(1.9, 2)], Reason.CLAIMS_NO_999),
    ("a 999 older than its 837 by the clock", [sent(2, 1), ack(2.1, 1)], Reason.OK),
    ("an 835 from before", [*WHOLE[:3], came(Stage.REMITTANCE, 35)], Reason.CLAIMS_NO_835),
    ("missed for so long that it was told", [sent(9, 1), taken(8, 1)], Reason.OK),
    ("a TA1 rejects, and no 999 is awaited", [sent(9, 1), ta1(9, 1)], Reason.CLAIMS_TA1_REJECTED),
    ("a 999 rejects", [sent(2, 1), ack(1.9, 1, rejected=True)], Reason.CLAIMS_999_REJECTED),
    ("a 277CA rejects", [sent(4, 1), ack(4, 1), taken(2, 1, rejected=True)], Reason.CLAIMS_277CA_REJECTED),
    ("accepted on the way, rejected at the end",
     [sent(4, 1), ack(4, 1), taken(3, 1), taken(2, 1, rejected=True)], Reason.CLAIMS_277CA_REJECTED),
    ("sent again and accepted", [sent(2, 1), ack(2, 1, rejected=True), sent(1.5, 2), ack(1, 2)], Reason.OK),
    ("sent again and not answered yet",
     [sent(2, 1), ack(2, 1, rejected=True), sent(0.5, 2)], Reason.CLAIMS_999_REJECTED),
    ("the same numbers again: each has its own",
     [sent(2, 1), sent(1.5, 1), ack(1.4, 1)], Reason.CLAIMS_NO_999),
    ("the same numbers again, both answered",
     [sent(2, 1), sent(1.5, 1), ack(1.4, 1), ack(1.3, 1)], Reason.OK),
    ("without numbers the first in is the first out",
     [sent(2), sent(1.5), came(Stage.ACK, 1.4)], Reason.CLAIMS_NO_999),
    ("without numbers, both", [sent(2), sent(1.5), came(Stage.ACK, 1.4), came(Stage.ACK, 1.3)], Reason.OK),
    ("an answer from before answers nothing", [sent(2), came(Stage.ACK, 2.1)], Reason.CLAIMS_NO_999),
    ("an answer without numbers is for no 837 that has some",
     [sent(2, 1), came(Stage.ACK, 1.9)], Reason.CLAIMS_NO_999),
    ("forgotten after the last deadline", [sent(37.1, 1)], Reason.CLAIMS_NONE_YET),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "says"), TABLE, ids=[row[0] for row in TABLE])
def test_the_chain_is_judged(name: str, seen: list[Sent | Answer], says: Reason) -> None:
    without_835 = Terms({Stage.ACK: DAY, Stage.ACCEPTANCE: 3 * DAY})
    asks_for_835 = any(word in name for word in ("835", "forgotten", "all came"))
    assert reason(*seen, terms=TERMS if asks_for_835 else without_835) is says


def test_a_missing_answer_is_told_for_a_week() -> None:
    terms = Terms({Stage.ACK: DAY})
    assert reason(sent(8), terms=terms) is Reason.CLAIMS_NONE_YET
    assert reason(sent(7.99), terms=terms) is Reason.CLAIMS_NO_999
    assert TOLD_MS == 7 * DAY


def test_outcomes_are_those_of_the_reasons() -> None:
    late = judge(TERMS, Known([sent(2, 1)], [], 0), NOW)
    assert late.outcome is Outcome.DEGRADED
    known = Known([sent(2, 1)], [ack(1.9, 1, rejected=True)], 0)
    assert judge(TERMS, known, NOW).outcome is Outcome.MISCONFIGURED


def test_facts_are_counts_and_one_age() -> None:
    seen: list[Sent | Answer] = [
        sent(2.5, 1), ack(2.4, 1), taken(1, 1),
        sent(2, 2), ack(1.9, 2, rejected=True),
        sent(1.5, 3),
        sent(0.5, 4), ack(0.4, 4),
    ]  # fmt: skip
    facts, says = facts_and_reason(*seen)
    assert says is Reason.CLAIMS_NO_999
    assert facts == {
        Fact.CLAIMS_SENT: 4,
        Fact.CLAIMS_999: 3,
        Fact.CLAIMS_277CA: 1,
        Fact.CLAIMS_835: 0,
        Fact.CLAIMS_LATE: 1,
        Fact.CLAIMS_REJECTED: 1,
        Fact.OLDEST_S: int(2.5 * DAY) // 1000,
    }


EVERY = Terms({Stage.ACK: DAY}, expect_every_ms=3 * DAY)


def test_nothing_sent_for_too_long_is_told() -> None:
    assert reason(sent(2.9, 1), ack(2.8, 1), terms=EVERY) is Reason.OK
    assert reason(sent(3.1, 1), ack(3, 1), terms=EVERY) is Reason.CLAIMS_NONE_SENT
    assert reason(terms=EVERY, since_days=2) is Reason.CLAIMS_NONE_YET
    assert reason(terms=EVERY, since_days=4) is Reason.CLAIMS_NONE_SENT
    # somebody fetched what was sent before the agent began
    assert reason(sent(3.1, 1), ack(3, 1), terms=EVERY, since_days=1) is Reason.OK


def test_what_may_have_come_while_nobody_heard_is_not_late() -> None:
    away = [(NOW - DAY, NOW - DAY // 2)]
    assert reason(sent(2), away=away) is Reason.CLAIMS_UNHEARD
    assert reason(sent(2), away=[(NOW - 4 * DAY, NOW - 3 * DAY)]) is Reason.CLAIMS_NO_999
    assert reason(sent(0.2), sent(2), came(Stage.ACK, 1.9), away=away) is Reason.OK
    assert reason(sent(3.5), came(Stage.ACK, 3), terms=EVERY, away=away) is Reason.CLAIMS_UNHEARD
    rejected: list[Sent | Answer] = [sent(2, 1), ack(1.9, 1, rejected=True)]
    assert reason(*rejected, away=away) is Reason.CLAIMS_999_REJECTED


def test_what_is_not_read_yet_may_be_the_answer_or_a_rejection_or_its_end() -> None:
    rejected = ack(3.9, 1, rejected=True)
    seen: list[list[Sent | Answer]] = [
        [sent(2, 1)], [sent(2, 1), ack(1, 1)], [sent(4, 1), rejected], [],
    ]  # fmt: skip
    for some in seen:
        assert reason(*some, terms=EVERY, whole=False) is Reason.CLAIMS_UNREAD


def test_a_rejection_is_told_for_hours_though_another_837_is_accepted() -> None:
    terms = Terms({Stage.ACK: DAY})
    hour = 1 / 24
    mine, other = sent(0.5, 1), sent(0.4, 2)
    for hours, says in ((2.9, Reason.CLAIMS_999_REJECTED), (3.1, Reason.OK)):
        rejected = ack(hours * hour, 1, rejected=True)
        assert reason(mine, other, rejected, ack(0.01, 2), terms=terms) is says
    again = ack(0.001, 1)  # an old rejection does not begin anew because more is said of it
    assert (
        reason(mine, other, ack(0.3, 1, rejected=True), again, ack(0.3, 2), terms=terms)
        is Reason.OK
    )


def test_an_answer_from_days_before_is_not_that_of_a_number_used_again() -> None:
    """A sender whose groups all have the number 1, once a week."""
    terms = Terms({Stage.ACK: DAY})
    assert reason(sent(1.1, 1), ack(7.5, 1), terms=terms) is Reason.CLAIMS_NO_999
    assert reason(sent(1.1, 1), ack(2.0, 1), terms=terms) is Reason.OK


DAYS = st.floats(0, 12).map(lambda days: round(days, 3))
NUMBER = st.one_of(st.none(), st.integers(1, 4))


def _answer(days: float, number: int | None, stage: Stage, *, rejected: bool) -> Answer:
    if number is None or stage is Stage.REMITTANCE:
        return came(stage, days)
    make = ack if stage is Stage.ACK else taken
    return make(days, number, rejected=rejected)


SENT = st.builds(sent, DAYS, NUMBER)
ANSWER = st.builds(_answer, DAYS, NUMBER, st.sampled_from(Stage), rejected=st.booleans())
LAWS = Terms({Stage.ACK: DAY, Stage.ACCEPTANCE: 2 * DAY, Stage.REMITTANCE: 5 * DAY}, 4 * DAY)


@given(st.lists(SENT, max_size=6, unique_by=lambda one: one.at_ms),
       st.lists(ANSWER, max_size=8, unique_by=lambda one: one.at_ms), st.randoms())  # fmt: skip
def test_the_order_in_which_it_was_seen_is_nothing(
    claims: list[Sent], answers: list[Answer], chance: random.Random
) -> None:
    straight = judge(LAWS, Known(claims, answers, 0), NOW)
    chance.shuffle(claims)
    chance.shuffle(answers)
    assert judge(LAWS, Known(claims, answers, 0), NOW) == straight


@given(st.lists(SENT, max_size=6), st.lists(ANSWER, max_size=8))
def test_counts_add_up_and_late_is_never_more_than_sent(
    claims: list[Sent], answers: list[Answer]
) -> None:
    found = judge(LAWS, Known(claims, answers, 0), NOW)
    facts = found.facts
    assert facts[Fact.CLAIMS_SENT] == sum(one.at_ms > NOW - LAWS.look_back_ms for one in claims)
    for fact in (Fact.CLAIMS_999, Fact.CLAIMS_277CA, Fact.CLAIMS_835, Fact.CLAIMS_LATE):
        assert 0 <= facts[fact] <= facts[Fact.CLAIMS_SENT]
    one_to_one = [one for one in claims if one.numbers is None]
    assert facts[Fact.CLAIMS_999] <= len([one for one in answers if one.stage is Stage.ACK]) + len(
        one_to_one
    )


@given(st.integers(0, 6), st.integers(0, 6))
def test_without_numbers_each_answer_is_for_one(sends: int, answers: int) -> None:
    seen = [sent(5 - 0.1 * n) for n in range(sends)]
    seen_answers = [came(Stage.ACK, 2 - 0.1 * n) for n in range(answers)]
    facts, _ = facts_and_reason(*seen, *seen_answers, terms=Terms({Stage.ACK: DAY}))
    assert facts[Fact.CLAIMS_999] == min(sends, answers)
    assert facts[Fact.CLAIMS_LATE] == sends - min(sends, answers)
