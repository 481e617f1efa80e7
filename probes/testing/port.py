"""A TCP port that can be closed and opened again, at once and without losing its number."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable


class Port:
    """Hands each accepted connection to a protocol made by `factory`.

    asyncio's own server cannot stop listening and start again in one step, as a simulator told to
    refuse connections must.
    """

    def __init__(
        self, factory: Callable[[], asyncio.BaseProtocol], tls: ssl.SSLContext | None
    ) -> None:
        self._factory = factory
        self._tls = tls
        self._address = ("127.0.0.1", 0)
        self._socket: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self, host: str, port: int) -> int:
        """Listen; 0 takes any free port. Returns the port."""
        self._address = (host, port)
        self._listen(self._bind())
        return self._address[1]

    def refuse(self) -> None:
        """Refuse new connections; those that exist live on."""
        self.close()
        self._socket = self._bind()

    def accept(self) -> None:
        """Accept new connections again."""
        if self._socket is not None:
            self._listen(self._socket)

    def turn(self, before: str, fault: str) -> None:
        """From one fault of a simulator to another: `refuse` is the port's own."""
        if before == fault:
            return
        if fault == "refuse":
            self.refuse()
        elif before == "refuse":
            self.accept()

    def close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _bind(self) -> socket.socket:
        # Bound and not listening: the kernel refuses connections and nobody else gets the port.
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        bound = socket.socket(family)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setblocking(False)  # noqa: FBT003 - the standard library's signature
        bound.bind(self._address)
        self._address = (self._address[0], bound.getsockname()[1])
        return bound

    def _listen(self, bound: socket.socket) -> None:
        self._socket = bound
        bound.listen(128)
        asyncio.get_running_loop().add_reader(bound, self._accepted, bound)

    def _accepted(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the peer may be gone already
            connection, _ = listening.accept()
            connection.setblocking(False)  # noqa: FBT003 - the standard library's signature
            task = asyncio.get_running_loop().create_task(self._serve(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):  # a handshake the client gave up is no fault of ours
            await asyncio.get_running_loop().connect_accepted_socket(
                self._factory, connection, ssl=self._tls
            )
