"""One TCP socket, plain or under TLS, and its waits.

Straight on non-blocking sockets and the loop's readiness: a probe opens a connection for one
request, and streams, transports and memory BIOs cost more than the request does (`tests/bench`).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from probes.clock import NS_PER_MS, Clock

CLOSE_S = 0.25
"""For the peer's goodbye."""


class Deadline:
    """The end of a run on the monotonic clock."""

    def __init__(self, clock: Clock, timeout_ms: int) -> None:
        self._clock = clock
        self._end_ns = clock.monotonic_ns() + timeout_ms * NS_PER_MS

    def remaining_s(self) -> float:
        """Seconds left, never negative."""
        return max(self._end_ns - self._clock.monotonic_ns(), 0) / 1e9


class Socket:
    """Connected by `connect`. What waits raises TimeoutError at the deadline, else what the system
    and OpenSSL raise.
    """

    def __init__(self, family: socket.AddressFamily) -> None:
        self._loop = asyncio.get_running_loop()
        self._raw = socket.socket(family, socket.SOCK_STREAM)
        self._raw.setblocking(False)  # noqa: FBT003 - the socket's own signature
        self._tls: ssl.SSLSocket | None = None

    async def connect(self, address: str, port: int, deadline: Deadline) -> None:
        if deadline.remaining_s() <= 0:
            raise TimeoutError
        self._raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._raw.connect((address, port))
        except BlockingIOError:
            await self._until_writable(deadline.remaining_s())
            error = self._raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                raise OSError(error, "connect") from None

    async def start_tls(self, context: ssl.SSLContext, name: str, deadline: Deadline) -> None:
        """The handshake under `name`."""
        # It takes the descriptor over.
        tls = context.wrap_socket(self._raw, do_handshake_on_connect=False, server_hostname=name)
        self._raw = self._tls = tls
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._until_readable(deadline.remaining_s())
            except ssl.SSLWantWriteError:
                await self._until_writable(deadline.remaining_s())
            else:
                return

    async def send(self, data: bytes, deadline: Deadline) -> None:
        """All of it into the kernel."""
        left = memoryview(data)
        while True:
            try:
                left = left[self._raw.send(left) :]
            except ssl.SSLWantReadError:
                await self._until_readable(deadline.remaining_s())
            except (BlockingIOError, ssl.SSLWantWriteError):
                await self._until_writable(deadline.remaining_s())
            if not left:
                return

    async def receive(self, limit: int, deadline: Deadline) -> bytes:
        """What has arrived, at least one byte; `b""` at the end.

        Waits before it reads: a peer that never ceases gets one turn of the loop at a time.
        """
        while True:
            if self._tls is None or not self._tls.pending():
                await self._until_readable(deadline.remaining_s())
            with suppress(BlockingIOError, ssl.SSLWantReadError):
                return self._raw.recv(limit)

    def alert(self) -> None:
        """Raise the TLS alert that came before the connection was reset, if one did."""
        if self._tls is not None:
            with suppress(ssl.SSLWantReadError, ConnectionError):
                self._tls.recv(1)

    def peer_certificate(self) -> dict[str, object] | None:
        """Of a verified peer."""
        found = None if self._tls is None else self._tls.getpeercert()
        return None if found is None else dict(found)

    async def close(self) -> None:
        """Say goodbye under TLS and wait a moment for the answer; then close, whatever came."""
        try:
            if self._tls is not None:
                await self._goodbye(self._tls)
        finally:
            self._raw.close()

    def abort(self) -> None:
        self._raw.close()

    async def _goodbye(self, tls: ssl.SSLSocket) -> None:
        with suppress(OSError, ValueError):  # TimeoutError among them; ValueError: no handshake
            try:
                tls.unwrap()
            except ssl.SSLWantReadError:
                await self._until_readable(CLOSE_S)

    async def _until_readable(self, within_s: float) -> None:
        loop, number = self._loop, self._raw.fileno()
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_reader(number, _is_ready, ready)
        await self._ready(ready, within_s, loop.remove_reader, number)

    async def _until_writable(self, within_s: float) -> None:
        loop, number = self._loop, self._raw.fileno()
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_writer(number, _is_ready, ready)
        await self._ready(ready, within_s, loop.remove_writer, number)

    async def _ready(
        self,
        ready: asyncio.Future[None],
        within_s: float,
        forget: Callable[[int], object],
        number: int,
    ) -> None:
        timer = self._loop.call_later(within_s, _is_late, ready)
        try:
            await ready
        finally:
            timer.cancel()
            forget(number)
        if self._loop.time() >= timer.when():
            raise TimeoutError  # nobody looked in time: what came is not known to have been in time


def _is_ready(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _is_late(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_exception(TimeoutError())
