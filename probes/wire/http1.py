"""One HTTP/1.1 exchange without IO, on h11: bytes out, bytes in, caps on everything kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import h11

from probes.reasons import Reason

MAX_HEAD = 65536
"""Bytes of status line and header fields an answer may have."""

WIRE_REASONS = frozenset(
    {
        Reason.HTTP_CLOSED,
        Reason.HTTP_NOT_HTTP,
        Reason.HTTP_TOO_LARGE,
        Reason.HTTP_TRUNCATED,
    }
)

_DAY_S = 86_400
_START = b"HTTP/1."
_PORTS = {"http": 80, "https": 443}
# RFC 9112 4 and 5, of what they allow the plainest: ASCII, one line a field, no empty value
_PLAIN = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9][0-9]) [ -~]*\r\n"
    rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: *[!-~](?:[ -~]*[!-~])? *\r\n)+)\r\n"
)
_FRAMING = re.compile(rb"^(?:content-length|transfer-encoding):.*$", re.IGNORECASE | re.MULTILINE)
_LENGTH = re.compile(rb"content-length: *[0-9]{1,9} *\r", re.IGNORECASE)
_WITHOUT_BODY = frozenset({204, 304})
_TEXT = frozenset(map(chr, range(0x21, 0x7F)))


class HttpError(Exception):
    """The answer is not one. `reason` is one of WIRE_REASONS, and the only text."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Url:
    """An absolute http or https URL, taken apart. `host` has no brackets, `authority` has them."""

    tls: bool
    host: str
    port: int
    authority: str
    target: str


def parse_url(text: str) -> Url:
    """ValueError, naming no part of the text, unless it is a URL a probe may ask for."""
    if not set(text) <= _TEXT:
        raise ValueError("write the URL in printable ASCII without blanks, names as xn--")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("not a URL, or its port is not a number from 1 to 65535") from None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise ValueError("write an absolute URL such as https://host.example.org/path")
    if parts.username is not None or parts.password is not None:
        raise ValueError("no user or password in a URL; refer to a secret instead")
    if parts.fragment:
        raise ValueError("a fragment (#) is never sent; leave it out")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Url(
        tls=parts.scheme == "https",
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        authority=parts.netloc,
        target=target,
    )


def retry_after_s(text: str | None, now_ms: int) -> int | None:
    """Seconds of a Retry-After field (RFC 9110 10.2.3), at most a day; None if unreadable."""
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return min(int(text), _DAY_S)
    at_s = date_s(text)
    return None if at_s is None else min(max(at_s - now_ms // 1000, 0), _DAY_S)


def date_s(text: str | None) -> int | None:
    """Seconds since 1970 of a date as HTTP writes it today (RFC 9110 5.6.7); None if unreadable."""
    try:
        at = datetime.strptime(text or "", "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(at.timestamp())


class Request:
    """One request, written out: what a check asks again and again is built once."""

    __slots__ = ("_body", "_headers", "data", "method", "url")

    def __init__(
        self, method: str, url: Url, headers: Mapping[str, str], body: bytes | None = None
    ) -> None:
        """Raises ValueError, quoting nothing, for a header that cannot be sent."""
        self.method = method
        self.url = url
        self._headers = headers
        self._body = body
        self.data = self.begin()[1]

    def plus(self, more: Mapping[str, str]) -> Request:
        """The same with more header fields. Raises ValueError likewise."""
        return Request(self.method, self.url, {**self._headers, **more}, self._body)

    def begin(self) -> tuple[h11.Connection, bytes]:
        """A connection that has sent it, and the bytes."""
        fields = {
            "Host": self.url.authority,
            "User-Agent": "wardwatch",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        if self._body is not None:
            fields["Content-Length"] = str(len(self._body))
        given = {name.lower() for name in self._headers}
        fields = {name: text for name, text in fields.items() if name.lower() not in given}
        peer = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        try:
            request = h11.Request(
                method=self.method,
                target=self.url.target,
                headers=[*fields.items(), *self._headers.items()],
            )
        except (h11.LocalProtocolError, UnicodeError):  # their texts quote the value
            raise ValueError("not a header that can be sent") from None
        sent = peer.send(request) or b""
        if self._body:
            sent += peer.send(h11.Data(data=self._body)) or b""
        return peer, sent + (peer.send(h11.EndOfMessage()) or b"")


class Exchange:
    """One request and its answer: `feed` until it says True.

    The plain case, an answer of known length that comes in one piece, is read here; whatever is
    not that plain is h11's to judge, from its first byte. h11 takes forty times as long
    (`tests/bench`), and `tests/wire` holds that both read the same.
    """

    def __init__(self, request: Request, max_body: int) -> None:
        self._request = request
        self._max_body = max_body
        self._start = b""
        self._body = bytearray()
        self._peer: h11.Connection | None = None
        self._fields = b""
        self._headers: list[tuple[str, str]] | None = None
        self.status: int | None = None

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Names in lower case, in order. Nobody asks for those of most answers."""
        if self._headers is None:
            lines = self._fields.decode("ascii").split("\r\n")[:-1]
            parted = [line.partition(":") for line in lines]
            self._headers = [(name.lower(), text.strip(" ")) for name, _, text in parted]
        return self._headers

    @property
    def body(self) -> bytes:
        return bytes(self._body)

    def feed(self, data: bytes) -> bool:
        """Take bytes as they came, `b""` for the end of the stream; True once the answer is whole.

        Bytes after the answer are ignored. Raises HttpError.
        """
        if self._peer is None:
            if self._is_plain(data):
                return True
            self._peer, _ = self._request.begin()
        if self.status is None and not self._speaks_http(data):
            raise HttpError(Reason.HTTP_NOT_HTTP)
        try:
            self._peer.receive_data(data)
            return self._advance(self._peer)
        except h11.RemoteProtocolError as error:
            raise HttpError(self._fault(error, ended=data == b"")) from None

    def _is_plain(self, data: bytes) -> bool:
        """Is it a whole answer that needs no judgement? Takes it if so."""
        head = _PLAIN.match(data)
        if head is None or head.end() > MAX_HEAD or self._request.method != "GET":
            return False
        status, framing = int(head[1]), _FRAMING.findall(head[2])
        if status in _WITHOUT_BODY or len(framing) != 1 or not _LENGTH.fullmatch(framing[0]):
            return False
        length = int(framing[0].partition(b":")[2])
        end = head.end() + length
        if end > len(data) or length > self._max_body:
            return False
        self.status, self._fields = status, head[2]
        self._body += data[head.end() : end]
        return True

    def _speaks_http(self, data: bytes) -> bool:
        """Judges the first bytes alone: h11 would wait for a blank line that never comes."""
        self._start += data[: len(_START) - len(self._start)]
        return self._start == _START[: len(self._start)]

    def _fault(self, error: h11.RemoteProtocolError, *, ended: bool) -> Reason:
        if self.status is None:
            if ended:
                return Reason.HTTP_CLOSED
            too_long = error.error_status_hint == 431  # h11's word for a head beyond its cap
            return Reason.HTTP_TOO_LARGE if too_long else Reason.HTTP_NOT_HTTP
        return Reason.HTTP_TRUNCATED if ended else Reason.HTTP_NOT_HTTP

    def _advance(self, peer: h11.Connection) -> bool:
        while True:
            event = peer.next_event()
            if event is h11.NEED_DATA:
                return False
            if isinstance(event, h11.Response):
                self._take_head(event)
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > self._max_body:
                    raise HttpError(Reason.HTTP_TOO_LARGE)
            elif isinstance(event, h11.EndOfMessage):
                return True
            elif isinstance(event, h11.ConnectionClosed):
                raise HttpError(Reason.HTTP_CLOSED)

    def _take_head(self, response: h11.Response) -> None:
        self.status = response.status_code
        headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in response.headers]
        self._headers = headers
        declared = next((text for name, text in headers if name == "content-length"), "")
        # h11 has checked that it is a number of at most 20 digits
        if self._request.method != "HEAD" and declared and int(declared) > self._max_body:
            raise HttpError(Reason.HTTP_TOO_LARGE)
