"""MLLP frames whole, byte by byte and in any pieces; no bytes make the decoder stumble."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import hl7.mllp
import pytest
from hl7apy.core import Message
from hypothesis import given
from hypothesis import strategies as st

from probes.wire.mllp import (
    ACK,
    MAX_MESSAGE,
    NAK,
    Decoder,
    Frame,
    Garbage,
    LimitError,
    encode,
)

ONE = b"MSH|^~\\&|A\rMSA|AA|1\r"
TWO = b"MSH|^~\\&|B\rMSA|AE|2\r"

STREAMS: dict[str, tuple[bytes, list[bytes], int]] = {
    "one": (encode(ONE), [ONE], 0),
    "two": (encode(ONE) + encode(TWO), [ONE, TWO], 0),
    "empty frame": (b"\x0b\x1c\r", [b""], 0),
    "no 0x0D at the end": (b"\x0b" + ONE + b"\x1c", [ONE], 0),
    "no 0x0D between": (b"\x0b" + ONE + b"\x1c" + encode(TWO), [ONE, TWO], 0),
    "garbage before": (b"220 hi\r\n" + encode(ONE), [ONE], 8),
    "garbage after": (encode(ONE) + b"zzz", [ONE], 3),
    "a line feed after": (encode(ONE) + b"\n" + encode(TWO), [ONE, TWO], 1),
    "two 0x0D after": (encode(ONE) + b"\r" + encode(TWO), [ONE, TWO], 1),
    "begun anew": (b"\x0bMSH|^" + encode(ONE), [ONE], 6),
    "end without start": (b"\x1c\r" + encode(ONE), [ONE], 2),
    "half": (b"\x0bMSH|^", [], 0),
    "nothing": (b"", [], 0),
}
PIECES = st.lists(st.integers(min_value=0, max_value=80), max_size=12)
ANY = st.lists(st.one_of(st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\x1c\r"]), st.binary()))


def fed(pieces: list[bytes], decoder: Decoder | None = None) -> tuple[list[bytes], int]:
    """The messages, and how many bytes belonged to none."""
    decoder = decoder or Decoder()
    frames: list[bytes] = []
    garbage = 0
    for piece in pieces:
        decoder.receive(piece)
        while (event := decoder.next_event()) is not None:
            if isinstance(event, Frame):
                frames.append(event.message)
            else:
                garbage += event.count
    return frames, garbage


def cut(data: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(n, len(data)) for n in at), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_gives_its_frames_whole_or_byte_by_byte(name: str) -> None:
    data, frames, garbage = STREAMS[name]
    assert fed([data]) == (frames, garbage)
    assert fed([data[at : at + 1] for at in range(len(data))]) == (frames, garbage)


@given(name=st.sampled_from(sorted(STREAMS)), at=PIECES)
def test_how_a_stream_is_cut_makes_no_difference(name: str, at: list[int]) -> None:
    data, frames, garbage = STREAMS[name]
    assert fed(cut(data, at)) == (frames, garbage)


@given(parts=ANY, at=PIECES)
def test_any_bytes_in_any_pieces_give_the_same_and_never_raise(
    parts: list[bytes], at: list[int]
) -> None:
    data = b"".join(parts)
    whole = fed([data])
    assert fed(cut(data, at)) == whole
    frames, garbage = whole
    assert sum(map(len, frames)) + garbage <= len(data)
    assert all(b"\x0b" not in frame and b"\x1c" not in frame for frame in frames)


@given(messages=st.lists(st.binary().map(lambda b: b.translate(None, b"\x0b\x1c")), max_size=5))
def test_what_is_encoded_comes_back(messages: list[bytes]) -> None:
    assert fed([b"".join(map(encode, messages))]) == (messages, 0)


@pytest.mark.parametrize("message", [b"a\x0bb", b"a\x1cb"])
def test_a_message_with_a_framing_byte_is_refused(message: bytes) -> None:
    with pytest.raises(ValueError, match="0x0B and 0x1C"):
        encode(message)


def test_a_frame_may_be_as_long_as_the_cap_and_no_longer() -> None:
    assert fed([encode(b"12345")], Decoder(max_message=5)) == ([b"12345"], 0)
    with pytest.raises(LimitError):
        fed([encode(b"123456")], Decoder(max_message=5))
    with pytest.raises(LimitError):
        fed([b"\x0b123", b"456"], Decoder(max_message=5))


def test_a_frame_that_never_ends_is_held_no_further_than_the_cap() -> None:
    decoder = Decoder()
    decoder.receive(b"\x0b")
    taken = 0

    def take() -> None:
        nonlocal taken
        while taken < 40 << 20:
            decoder.receive(b"x" * 65_536)
            taken += 65_536
            decoder.next_event()

    with pytest.raises(LimitError):
        take()
    assert taken <= MAX_MESSAGE + 65_536
    assert not decoder._buffer  # and lets go of what it held


def test_megabytes_of_starts_hold_nobody_up() -> None:
    decoder = Decoder(max_garbage=1 << 30)
    began = time.process_time()
    for piece in (b"\x0b" * (1 << 20), encode(b"x" * 20) * 40_000, b"\x1c" * (1 << 20)):
        decoder.receive(piece)
        while decoder.next_event() is not None:
            pass
    assert time.process_time() - began < 5  # with a look at all that follow each: ten seconds


def test_garbage_is_counted_anew_where_a_connection_goes_on() -> None:
    decoder = Decoder(max_garbage=4)
    for _ in range(3):
        decoder.begin()
        assert fed([b"abcd" + encode(ONE)], decoder) == ([ONE], 4)


@pytest.mark.parametrize("block", [ACK, NAK])
def test_commit_blocks_of_release_2_are_frames_of_one_byte(block: bytes) -> None:
    assert fed([b"\x0b" + block + b"\x1c\r" + encode(ONE)]) == ([block, ONE], 0)


def test_garbage_is_bounded_over_the_whole_stream() -> None:
    decoder = Decoder(max_garbage=4)
    assert fed([b"ab" + encode(ONE) + b"cd"], decoder) == ([ONE], 4)
    decoder.receive(b"e")
    for _ in range(2):  # and it stays failed
        with pytest.raises(LimitError):
            decoder.next_event()


def test_garbage_is_counted_where_it_stands() -> None:
    decoder = Decoder()
    decoder.receive(b"ab" + encode(ONE) + b"c")
    events = [decoder.next_event() for _ in range(4)]
    assert events == [Garbage(2), Frame(ONE), Garbage(1), None]


async def test_python_hl7_reads_our_frames() -> None:
    reader = hl7.mllp.HL7StreamReader(loop=asyncio.get_running_loop())
    reader.feed_data(encode(ONE) + encode(TWO))
    reader.feed_eof()
    assert [await reader.readblock(), await reader.readblock()] == [ONE, TWO]


def test_we_read_the_frames_of_hl7apy() -> None:
    message = Message("ADT_A01", version="2.5.1")
    message.msh.msh_7 = "20260101"
    message.msh.msh_10 = "1"
    ((frame,), garbage) = fed([message.to_mllp().encode()])
    assert (frame.decode().strip("\r"), garbage) == (message.to_er7().strip("\r"), 0)
