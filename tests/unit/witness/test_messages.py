"""Requests and answers of `add-checkpoint`, as the specification spells them."""

from __future__ import annotations

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collector.attest.checkpoint import Checkpoint
from collector.attest.note import Note, SignatureLine
from collector.witness import messages
from collector.witness.messages import AddCheckpoint, MessageError
from tests.unit.witness.logs import NAME, Log

SPEC_REQUEST = """old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
\u2014 example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
""".encode()
SPEC_ANSWER = """\u2014 witness.example/w1 CMp+6LWBU0anHGH5aNDTJkH/gj79sG+T6+iP2ThYN5krrDJbR1HDnucjL39QsZTSvVjyQLrdk3DXDqI5G2HgLatVs0pWh6Up69HVOw==
\u2014 witness.example/w1 I7rEps0pvK2UqkS2gSpVUDhrhVtQV9lgF6pRrWAvjJHjyWpW7VcE3SiOlVlbQNt64vWhO+DlkL0+UfzuOBMh9ChdMkP1vi/lCAsmlw==
\u2014 witness.example/w2 AWui8Sk55XjYLOijihBjhqEH6nS1ndDymE0a+6idX7pLcnoB+dhnz0854aLZgrrKbYKA7nC3HNJhm/kWl7oJlqU3rXXvpysAdyP3wQ==
""".encode()
"""The examples of C2SP tlog-witness: facts of the format."""
ASKED = Log().asks(5, 30)
DATA = messages.write(ASKED)
HASH = base64.b64encode(bytes(32)).decode()
REST = DATA[DATA.index(b"\n\n") :]


def refused(data: bytes) -> bool:
    try:
        messages.parse(data)
    except MessageError:
        return True
    return False


def test_the_request_of_the_specification_is_read_and_written_again() -> None:
    read = messages.parse(SPEC_REQUEST)
    assert (read.old, len(read.proof)) == (20852014, 4)
    assert read.proof[0].hex() == "3e544d0abc07a6a846aeea6e7b42fb8316e36cc88a03db5e9afb996430e991ac"
    assert read.checkpoint() == Checkpoint(
        "example.com/behind-the-sofa",
        20852163,
        bytes.fromhex("0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"),
    )
    assert [line.id.hex() for line in read.signed.signatures] == ["033de0ae", "a292ea05"]
    assert messages.write(read) == SPEC_REQUEST


def test_the_answer_of_the_specification_is_read_and_written_again() -> None:
    lines = messages.read_signatures(SPEC_ANSWER)
    assert [(line.name, line.id.hex()) for line in lines] == [
        ("witness.example/w1", "08ca7ee8"),
        ("witness.example/w1", "23bac4a6"),
        ("witness.example/w2", "016ba2f1"),
    ]
    assert messages.write_signatures(lines) == SPEC_ANSWER


def test_a_first_request_has_no_proof() -> None:
    asked = Log().asks(0, 1)
    assert messages.write(asked).startswith(b"old 0\n\nlog.example/evidence\n1\n")
    assert messages.parse(messages.write(asked)) == asked


def test_a_request_cut_short_is_refused_wherever_it_is_cut() -> None:
    assert [n for n in range(len(DATA)) if not refused(DATA[:n])] == []
    assert refused(DATA + b"x")
    assert refused(DATA + b"\n")


@pytest.mark.parametrize(
    "head",
    [
        "",
        "old",
        "old ",
        "old 05",
        "old -1",
        "old +1",
        "old 1 ",
        "old  1",
        "OLD 1",
        "old 1\r",
        "old \u0661",
        "old 9223372036854775808",
        "1",
        f"old 1\n{HASH} ",
        f"old 1\n{HASH[:-1]}",
        f"old 1\n{HASH.replace('A=', 'B=')}",
        "old 1\nAAAA",
        f"old 1\r\n{HASH}",
        "\nold 1",
        "old 1\n" + "\n".join([HASH] * 64),
    ],
)
def test_a_head_spelled_otherwise_is_refused(head: str) -> None:
    assert not refused(b"old 1" + REST)
    assert not refused(b"old 1\n" + "\n".join([HASH] * 63).encode() + REST)
    assert refused(head.encode() + REST)


def test_what_is_signed_must_be_a_checkpoint() -> None:
    text = "log.example/evidence\nseven\nnothing\n"
    no_checkpoint = AddCheckpoint(0, (), Note(text, ASKED.signed.signatures))
    with pytest.raises(MessageError):
        messages.write(no_checkpoint)
    with pytest.raises(MessageError):
        messages.write(AddCheckpoint(-1, (), ASKED.signed))
    with pytest.raises(MessageError):
        messages.write(AddCheckpoint(0, (b"short",), ASKED.signed))


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
@example(b"old 1\n\n")
@example(b"\n\n\n")
def test_any_bytes_are_a_request_that_is_written_so_or_none(data: bytes) -> None:
    try:
        read = messages.parse(data)
    except MessageError:
        return
    assert messages.write(read) == data


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_a_request_with_one_octet_changed_is_another_one_or_none(at: int, by: int) -> None:
    changed = DATA[:at] + bytes([DATA[at] ^ by]) + DATA[at + 1 :]
    try:
        read = messages.parse(changed)
    except MessageError:
        return
    assert read != ASKED
    assert messages.write(read) == changed


@given(st.binary(max_size=200))
@example(b"\n" + SPEC_ANSWER)
@example(b"more text\n\n" + SPEC_ANSWER)
@example(SPEC_ANSWER + b"\n" + SPEC_ANSWER)
@example(SPEC_ANSWER[:-1])
@example(b"")
def test_any_other_bytes_are_no_answer(data: bytes) -> None:
    with pytest.raises(MessageError):
        messages.read_signatures(data)


def test_no_signature_is_no_answer() -> None:
    with pytest.raises(MessageError):
        messages.write_signatures([])
    with pytest.raises(MessageError):
        messages.write_signatures([SignatureLine("a name with blanks", bytes(4), bytes(72))])
    assert messages.write_signatures([SignatureLine(NAME, bytes(4), bytes(8))]) == (
        f"\u2014 {NAME} AAAAAAAAAAAAAAAA\n".encode()
    )


@pytest.mark.parametrize("size", [0, 1, 20852163, (1 << 63) - 1])
def test_a_size_is_a_line(size: int) -> None:
    assert messages.write_size(size) == f"{size}\n".encode()
    assert messages.read_size(messages.write_size(size)) == size


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"5", b"5\n\n", b"05\n", b"5\r\n", b"-5\n", b"9223372036854775808\n", b"\xff\n"],
)
def test_a_size_spelled_otherwise_is_none(data: bytes) -> None:
    with pytest.raises(MessageError):
        messages.read_size(data)
