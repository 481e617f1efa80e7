"""The kind `hl7` against servers we did not write: hl7apy, node-hl7-server, simple-hl7, python-hl7,
and TLS ended by nginx and by stunnel4.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import hl7.mllp
import pytest

from probes.clock import SystemClock
from probes.contract import Fact, Outcome
from probes.kinds.hl7 import KIND
from probes.reasons import Reason
from probes.testing.certificates import Authority, Pair
from probes.testing.mllp_listener import MllpListener
from tests.contract.conformance import expect, observe
from tests.contract.test_hl7 import spec
from tests.contract.test_hl7_kept import kept, told
from tests.support.mllp_peers import hl7apy_server, nginx, node_peer, stunnel

UP, DOWN, MISCONFIGURED = Outcome.UP, Outcome.DOWN, Outcome.MISCONFIGURED
Front = Callable[[Path, Pair, Authority, int], AbstractAsyncContextManager[int]]
FRONTS: dict[str, Front] = {"nginx": nginx, "stunnel4": stunnel}


async def test_hl7apy_answers_one_message_a_connection() -> None:
    with hl7apy_server() as port:
        await expect(KIND, spec(port, slow_after="2s"), UP, Reason.OK)
        async with kept(port, timeout_ms=2000) as run:
            assert told(await run()) == (UP, Reason.OK, {})
            await asyncio.sleep(0.1)
            assert told(await run()) == (UP, Reason.OK, {Fact.RECONNECTS: 1})


async def test_python_hl7_keeps_the_connection_and_undoes_a_pair() -> None:
    types: list[str] = []
    ended = asyncio.Event()

    async def serve(reader: Any, writer: Any) -> None:
        while not reader.at_eof():
            try:
                message = await reader.readmessage()
            except asyncio.IncompleteReadError:
                break
            types.append(str(message.segment("MSH")[9]))
            writer.writemessage(message.create_ack("AA"))
            await writer.drain()
        writer.close()
        await writer.wait_closed()
        ended.set()

    server = await hl7.mllp.start_hl7_server(serve, "127.0.0.1", 0)
    async with kept(server.sockets[0].getsockname()[1], "visit", timeout_ms=2000) as run:
        for _ in range(2):
            assert told(await run()) == (UP, Reason.OK, {Fact.NOT_UNDONE: 0})
    await asyncio.wait_for(ended.wait(), 2)
    server.close()
    await server.wait_closed()
    assert types == ["ADT^A04^ADT_A01", "ADT^A11^ADT_A09"] * 2


async def test_node_hl7_server_acknowledges_old_messages_again_and_they_do_not_count() -> None:
    """It keeps all it was sent on a connection, and answers for all of it each time."""
    async with node_peer("node_hl7_server.js") as port:
        await expect(KIND, spec(port, slow_after="2s"), UP, Reason.OK)
        async with kept(port, timeout_ms=2000) as run:
            assert told(await run()) == (UP, Reason.OK, {})
            assert told(await run()) == (UP, Reason.OK, {Fact.STALE_ACKS: 1})
            assert told(await run()) == (UP, Reason.OK, {Fact.STALE_ACKS: 2})


async def test_simple_hl7_loses_a_second_frame_and_we_never_send_one_before_the_answer() -> None:
    async with node_peer("simple_hl7.js") as port:
        async with kept(port, "visit", timeout_ms=2000) as run:
            for _ in range(2):
                assert told(await run()) == (UP, Reason.OK, {Fact.NOT_UNDONE: 0})
        await expect(KIND, spec(port, slow_after="2s"), UP, Reason.OK)
        # what it would do to a client that does: two frames in one packet, one answer
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        frame = b"\x0bMSH|^~\\&|A||||20260101||ADT^A08|%d|T|2.3\r\x1c\r"
        writer.write(frame % 1 + frame % 2)
        first = await reader.readuntil(b"\x1c\r")
        assert b"MSA|AA|1" in first
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readuntil(b"\x1c\r"), 0.2)
        writer.close()
        await writer.wait_closed()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, SystemClock().now_ms())


@pytest.fixture
async def listener() -> AsyncIterator[MllpListener]:
    simulator = MllpListener()
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.mark.parametrize("front", FRONTS)
async def test_a_front_that_asks_for_a_certificate_is_up_with_ours_and_rejects_us_without(
    tmp_path: Path, authority: Authority, listener: MllpListener, front: str
) -> None:
    client = authority.client()
    tls = {"ca": authority.ca, "client_cert": client.cert, "client_key": client.key}
    async with FRONTS[front](tmp_path, authority.server(), authority, listener.port) as port:
        for connection in ("each", "keep"):
            given = spec(port, tls=tls, connection=connection, slow_after="2s")
            await expect(KIND, given, UP, Reason.OK)
        rejected = (MISCONFIGURED, Reason.TLS_CLIENT_REJECTED)
        await expect(KIND, spec(port, tls={"ca": authority.ca}), *rejected)
        alone = {"host": "127.0.0.1", "port": str(port), "message": "connect"}
        await expect(KIND, {**alone, "tls": {"ca": authority.ca}}, *rejected)
        assert len(listener.control_ids) == 2


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        ("stunnel4", (MISCONFIGURED, Reason.TLS_CLIENT_REJECTED)),
        # nginx ends the handshake well and hands out tickets before it looks at the certificate:
        # from outside that is a server that took it and then closed
        ("nginx", (DOWN, Reason.HL7_CLOSED)),
    ],
)
async def test_a_certificate_of_another_authority(
    tmp_path: Path,
    authority: Authority,
    listener: MllpListener,
    front: str,
    expected: tuple[Outcome, Reason],
) -> None:
    (tmp_path / "other").mkdir()
    client = Authority(tmp_path / "other", SystemClock().now_ms(), "Somebody else").client()
    tls = {"ca": authority.ca, "client_cert": client.cert, "client_key": client.key}
    async with FRONTS[front](tmp_path, authority.server(), authority, listener.port) as port:
        await expect(KIND, spec(port, tls=tls), *expected)
    assert listener.control_ids == []


@pytest.mark.parametrize("front", FRONTS)
async def test_a_front_whose_engine_is_gone_is_down_and_not_our_fault(
    tmp_path: Path, authority: Authority, listener: MllpListener, front: str
) -> None:
    client = authority.client()
    tls = {"ca": authority.ca, "client_cert": client.cert, "client_key": client.key}
    listener.set_fault("refuse")
    # stunnel4 resets, before our message or after it: its tickets are read all the same
    gone = {(DOWN, Reason.HL7_CLOSED), (DOWN, Reason.TCP_RESET)}
    told: set[tuple[Outcome, Reason]] = set()
    async with FRONTS[front](tmp_path, authority.server(), authority, listener.port) as port:
        for _ in range(20):
            seen = (await observe(KIND, spec(port, tls=tls))).observation
            told.add((seen.outcome, seen.reason))
    assert told <= (gone if front == "stunnel4" else {(DOWN, Reason.HL7_CLOSED)})
    assert seen.steps[0].outcome is UP
