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
from functools import lru_cache

from probes.clock import Clock
from probes.contract import Outcome, Phase, Scheme
from probes.listening import Listeners, MayListen, nowhere
from probes.readiness import Readiness
from probes.reasons import Reason
from probes.sockets import Deadline, Socket
from probes.tls import Contexts, Expiries, TlsOptions, refuses_us, tls_failure

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

_MS_PER_DAY = 86_400_000
_RESET = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ENOTCONN})
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
"""Descriptors or memory of our own are used up: no packet was sent."""
_REFUSED_US = (Outcome.MISCONFIGURED, Reason.TLS_CLIENT_REJECTED)
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


class Connection:
    """One open connection. `send` and `receive` raise NetFailure; both stop at the deadline."""

    def __init__(
        self,
        sock: Socket,
        clock: Clock,
        phases: dict[Phase, int],
        cert_days_left: int | None,
        shown: bool = False,  # noqa: FBT001, FBT002 - whether we have a certificate to show
    ) -> None:
        self._socket = sock
        self._clock = clock
        self._shown = shown
        self._heard = False
        self.phases = phases
        self.cert_days_left = cert_days_left

    async def send(self, data: bytes) -> None:
        """Hand all bytes to the kernel. A full pipe at the deadline raises ReceiveTimeout."""
        with Stopwatch(self._clock, self.phases, Phase.SEND):
            try:
                try:
                    await self._socket.send(data)
                except (ConnectionError, ssl.SSLEOFError):
                    # TLS 1.3 refuses a client certificate after the handshake, and a reset may
                    # stand behind that alert, or behind the tickets of a server that took it.
                    self._socket.alert()
                    raise
            except TimeoutError:
                raise ReceiveTimeout from None
            except OSError as error:
                raise self._ended(error) from None

    async def send_for_answer(self, data: bytes) -> None:
        """The same to a peer that waits for the acknowledgement of half of its answer before it sends
        the other half (Nagle): without it 40 ms of ours count as its own.
        """
        await self.send(data)
        try:
            self._socket.acknowledge_at_once()
        except OSError as error:
            raise self._ended(error) from None

    async def receive(self, limit: int = 65536) -> bytes:
        """What has arrived, at least one byte, at most `limit`; `b""` when the peer ended."""
        try:
            data = await self._socket.receive(limit)
        except TimeoutError:
            raise ReceiveTimeout from None
        except OSError as error:
            raise self._ended(error) from None
        self._hear(data)
        return data

    def arrived(self, limit: int = 65536) -> bytes | None:
        """What has come since, without waiting; None: nothing. `b""`: the connection is no more."""
        try:
            return self._socket.arrived(limit)
        except OSError:
            return b""

    def keep(self) -> None:
        """It is to outlive this run: a line that dies meanwhile is told by `arrived`."""
        self._socket.keep()

    def again(self, deadline: Deadline) -> None:
        """Another run begins on it, with phases of its own and none of connecting."""
        self.phases = {}
        self._socket.renew(deadline)

    @property
    def untaken(self) -> bool:
        """Whether what was sent has not even reached the far side's kernel."""
        return self._socket.untaken

    def _hear(self, data: bytes) -> None:
        if not data and not self._heard and refuses_us(self._socket.tls, shown=self._shown):
            raise NetFailure(*_REFUSED_US, self.phases)
        self._heard = True

    def _ended(self, error: OSError) -> NetFailure:
        silent = not self._heard and _is_silent(error)
        if silent and refuses_us(self._socket.tls, shown=self._shown):
            return NetFailure(*_REFUSED_US, self.phases)
        if isinstance(
            error, ssl.SSLEOFError
        ):  # the handshake was good: it is how a reset looks here
            return NetFailure(Outcome.DOWN, Reason.TCP_RESET, self.phases)
        return NetFailure(*_failure(error), self.phases)

    def release(self) -> socket.socket:
        """The plain socket, for a library that speaks on it; this connection is of no more use."""
        return self._socket.release()

    async def close(self) -> None:
        """At once: a peer that never says goodbye holds up no slot."""
        self._socket.close()


class Stopwatch:
    """Adds the microseconds of a `with` block to one phase, also when the block fails."""

    __slots__ = ("_clock", "_phase", "_phases", "_start_ns")

    def __init__(self, clock: Clock, phases: dict[Phase, int], phase: Phase) -> None:
        self._clock = clock
        self._phases = phases
        self._phase = phase

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
    """Opens connections. `allow` decides on the resolved address, so names cannot get past it.
    `listeners` take some, where `may_listen` lets them.
    """

    def __init__(
        self,
        clock: Clock,
        allow: Allow | None = None,
        resolver: Resolver = system_resolver,
        may_listen: MayListen = nowhere,
    ) -> None:
        self.listeners = Listeners(clock, may_listen)
        self._clock = clock
        self._allow = allow
        self._resolver = resolver
        self._contexts = Contexts()
        self._expiries = Expiries()
        self._readiness: Readiness | None = None

    async def connect(
        self, host: str, port: int, deadline: Deadline, tls: TlsOptions | None, scheme: Scheme
    ) -> Connection:
        """Resolve once, connect to the first address if allowed, TLS under the original name.

        Raises NetFailure. A literal address has no `resolve` phase, plain text no `tls` phase.
        """
        phases: dict[Phase, int] = {}
        try:
            address = _literal(host) or await self._resolve(host, port, deadline, phases)
            self._check(address, port, scheme)
            sock = await self._connect(address, port, deadline, phases)
        except NetFailure as failure:
            raise NetFailure(failure.outcome, failure.reason, phases) from None
        days_left = None
        if tls is not None:
            try:
                days_left = await self._secure(sock, host, tls, phases)
            except BaseException as error:
                sock.abort()
                if isinstance(error, NetFailure):
                    raise NetFailure(error.outcome, error.reason, phases) from None
                raise
        shown = tls is not None and tls.client_cert is not None
        return Connection(sock, self._clock, phases, days_left, shown)

    def _ready(self) -> Readiness:
        loop = asyncio.get_running_loop()
        if self._readiness is None or self._readiness.loop is not loop:
            self._readiness = Readiness(loop)
        return self._readiness

    async def _resolve(
        self, host: str, port: int, deadline: Deadline, phases: dict[Phase, int]
    ) -> Address:
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
    ) -> Socket:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        sock: Socket | None = None
        with Stopwatch(self._clock, phases, Phase.CONNECT):
            try:
                sock = Socket(family, self._ready(), deadline)
                await sock.connect(str(address), port)
            except BaseException as error:
                if sock is not None:
                    sock.abort()
                if isinstance(error, OSError):
                    raise NetFailure(*_failure(error)) from None
                raise
        return sock

    async def _secure(
        self,
        sock: Socket,
        host: str,
        tls: TlsOptions,
        phases: dict[Phase, int],
    ) -> int | None:
        """The handshake; returns the days left of the server's certificate."""
        try:
            context = self._contexts.get(tls)
        except OSError:  # ssl.SSLError among them: a file of ours is unreadable or no PEM
            raise NetFailure(Outcome.UNKNOWN, Reason.AGENT_SECRET) from None
        with Stopwatch(self._clock, phases, Phase.TLS):
            try:
                await sock.start_tls(context, tls.server_name or host)
            except TimeoutError:
                raise NetFailure(Outcome.DOWN, Reason.TLS_TIMEOUT) from None
            except OSError as error:
                shown = tls.client_cert is not None
                if _is_silent(error) and refuses_us(sock.tls, shown=shown):
                    raise NetFailure(*_REFUSED_US) from None
                raise NetFailure(*_failure(error)) from None
        ends_s = None if sock.tls is None else self._expiries.of(sock.tls)
        return None if ends_s is None else int(ends_s * 1000 - self._clock.now_ms()) // _MS_PER_DAY


@lru_cache(maxsize=4096)
def _literal(host: str) -> Address | None:
    """None: a name, to be resolved."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_silent(error: OSError) -> bool:
    """The connection ended, and no alert said why."""
    return isinstance(error, ssl.SSLEOFError) or error.errno in _RESET


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
