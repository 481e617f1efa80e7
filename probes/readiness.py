"""When sockets are ready: an epoll of our own inside the loop's.

The loop's own `add_reader` costs a probe more than its request does (`tests/bench`); here a wait is
one call of the kernel, and all sockets that are ready are told at one turn of the loop.
"""

from __future__ import annotations

import asyncio
import select

READABLE = select.EPOLLIN | select.EPOLLONESHOT
WRITABLE = select.EPOLLOUT | select.EPOLLONESHOT


class Readiness:
    """Of one running loop, for as long as that lives."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._epoll = select.epoll()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        loop.add_reader(self._epoll.fileno(), self._turn)

    def first(self, number: int, event: int) -> asyncio.Future[None]:
        """Done once the descriptor is READABLE or WRITABLE, or has failed."""
        self._epoll.register(number, event)
        return self._expect(number)

    def next(self, number: int, event: int) -> asyncio.Future[None]:
        """`first`, of a descriptor that has waited before."""
        self._epoll.modify(number, event)
        return self._expect(number)

    def forget(self, number: int) -> None:
        """Before the descriptor is closed; the kernel forgets it by itself."""
        self._waiting.pop(number, None)

    def _expect(self, number: int) -> asyncio.Future[None]:
        ready = self._waiting[number] = self.loop.create_future()
        return ready

    def _turn(self) -> None:
        for number, _ in self._epoll.poll(0):
            ready = self._waiting.pop(number, None)
            if ready is not None and not ready.done():
                ready.set_result(None)
