"""SFTP packets: whole, byte by byte, with garbage behind them, and arbitrary bytes."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire import sftp
from probes.wire.sftp import (
    LARGEST_PACKET,
    Attributes,
    Data,
    Decoder,
    Entry,
    Handle,
    Hello,
    Mode,
    Names,
    Said,
    SftpError,
    Told,
)


def packet(body: str) -> bytes:
    data = bytes.fromhex(body)
    return len(data).to_bytes(4, "big") + data


ANSWERS = [
    (packet("02 00000003"), Hello(3)),
    (packet("02 00000003 00000001 61 00000001 31"), Hello(3)),
    (packet("65 00000007 00000002 00000002 6e6f 00000000"), Said(7, 2)),
    (packet("65 00000007 00000000"), Said(7, 0)),
    (packet("66 00000001 00000002 6869"), Handle(1, b"hi")),
    (packet("67 00000002 00000003 616263"), Data(2, b"abc")),
    (packet("69 00000003 00000000"), Told(3, Attributes())),
    (
        packet("69 00000003 8000000f 0000000000000005 00000001 00000002 000081a4 00000009 0000000a"
               "00000001 00000001 61 00000000"),
        Told(3, Attributes(5, 0o100644, 10)),
    ),
    (packet("68 00000004 00000000"), Names(4, ())),
    (
        packet("68 00000004 00000002 00000001 61 00000003 6c7361 00000001 0000000000000007"
               "00000001 62 00000000 00000008 00000001 00000002"),
        Names(4, (Entry(b"a", Attributes(7)), Entry(b"b", Attributes(mtime_s=2)))),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("attributes", "line", "found"),
    [
        ("00000004 000081a4", b"drwxr-xr-x 1 a b", [True]),  # the type speaks where there is one
        ("00000004 000041ed", b"-rwxr-xr-x 1 a b", [False]),
        ("00000004 0000a1ff", b"", [False]),
        ("00000004 000001a4", b"-rw-r--r-- 1 a b", [True]),  # permissions alone, as some send them
        ("00000004 000001ed", b"drwxr-xr-x 1 a b", [False]),
        ("00000000", b"drwxrwsr-t 1 a b", [False]),
        ("00000000", b"lrwxrwxrwx 1 a b", [False]),
        ("00000000", b"", [True]),
        ("00000000", b"data.837", [True]),  # no line of ls
    ],
)
def test_files_are_told_from_folders_by_whatever_the_server_says(
    attributes: str, line: bytes, found: list[bool]
) -> None:
    told = f"00000001 61 {len(line):08x} {line.hex()} {attributes}"
    decoder = Decoder()
    decoder.receive(packet(f"68 00000004 00000001 {told}"))
    answer = decoder.next_answer()
    assert isinstance(answer, Names)
    assert [one.is_file for one in answer.entries] == found


def test_the_time_nought_is_none() -> None:
    decoder = Decoder()
    decoder.receive(packet("69 00000003 00000008 00000000 00000000"))
    assert decoder.next_answer() == Told(3, Attributes())


@pytest.mark.parametrize(("data", "answer"), ANSWERS)
def test_an_answer_is_read_whole_byte_by_byte_and_before_others(
    data: bytes, answer: object
) -> None:
    whole = Decoder()
    whole.receive(data + data + b"\x00")
    assert [whole.next_answer() for _ in range(3)] == [answer, answer, None]
    single = Decoder()
    for byte in data[:-1]:
        single.receive(bytes([byte]))
        assert single.next_answer() is None
    single.receive(data[-1:])
    assert single.next_answer() == answer


@pytest.mark.parametrize(
    "data",
    [
        bytes(4),
        (LARGEST_PACKET + 1).to_bytes(4, "big"),
        packet("02"),
        packet("63 00000001"),
        packet("65 00000001"),
        packet("66 00000001 00000009 61"),
        packet("68 00000001 ffffffff 00000001 61 00000000 00000000"),
        packet("69 00000001 80000000 ffffffff"),
        packet("69 00000001 00000001 00000000"),
        b"HTTP/1.1 400",
    ],
)
def test_what_is_no_sftp_is_an_error(data: bytes) -> None:
    decoder = Decoder()
    decoder.receive(data)
    with pytest.raises(SftpError) as caught:
        decoder.next_answer()
    assert str(caught.value) == ""


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_arbitrary_bytes_are_answers_an_error_or_not_whole(parts: list[bytes]) -> None:
    decoder = Decoder()
    try:
        for part in parts:
            decoder.receive(part)
            while decoder.next_answer() is not None:
                pass
    except SftpError:
        pass


@given(st.integers(min_value=100, max_value=106), st.binary(max_size=64))
def test_arbitrary_bodies_are_an_answer_or_an_error(kind: int, body: bytes) -> None:
    decoder = Decoder()
    data = bytes([kind]) + body
    decoder.receive(len(data).to_bytes(4, "big") + data)
    with contextlib.suppress(SftpError):
        assert decoder.next_answer() is not None


def test_requests_are_as_the_draft_has_them() -> None:
    hexes = {
        sftp.hello(): "00000005 01 00000003",
        sftp.open_folder(b"/a")(1): "0000000b 0b 00000001 00000002 2f61",
        sftp.read_folder(b"h")(2): "0000000a 0c 00000002 00000001 68",
        sftp.open_file(b"/a", Mode.READ)(3): "00000013 03 00000003 00000002 2f61 00000001 00000000",
        sftp.open_file(b"/a", Mode.WRITE | Mode.CREATE | Mode.TRUNCATE)(3):
            "00000013 03 00000003 00000002 2f61 0000001a 00000000",
        sftp.read(b"h", 5, 9)(4): "00000016 05 00000004 00000001 68 0000000000000005 00000009",
        sftp.write(b"h", 5, b"xy")(5):
            "00000018 06 00000005 00000001 68 0000000000000005 00000002 7879",
        sftp.told(b"h")(6): "0000000a 08 00000006 00000001 68",
        sftp.close(b"h")(7): "0000000a 04 00000007 00000001 68",
        sftp.rename(b"/a", b"/b")(8): "00000011 12 00000008 00000002 2f61 00000002 2f62",
        sftp.remove(b"/a")(9): "0000000b 0d 00000009 00000002 2f61",
    }  # fmt: skip
    assert [data.hex() for data in hexes] == [text.replace(" ", "") for text in hexes.values()]
