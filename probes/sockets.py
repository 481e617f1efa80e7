"""One TCP socket, plain or under TLS, and its waits.

Straight on non-blocking sockets: a probe opens a connection for one request, and streams,
transports and memory BIOs cost more than the request does (`tests/bench`).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from contextlib import suppress

from probes.clock import NS_PER_MS, Clock
from probes.readiness import READABLE, WRITABLE, Readiness

# After 30 s of silence ask, three times with 10 s between: a minute, and the line is dead.
_KEEP_ALIVE = ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))


class Deadline:
    """The end of a run on the monotonic clock."""

    def __init__(self, clock: Clock, timeout_ms: int) -> None:
        self._clock = clock
        self._end_ns = clock.monotonic_ns() + timeout_ms * NS_PER_MS

    def remaining_s(self) -> float:
        """Seconds left, never negative."""
        return max(self._end_ns - self._clock.monotonic_ns(), 0) / 1e9


class Socket:
    """Used by `connect` first and by `close` or `abort` last. What waits raises TimeoutError at
    the deadline, else what the system and OpenSSL raise.
    """

    def __init__(
        self, family: socket.AddressFamily, readiness: Readiness, deadline: Deadline
    ) -> None:
        self._raw = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._tls: ssl.SSLSocket | None = None
        self._readiness = readiness
        self._waits = False
        self._ready: asyncio.Future[None] | None = None
        self._timer = readiness.loop.call_later(deadline.remaining_s(), self._expire)

    async def connect(self, address: str, port: int) -> None:
        self._in_time()
        self._raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._raw.connect((address, port))
        except BlockingIOError:
            await self._until(WRITABLE)
            error = self._raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                raise OSError(error, "connect") from None

    async def start_tls(self, context: ssl.SSLContext, name: str) -> None:
        """The handshake under `name`."""
        # It takes the descriptor over.
        tls = context.wrap_socket(self._raw, do_handshake_on_connect=False, server_hostname=name)
        self._raw = self._tls = tls
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._until(READABLE)
            except ssl.SSLWantWriteError:
                await self._until(WRITABLE)
            else:
                return

    async def send(self, data: bytes) -> None:
        """All of it into the kernel."""
        left = memoryview(data)
        while True:
            try:
                left = left[self._raw.send(left) :]
            except ssl.SSLWantReadError:
                await self._until(READABLE)
            except (BlockingIOError, ssl.SSLWantWriteError):
                await self._until(WRITABLE)
            if not left:
                return

    async def receive(self, limit: int) -> bytes:
        """What has arrived, at least one byte; `b""` at the end.

        Waits before it reads: a peer that never ceases gets one turn of the loop at a time.
        """
        while True:
            if self._tls is None or not self._tls.pending():
                await self._until(READABLE)
            try:
                return self._raw.recv(limit)
            except (BlockingIOError, ssl.SSLWantReadError):
                continue  # woken for nothing, or by a record that holds no data

    def arrived(self, limit: int) -> bytes | None:
        """What has come meanwhile, without waiting; None: nothing, `b""`: the peer ended."""
        try:
            return self._raw.recv(limit)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None

    def keep(self) -> None:
        """Have the kernel ask whether the peer is still there, and tell a dead line as its end."""
        self._raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEP_ALIVE:
            self._raw.setsockopt(socket.IPPROTO_TCP, option, value)

    def renew(self, deadline: Deadline) -> None:
        """For another run on the same connection."""
        self._timer.cancel()
        self._timer = self._readiness.loop.call_later(deadline.remaining_s(), self._expire)

    def acknowledge_at_once(self) -> None:
        """What comes next is acknowledged without delay. The kernel forgets it with each exchange, so
        it is asked for after each write (TCP_QUICKACK, tcp(7)).
        """
        self._raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    @property
    def untaken(self) -> bool:
        """Whether the peer's kernel has yet to confirm something we sent."""
        info = self._raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 28)
        return int.from_bytes(info[24:28], sys.byteorder) > 0  # tcpi_unacked, tcp(7)

    def alert(self) -> None:
        """Raise the TLS alert that came before the connection was reset, if one did."""
        if self._tls is not None:
            with suppress(ssl.SSLWantReadError, ConnectionError):
                self._tls.recv(1)

    @property
    def tls(self) -> ssl.SSLSocket | None:
        """After the handshake."""
        return self._tls

    def release(self) -> socket.socket:
        """The plain socket, for a library that waits for itself; no deadline of ours is on it."""
        self._timer.cancel()
        self._readiness.forget(self._raw.fileno())
        return self._raw

    def close(self) -> None:
        """Say goodbye under TLS; nobody waits for the answer (RFC 8446 6.1)."""
        if self._tls is not None:
            with suppress(OSError, ValueError):  # the line may be dead, the handshake undone
                self._tls.unwrap()
        self.abort()

    def abort(self) -> None:
        self._timer.cancel()
        self._readiness.forget(self._raw.fileno())
        self._raw.close()

    async def _until(self, event: int) -> None:
        number, readiness = self._raw.fileno(), self._readiness
        if self._waits:
            self._ready = readiness.next(number, event)
        else:
            self._waits, self._ready = True, readiness.first(number, event)
        await self._ready
        self._in_time()

    def _in_time(self) -> None:
        """Late, whatever came is not known to have come in time."""
        if self._readiness.loop.time() >= self._timer.when():
            raise TimeoutError

    def _expire(self) -> None:
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(TimeoutError())
