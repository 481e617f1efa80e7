"""Control numbers and verdicts out of 837, TA1, 999 and 277CA: whole, cut anywhere, and arbitrary."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire.claims import Ack, Number, Numbers, acks, is_other, is_whole, numbers
from tests.support.claim_texts import accepted_277ca, ack_999, claim, paid, ta1


def test_an_837_tells_its_numbers() -> None:
    assert numbers(claim(42)) == Numbers("42", "42", "B42")
    assert numbers(claim(42)[:400]) == Numbers("42", "42", "B42")
    assert numbers(ack_999(42)) is None
    assert numbers(paid()) is None
    assert numbers(b"") is None
    assert numbers(b"-----BEGIN PGP MESSAGE-----") is None


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (ta1(42, "A"), []),
        (ta1(42, "E"), []),
        (ta1(42, "R"), [Ack(Number.INTERCHANGE, "42", is_rejected=True)]),
        (ack_999(42), [Ack(Number.GROUP, "42", is_rejected=False)]),
        (ack_999(42, "E", "E"), [Ack(Number.GROUP, "42", is_rejected=False)]),
        (ack_999(42, "R", "R"), [Ack(Number.GROUP, "42", is_rejected=True)]),
        (ack_999(42, "P", "A"), [Ack(Number.GROUP, "42", is_rejected=True)]),
        (ack_999(42, "A", "R"), [Ack(Number.GROUP, "42", is_rejected=True)]),
        (ack_999(42, "M"), [Ack(Number.GROUP, "42", is_rejected=True)]),
        (ack_999(42, "W"), [Ack(Number.GROUP, "42", is_rejected=True)]),
        (ack_999(42, "R").replace(b"AK1*HC*", b"AK1*HS*"), []),
        (ack_999(42, "X"), [Ack(Number.GROUP, "42", is_rejected=True)]),
        (accepted_277ca(42), [Ack(Number.SUBMISSION, "B42", is_rejected=False)]),
        (accepted_277ca(42, "A2:20:PR"), [Ack(Number.SUBMISSION, "B42", is_rejected=False)]),
        (accepted_277ca(42, "A3:21:PR"), [Ack(Number.SUBMISSION, "B42", is_rejected=True)]),
        (accepted_277ca(42, "A6:21:PR"), [Ack(Number.SUBMISSION, "B42", is_rejected=True)]),
        (accepted_277ca(42, "A7:21:PR"), [Ack(Number.SUBMISSION, "B42", is_rejected=True)]),
        (accepted_277ca(42, "A8:21:PR"), [Ack(Number.SUBMISSION, "B42", is_rejected=True)]),
        (accepted_277ca(42, "A1:19:PR", "A7:21"), [Ack(Number.SUBMISSION, "B42", is_rejected=False)]),
        (ta1(1, "R") + ack_999(2), [
            Ack(Number.INTERCHANGE, "1", is_rejected=True), Ack(Number.GROUP, "2", is_rejected=False)
        ]),
        (claim(42), []),
        (ack_999(42) + b"\r\n garbage behind it", [Ack(Number.GROUP, "42", is_rejected=False)]),
        (b"", None),
        (b"not found", None),
        (b"\x00" * 200, None),
    ],
)  # fmt: skip
def test_answers_tell_what_they_are_about_and_whether_it_is_rejected(
    data: bytes, found: list[Ack] | None
) -> None:
    assert acks(data) == found


@pytest.mark.parametrize(
    "data", [ta1(42, "R"), ack_999(42, "R", "R"), accepted_277ca(42, "A3:21:PR")]
)
def test_cut_anywhere_an_answer_says_less_and_nothing_else(data: bytes) -> None:
    whole = acks(data)
    assert whole is not None
    for end in range(len(data)):
        found = acks(data[:end]) or []
        assert [one for one in found if one not in whole] == []


def test_an_answer_that_is_cut_before_its_verdict_accepts_nothing() -> None:
    errors = b"IK3*CLM*22*2300*8~" * 4000
    long = ack_999(42, "R", "R").replace(b"IK5*", errors + b"IK5*")
    assert acks(long[:65_536]) == []
    assert acks(long) == [Ack(Number.GROUP, "42", is_rejected=True)]
    two = ack_999(42, "P", "A").replace(b"AK9*", b"AK2*837*0002~IK5*R~AK9*")
    assert acks(two[: two.index(b"AK2*837*0002")]) == []
    assert acks(two[: two.index(b"AK9")]) == [Ack(Number.GROUP, "42", is_rejected=True)]
    taken = accepted_277ca(42, "A3:21:PR")
    assert acks(taken[: taken.index(b"STC")]) == []


def test_a_file_is_whole_where_an_interchange_ends_and_nowhere_else() -> None:
    data = ta1(42, "A") + ack_999(42)
    first = len(ta1(42, "A"))
    ends = [end for end in range(len(data) + 1) if is_whole(data[:end])]
    assert ends == [first, len(data)]
    assert is_whole(data + b"\r\n")
    assert not is_whole(data + b"x")


def test_what_else_is_sent_is_told_from_claims() -> None:
    assert is_other(ack_999(42))
    assert is_other(ta1(42, "A"))
    assert is_other(claim(42).replace(b"ST*837*", b"ST*270*"))
    for data in (claim(42), claim(42)[:150], b"", b"-----BEGIN PGP MESSAGE-----"):
        assert not is_other(data)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_say_nothing(data: bytes) -> None:
    assert acks(data) in (None, [])
    assert numbers(data) is None


@given(st.lists(st.tuples(st.integers(0, 700), st.binary(max_size=3)), max_size=5))
def test_broken_answers_are_read_as_far_as_they_go(cuts: list[tuple[int, bytes]]) -> None:
    data = accepted_277ca(42) + ack_999(43)
    for at, put in cuts:
        data = data[:at] + put + data[at + 1 :]
    found = acks(data)
    assert found is None or len(found) <= 16
    numbers(data)
