"""HTTP/1.1 answers whole, byte by byte and in any pieces; broken ones end in one reason."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.reasons import Reason
from probes.wire.http1 import Exchange, HttpError, Request, Url, parse_url, retry_after_s

URL = parse_url("http://portal.example.org/login")
NOW_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z

SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nX-Two: a\r\nx-two: b\r\n\r\nSign in"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"4\r\nSign\r\n3;x=y\r\n in\r\n0\r\nX-Trailer: 1\r\n\r\n"
)
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + SIZED
TO_THE_END = b"HTTP/1.0 200 OK\r\n\r\nSign in"
NO_BODY = b"HTTP/1.1 204 No Content\r\n\r\n"

WHOLE = {
    "sized": (SIZED, 200, b"Sign in"),
    "sized, garbage after it": (SIZED + b"\x00HTTP/1.1 500 No\r\n\r\n", 200, b"Sign in"),
    "chunked": (CHUNKED, 200, b"Sign in"),
    "chunked, garbage after it": (CHUNKED + b"zzz", 200, b"Sign in"),
    "interim first": (INTERIM, 200, b"Sign in"),
    "until the end of the stream": (TO_THE_END, 200, b"Sign in"),
    "no body": (NO_BODY, 204, b""),
    "bare line feeds": (SIZED.replace(b"\r\n", b"\n"), 200, b"Sign in"),
}
BROKEN = {
    "nothing": (b"", Reason.HTTP_CLOSED),
    "half a status line": (b"HTTP/1.1 20", Reason.HTTP_CLOSED),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-Le", Reason.HTTP_CLOSED),
    "only an interim answer": (b"HTTP/1.1 100 Continue\r\n\r\n", Reason.HTTP_CLOSED),
    "a mail server": (b"220 portal ESMTP\r\n", Reason.HTTP_NOT_HTTP),
    "an acknowledgement": (b"\x0bMSH|^~\\&|", Reason.HTTP_NOT_HTTP),
    "HTTP/2": (b"HTTP/2 200 OK\r\n\r\n", Reason.HTTP_NOT_HTTP),
    "a bad status": (b"HTTP/1.1 abc OK\r\n\r\n", Reason.HTTP_NOT_HTTP),
    "a bad header": (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", Reason.HTTP_NOT_HTTP),
    "two lengths": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        Reason.HTTP_NOT_HTTP,
    ),
    "an upgrade nobody asked for": (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        Reason.HTTP_NOT_HTTP,
    ),
    "a bad chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        Reason.HTTP_NOT_HTTP,
    ),
    "a short body": (SIZED[:-1], Reason.HTTP_TRUNCATED),
    "no last chunk": (CHUNKED[: CHUNKED.index(b"0\r\n")], Reason.HTTP_TRUNCATED),
    "an endless head": (
        b"HTTP/1.1 200 OK\r\n" + b"X-Fill: 0123456789\r\n" * 4000,
        Reason.HTTP_TOO_LARGE,
    ),
    "a body declared too long": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n",
        Reason.HTTP_TOO_LARGE,
    ),
    "a body grown too long": (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 101, Reason.HTTP_TOO_LARGE),
    "chunks grown too long": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + b"x" * 101,
        Reason.HTTP_TOO_LARGE,
    ),
}


def exchange(method: str = "GET") -> Exchange:
    return Exchange(Request(method, URL, {}), max_body=100)


def answer(pieces: list[bytes], method: str = "GET") -> tuple[int | None, bytes] | Reason:
    """Feed the pieces and then the end of the stream; what came of it."""
    running = exchange(method)
    try:
        for piece in [*pieces, b""]:
            if running.feed(piece):
                return running.status, running.body
    except HttpError as error:
        return error.reason
    raise AssertionError("the end of the stream always decides")


def bytewise(data: bytes) -> list[bytes]:
    return [data[n : n + 1] for n in range(len(data))]


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_answer_is_read_at_once_and_byte_by_byte(name: str) -> None:
    data, status, body = WHOLE[name]
    assert answer([data]) == (status, body)
    assert answer(bytewise(data)) == (status, body)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_has_one_reason_at_once_and_byte_by_byte(name: str) -> None:
    data, reason = BROKEN[name]
    assert answer([data] if data else []) == reason
    assert answer(bytewise(data)) == reason


@given(
    data=st.sampled_from([v[0] for v in WHOLE.values()] + [v[0] for v in BROKEN.values()]),
    cuts=st.lists(st.integers(min_value=1, max_value=200), max_size=12),
)
def test_no_way_of_cutting_the_stream_changes_the_answer(data: bytes, cuts: list[int]) -> None:
    edges = sorted({0, *(c for c in cuts if c < len(data)), len(data)})
    pieces = [data[a:b] for a, b in pairwise(edges)]
    assert answer(pieces) == answer([data] if data else [])


NAMES = st.sampled_from(
    [b"Content-Length", b"content-length", b"Transfer-Encoding", b"X-A", b"X-~!", b"X A", b""]
)
TEXTS = st.sampled_from(
    [
        b"0",
        b"7",
        b" 7 ",
        b"07",
        b"+7",
        b"7, 7",
        b"8",
        b"101",
        b"1\t",
        b"",
        b"chunked",
        b"a  b",
        b"\x80",
        b"a\x00b",
        b"a\r\n b",
        b"a\nb",
        b"99999999999999999999999",
    ]
)


@given(
    status=st.sampled_from(
        [b"199", b"200", b"204", b"304", b"404", b"599", b"600", b"20", b"2000"]
    ),
    phrase=st.sampled_from([b" OK", b" ", b"", b" \xe9", b" a\tb", b"\tOK"]),
    fields=st.lists(st.tuples(NAMES, st.sampled_from([b": ", b":", b" :", b":\t", b""]), TEXTS)),
    sized=st.booleans(),
    body=st.sampled_from([b"Sign in", b"Sign in and more", b"Sign", b""]),
    method=st.sampled_from(["GET", "HEAD"]),
)
def test_the_plain_case_is_read_as_h11_reads_it(
    status: bytes,
    phrase: bytes,
    fields: list[tuple[bytes, bytes, bytes]],
    sized: bool,  # noqa: FBT001 - hypothesis names it
    body: bytes,
    method: str,
) -> None:
    lines = [b"HTTP/1.1 " + status + phrase, *(b"".join(field) for field in fields)]
    if sized:
        lines.append(b"Content-Length: 7")
    data = b"\r\n".join([*lines, b"", body])
    whole, cut = exchange(method), exchange(method)

    def read(running: Exchange, pieces: list[bytes]) -> object:
        try:
            for piece in [*pieces, b""]:
                if running.feed(piece):
                    return running.status, running.body, running.headers
        except HttpError as error:
            return error.reason
        return None

    # A first piece of one byte is never plain: all of it goes to h11.
    assert read(whole, [data]) == read(cut, [data[:1], data[1:]])


@pytest.mark.parametrize("name", ["sized", "sized, garbage after it"])
def test_the_plain_case_needs_no_h11(name: str) -> None:
    running = exchange()
    assert running.feed(WHOLE[name][0])
    assert running._peer is None


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6))
def test_any_bytes_give_an_answer_or_a_reason(pieces: list[bytes]) -> None:
    found = answer([b"HTTP/1.", *pieces])
    assert isinstance(found, (Reason, tuple))


def test_an_answer_is_whole_without_the_end_of_the_stream() -> None:
    running = exchange()
    assert running.feed(SIZED[:-1]) is False
    assert running.feed(SIZED[-1:]) is True
    assert running.headers == [("content-length", "7"), ("x-two", "a"), ("x-two", "b")]


def test_garbage_is_told_by_its_first_byte() -> None:
    with pytest.raises(HttpError) as caught:
        exchange().feed(b"S")
    assert caught.value.reason is Reason.HTTP_NOT_HTTP
    assert str(caught.value) == "http.not_http"


def test_an_answer_to_head_has_no_body_whatever_its_length_says() -> None:
    assert answer([b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"], "HEAD") == (200, b"")


def test_the_request_asks_for_one_plain_answer() -> None:
    url = parse_url("https://portal.example.org:8443/login?next=%2F")
    asked = Request("GET", url, {"X-Probe": "1", "accept": "text/html"}).data
    assert asked == (
        b"GET /login?next=%2F HTTP/1.1\r\n"
        b"Host: portal.example.org:8443\r\n"
        b"User-Agent: wardwatch\r\n"
        b"Accept-Encoding: identity\r\n"
        b"Connection: close\r\n"
        b"X-Probe: 1\r\n"
        b"accept: text/html\r\n\r\n"
    )


@pytest.mark.parametrize("value", ["secret\r\nX: y", "secret\x00", "s\u00e9cret\u20ac"])
def test_a_header_that_cannot_be_sent_is_not_quoted(value: str) -> None:
    with pytest.raises(ValueError, match=r"^not a header that can be sent$") as caught:
        Request("GET", URL, {"Authorization": value})
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_url_is_taken_apart() -> None:
    assert parse_url("https://EHR.example.org/r4?a=b") == Url(
        tls=True,
        host="ehr.example.org",
        port=443,
        authority="EHR.example.org",
        target="/r4?a=b",
    )
    assert parse_url("http://[::1]:8080") == Url(
        tls=False, host="::1", port=8080, authority="[::1]:8080", target="/"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "portal.example.org/login",
        "ftp://portal.example.org/",
        "https:///login",
        "https://user:hunter2@portal.example.org/",
        "https://portal.example.org/#top",
        "https://portal.example.org:99999/",
        "https://portal.example.org:0/",
        "https://portal.example.org:x/",
        "https://[::1/",
        "https://portal.example.org/a b",
        "https://pörtal.example.org/",
        "https://portal.example.org/\r\nX: y",
    ],
)
def test_a_url_a_probe_cannot_ask_for_is_refused(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_url(text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("999999", 86_400),
        ("Thu, 01 Jan 2026 00:01:30 GMT", 90),
        ("Wed, 31 Dec 2025 23:00:00 GMT", 0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("12345678901", None),
        ("\u0661\u0662", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str | None, seconds: int | None) -> None:
    assert retry_after_s(text, NOW_MS) == seconds
