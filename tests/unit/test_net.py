"""Connections over real sockets: every way they fail has one reason and no text."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import struct
from collections.abc import Sequence

import pytest

from probes.clock import ManualClock, SystemClock
from probes.contract import Outcome, Phase, Scheme
from probes.net import (
    Address,
    Connection,
    Deadline,
    NetFailure,
    Network,
    ReceiveTimeout,
    Resolver,
    TlsOptions,
    _failure,
    system_resolver,
)
from probes.reasons import Reason
from tests.support.streams import hold, serving

LOOPBACK = ipaddress.ip_address("127.0.0.1")


async def say_and_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.readexactly(4))


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(4)
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def answering(*addresses: Address) -> Resolver:
    async def resolve(host: str, port: int) -> Sequence[Address]:
        return addresses

    return resolve


def raising(error: Exception) -> Resolver:
    async def resolve(host: str, port: int) -> Sequence[Address]:
        raise error

    return resolve


async def dial(
    port: int,
    host: str = "127.0.0.1",
    *,
    network: Network | None = None,
    tls: TlsOptions | None = None,
    timeout_ms: int = 2000,
) -> Connection:
    clock = SystemClock()
    scheme = Scheme.HTTP if tls is None else Scheme.HTTPS
    return await (network or Network(clock)).connect(
        host, port, Deadline(clock, timeout_ms), tls, scheme
    )


async def refusal(
    port: int,
    host: str = "127.0.0.1",
    *,
    network: Network | None = None,
    tls: TlsOptions | None = None,
    timeout_ms: int = 2000,
) -> tuple[Outcome, Reason]:
    with pytest.raises(NetFailure) as caught:
        await dial(port, host, network=network, tls=tls, timeout_ms=timeout_ms)
    failure = caught.value
    assert str(failure) == failure.reason.value
    assert failure.__cause__ is None
    assert failure.__suppress_context__
    assert all(us >= 0 for us in failure.phases.values())
    return failure.outcome, failure.reason


async def test_a_connection_carries_bytes_and_tells_the_end() -> None:
    async with serving(say_and_end) as port:
        connection = await dial(port)
        await connection.send(b"ping")
        assert await connection.receive() == b"ping"
        assert await connection.receive() == b""
        await connection.close()
    assert set(connection.phases) == {Phase.CONNECT, Phase.SEND}
    assert all(type(us) is int and us >= 0 for us in connection.phases.values())
    assert connection.cert_days_left is None


async def test_a_name_is_resolved_once_and_its_first_address_is_used() -> None:
    other = ipaddress.ip_address("127.0.0.2")
    async with serving(hold) as port:
        good = Network(SystemClock(), resolver=answering(LOOPBACK, other))
        connection = await dial(port, "ehr.example.org", network=good)
        await connection.close()
        assert set(connection.phases) == {Phase.RESOLVE, Phase.CONNECT}
        bad = Network(SystemClock(), resolver=answering(other, LOOPBACK))
        assert await refusal(port, "ehr.example.org", network=bad) == (
            Outcome.DOWN,
            Reason.TCP_REFUSED,
        )


async def test_the_hosts_own_resolver_knows_localhost() -> None:
    addresses = await system_resolver("localhost", 80)
    assert addresses
    assert all(address.is_loopback for address in addresses)


@pytest.mark.parametrize(
    ("resolver", "outcome", "reason"),
    [
        (raising(socket.gaierror(socket.EAI_NONAME, "x")), Outcome.DOWN, Reason.DNS_NOT_FOUND),
        (raising(socket.gaierror(socket.EAI_NODATA, "x")), Outcome.DOWN, Reason.DNS_NOT_FOUND),
        (raising(UnicodeError("label too long")), Outcome.DOWN, Reason.DNS_NOT_FOUND),
        (answering(), Outcome.DOWN, Reason.DNS_NOT_FOUND),
        (raising(socket.gaierror(socket.EAI_AGAIN, "x")), Outcome.UNKNOWN, Reason.AGENT_DNS),
        (raising(socket.gaierror(socket.EAI_FAIL, "x")), Outcome.UNKNOWN, Reason.AGENT_DNS),
        (raising(OSError(errno.EMFILE, "x")), Outcome.UNKNOWN, Reason.AGENT_RESOURCES),
        (raising(socket.gaierror(socket.EAI_MEMORY, "x")), Outcome.UNKNOWN, Reason.AGENT_RESOURCES),
        (raising(OSError(errno.EIO, "x")), Outcome.UNKNOWN, Reason.AGENT_DNS),
    ],
)
async def test_a_missing_name_is_theirs_and_a_silent_resolver_is_ours(
    resolver: Resolver, outcome: Outcome, reason: Reason
) -> None:
    network = Network(SystemClock(), resolver=resolver)
    assert await refusal(1, "ehr.example.org", network=network) == (outcome, reason)


async def test_a_resolver_that_hangs_ends_at_the_deadline() -> None:
    async def never(host: str, port: int) -> Sequence[Address]:
        await asyncio.Event().wait()
        return ()

    network = Network(SystemClock(), resolver=never)
    found = await refusal(1, "ehr.example.org", network=network, timeout_ms=50)
    assert found == (Outcome.UNKNOWN, Reason.AGENT_DNS)


async def test_the_allow_list_judges_the_resolved_address_before_any_packet() -> None:
    asked: list[tuple[Address, int, Scheme]] = []
    met: list[int] = []

    def allow(address: Address, port: int, scheme: Scheme) -> bool:
        asked.append((address, port, scheme))
        return False

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append(1)

    async with serving(note) as port:
        network = Network(SystemClock(), allow=allow, resolver=answering(LOOPBACK))
        found = await refusal(port, "ehr.example.org", network=network)
        await asyncio.sleep(0.01)
        assert asked == [(LOOPBACK, port, Scheme.HTTP)]
    assert found == (Outcome.UNKNOWN, Reason.AGENT_NOT_ALLOWED)
    assert met == []


async def test_a_closed_port_is_refused() -> None:
    assert await refusal(free_port()) == (Outcome.DOWN, Reason.TCP_REFUSED)


async def test_a_host_that_never_answers_the_first_packet_times_out() -> None:
    # A full backlog makes Linux drop the next SYN, as a dead host behind a live router would.
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for filler in (first, second):
            filler.settimeout(0)
            filler.connect_ex(full.getsockname())
        found = await refusal(full.getsockname()[1], timeout_ms=100)
    assert found == (Outcome.DOWN, Reason.TCP_TIMEOUT)


async def test_no_route_is_the_agents_own_trouble() -> None:
    assert await refusal(9, "255.255.255.255") == (Outcome.UNKNOWN, Reason.AGENT_NETWORK)


@pytest.mark.parametrize(
    ("code", "outcome", "reason"),
    [
        (errno.ECONNREFUSED, Outcome.DOWN, Reason.TCP_REFUSED),
        (errno.ETIMEDOUT, Outcome.DOWN, Reason.TCP_TIMEOUT),
        (errno.ECONNRESET, Outcome.DOWN, Reason.TCP_RESET),
        (errno.EPIPE, Outcome.DOWN, Reason.TCP_RESET),
        (errno.ECONNABORTED, Outcome.DOWN, Reason.TCP_RESET),
        (errno.ENETUNREACH, Outcome.UNKNOWN, Reason.AGENT_NETWORK),
        (errno.EHOSTUNREACH, Outcome.UNKNOWN, Reason.AGENT_NETWORK),
        (errno.EADDRNOTAVAIL, Outcome.UNKNOWN, Reason.AGENT_NETWORK),
        (errno.EMFILE, Outcome.UNKNOWN, Reason.AGENT_RESOURCES),
        (errno.ENFILE, Outcome.UNKNOWN, Reason.AGENT_RESOURCES),
        (errno.ENOBUFS, Outcome.UNKNOWN, Reason.AGENT_RESOURCES),
        (errno.EACCES, Outcome.UNKNOWN, Reason.AGENT_NETWORK),
        (errno.EIO, Outcome.UNKNOWN, Reason.AGENT_NETWORK),
    ],
)
def test_each_error_number_has_one_meaning(code: int, outcome: Outcome, reason: Reason) -> None:
    assert _failure(OSError(code, "text")) == (outcome, reason)


async def test_a_reset_is_told_from_an_end() -> None:
    async with serving(reset) as port:
        connection = await dial(port)
        await connection.send(b"ping")
        with pytest.raises(NetFailure) as caught:
            await connection.receive()
        await connection.close()
    assert (caught.value.outcome, caught.value.reason) == (Outcome.DOWN, Reason.TCP_RESET)
    assert set(caught.value.phases) == {Phase.CONNECT, Phase.SEND}


async def test_silence_after_connecting_is_the_kinds_to_name() -> None:
    async with serving(hold) as port:
        connection = await dial(port, timeout_ms=60)
        with pytest.raises(ReceiveTimeout):
            await connection.receive()
        await connection.close()


async def test_a_peer_that_reads_nothing_cannot_hold_up_a_send() -> None:
    async def never_read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined] # a socket transport
        await asyncio.Event().wait()

    data = b"x" * 32 * 1024 * 1024
    async with serving(never_read) as port:
        connection = await dial(port, timeout_ms=100)
        with pytest.raises(ReceiveTimeout):
            await connection.send(data)
        await connection.close()
    assert connection.phases[Phase.SEND] >= 50_000


async def test_a_deadline_counts_down_on_the_monotonic_clock_and_stops_at_zero() -> None:
    clock = ManualClock()
    deadline = Deadline(clock, 1500)
    clock.step_wall(3_600_000)
    assert deadline.remaining_s() == 1.5
    await clock.advance(1000)
    assert deadline.remaining_s() == 0.5
    await clock.advance(1000)
    assert deadline.remaining_s() == 0.0


async def test_a_spent_deadline_opens_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert await refusal(port, timeout_ms=0) == (Outcome.DOWN, Reason.TCP_TIMEOUT)
