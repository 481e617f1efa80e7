"""The verdict table of `probes/kinds/hl7.md`, row by row."""

from __future__ import annotations

import pytest

from probes.contract import Outcome
from probes.reasons import Reason
from probes.wire.hl7 import ERROR_CODES, AckCode, Acknowledgement, QueryStatus
from probes.wire.hl7_judge import Expect, Verdict, is_refused, judge

UP = (Outcome.UP, Reason.OK)
M_ERROR = (Outcome.MISCONFIGURED, Reason.HL7_ACK_ERROR)
M_REJECT = (Outcome.MISCONFIGURED, Reason.HL7_ACK_REJECT)
D_ERROR = (Outcome.DOWN, Reason.HL7_ACK_ERROR)
D_REJECT = (Outcome.DOWN, Reason.HL7_ACK_REJECT)
LOCKED = (Outcome.DEGRADED, Reason.HL7_ACK_ERROR)

# ERR-3: (of AE and CE, of AR and CR)
TABLE_0357: dict[int | None, tuple[Verdict, Verdict]] = {
    None: (M_ERROR, M_REJECT),
    0: (M_ERROR, M_REJECT),  # "message accepted" beside an error
    100: (M_ERROR, M_REJECT),  # segment sequence
    101: (M_ERROR, M_REJECT),  # required field
    102: (M_ERROR, M_REJECT),  # data type
    103: (M_ERROR, M_REJECT),  # table value
    104: (M_ERROR, M_REJECT),  # value too long
    198: (M_ERROR, M_REJECT),
    199: (M_ERROR, M_REJECT),
    200: (M_ERROR, M_REJECT),  # message type
    201: (M_ERROR, M_REJECT),  # event
    202: (M_ERROR, M_REJECT),  # processing id
    203: (M_ERROR, M_REJECT),  # version
    204: (M_ERROR, M_REJECT),  # unknown key
    205: (M_ERROR, M_REJECT),  # duplicate key
    206: (LOCKED, M_REJECT),  # record locked
    207: (D_ERROR, D_REJECT),  # internal error
}


def test_the_table_is_whole() -> None:
    assert TABLE_0357.keys() == ERROR_CODES | {None}


@pytest.mark.parametrize("error", TABLE_0357)
def test_an_error_decides_by_its_number(error: int | None) -> None:
    of_error, of_reject = TABLE_0357[error]
    for code, expected in (
        ("AE", of_error),
        ("CE", of_error),
        ("AR", of_reject),
        ("CR", of_reject),
    ):
        ack = Acknowledgement(AckCode(code), "WW1", error)
        assert judge(ack, Expect.ACCEPTED, None) == expected
        assert judge(ack, Expect.FOUND, "ZZ1") == expected
    for code in ("AA", "CA"):
        assert judge(Acknowledgement(AckCode(code), "WW1", error), Expect.ACCEPTED, None) == UP


@pytest.mark.parametrize("error", TABLE_0357)
def test_a_message_nobody_knows_is_right_when_it_is_rejected(error: int | None) -> None:
    for code in AckCode:
        expected = UP
        if code in ("AA", "CA"):
            expected = (Outcome.MISCONFIGURED, Reason.HL7_NOT_REJECTED)
        elif error == 207:
            expected = D_ERROR if code in ("AE", "CE") else D_REJECT
        assert judge(Acknowledgement(code, "WW1", error), Expect.REJECTED, None) == expected


@pytest.mark.parametrize(
    ("status", "patients", "asked", "expected"),
    [
        ("OK", {"ZZ1"}, "ZZ1", UP),
        ("OK", {"ZZ2", "ZZ1"}, "ZZ1", UP),
        ("OK", set(), None, UP),
        ("OK", set(), "ZZ1", (Outcome.DOWN, Reason.HL7_WRONG_PATIENT)),
        ("OK", {""}, "ZZ1", (Outcome.DOWN, Reason.HL7_WRONG_PATIENT)),
        ("OK", {"ZZ2"}, None, UP),
        ("OK", {"ZZ2"}, "ZZ1", (Outcome.DOWN, Reason.HL7_WRONG_PATIENT)),
        ("NF", set(), "ZZ1", (Outcome.MISCONFIGURED, Reason.HL7_NO_MATCH)),
        ("AE", set(), "ZZ1", M_ERROR),
        ("AR", set(), "ZZ1", M_REJECT),
        (None, {"ZZ1"}, "ZZ1", (Outcome.DOWN, Reason.HL7_ACK_MALFORMED)),
    ],
)
def test_a_query_is_right_when_it_finds_the_patient_it_asks_for(
    status: str | None, patients: set[str], asked: str | None, expected: Verdict
) -> None:
    query = None if status is None else QueryStatus(status)
    ack = Acknowledgement(AckCode.AA, "WW1", None, query, frozenset(patients))
    assert judge(ack, Expect.FOUND, asked) == expected


@pytest.mark.parametrize("number", [206, 207])
def test_an_error_of_a_query_is_one_of_the_table(number: int) -> None:
    ack = Acknowledgement(AckCode.AA, "WW1", number, QueryStatus.AE)
    assert judge(ack, Expect.FOUND, "ZZ1") == TABLE_0357[number][0]


def test_what_was_refused_as_a_message_left_nothing_behind() -> None:
    refused = [
        (code.value, error)
        for code in AckCode
        for error in (None, 202, 205)
        if is_refused(Acknowledgement(code, "WW1", error))
    ]
    assert refused == [("AR", None), ("AR", 202), ("CR", None), ("CR", 202)]
