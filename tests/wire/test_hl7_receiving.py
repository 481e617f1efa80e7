"""The receiving end of a feed: what is answered, what is counted, whatever came."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.testing.mllp_sender import message
from probes.wire.hl7 import parse_ack
from probes.wire.hl7_receiving import Conversation, MessageType, Taken, Tally, take
from probes.wire.mllp import LimitError, encode

NOW = 1_767_225_600_000
CANARY = "WILHELMINA-00774411"


def answered(taken: Taken) -> tuple[str, str] | None:
    """(MSA-1, MSA-2) as our own probe reads it."""
    if taken.answer is None:
        return None
    ack = parse_ack(taken.answer)
    assert ack is not None
    return ack.code.value, ack.control_id


def test_a_message_is_accepted_under_its_own_control_id_and_forgotten() -> None:
    taken = take(message("ADT^A01^ADT_A01", "ENG0001", (CANARY,)), NOW, 7)
    assert taken.type is MessageType.ADT
    assert taken.answer == (
        b"MSH|^~\\&|WARDWATCH|HOSP|ENGINE|HOSP|20260101000000+0000||ACK^A01|"
        b"WWBTN3NVKAAAAAAAAAAH|P|2.5.1\rMSA|AA|ENG0001\r"
    )


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("ADT^A08", "adt"),
        ("ORU^R01^ORU_R01", "oru"),
        ("SIU^S12", "siu"),
        ("ORM", "orm"),
        ("OML^O21", "oml"),
        ("VXU^V04", "vxu"),
        ("ZZZ^Z01", "other"),
        ("adt^A08", "other"),
    ],
)
def test_messages_are_told_apart_by_a_closed_list(kind: str, found: str) -> None:
    taken = take(message(kind, "1"), NOW, 1)
    assert taken.type == found
    assert answered(taken) == ("AA", "1")


@pytest.mark.parametrize(
    ("accept", "application", "good", "bad"),
    [
        ("", "", "AA", "AR"),
        ("AL", "NE", "CA", "CR"),
        ("AL", "AL", "CA", "CR"),
        ("SU", "", "CA", None),
        ("ER", "NE", None, "CR"),
        ("NE", "AL", "AA", "AR"),
        ("", "ER", None, "AR"),
        ("NE", "NE", None, None),
        ("XX", "", "AA", "AR"),
    ],
)
def test_the_sender_says_which_acknowledgement_it_wants(
    accept: str, application: str, good: str | None, bad: str | None
) -> None:
    fine = take(message("ADT^A01", "9", accept=accept, answer=application), NOW, 1)
    nameless = take(message("ADT^A01", "", accept=accept, answer=application), NOW, 1)
    assert answered(fine) == (None if good is None else (good, "9"))
    assert answered(nameless) == (None if bad is None else (bad, ""))
    assert (fine.type, nameless.type) == (MessageType.ADT, None)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"MSH",
        b"MSH|^~\\&",
        b"PID|1||X\r",
        b"MSHA^~\\&A",
        b"FHS|^~\\&|A\rMSH|^~\\&|A",
        b"\xff\xfe\x00M\x00S\x00H",
        message("", "1"),
        message("ADT^A01", "N" * 200),
    ],
)
def test_what_is_no_message_is_rejected_and_never_counted(text: bytes) -> None:
    taken = take(text, NOW, 1)
    code = answered(taken)
    assert code is not None
    assert (taken.type, code[0]) == (None, "AR")


def test_an_answer_is_never_answered() -> None:
    assert take(message("ACK^A01", "1") + b"MSA|AA|1\r", NOW, 1) == Taken(None, None)
    assert take(message("MCF", "1"), NOW, 1) == Taken(None, None)


def test_other_separators_and_line_feeds_are_read_and_answered_alike() -> None:
    text = b"\xef\xbb\xbf\nMSH*:~\\&*ENGINE*H*WW*H*20260101**ORU:R01*77*P*2.3\nPID*1"
    taken = take(text, NOW, 0)
    assert taken.type is MessageType.ORU
    assert taken.answer == (
        b"MSH*:~\\&*WW*H*ENGINE*H*20260101000000+0000**ACK:R01*WWBTN3NVKAAAAAAAAAAA*P*2.3\r"
        b"MSA*AA*77\r"
    )


def conversation() -> tuple[Conversation, Tally]:
    tally = Tally()
    return Conversation(tally), tally


STREAM = (
    b"220 hello\r\n"
    + encode(message("ADT^A01", "1", (CANARY,)))
    + b"\r\n"
    + encode(b"garbage in a frame")
    + encode(message("SIU^S12", "2", accept="NE", answer="NE"))
    + encode(message("ADT^A08", "3"))[:-1]
    + b"trailing"
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_how_bytes_are_cut_is_no_matter(cuts: list[int]) -> None:
    whole, counted = conversation()
    expected = whole.receive(STREAM, NOW, 5)
    cut, also = conversation()
    places = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[a:b] for a, b in itertools.pairwise(places)]
    assert b"".join(cut.receive(piece, NOW, 5) for piece in pieces) == expected
    assert (also.counts, also.rejected, also.newest_ns) == (
        {MessageType.ADT: 2, MessageType.SIU: 1},
        1,
        {MessageType.ADT: 5, MessageType.SIU: 5},
    )
    assert also == counted
    assert expected.count(b"MSA|AA") == 2
    assert expected.count(b"MSA|AR") == 1
    assert CANARY.encode() not in expected
    assert not cut.unfinished


def test_byte_by_byte_is_the_same() -> None:
    talk, tally = conversation()
    answers = b"".join(talk.receive(STREAM[n : n + 1], NOW, n) for n in range(len(STREAM)))
    assert answers.count(b"\x0b") == 3
    assert tally.counts.total() == 3


@given(st.binary(max_size=300), st.sampled_from([b"", b"MSH|^~", b"\nMSH|^~\\&|A|B|C|D|E||"]))
def test_any_bytes_in_a_frame_get_one_answer_at_most(data: bytes, head: bytes) -> None:
    talk, tally = conversation()
    stuff = head + data.replace(b"\x0b", b"").replace(b"\x1c", b"")
    out = talk.receive(b"\x0b\x0b" + encode(stuff) + b"\x1c", NOW, 1)
    assert (tally.number, tally.rejected + tally.counts.total() <= 1) == (1, True)
    assert out.count(b"\x0b") == out.count(b"\x1c\x0d") <= 1


@given(st.binary(max_size=300))
def test_any_bytes_do_no_harm(data: bytes) -> None:
    talk, tally = conversation()
    talk.receive(data, NOW, 1)
    assert tally.number <= data.count(b"\x1c")


def test_a_frame_without_an_end_is_refused_at_one_mib() -> None:
    talk, _ = conversation()
    talk.receive(b"\x0b" + b"x" * (1 << 20), NOW, 1)
    assert talk.unfinished
    with pytest.raises(LimitError):
        talk.receive(b"x", NOW, 1)


def test_blanks_between_frames_never_add_up_to_the_limit() -> None:
    talk, tally = conversation()
    for _ in range(70):
        talk.receive(b"\n" * 1000 + encode(message("ADT^A01", "1")), NOW, 1)
    assert tally.counts == {MessageType.ADT: 70}
