"""A listener on loopback that answers each request as a test says, byte for byte."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.support.streams import serving

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Came:
    """A request: what stands before the blank line, and its body."""

    head: bytes
    body: bytes


@dataclass(slots=True)
class Listener:
    port: int = 0
    came: list[Came] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


Answer = Callable[[Came, asyncio.StreamWriter], Awaitable[None]]
"""It writes what it likes; the connection is closed behind it."""


def reply(status: int, body: bytes = b"", *fields: str) -> bytes:
    head = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", "Connection: close", *fields]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def always(*replies: bytes) -> Answer:
    """One after the other, then the last one again and again."""
    left = list(replies)

    async def answer(_came: Came, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])

    return answer


@asynccontextmanager
async def answering(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Listener]:
    listener = Listener()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            came = Came(head, await reader.readexactly(int(length[1]) if length else 0))
            listener.came.append(came)
            await answer(came, writer)
            await writer.drain()

    async with serving(serve, tls) as listener.port:
        yield listener
