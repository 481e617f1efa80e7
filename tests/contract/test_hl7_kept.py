"""Connections of the kind `hl7` that are kept: what dies between two runs, and what dies in one."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from probes.clock import SystemClock
from probes.contract import Fact, Observation, Outcome, Phase, Slot
from probes.kinds.hl7 import KIND
from probes.reasons import Reason
from probes.sockets import Socket
from probes.testing.certificates import Authority
from probes.testing.mllp_listener import MllpListener
from tests.contract.conformance import CountingNetwork, conforms, environment, steps
from tests.contract.test_hl7 import CANARIES
from tests.contract.test_hl7_ladder import WITH

UP, DOWN = Outcome.UP, Outcome.DOWN
Run = Callable[[], Awaitable[Observation]]


@pytest.fixture
async def listener() -> AsyncIterator[MllpListener]:
    simulator = MllpListener(CANARIES)
    await simulator.start()
    yield simulator
    await simulator.stop()


@asynccontextmanager
async def kept(
    port: int, message: str = "adt_a08", timeout_ms: int = 400, **more: Any
) -> AsyncIterator[Run]:
    given = {"host": "127.0.0.1", "port": str(port), "message": message, "connection": "keep"}
    env = environment(CountingNetwork(), timeout_ms=timeout_ms)
    async with KIND.open(KIND.parse({**given, **WITH[message], **more}), env) as probe:

        async def run() -> Observation:
            seen = await probe.run(Slot("check-1", 0))
            conforms(KIND, seen)
            return seen

        yield run


def told(seen: Observation) -> tuple[Outcome, Reason, dict[Fact, int]]:
    return seen.outcome, seen.reason, dict(seen.facts)


async def test_the_second_run_has_no_phase_and_no_step_of_connecting(
    listener: MllpListener,
) -> None:
    async with kept(listener.port) as run:
        first, second = await run(), await run()
    assert [name for name, _, _ in steps(first)] == ["connect", "ack"]
    assert steps(second) == [("ack", "up", "ok")]
    assert Phase.CONNECT in first.phases
    assert Phase.CONNECT not in second.phases
    assert listener.connections == 1
    assert len(set(listener.control_ids)) == 2


async def test_a_pair_goes_over_one_connection(listener: MllpListener) -> None:
    async with kept(listener.port, "visit") as run:
        for _ in range(2):
            assert told(await run()) == (UP, Reason.OK, {Fact.NOT_UNDONE: 0})
    assert listener.connections == 1
    assert not listener.standing


async def test_a_far_side_that_closed_in_between_gets_a_new_connection(
    listener: MllpListener,
) -> None:
    listener.set_fault("ends_after")
    async with kept(listener.port) as run:
        assert told(await run()) == (UP, Reason.OK, {})
        await asyncio.sleep(0.02)
        assert told(await run()) == (UP, Reason.OK, {Fact.RECONNECTS: 1})
        await asyncio.sleep(0.02)
        await listener.cut()
        assert told(await run()) == (UP, Reason.OK, {Fact.RECONNECTS: 1})
    assert listener.connections == 3
    assert len(listener.control_ids) == 3


@pytest.mark.parametrize("fault", ["hang", "malformed", "wrong_id", "eof", "nak_block"])
async def test_a_connection_on_which_something_went_wrong_is_used_no_more(
    listener: MllpListener, fault: str
) -> None:
    async with kept(listener.port, timeout_ms=200) as run:
        await run()
        listener.set_fault(fault)
        assert (await run()).outcome is DOWN
        listener.set_fault("none")
        seen = await run()
        assert told(seen) == (UP, Reason.OK, {})
        assert Phase.CONNECT in seen.phases
    assert listener.connections == 2


async def test_a_rejection_is_an_answer_and_the_connection_stays(listener: MllpListener) -> None:
    async with kept(listener.port) as run:
        listener.set_fault("ae")
        assert (await run()).reason is Reason.HL7_ACK_ERROR
        listener.set_fault("none")
        assert (await run()).outcome is UP
    assert listener.connections == 1


async def test_what_comes_between_two_runs_is_counted_in_the_second(
    listener: MllpListener,
) -> None:
    async with kept(listener.port) as run:
        await run()
        mine = listener.control_ids[-1].encode()
        again = b"\x0bMSH|^~\\&|\rMSA|AA|" + mine + b"\r\x1c\r"
        late = b"\x0bMSH|^~\\&|\rMSA|AA|WWLONGAGO\r\x1c\r"
        listener.say(again + late + late + b"zz" + b"\x0bMSH|^~")  # and half of another
        await asyncio.sleep(0.02)
        seen = await run()
        expected = {Fact.DUPLICATE_ACKS: 1, Fact.STALE_ACKS: 2, Fact.GARBAGE_BYTES: 2}
        # the half frame is begun anew by the answer: garbage, too
        expected[Fact.GARBAGE_BYTES] += len(b"\x0bMSH|^~")
        assert told(seen) == (UP, Reason.OK, expected)


async def test_garbage_of_many_runs_does_not_add_up(listener: MllpListener) -> None:
    listener.set_fault("garbage")
    async with kept(listener.port, timeout_ms=2000) as run:
        for _ in range(2):
            listener.say(b"x" * 40_000)
            await asyncio.sleep(0.02)
            seen = await run()
            assert seen.outcome is UP
        assert seen.facts[Fact.GARBAGE_BYTES] > 40_000


async def test_a_peer_that_talks_without_end_gets_a_new_connection(
    listener: MllpListener,
) -> None:
    async with kept(listener.port) as run:
        await run()
        listener.say(b"x" * 100_000)
        await asyncio.sleep(0.05)
        seen = await run()
        assert (seen.outcome, seen.facts[Fact.RECONNECTS]) == (UP, 1)


async def test_a_line_that_is_dead_without_a_word_is_dropped_and_not_unanswered(
    listener: MllpListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A firewall that forgot the connection: nobody takes the bytes. The kernel's word for that is
    simulated, nothing on loopback loses a packet.
    """
    async with kept(listener.port, timeout_ms=150) as run:
        await run()
        listener.set_fault("hang")
        monkeypatch.setattr(Socket, "untaken", property(lambda _: True))
        assert told(await run()) == (DOWN, Reason.TCP_DROPPED, {})
        # on a connection of this run nobody was dropped while it idled
        assert told(await run()) == (DOWN, Reason.HL7_NO_ACK, {})


async def test_a_far_side_that_took_the_message_and_hangs_is_unanswered(
    listener: MllpListener,
) -> None:
    async with kept(listener.port, timeout_ms=150) as run:
        await run()
        listener.set_fault("hang")
        assert told(await run()) == (DOWN, Reason.HL7_NO_ACK, {})


async def test_a_far_side_that_restarts_under_the_message_has_dropped_the_line(
    listener: MllpListener,
) -> None:
    async with kept(listener.port) as run:
        await run()
        listener.set_fault("reset")
        assert told(await run()) == (DOWN, Reason.TCP_DROPPED, {})


async def test_over_tls_it_is_kept_too(tmp_path: Any) -> None:
    authority = Authority(tmp_path, SystemClock().now_ms())
    secure = MllpListener(CANARIES)
    port = await secure.start(tls=authority.server(days_left=9).server_context(authority.ca))
    client = authority.client()
    tls = {"ca": authority.ca, "client_cert": client.cert, "client_key": client.key}
    async with kept(port, tls=tls, timeout_ms=2000) as run:
        for _ in range(3):
            assert told(await run()) == (UP, Reason.OK, {Fact.CERT_DAYS_LEFT: 9})
        assert secure.connections == 1
        await secure.cut()
        seen = await run()
        assert told(seen) == (UP, Reason.OK, {Fact.RECONNECTS: 1, Fact.CERT_DAYS_LEFT: 9})
    await secure.stop()


async def test_a_closed_check_lets_go_of_its_connection() -> None:
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\x1c\r")).split(b"|")
        writer.write(b"\x0bMSH|^~\\&|\rMSA|AA|" + head[9] + b"\r\x1c\r")
        await reader.read()
        writer.close()
        await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with kept(server.sockets[0].getsockname()[1]) as run:
        await run()
    await asyncio.wait_for(ended.wait(), 2)
    server.close()
    await server.wait_closed()


async def test_keep_alive_is_on_and_told_by_the_kernel(listener: MllpListener) -> None:
    """SO_KEEPALIVE on the very socket: a dead line ends within a minute, unasked."""
    made: list[Socket] = []
    plain = Socket.keep

    def keep(self: Socket) -> None:
        plain(self)
        made.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Socket, "keep", keep)
        async with kept(listener.port) as run:
            await run()
            (one,) = made
            raw = one._raw
            idle = raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
            gap = raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL)
            count = raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT)
            assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert (idle, gap, count) == (30, 10, 3)
            assert not one.untaken
