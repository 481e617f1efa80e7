"""A staff portal that fails on command: one login page, served by hand so that it can misbehave.

The canaries it is given stand in every answer: page, header fields, reason phrase, even in what
is no HTTP at all. None of them may ever be found in what Wardwatch keeps or says.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from contextlib import suppress

from probes.testing.port import Port

PATH = "/login"
TEXT = "Sign in"
"""Stands in the login page, and not in the page of `wrong_body`."""

_REASONS = {200: "OK", 302: "Found", 401: "Unauthorized", 404: "Not Found", 429: "Slow Down"}
_LINGER_OFF = struct.pack("ii", 1, 0)


class Portal:
    """`url` after `start`; `requests` are the heads of what was asked, in order."""

    FAULTS: tuple[str, ...] = (
        "none",
        "refuse",
        "hang",
        "slow",
        "wrong_body",
        "401",
        "403",
        "404",
        "429",
        "500",
        "503",
        "redirect",
        "truncated",
        "chunk_truncated",
        "closed",
        "not_http",
        "reset",
        "huge",
    )

    def __init__(self, canaries: tuple[str, ...] = (), authorization: str | None = None) -> None:
        """`authorization`: the header value without which every request gets 401."""
        self.url = ""
        self.requests: list[bytes] = []
        self.retry_after = "7"
        self.slow_ms = 200
        self.huge_bytes = 4 * 1024 * 1024
        self._text = " ".join(canaries) or "none"
        self._authorization = authorization
        self._fault = "none"
        self._released = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._port: Port | None = None

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> int:
        """Listen, and return the port."""
        self._port = Port(self._protocol, tls)
        port = self._port.open(host, port)
        self.url = f"{'http' if tls is None else 'https'}://{host}:{port}{PATH}"
        return port

    async def stop(self) -> None:
        """Close everything, hanging requests too."""
        self._released.set()
        if self._port is not None:
            self._port.close()
        open_now = tuple(self._writers)
        for writer in open_now:
            writer.transport.abort()
        await asyncio.gather(*(w.wait_closed() for w in open_now), return_exceptions=True)

    def set_fault(self, name: str) -> None:
        """Fail as `name` from the next connection on."""
        if name not in self.FAULTS:
            raise ValueError(f"no such fault: {name}")
        if self._port is not None:
            self._port.turn(self._fault, name)
        self._fault = name

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(), self._serve)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):  # the client may leave any time
                first = await reader.readexactly(1)
                if first.isalpha():
                    head = first + await reader.readuntil(b"\r\n\r\n")
                    self.requests.append(head)
                    await self._answer(head, writer)
                else:  # as web servers answer a TLS greeting on a plain port
                    writer.write(f"HTTP/1.1 400 Bad Request {self._text}\r\n\r\n".encode())
                writer.close()
                await writer.wait_closed()
        finally:
            writer.transport.abort()
            self._writers.discard(writer)

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        if self._fault in ("hang", "slow"):
            with suppress(TimeoutError):
                limit = self.slow_ms / 1000 if self._fault == "slow" else None
                await asyncio.wait_for(self._released.wait(), limit)
        if self._fault == "reset":
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_OFF
            )
            writer.transport.abort()
        elif self._fault == "not_http":
            writer.write(f"220 portal ESMTP {self._text}\r\n".encode())
        elif self._fault not in ("hang", "closed"):
            await self._write(head, writer)

    async def _write(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        status, body = self._page(head)
        fields = self._fields(status)
        cut = len(body)
        if self._fault == "chunk_truncated":
            fields.append("Transfer-Encoding: chunked")
            body = f"{len(body):x}\r\n".encode() + body
        else:
            fields.append(f"Content-Length: {len(body)}")
        if self._fault == "truncated":
            cut //= 2
        phrase = f"{_REASONS.get(status, 'Error')} {self._text}"
        writer.write(f"HTTP/1.1 {status} {phrase}\r\n".encode())
        writer.write("".join(f"{field}\r\n" for field in fields).encode() + b"\r\n")
        if not head.startswith(b"HEAD "):
            writer.write(body[:cut])
        await writer.drain()

    def _page(self, head: bytes) -> tuple[int, bytes]:
        status = 200
        if self._fault.isdigit():
            status = int(self._fault)
        elif self._fault == "redirect":
            status = 302
        elif not self._authorized(head):
            status = 401
        elif head.split(b" ", 2)[1] != PATH.encode():
            status = 404
        if self._fault == "huge":
            return status, b"x" * self.huge_bytes
        title = TEXT if status == 200 and self._fault != "wrong_body" else "Something else"
        page = f"<!doctype html><title>{title}</title><p>Last visit: {self._text}</p>"
        return status, page.encode()

    def _fields(self, status: int) -> list[str]:
        fields = ["Content-Type: text/html", f"X-Patient: {self._text}", "Connection: close"]
        if status in (429, 503):
            fields.append(f"Retry-After: {self.retry_after}")
        if status == 302:
            fields.append(f"Location: {PATH}?patient={self._text.replace(' ', '+')}")
        if status == 401:
            fields.append(f'WWW-Authenticate: Bearer error_description="{self._text}"')
        return fields

    def _authorized(self, head: bytes) -> bool:
        if self._authorization is None:
            return True
        return f"authorization: {self._authorization}".lower().encode() in head.lower()
