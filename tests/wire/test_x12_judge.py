"""The table of AAA by loop and code, row by row, and what else an answer in X12 says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.contract import Fact, Outcome
from probes.reasons import Reason
from probes.testing.payer_answers import Answers, Heard, hear
from probes.wire.x12_answer import T4, Answer, Loop, aaa_code, follow_up, read_answer
from probes.wire.x12_judge import AAA, By, judge
from probes.wire.x12_question import Asks, numbers, write
from tests.wire.test_x12_oracle import AT_MS, ENVELOPE, question

RUN = numbers(AT_MS, 12345)
HEARD = hear(write(question(), RUN, ENVELOPE).decode())
CLAIM_HEARD = hear(write(question(Asks.CLAIM_STATUS), RUN, ENVELOPE).decode())

D, G, M, U = "down", "degraded", "misconfigured", "up"
# Loop, AAA03, outcome, reason: written out, not taken from the table it tests.
ROWS = [
    ("2000A", "04", M, "x12.request"),
    ("2000A", "41", M, "x12.enrolment"),
    ("2000A", "42", D, "x12.aaa_42_clearinghouse"),
    ("2000A", "79", M, "x12.enrolment"),
    ("2100A", "04", M, "x12.request"),
    ("2100A", "41", M, "x12.enrolment"),
    ("2100A", "42", D, "x12.aaa_42_payer"),
    ("2100A", "79", M, "x12.enrolment"),
    ("2100A", "80", D, "x12.aaa_80_payer"),
    ("2100A", "T4", M, "x12.request"),
    *(
        ("2100B", code, M, "x12.enrolment")
        for code in ("15", "41", "43", "44", "45", "46", "47", "48", "50", "51", "79", "97", "T4")
    ),
    *((loop, "42", G, "x12.aaa_42_subscriber") for loop in ("2100C", "2100D")),
    *((loop, code, U, "ok") for loop in ("2100C", "2100D") for code in ("72", "73", "75")),
    *(
        (loop, code, M, "x12.member")
        for loop in ("2100C", "2100D")
        for code in (
            *("15", "33", "35", "43", "45", "47", "48", "49", "51", "52", "54", "56", "57", "58"),
            *("60", "61", "62", "63", "64", "65", "66", "67", "68", "69", "70", "71", "74", "76"),
            *("77", "78"),
        )
    ),
]
EXPECTED = frozenset({72, 73, 75})


def heard(payload: str, asks: Asks = Asks.ELIGIBILITY) -> Answer | tuple[Outcome, Reason]:
    return read_answer(payload.encode(), asks, RUN)


def judged(payload: str, asks: Asks = Asks.ELIGIBILITY) -> tuple[str, str]:
    """Outcome and reason, with 72, 73 and 75 expected."""
    found = heard(payload, asks)
    verdict = judge(asks, found, EXPECTED).verdict if isinstance(found, Answer) else found
    return verdict[0].value, verdict[1].value


@pytest.mark.parametrize("valid", ["Y", "N"])
@pytest.mark.parametrize(("loop", "code", "outcome", "reason"), ROWS)
def test_an_aaa_is_judged_by_its_loop_and_its_code(
    loop: str, code: str, outcome: str, reason: str, valid: str
) -> None:
    found = heard(Answers(HEARD, "ZZQUILL").eligibility((loop, f"{valid}**{code}*C")))
    assert isinstance(found, Answer)
    seen = judge(Asks.ELIGIBILITY, found, EXPECTED)
    assert (seen.verdict[0].value, seen.verdict[1].value) == (outcome, reason)
    assert seen.by is (By.CLEARINGHOUSE if loop == "2000A" else By.PAYER)
    assert seen.facts == {
        Fact.BENEFITS: 0,
        Fact.AAA_CODE: 904 if code == "T4" else int(code),
        Fact.AAA_FOLLOW_UP: 1,
    }


def test_every_row_of_the_table_that_can_occur_is_tested() -> None:
    loops = {"2000A": Loop.CLEARINGHOUSE, "2100A": Loop.PAYER, "2100B": Loop.PROVIDER}
    tested = {(loops.get(loop, Loop.MEMBER), aaa_code(code)) for loop, code, _, _ in ROWS}
    untested = {code for loop, code in AAA if (loop, code) not in tested}
    assert untested == {34, 44, 46, 50, 53, 55, 59}  # of members; no guide has them in 2100C
    assert {loop for loop, code in AAA if code in untested and (loop, code) not in tested} == {
        Loop.MEMBER
    }


@pytest.mark.parametrize("loop", ["2000A", "2100A", "2100B", "2100C", "2100D"])
@pytest.mark.parametrize(
    ("elements", "outcome"),
    [
        ("Y**99*C", D),
        ("N**99*R", M),
        ("***R", D),
        ("***P", D),
        ("***W", D),
        ("***X", D),
        ("***Y", D),
        ("***C", M),
        ("***N", M),
        ("***S", M),
        ("", M),
        ("Y**ZZQUILL*R", D),
        ("**9999999*Q", M),
    ],
)
def test_what_the_table_has_not_is_told_by_aaa01_and_then_by_aaa04(
    loop: str, elements: str, outcome: str
) -> None:
    payload = Answers(HEARD, "ZZQUILL").eligibility((loop, elements))
    assert judged(payload) == (outcome, "x12.aaa_other")
    found = heard(payload)
    assert isinstance(found, Answer)
    assert Fact.AAA_CODE not in judge(Asks.ELIGIBILITY, found, EXPECTED).facts


def test_of_several_rejections_the_worst_counts() -> None:
    answers = Answers(HEARD, "ZZQUILL")
    assert judged(answers.eligibility(("2100C", "N**73*C"))) == (U, "ok")
    both = _counted(answers.eligibility(("2100C", "N**73*C~AAA*N**71*C")))
    assert judged(both) == (M, "x12.member")
    worse = _counted(answers.eligibility(("2100C", "N**73*C~AAA*Y**42*R~AAA*N**71*C")))
    assert judged(worse) == (M, "x12.member")
    assert judged(_counted(answers.eligibility(("2100A", "Y**42*R~AAA*N**79*C")))) == (
        D,
        "x12.aaa_42_payer",
    )


def _counted(payload: str) -> str:
    """With SE01 as it has to be."""
    lines = payload.split("~")
    at = next(n for n, line in enumerate(lines) if line.startswith("SE*"))
    lines[at] = f"SE*{at - 1}*0001"
    return "~".join(lines)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("TRN*2*", "TRN*2*X", (G, "x12.foreign_answer")),
        ("TRN*1*PAYERTRACE", "TRN*2*OFTHECLEARINGHOUSE", None),
        ("~TRN*2*", "~TRN*1*", None),  # BHT03 is ours
        ("ST*271*0001*005010X279A1", "ST*271*0001*005010X279", None),
        ("ST*271*0001*005010X279A1", "ST*271*0001*004010X092A1", (D, "x12.wrong_answer")),
        ("ST*271*0001*005010X279A1", "ST*271*0001", None),  # GS08 says it, too
        ("ST*271*", "ST*278*", (D, "x12.wrong_answer")),
    ],
)
def test_an_answer_is_ours_by_its_trace(
    before: str, after: str, expected: tuple[str, str] | None
) -> None:
    payload = Answers(HEARD, "ZZQUILL").eligibility().replace(before, after)
    assert isinstance(heard(payload), Answer) == (expected is None)
    assert expected in {None, judged(payload)}


def test_without_a_trace_it_is_ours_by_bht03_unless_it_speaks_of_a_member() -> None:
    answers = Answers(HEARD, "ZZQUILL")
    for loop, reason in (("2000A", "x12.aaa_42_clearinghouse"), ("2100A", "x12.aaa_42_payer")):
        payload = answers.eligibility((loop, "Y**42*R"))
        assert judged(payload)[1] == reason
        assert judged(payload.replace(RUN.token, ""))[1] == reason
        assert judged(payload.replace(RUN.token, "OTHER"))[1] == "x12.foreign_answer"
    of_member = answers.eligibility(("2100C", "N**75*C")).replace(f"TRN*2*{RUN.token}", "TRN*1*1")
    assert judged(of_member) == (U, "ok")
    assert judged(of_member.replace(RUN.token, ""))[1] == "x12.foreign_answer"
    status = Answers(CLAIM_HEARD, "ZZQUILL").status(("F1:65",)).replace(RUN.token, "")
    assert judged(status.replace("TRN*2*", "TRN*1*1"), Asks.CLAIM_STATUS)[1] == "x12.foreign_answer"


@pytest.mark.parametrize(
    ("code", "note", "control", "expected", "told"),
    [
        ("R", "006", None, (M, "x12.ta1_rejected"), 6),
        ("R", "025", None, (M, "x12.ta1_rejected"), 25),
        ("R", "999", None, (M, "x12.ta1_rejected"), None),
        ("A", "000", None, (D, "x12.only_acknowledged"), 0),
        ("E", "000", None, (D, "x12.only_acknowledged"), 0),
        ("Q", "000", None, (D, "x12.malformed"), None),
        ("R", "006", "000000001", (G, "x12.foreign_answer"), None),
    ],
)
def test_a_ta1_is_about_our_interchange_or_foreign(
    code: str, note: str, control: str | None, expected: tuple[str, str], told: int | None
) -> None:
    payload = Answers(HEARD, "ZZQUILL").interchange(code, note, control)
    assert judged(payload) == expected
    found = heard(payload)
    facts = judge(Asks.ELIGIBILITY, found).facts if isinstance(found, Answer) else {}
    assert facts.get(Fact.TA1_NOTE) == told


def test_acknowledgements_before_an_answer_say_nothing_more() -> None:
    answers = Answers(HEARD, "ZZQUILL")
    benefits, note = answers.eligibility(), answers.interchange("A", "000")
    inside = note[106:].partition("~")[0] + "~"
    for payload in (
        note + benefits,
        answers.implementation("A") + benefits,
        note + "\r\n" + answers.implementation("A") + benefits,
        benefits.replace("GS*", inside + "GS*"),
        benefits.replace("*000000077*0*", "*       77*0*"),
    ):
        assert heard(payload) == Answer(has_benefits=True)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        *((one, (M, "x12.999_rejected")) for one in "MPRWX"),
        *((one, (D, "x12.only_acknowledged")) for one in "AE"),
        ("Q", (D, "x12.malformed")),
    ],
)
def test_a_999_is_judged_by_ik5_and_ak9(outcome: str, expected: tuple[str, str]) -> None:
    answers = Answers(HEARD, "ZZQUILL")
    assert judged(answers.implementation(outcome)) == expected
    assert judged(answers.implementation(outcome, "1")) == (G, "x12.foreign_answer")


def test_a_999_whose_set_is_rejected_rejects_though_the_group_is_accepted() -> None:
    payload = Answers(HEARD, "ZZQUILL").implementation("R").replace("AK9*R", "AK9*A")
    assert judged(payload) == (M, "x12.999_rejected")
    assert judged(payload.replace("AK1*HS", "AK1*HR")) == (G, "x12.foreign_answer")
    assert judged(payload.replace("AK1*", "AK3*")) == (D, "x12.malformed")


def test_benefits_are_there_when_an_eb01_says_more_than_that_it_cannot() -> None:
    benefits = Answers(HEARD, "ZZQUILL").eligibility()
    found = heard(benefits)
    assert isinstance(found, Answer)
    assert judge(Asks.ELIGIBILITY, found).verdict == (Outcome.UP, Reason.OK)
    for other in ("EB*V**30", "EB***30"):
        none = benefits.replace("EB*1**30", other).replace("EB*C*", "EB*V*")
        assert judged(none) == (D, "x12.no_benefits")


@pytest.mark.parametrize(
    ("aaa", "outcome", "reason"),
    [
        ("AAA*N**33*C", G, "x12.partial"),
        ("AAA*N**69*C~AAA*N**70*C", G, "x12.partial"),
        ("AAA*Y**42*R", G, "x12.aaa_42_subscriber"),
        ("AAA*Y**99*R", G, "x12.partial"),
    ],
)
def test_benefits_with_a_rejection_beside_them_are_an_answer_in_part(
    aaa: str, outcome: str, reason: str
) -> None:
    """Such as a service type (2110C) of which the payer says nothing; nobody was turned away."""
    payload = _counted(Answers(HEARD, "ZZQUILL").eligibility().replace("~MSG*", f"~{aaa}~MSG*"))
    found = heard(payload)
    assert isinstance(found, Answer)
    seen = judge(Asks.ELIGIBILITY, found)
    assert (seen.verdict[0].value, seen.verdict[1].value, seen.by) == (outcome, reason, By.PAYER)
    assert seen.facts[Fact.BENEFITS] == 1
    assert Fact.AAA_FOLLOW_UP in seen.facts


@pytest.mark.parametrize("loop", ["~HL*2*", "~HL*3*"])
@pytest.mark.parametrize("code", ["42", "51", "79"])
def test_benefits_are_an_answer_in_part_in_whatever_loop_the_rejection_stands(
    loop: str, code: str
) -> None:
    payload = Answers(HEARD, "ZZQUILL").eligibility().replace(loop, f"~AAA*Y**{code}*C{loop}")
    found = heard(_counted(payload))
    assert isinstance(found, Answer)
    assert judge(Asks.ELIGIBILITY, found).verdict == (Outcome.DEGRADED, Reason.X12_PARTIAL)


def test_benefits_for_a_member_whom_nobody_is_to_be_are_wrong_whatever_stands_beside_them() -> None:
    benefits = Answers(HEARD, "ZZQUILL").eligibility()
    assert judged(benefits) == (D, "x12.not_rejected")
    both = _counted(benefits.replace("~MSG*", "~AAA*N**75*C~MSG*"))
    assert judged(both) == (D, "x12.not_rejected")
    worse = _counted(benefits.replace("~HL*2*", "~AAA*Y**42*R~HL*2*"))
    assert judged(worse) == (D, "x12.aaa_42_payer")


def test_an_answer_beyond_our_own_bounds_is_no_fault_of_the_payer() -> None:
    benefits = Answers(HEARD, "ZZQUILL").eligibility()
    many = _counted(benefits.replace("~MSG*", "~EB*1**30" * 20_000 + "~MSG*"))
    assert judged(many) == (M, "http.too_large")
    short = read_answer(benefits.encode(), Asks.ELIGIBILITY, RUN, 99)
    assert short == (Outcome.MISCONFIGURED, Reason.HTTP_TOO_LARGE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("42", 42), ("04", 4), ("4", 4), ("T4", T4), ("", None), ("t4", None), ("99", None)],
)
def test_a_code_outside_the_list_is_none(text: str, expected: int | None) -> None:
    assert aaa_code(text) == expected
    assert follow_up(text) is None


_PIECES = [
    Answers(HEARD, "ZZQUILL").eligibility(),
    Answers(HEARD, "ZZQUILL").eligibility(("2100A", "Y**42*R")),
    Answers(CLAIM_HEARD, "ZZQUILL").status(("E1:0",)),
    Answers(HEARD, "ZZQUILL").implementation("R"),
    Answers(HEARD, "ZZQUILL").interchange("R", "006"),
]


@given(
    st.sampled_from(_PIECES),
    st.lists(
        st.tuples(st.integers(0, 900), st.integers(0, 60), st.binary(max_size=20)), max_size=3
    ),
    st.sampled_from(Asks),
)
def test_any_bytes_give_an_answer_or_a_verdict_and_no_text(
    payload: str, edits: list[tuple[int, int, bytes]], asks: Asks
) -> None:
    data = payload.encode()
    for at, length, more in edits:
        data = data[:at] + more + data[at + length :]
    found = read_answer(data, asks, RUN)
    assert "ZZQUILL" not in repr(found)
    if isinstance(found, Answer):
        assert judge(asks, found, EXPECTED).verdict[0] is not Outcome.UNKNOWN
    else:
        assert found[1].value.startswith("x12.")


@given(st.sampled_from(_PIECES[:2]), st.integers(1, 900))
def test_a_part_of_an_answer_is_never_a_verdict_about_the_payer(payload: str, cut: int) -> None:
    data = payload.encode()[:-cut]
    assert read_answer(data, Asks.ELIGIBILITY, RUN) in (
        (Outcome.DOWN, Reason.X12_TRUNCATED),
        (Outcome.DOWN, Reason.X12_NOT_X12),
    )


def test_the_simulator_hears_what_we_asked() -> None:
    expected = Heard(
        f"{RUN.control:09d}",
        str(RUN.control),
        "HS",
        "270",
        RUN.token,
        "1999999984",
        "ZZUP0001",
        "T",
    )
    assert expected == HEARD
