"""Listening for copies of HL7 v2 feeds: the only file that takes connections for probes.

Each message is counted and answered as it comes, whatever the schedule does, and forgotten. What
may pile up is bounded: connections, the bytes of a frame, the time for one, answers nobody reads.
A connection may be idle for days; keep-alives find those whose other end is gone.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import ssl
import struct
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from probes.clock import Clock
from probes.reasons import Reason
from probes.tls import ServerTls
from probes.wire.hl7_receiving import Conversation, MessageType, Tally
from probes.wire.mllp import LimitError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Net = ipaddress.IPv4Network | ipaddress.IPv6Network
MayListen = Callable[[Address, int], bool]
"""May a check listen there? The host says."""

MOST_CONNECTIONS = 32
FRAME_S = 60
"""A frame that has begun ends within it; so long may answers wait for a peer to read them."""
HANDSHAKE_S = 10
RETRY_MS = 1_000
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
_RESET = struct.pack("ii", 1, 0)
_KEEP_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 300),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 5),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
)


class ListenError(Exception):
    """Why nobody listens; the text is the reason code alone."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def nowhere(_address: Address, _port: int) -> bool:
    """What a host allows that says nothing."""
    return False


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may connect (None: everybody), and how."""

    allow_from: tuple[Net, ...] | None
    tls: ServerTls | None


@dataclass(frozen=True, slots=True)
class News:
    """`counts` None: it was not asked before, so what came came in a time nobody bounds; else it
    came within the last `over_ns`.
    """

    counts: Counter[MessageType] | None
    rejected: int
    refused: int
    over_ns: int = 0


class Listener:
    """One listening socket; `tally` is what came since `since_ns`."""

    def __init__(self, clock: Clock, rules: Rules) -> None:
        self.rules = rules
        self.tally = Tally()
        self.refused = 0
        """Connections of others than `allow_from`, and beyond the limit."""
        self.is_starved = False
        """It has no descriptors for those who want to connect."""
        self.users = 0
        self.since_ns = clock.monotonic_ns()
        self._clock = clock
        self._told: tuple[Counter[MessageType], int, int] | None = None
        self._told_ns = self.since_ns
        self._socket: socket.socket | None = None
        self._context: ssl.SSLContext | None = None
        self._seen: tuple[ServerTls, tuple[int, ...]] | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._serving: dict[asyncio.Task[None], str] = {}
        """By the address of who connected."""

    @property
    def connections(self) -> int:
        return len(self._serving)

    def news(self) -> News:
        """What came since this was last asked."""
        before, now = self._told, (self.tally.counts.copy(), self.tally.rejected, self.refused)
        before_ns, self._told_ns = self._told_ns, self._clock.monotonic_ns()
        self._told = now
        if before is None:
            return News(None, *now[1:])
        over_ns = self._told_ns - before_ns
        return News(now[0] - before[0], now[1] - before[1], now[2] - before[2], over_ns)

    @property
    def port(self) -> int:
        if self._socket is None:
            raise AssertionError("a port before there is one")
        return int(self._socket.getsockname()[1])

    def start(self, address: Address, port: int) -> None:
        """Raises ListenError."""
        self.renew()
        try:
            self._socket = _bound(address, port)
        except OSError as error:
            spent = error.errno in _EXHAUSTED
            reason = Reason.AGENT_RESOURCES if spent else Reason.AGENT_LISTEN
            raise ListenError(reason) from None
        self._accepting = asyncio.create_task(self._accept(self._socket))

    def change(self, rules: Rules) -> None:
        """Go on by other rules; whom they would not have let in so is cut off. Raises ListenError,
        and goes on by the old ones.
        """
        before, self.rules = self.rules, rules
        try:
            self.renew()
        except ListenError:
            self.rules = before
            raise
        for task, peer in self._serving.items():
            if rules.tls != before.tls or not self._may(peer):
                task.cancel()

    def renew(self) -> None:
        """Read certificates that were replaced. ListenError: they are no good; the old ones serve."""
        tls = self.rules.tls
        if tls is None:
            self._context = self._seen = None
            return
        try:
            seen = tls, tls.stamp()
            if seen != self._seen:
                self._context, self._seen = tls.context(), seen
        except OSError:  # ssl.SSLError among them
            raise ListenError(Reason.AGENT_SECRET) from None

    async def stop(self) -> None:
        tasks = [*self._serving, *([self._accepting] if self._accepting is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._socket is not None:
            self._socket.close()

    async def _accept(self, bound: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                taken, peer = await loop.sock_accept(bound)
            except ConnectionError:  # it went before it was taken
                continue
            except OSError:  # out of descriptors: those who wait are taken when some are free
                self.is_starved = True
                await self._clock.sleep_ms(RETRY_MS)
                self.is_starved = False  # or again, before anybody else gets to run
                continue
            if len(self._serving) >= MOST_CONNECTIONS or not self._may(peer[0]):
                self.refused += 1
                _reset(taken)
                continue
            task = asyncio.create_task(self._serve(taken))
            self._serving[task] = peer[0]
            task.add_done_callback(self._serving.pop)

    def _may(self, peer: str) -> bool:
        if self.rules.allow_from is None:
            return True
        address: Address = ipaddress.ip_address(peer.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address):
            address = address.ipv4_mapped or address
        return any(address in one for one in self.rules.allow_from)

    async def _serve(self, taken: socket.socket) -> None:
        """Until the connection ends; nothing that goes wrong on it is of interest to anybody."""
        connection: _Connection | None = None
        try:
            for option in _KEEP_ALIVE:
                taken.setsockopt(*option)
            _, connection = await asyncio.get_running_loop().connect_accepted_socket(
                lambda: _Connection(self.tally, self._clock),
                taken,
                ssl=self._context,
                ssl_handshake_timeout=None if self._context is None else HANDSHAKE_S,
            )
            await connection.ended
        except OSError:  # a handshake that failed, a peer that went
            taken.close()
        finally:
            if connection is not None:
                connection.abort()


class _Connection(asyncio.Protocol):
    def __init__(self, tally: Tally, clock: Clock) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tally = tally
        self._clock = clock
        self._conversation = Conversation(tally)
        self._transport: asyncio.Transport | None = None
        self._limit: asyncio.TimerHandle | None = None
        self._full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream")
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        before = self._tally.number
        try:
            answer = self._conversation.receive(
                data, self._clock.now_ms(), self._clock.monotonic_ns()
            )
        except LimitError:
            self._give_up()
            return
        if answer:
            self._transport.write(answer)
        if self._tally.number != before:
            self._watch(False)  # noqa: FBT003 - a frame ended: the next has its own time
        self._watch(self._conversation.unfinished or self._full)

    def pause_writing(self) -> None:
        """Who reads no answers is not read either."""
        self._full = True
        self._watch(True)  # noqa: FBT003
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._full = False
        self._watch(self._conversation.unfinished)
        if self._transport is not None:
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - whatever it was
        self._watch(False)  # noqa: FBT003
        if self._conversation.unfinished:
            self._tally.rejected += 1
            self._conversation.unfinished = False
        if not self.ended.done():
            self.ended.set_result(None)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _watch(self, waiting: bool) -> None:  # noqa: FBT001 - one of two
        if waiting and self._limit is None:
            loop = asyncio.get_running_loop()
            self._limit = loop.call_later(FRAME_S, self._give_up)
        elif not waiting and self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _give_up(self) -> None:
        """A frame too long, or too slow."""
        self._tally.rejected += 1
        self._conversation.unfinished = False
        self.abort()


def _bound(address: Address, port: int) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setblocking(False)  # noqa: FBT003 - the socket's own signature
        bound.bind((str(address), port))
        bound.listen(128)
    except BaseException:
        bound.close()
        raise
    return bound


def _reset(taken: socket.socket) -> None:
    with suppress(OSError):
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    taken.close()


class Listeners:
    """Of one agent, by address: who asks for one that is there gets that one, with its counts."""

    def __init__(self, clock: Clock, may_listen: MayListen) -> None:
        self._clock = clock
        self._may_listen = may_listen
        self._open: dict[tuple[Address, int], Listener] = {}

    def take(self, address: Address, port: int, rules: Rules) -> Listener:
        """Listen there by these rules, until as many have let go. Raises ListenError."""
        if not self._may_listen(address, port):
            raise ListenError(Reason.AGENT_NOT_ALLOWED)
        found = self._open.get((address, port))
        if found is None:
            found = Listener(self._clock, rules)
            found.start(address, port)
            self._open[address, port] = found
        elif found.rules != rules:
            found.change(rules)
        found.users += 1
        return found

    async def let_go(self, address: Address, port: int) -> None:
        found = self._open[address, port]
        found.users -= 1
        if not found.users:
            del self._open[address, port]
            await found.stop()
