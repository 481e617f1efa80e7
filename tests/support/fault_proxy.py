"""A line between an agent and its collector that fails as networks, firewalls and proxies do.

Real sockets on loopback. It reads one request at a time, so that a fault can be put before, into or
after it; what then happens to the bytes and the connections is TCP's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import StrEnum
from random import Random
from typing import NoReturn

HOST = "127.0.0.1"
SHORT_S = 0.05
"""Of a delay: longer than a request takes here, shorter than anybody's patience."""
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends RST, and what is unsent is gone."""
PORTAL = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 32\r\n\r\n<html>Welcome, dear guest</html>\n"


class Fault(StrEnum):
    """What is done to one upload. `LATE` waits for `FaultProxy.deliver_late`."""

    NONE = "none"
    REQUEST_DELAYED = "request delayed"
    REPLY_DELAYED = "reply delayed"
    REQUEST_DRIPS = "request drips"
    REPLY_DRIPS = "reply drips"
    RESET_AT_ONCE = "reset at once"
    RESET_IN_REQUEST = "reset in request"
    RESET_FOR_REPLY = "reset for reply"
    RESET_IN_REPLY = "reset in reply"
    REQUEST_HALF_CLOSED = "request half closed"
    REQUEST_TRUNCATED = "request truncated"
    REPLY_MISSING = "reply missing"
    REPLY_HEAD_TRUNCATED = "reply head truncated"
    REPLY_BODY_TRUNCATED = "reply body truncated"
    REQUEST_LOST = "request lost"
    REPLY_LOST = "reply lost"
    REQUEST_GARBLED = "request garbled"
    REPLY_GARBLED = "reply garbled"
    REPLY_OF_ANOTHER = "reply of another"
    PORTAL = "portal"
    TWICE = "twice"
    LATE = "late"


HOLES = frozenset({Fault.REQUEST_LOST, Fault.REPLY_LOST})
"""Nothing ever comes back: the agent's own patience ends these."""


class _OverError(Exception):
    """This connection is done with."""


class FaultProxy:
    """While `serving`, it listens. `begun` are the faults of the uploads that came, in order."""

    def __init__(self, collector_port: int, choose: Callable[[], Fault], rng: Random) -> None:
        self._port = collector_port
        self._choose = choose
        self._rng = rng
        self._late: list[bytes] = []
        self._last_reply = PORTAL
        self.port = 0
        self.begun: list[Fault] = []

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[FaultProxy]:
        running: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            running.add(task)
            try:
                with contextlib.suppress(_OverError, ConnectionError, asyncio.IncompleteReadError):
                    while True:
                        await self._upload(reader, writer)
            finally:
                running.discard(task)
                writer.transport.abort()

        server = await asyncio.start_server(serve, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in tuple(running):
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def deliver_late(self) -> list[bytes]:
        """What was held back arrives now, though nobody waits for it; the replies."""
        late, self._late = self._late, []
        return [await self._forward(request) for request in late]

    async def _upload(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await _message(reader)
        if not request.startswith(b"POST ") or b"/batches " not in request[:100]:
            writer.write(await self._forward(request))
            return
        fault = self._choose()
        self.begun.append(fault)
        await self._spoil(fault, request, reader, writer)

    async def _spoil(
        self,
        fault: Fault,
        request: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        match fault:
            case Fault.NONE:
                reply = self._last_reply = await self._forward(request)
                writer.write(reply)
            case Fault.REQUEST_DELAYED:
                await asyncio.sleep(SHORT_S)
                writer.write(await self._forward(request))
            case Fault.REPLY_DELAYED:
                reply = await self._forward(request)
                await asyncio.sleep(SHORT_S)
                writer.write(reply)
            case Fault.REQUEST_DRIPS:
                writer.write(await self._forward(request, drip=True))
            case Fault.REPLY_DRIPS:
                await _drip(writer, await self._forward(request))
            case Fault.TWICE:
                one, _ = await asyncio.gather(self._forward(request), self._forward(request))
                writer.write(one)
            case Fault.REQUEST_LOST:
                await _until_left(reader)
            case Fault.REPLY_LOST:
                await self._forward(request)
                await _until_left(reader)
            case Fault.REQUEST_GARBLED:
                at = len(request) - 1 - self._rng.randrange(40)
                garbled = request[:at] + bytes([request[at] ^ 0x40]) + request[at + 1 :]
                writer.write(await self._forward(garbled))
            case _:
                await self._cut(fault, request, writer)

    async def _cut(self, fault: Fault, request: bytes, writer: asyncio.StreamWriter) -> NoReturn:
        """What does not leave the agent's connection in use."""
        some = self._rng.randint(len(request) // 4, len(request) - 1)
        match fault:
            case Fault.RESET_AT_ONCE:
                _reset(writer)
            case Fault.RESET_IN_REQUEST:
                collector = await self._send(request[:some])
                _reset(collector)
                _reset(writer)
            case Fault.REQUEST_TRUNCATED:
                await self._send_and_end(request[:some])
                _reset(writer)
            case Fault.REQUEST_HALF_CLOSED:
                writer.write(await self._send_and_end(request))
            case Fault.RESET_FOR_REPLY:
                await self._forward(request)
                _reset(writer)
            case Fault.RESET_IN_REPLY:
                writer.write((await self._forward(request))[:-1])
                await asyncio.sleep(SHORT_S)
                _reset(writer)
            case Fault.REPLY_MISSING:
                await self._forward(request)
            case Fault.REPLY_HEAD_TRUNCATED:
                writer.write((await self._forward(request))[: self._rng.randint(1, 30)])
            case Fault.REPLY_BODY_TRUNCATED:
                writer.write((await self._forward(request))[: -self._rng.randint(1, 20)])
            case Fault.REPLY_GARBLED:
                await self._forward(request)
                writer.write(self._rng.randbytes(300))
            case Fault.REPLY_OF_ANOTHER:
                writer.write(self._last_reply)
            case Fault.PORTAL:
                writer.write(PORTAL)
            case Fault.LATE:
                self._late.append(request)
                _reset(writer)
        writer.close()
        raise _OverError

    async def _forward(self, request: bytes, *, drip: bool = False) -> bytes:
        """The collector's reply to all of it, on a connection of its own."""
        reader, writer = await asyncio.open_connection(HOST, self._port)
        try:
            if drip:
                await _drip(writer, request)
            else:
                writer.write(request)
            return await _message(reader)
        finally:
            writer.transport.abort()

    async def _send(self, part: bytes) -> asyncio.StreamWriter:
        _, writer = await asyncio.open_connection(HOST, self._port)
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(SHORT_S)
        return writer

    async def _send_and_end(self, part: bytes) -> bytes:
        """FIN after it; whatever the collector still says."""
        reader, writer = await asyncio.open_connection(HOST, self._port)
        writer.write(part)
        writer.write_eof()
        try:
            return await reader.read()
        finally:
            writer.transport.abort()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """One request or reply whose length is told; ours always are."""
    head = await reader.readuntil(b"\r\n\r\n")
    told = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return head + await reader.readexactly(int(told.group(1)) if told else 0)


async def _drip(writer: asyncio.StreamWriter, data: bytes) -> None:
    """In pieces a network would never choose: each goes out by itself."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    step = max(1, len(data) // 50)
    for at in range(0, len(data), step):
        writer.write(data[at : at + step])
        await writer.drain()
        await asyncio.sleep(0.001)


async def _until_left(reader: asyncio.StreamReader) -> NoReturn:
    await reader.read()
    raise _OverError


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
