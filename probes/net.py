"""The only file that opens sockets for probes: resolve, allow-list, connect, TLS, deadline.

One connection per call and no second address: a host whose first address is dead is not healthy.
Every error of the operating system, the resolver and OpenSSL becomes a reason here; their texts
may quote what the far side sent and are dropped.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

from probes.clock import NS_PER_MS, Clock
from probes.contract import Outcome, Phase, Scheme
from probes.reasons import Reason
from probes.tls import Contexts, TlsOptions, tls_failure

__all__ = [
    "CONNECT_REASONS",
    "Address",
    "Allow",
    "Connection",
    "Deadline",
    "NetFailure",
    "Network",
    "ReceiveTimeout",
    "Resolver",
    "Stopwatch",
    "TlsOptions",
    "system_resolver",
]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Allow = Callable[[Address, int, Scheme], bool]
"""May a check connect there, to speak that? The host says."""
Resolver = Callable[[str, int], Awaitable[Sequence[Address]]]
"""Addresses of a name in order of preference; raises `socket.gaierror`, UnicodeError or OSError."""

CONNECT_REASONS = frozenset(
    {
        Reason.AGENT_DNS,
        Reason.AGENT_NETWORK,
        Reason.AGENT_NOT_ALLOWED,
        Reason.AGENT_RESOURCES,
        Reason.DNS_NOT_FOUND,
        Reason.TCP_REFUSED,
        Reason.TCP_RESET,
        Reason.TCP_TIMEOUT,
    }
)
"""What `connect`, `send` and `receive` can fail with; `tls.TLS_REASONS` comes on top."""

_CLOSE_S = 0.25
_MS_PER_DAY = 86_400_000
_RESET = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ENOTCONN})
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
"""Descriptors or memory of our own are used up: no packet was sent."""
_NO_NAME = frozenset({socket.EAI_NONAME, socket.EAI_NODATA})


class NetFailure(Exception):  # noqa: N818 - a verdict that ends the run, not a defect
    """A run that ended at the edge. `phases` are microseconds up to the failure.

    The text is the reason code alone; always raised `from None`.
    """

    def __init__(
        self, outcome: Outcome, reason: Reason, phases: Mapping[Phase, int] | None = None
    ) -> None:
        super().__init__(reason.value)
        self.outcome = outcome
        self.reason = reason
        self.phases: dict[Phase, int] = dict(phases or {})


class ReceiveTimeout(Exception):  # noqa: N818 - each kind gives it its own reason
    """The deadline passed while bytes were awaited."""


class Deadline:
    """The end of a run on the monotonic clock."""

    def __init__(self, clock: Clock, timeout_ms: int) -> None:
        self._clock = clock
        self._end_ns = clock.monotonic_ns() + timeout_ms * NS_PER_MS

    def remaining_s(self) -> float:
        """Seconds left, never negative."""
        return max(self._end_ns - self._clock.monotonic_ns(), 0) / 1e9


class Connection:
    """One open connection. `send` and `receive` raise NetFailure; both stop at the deadline."""

    def __init__(
        self,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        clock: Clock,
        deadline: Deadline,
        phases: dict[Phase, int],
        cert_days_left: int | None,
    ) -> None:
        self._reader, self._writer = streams
        self._clock = clock
        self._deadline = deadline
        self.phases = phases
        self.cert_days_left = cert_days_left

    async def send(self, data: bytes) -> None:
        """Hand all bytes to the kernel. A full pipe at the deadline raises ReceiveTimeout."""
        with Stopwatch(self._clock, self.phases, Phase.SEND):
            try:
                async with asyncio.timeout(self._deadline.remaining_s()):
                    self._writer.write(data)
                    await self._writer.drain()
            except TimeoutError:
                raise ReceiveTimeout from None
            except OSError as error:
                failure = _failure(error)
                raise NetFailure(*failure, self.phases) from None

    async def receive(self, limit: int = 65536) -> bytes:
        """What has arrived, at least one byte, at most `limit`; `b""` when the peer ended."""
        try:
            async with asyncio.timeout(self._deadline.remaining_s()):
                return await self._reader.read(limit)
        except TimeoutError:
            raise ReceiveTimeout from None
        except OSError as error:
            failure = _failure(error)
            raise NetFailure(*failure, self.phases) from None

    async def close(self) -> None:
        """Close politely, then by force: a peer that never says goodbye holds up no slot."""
        self._writer.close()
        try:
            with suppress(OSError):  # TimeoutError among them
                async with asyncio.timeout(_CLOSE_S):
                    await self._writer.wait_closed()
        finally:
            self._writer.transport.abort()


class Stopwatch:
    """Adds the microseconds of a `with` block to one phase, also when the block fails."""

    def __init__(self, clock: Clock, phases: dict[Phase, int], phase: Phase) -> None:
        self._clock = clock
        self._phases = phases
        self._phase = phase
        self._start_ns = 0

    def __enter__(self) -> None:
        self._start_ns = self._clock.monotonic_ns()

    def __exit__(self, *_: object) -> None:
        elapsed_us = (self._clock.monotonic_ns() - self._start_ns) // 1000
        self._phases[self._phase] = self._phases.get(self._phase, 0) + elapsed_us


async def system_resolver(host: str, port: int) -> list[Address]:
    """The host's own resolver. No AI_ADDRCONFIG: our lack of IPv6 is not a missing name."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(entry[4][0]) for entry in found]


class Network:
    """Opens connections. `allow` decides on the resolved address, so names cannot get past it."""

    def __init__(
        self, clock: Clock, allow: Allow | None = None, resolver: Resolver = system_resolver
    ) -> None:
        self._clock = clock
        self._allow = allow
        self._resolver = resolver
        self._contexts = Contexts()

    async def connect(
        self, host: str, port: int, deadline: Deadline, tls: TlsOptions | None, scheme: Scheme
    ) -> Connection:
        """Resolve once, connect to the first address if allowed, TLS under the original name.

        Raises NetFailure. A literal address has no `resolve` phase, plain text no `tls` phase.
        """
        phases: dict[Phase, int] = {}
        try:
            address = await self._resolve(host, port, deadline, phases)
            self._check(address, port, scheme)
            sock = await self._connect(address, port, deadline, phases)
            return await self._open(sock, host, deadline, tls, phases)
        except NetFailure as failure:
            raise NetFailure(failure.outcome, failure.reason, phases) from None

    async def _resolve(
        self, host: str, port: int, deadline: Deadline, phases: dict[Phase, int]
    ) -> Address:
        with suppress(ValueError):
            return ipaddress.ip_address(host)
        with Stopwatch(self._clock, phases, Phase.RESOLVE):
            try:
                async with asyncio.timeout(deadline.remaining_s()):
                    addresses = await self._resolver(host, port)
            except socket.gaierror as error:
                if error.errno in _NO_NAME:
                    raise NetFailure(Outcome.DOWN, Reason.DNS_NOT_FOUND) from None
                if error.errno == socket.EAI_MEMORY:
                    raise NetFailure(Outcome.UNKNOWN, Reason.AGENT_RESOURCES) from None
                raise NetFailure(Outcome.UNKNOWN, Reason.AGENT_DNS) from None
            except UnicodeError:  # an empty or overlong label: no resolver can know such a name
                raise NetFailure(Outcome.DOWN, Reason.DNS_NOT_FOUND) from None
            except OSError as error:  # TimeoutError among them
                spent = error.errno in _EXHAUSTED
                reason = Reason.AGENT_RESOURCES if spent else Reason.AGENT_DNS
                raise NetFailure(Outcome.UNKNOWN, reason) from None
        if not addresses:
            raise NetFailure(Outcome.DOWN, Reason.DNS_NOT_FOUND)
        return addresses[0]

    def _check(self, address: Address, port: int, scheme: Scheme) -> None:
        if self._allow is not None and not self._allow(address, port, scheme):
            raise NetFailure(Outcome.UNKNOWN, Reason.AGENT_NOT_ALLOWED)

    async def _connect(
        self, address: Address, port: int, deadline: Deadline, phases: dict[Phase, int]
    ) -> socket.socket:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        sock: socket.socket | None = None
        with Stopwatch(self._clock, phases, Phase.CONNECT):
            try:
                sock = socket.socket(family, socket.SOCK_STREAM)
                sock.setblocking(False)  # noqa: FBT003 - the socket's own signature
                async with asyncio.timeout(deadline.remaining_s()):
                    await asyncio.get_running_loop().sock_connect(sock, (str(address), port))
            except BaseException as error:
                if sock is not None:
                    sock.close()
                if isinstance(error, OSError):
                    raise NetFailure(*_failure(error)) from None
                raise
        return sock

    async def _open(
        self,
        sock: socket.socket,
        host: str,
        deadline: Deadline,
        tls: TlsOptions | None,
        phases: dict[Phase, int],
    ) -> Connection:
        if tls is None:
            streams = await asyncio.open_connection(sock=sock)
            return Connection(streams, self._clock, deadline, phases, None)
        try:
            context = self._contexts.get(tls)
        except OSError:  # ssl.SSLError among them: a file of ours is unreadable or no PEM
            sock.close()
            raise NetFailure(Outcome.UNKNOWN, Reason.AGENT_SECRET) from None
        with Stopwatch(self._clock, phases, Phase.TLS):
            try:
                async with asyncio.timeout(deadline.remaining_s()):
                    streams = await asyncio.open_connection(
                        sock=sock,
                        ssl=context,
                        server_hostname=tls.server_name or host,
                        # beyond the deadline, which alone decides
                        ssl_handshake_timeout=deadline.remaining_s() + 1,
                        ssl_shutdown_timeout=_CLOSE_S,
                    )
            except TimeoutError:
                raise NetFailure(Outcome.DOWN, Reason.TLS_TIMEOUT) from None
            except OSError as error:
                if isinstance(error, ConnectionResetError) and error.errno is None:
                    # asyncio's word for an orderly end in the middle of the handshake
                    raise NetFailure(Outcome.DOWN, Reason.TLS_HANDSHAKE) from None
                raise NetFailure(*_failure(error)) from None
        # TLS 1.3 refuses a client certificate after the handshake. One turn of the loop reads an
        # alert that is already here before our first write could meet the reset behind it.
        await self._clock.sleep_ms(0)
        return Connection(
            streams, self._clock, deadline, phases, _days_left(streams[1], self._clock)
        )


def _failure(error: OSError) -> tuple[Outcome, Reason]:
    """What an error of an existing or attempted connection says. Unlisted: no blame, unknown."""
    if isinstance(error, ssl.SSLError):
        return tls_failure(error)
    if isinstance(error, TimeoutError):
        return Outcome.DOWN, Reason.TCP_TIMEOUT
    if error.errno == errno.ECONNREFUSED:
        return Outcome.DOWN, Reason.TCP_REFUSED
    if error.errno in _RESET or isinstance(error, ConnectionError):
        return Outcome.DOWN, Reason.TCP_RESET
    if error.errno in _EXHAUSTED:
        return Outcome.UNKNOWN, Reason.AGENT_RESOURCES
    return Outcome.UNKNOWN, Reason.AGENT_NETWORK


def _days_left(writer: asyncio.StreamWriter, clock: Clock) -> int | None:
    """Whole days until the server's certificate ends."""
    certificate = writer.get_extra_info("peercert")
    if not certificate:
        return None
    return int(ssl.cert_time_to_seconds(certificate["notAfter"]) * 1000 - clock.now_ms()) // (
        _MS_PER_DAY
    )
