"""A TLS server on blocking sockets: unlike asyncio's it sends its alerts before it closes."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def alerting_server(context: ssl.SSLContext) -> Iterator[int]:
    """Serve one connection, answering "pong" to its first bytes; yields the port."""
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_serve, args=(listening, context), daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        listening.close()


def _serve(listening: socket.socket, context: ssl.SSLContext) -> None:
    with suppress(OSError):
        plain, _ = listening.accept()
        plain.settimeout(5)
        with plain, plain.dup() as raw:
            raw.settimeout(5)
            try:
                with context.wrap_socket(plain, server_side=True) as peer:
                    if peer.recv(1024):
                        peer.sendall(b"pong")
            except ssl.SSLError:
                # Closing with unread bytes would send a reset, which may overtake the alert.
                while raw.recv(4096):
                    pass
