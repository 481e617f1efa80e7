"""X12 interchanges taken apart: fixed places, any delimiters, and nothing but values or an X12Error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire.x12 import Delimiters, Fault, X12Error, read, segments

ISA = (
    "ISA*00*          *00*          *ZZ*PAYERTEST      *ZZ*UPTIMEMON      "
    "*260101*1200*^*00501*000000001*0*T*:~"
)
BODY = (
    "GS*HB*PAYERTEST*UPTIMEMON*20260101*1200*1*X*005010X279A1~ST*271*0001*005010X279A1~"
    "BHT*0022*11*TOKEN*20260101*1200~HL*1**20*1~NM1*PR*2*TESTPAYER*****PI*99999~AAA*Y**42*R~"
    "SE*6*0001~GE*1*1~IEA*1*000000001~"
)
WHOLE = ISA + BODY
TA1 = ISA + "TA1*000000009*260101*1200*R*006~IEA*0*000000001~"


def fault(text: str | bytes, max_bytes: int = 1 << 20) -> Fault:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(X12Error) as raised:
        read(data, max_bytes)
    assert str(raised.value) == raised.value.fault.value
    return raised.value.fault


def test_an_interchange_is_taken_apart_into_groups_and_sets() -> None:
    (one,) = read(WHOLE.encode())
    assert (one.control, one.usage, one.notes) == ("000000001", "T", ())
    assert one.delimiters == Delimiters("*", "^", ":", "~")
    (group,) = one.groups
    assert (group.function, group.control, group.guide) == ("HB", "1", "005010X279A1")
    (answer,) = group.transactions
    assert (answer.name, answer.control) == ("271", "0001")
    assert [segment[0] for segment in answer.segments] == [
        *("ST", "BHT", "HL", "NM1", "AAA", "SE"),
    ]
    assert answer.segments[4] == ("AAA", "Y", "", "42", "R")


def test_a_ta1_stands_before_the_groups() -> None:
    (one,) = read(TA1.encode())
    assert one.notes == (("TA1", "000000009", "260101", "1200", "R", "006"),)
    assert one.groups == ()


def test_a_ta1_alone_may_be_counted_as_if_it_were_a_group() -> None:
    assert read(TA1.replace("IEA*0*", "IEA*1*").encode()) == read(TA1.encode())
    assert fault(TA1.replace("IEA*0*", "IEA*2*")) is Fault.COUNT
    assert fault(ISA + "IEA*1*000000001~") is Fault.COUNT
    assert (
        fault(ISA + TA1[106:].partition("~")[0] + "~" + BODY.replace("IEA*1", "IEA*2"))
        is Fault.COUNT
    )


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_line_ends_behind_segments_are_passed_over(end: str) -> None:
    assert read(WHOLE.replace("~", "~" + end).encode()) == read(WHOLE.encode())


@pytest.mark.parametrize(
    ("element", "repetition", "component", "segment"), ["|^>\n", "\x1d\x1f\x1e\x1c", "*!<'"]
)
def test_the_delimiters_are_those_that_stand_in_isa(
    element: str, repetition: str, component: str, segment: str
) -> None:
    marks = str.maketrans("*^:~", element + repetition + component + segment)
    (one,) = read(WHOLE.translate(marks).encode())
    assert one.delimiters == Delimiters(element, repetition, component, segment)
    assert one.groups == read(WHOLE.encode())[0].groups


def test_a_carriage_return_that_ends_segments_may_have_a_line_feed_behind_it() -> None:
    (one,) = read(WHOLE.replace("~", "\r\n").encode())
    assert one.groups == read(WHOLE.encode())[0].groups


def test_before_version_00402_there_is_no_repetition() -> None:
    (one,) = read(WHOLE.replace("*^*00501*", "*U*00401*").encode())
    assert one.delimiters.repetition is None


def test_several_interchanges_stand_behind_each_other_each_with_its_own_delimiters() -> None:
    other = WHOLE.translate(str.maketrans("*~", "|\n"))
    found = read((WHOLE + "\r\n" + other + "\x1a\x00").encode())
    assert [one.delimiters.element for one in found] == ["*", "|"]


def test_padding_and_a_byte_order_mark_before_the_first_are_passed_over() -> None:
    assert read(b"\xef\xbb\xbf \r\n" + WHOLE.encode()) == read(WHOLE.encode())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Fault.NOT_X12),
        ("<html>", Fault.NOT_X12),
        ("IS", Fault.NOT_X12),
        (ISA[:105], Fault.TRUNCATED),
        (ISA, Fault.TRUNCATED),
        (WHOLE[:-1], Fault.TRUNCATED),
        (WHOLE.replace("SE*6*0001~", ""), Fault.TRUNCATED),
        (WHOLE.replace("GE*1*1~", ""), Fault.TRUNCATED),
        (WHOLE.replace("SE*6*0001~GE*1*1~", ""), Fault.TRUNCATED),
        (WHOLE.replace("SE*6", "SE*7"), Fault.COUNT),
        (WHOLE.replace("SE*6", "SE*"), Fault.COUNT),
        (WHOLE.replace("GE*1*1", "GE*2*1"), Fault.COUNT),
        (WHOLE.replace("IEA*1", "IEA*0"), Fault.COUNT),
        (WHOLE.replace("SE*6*0001", "SE*6*0002"), Fault.CONTROL),
        (WHOLE.replace("GE*1*1", "GE*1*2"), Fault.CONTROL),
        (WHOLE.replace("IEA*1*000000001", "IEA*1*000000002"), Fault.CONTROL),
        (WHOLE + "hello", Fault.STRUCTURE),
        (WHOLE.replace("AAA*", "*"), Fault.STRUCTURE),
        (WHOLE.replace("AAA*", "aaa*"), Fault.STRUCTURE),
        (WHOLE.replace("GE*1*1~", "GE*1*1~TA1*1~"), Fault.STRUCTURE),
        (WHOLE.replace("BHT", "GS"), Fault.STRUCTURE),
        (ISA + "SE*1*1~", Fault.STRUCTURE),
        (ISA + "ISA*1~", Fault.STRUCTURE),
        (WHOLE.replace("ST*271", "BHT*271"), Fault.STRUCTURE),
        (WHOLE.replace("*ZZ*UPTIMEMON ", "*ZZ*UPTIMEMON"), Fault.ISA),
        (WHOLE.replace("*T*:~", "*T***"), Fault.ISA),
        (WHOLE.replace("*T*:~", "*T*A~"), Fault.ISA),
        (ISA.replace("*", "A"), Fault.ISA),
        (ISA.replace("*^*", "*:*"), Fault.ISA),
    ],
)
def test_what_is_no_interchange_says_why(text: str, expected: Fault) -> None:
    assert fault(text) is expected


def test_more_bytes_than_asked_for_are_not_looked_at() -> None:
    assert fault(WHOLE, max_bytes=len(WHOLE) - 1) is Fault.TOO_LONG
    assert len(read(WHOLE.encode(), max_bytes=len(WHOLE))) == 1


def test_more_segments_than_asked_for_are_not_kept() -> None:
    data = WHOLE.encode()
    assert len(read(data, max_segments=10)) == 1
    with pytest.raises(X12Error, match="too_long"):
        read(data, max_segments=9)
    with pytest.raises(X12Error, match="too_long"):
        read(ISA.encode() + b"GS~ST~" + b"AB~" * 200_000)


def test_segments_come_until_the_place_where_it_stops_being_x12() -> None:
    seen: list[str] = []
    with pytest.raises(X12Error):
        seen.extend(segment[0] for segment, _marks in segments(WHOLE[:-20].encode()))
    assert seen == ["ISA", "GS", "ST", "BHT", "HL", "NM1", "AAA", "SE"]


@given(st.integers(0, len(WHOLE) - 1))
def test_a_part_of_an_interchange_is_none(cut: int) -> None:
    assert fault(WHOLE[:cut]) in {Fault.NOT_X12, Fault.TRUNCATED}


@given(
    st.one_of(
        st.binary(max_size=200),
        st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 40), st.binary(max_size=40)).map(
            lambda edit: WHOLE.encode()[: edit[0]] + edit[2] + WHOLE.encode()[edit[0] + edit[1] :]
        ),
    )
)
def test_any_bytes_give_interchanges_or_a_fault(data: bytes) -> None:
    try:
        found = read(data)
    except X12Error as error:
        assert error.fault in Fault  # noqa: PT017 - either is right
    else:
        assert found


@given(
    st.lists(
        st.lists(
            st.text(st.characters(codec="ascii", exclude_characters="*~\r\n"), max_size=8),
            max_size=5,
        ),
        max_size=6,
    )
)
def test_what_is_put_together_comes_apart_again(bodies: list[list[str]]) -> None:
    middle = [("ZZ9", *body) for body in bodies]
    text = "".join("*".join(segment) + "~" for segment in middle)
    whole = f"{ISA}GS*HB*A*B*20260101*1200*1*X*005010X279A1~ST*271*1~{text}SE*{len(middle) + 2}*1~GE*1*1~IEA*1*1~"
    (one,) = read(whole.encode())
    assert list(one.groups[0].transactions[0].segments[1:-1]) == middle
