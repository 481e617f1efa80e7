"""The kind `hl7_listener` against a simulated engine, python-hl7's client and hostile peers."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import random
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import hl7.client
import pytest
from pydantic import ValidationError

from probes import listening
from probes.clock import ManualClock, SystemClock
from probes.contract import Env, Fact, Observation, Outcome, Probe, Slot
from probes.kinds.hl7_listener import KIND
from probes.net import Network
from probes.reasons import Reason
from probes.testing.certificates import Authority
from probes.testing.mllp_sender import MllpSender, message
from tests.contract.conformance import conforms
from tests.support.soak import SOAKING

CANARIES = ("ZZTESTPATIENT^WILHELMINA", "MRN-00774411")
UP, DOWN, UNKNOWN = Outcome.UP, Outcome.DOWN, Outcome.UNKNOWN
NOW = 1_767_225_600_000


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Site:
    """An agent's network and clock; `probe` opens a check on them."""

    def __init__(self, *, may_listen: bool = True) -> None:
        self.clock = ManualClock(NOW)
        self.network = Network(self.clock, may_listen=lambda _address, _port: may_listen)
        self.port = free_port()
        self.every_ms = 0

    @asynccontextmanager
    async def probe(self, **spec: Any) -> AsyncIterator[Probe]:
        whole = {"listen": f"127.0.0.1:{self.port}"} | spec
        env = Env(
            self.clock,
            random.Random(1),
            self.network,
            2_000,
            no_secret,
            every_ms=self.every_ms,
        )
        async with KIND.open(KIND.parse(whole), env) as probe:
            yield probe

    @asynccontextmanager
    async def engine(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[MllpSender]:
        sender = MllpSender("127.0.0.1", self.port, tls)
        await sender.connect()
        try:
            yield sender
        finally:
            await sender.close()


def no_secret(reference: str) -> bytes:
    raise KeyError(reference)


async def seen(probe: Probe) -> Observation:
    found = await probe.run(Slot("adt-listener", NOW))
    conforms(KIND, found)
    return found


async def counted(probe: Probe) -> Mapping[Fact, int]:
    return (await seen(probe)).facts


async def settled(probe: Probe, connections: int) -> None:
    """Until the listener has noticed who came and went."""
    for _ in range(500):
        if (await counted(probe))[Fact.CONNECTIONS] == connections:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the connections are not as expected")


async def test_messages_are_acknowledged_at_once_and_counted_by_type() -> None:
    site = Site()
    async with site.probe() as probe, site.engine() as engine:
        assert b"MSA|AA|SIM000000001" in await engine.send("ADT^A01")
        await site.clock.advance(30_000)
        first = await seen(probe)
        assert (first.outcome, first.reason) == (UP, Reason.OK)
        # what came before the first slot came in a time nobody bounds: no count of it
        assert first.facts == {Fact.CONNECTIONS: 1, Fact.AGE_S: 30, Fact.LISTENING_S: 30}
        for kind in ("ADT^A08", "ADT^A03", "ORU^R01", "ZPI^Z99"):
            await engine.send(kind)
        await site.clock.advance(60_000)
        assert await counted(probe) == {
            Fact.CONNECTIONS: 1,
            Fact.MESSAGES: 4,
            Fact.MESSAGES_ADT: 2,
            Fact.MESSAGES_ORU: 1,
            Fact.MESSAGES_OTHER: 1,
            Fact.AGE_S: 60,
        }
        await site.clock.advance(60_000)
        assert await counted(probe) == {
            Fact.CONNECTIONS: 1,
            Fact.MESSAGES: 0,
            Fact.AGE_S: 120,
        }


async def test_what_came_over_missed_slots_is_not_told_as_of_one() -> None:
    site = Site()
    site.every_ms = 60_000
    async with site.probe() as probe, site.engine() as engine:
        await seen(probe)
        told = []
        for after_s in (60, 90, 91, 3600, 60):
            await engine.send("ADT^A01")
            await site.clock.advance(after_s * 1000)
            facts = await counted(probe)
            told.append((facts.get(Fact.MESSAGES), facts.get(Fact.MESSAGES_ADT)))
        assert told == [(1, 1), (1, 1), (None, None), (None, None), (1, 1)]


@pytest.mark.parametrize("shape", MllpSender.SHAPES)
async def test_a_good_message_may_come_in_any_shape(shape: str) -> None:
    site = Site()
    async with site.probe() as probe, site.engine() as engine:
        await seen(probe)
        assert b"MSA|AA|SIM000000001" in await engine.send("SIU^S12", shape=shape)
        assert b"MSA|AA|SIM000000002" in await engine.send("SIU^S12")
        facts = await counted(probe)
        assert facts[Fact.MESSAGES_SIU] == (3 if shape == "two_at_once" else 2)
        assert Fact.FRAMES_REJECTED not in facts


async def test_python_hl7_sends_to_it() -> None:
    site = Site()
    async with site.probe() as probe:
        await seen(probe)

        def send() -> list[bytes]:
            with hl7.client.MLLPClient("127.0.0.1", site.port) as client:
                return [client.send_message(message("ADT^A01", f"P{n}").decode()) for n in range(3)]

        acks = await asyncio.to_thread(send)
        found = [hl7.parse(ack.strip(b"\x0b\x1c\r").decode()) for ack in acks]
        assert [(str(one["MSA.F1"]), str(one["MSA.F2"])) for one in found] == [
            ("AA", "P0"),
            ("AA", "P1"),
            ("AA", "P2"),
        ]
        assert (await counted(probe))[Fact.MESSAGES_ADT] == 3


async def test_what_is_no_message_is_rejected_and_the_connection_goes_on() -> None:
    site = Site()
    async with site.probe() as probe, site.engine() as engine:
        await seen(probe)
        await engine.write(b"\x0bnot hl7 \xff\xfe\x1c\x0d")
        assert b"MSA|AR|" in await engine.acknowledgement()
        assert b"MSA|AA|" in await engine.send("ADT^A01")
        facts = await counted(probe)
        assert (facts[Fact.FRAMES_REJECTED], facts[Fact.MESSAGES]) == (1, 1)


async def test_forty_mb_without_an_end_are_refused_at_the_cap_and_others_go_on() -> None:
    site = Site()
    async with site.probe() as probe, site.engine() as good, site.engine() as bad:
        await seen(probe)
        with suppress(ConnectionError):
            await bad.write(b"\x0b" + b"x" * (40 << 20))
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await bad.acknowledgement()
        assert b"MSA|AA|" in await good.send("ADT^A01")
        facts = await counted(probe)
        assert (facts[Fact.FRAMES_REJECTED], facts[Fact.CONNECTIONS]) == (1, 1)


async def test_a_frame_that_never_ends_costs_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listening, "FRAME_S", 0.05)
    site = Site()
    async with site.probe() as probe, site.engine() as idle, site.engine() as slow:
        await slow.write(b"\x0bMSH|")
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await slow.acknowledgement()
        await settled(probe, 1)
        # who says nothing may stay
        assert b"MSA|AA|" in await idle.send("ADT^A01")


async def test_who_reads_no_answers_is_not_read_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "FRAME_S", 0.3)
    site = Site()
    async with site.probe() as probe:
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", site.port))
        raw.settimeout(0)
        frame = b"\x0b" + message("ADT^A01", "1") + b"\x1c\x0d"
        loop = asyncio.get_running_loop()

        async def send() -> None:
            while True:
                await loop.sock_sendall(raw, frame * 10)

        with pytest.raises(ConnectionError):
            await send()
        raw.close()
        await settled(probe, 0)


async def test_connections_beyond_the_limit_are_refused_and_the_others_serve_on() -> None:
    site = Site()
    beyond = 10_000 if SOAKING else 300
    async with site.probe() as probe:
        await seen(probe)
        held = [MllpSender("127.0.0.1", site.port) for _ in range(listening.MOST_CONNECTIONS)]
        for one in held:
            await one.connect()
        await settled(probe, 32)
        for _ in range(beyond):
            extra = MllpSender("127.0.0.1", site.port)
            await extra.connect()
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await extra.send("ADT^A01")
            await extra.close()
        for one in held:
            assert b"MSA|AA|" in await one.send("ADT^A01")
        facts = await counted(probe)
        assert facts[Fact.MESSAGES] == 32
        assert facts[Fact.CONNECTIONS_REFUSED] == beyond
        for one in held:
            await one.close()
        await settled(probe, 0)
        async with site.engine() as late:
            assert b"MSA|AA|" in await late.send("ADT^A01")


async def test_only_whom_the_check_names_may_connect() -> None:
    site = Site()
    async with site.probe(allow_from=["10.20.0.0/16"]) as probe:
        await seen(probe)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            async with site.engine() as foreign:
                await foreign.send("ADT^A01")
        assert (await counted(probe))[Fact.CONNECTIONS_REFUSED] == 1
    async with (
        site.probe(allow_from=["10.20.0.0/16", "127.0.0.1"]) as probe,
        site.engine() as known,
    ):
        assert b"MSA|AA|" in await known.send("ADT^A01")


async def test_a_feed_older_than_max_age_is_down_from_the_start_of_listening_on() -> None:
    site = Site()
    async with site.probe(max_age="15m", types=["adt", "siu"]) as probe, site.engine() as engine:
        await site.clock.advance(900_000)
        early = await seen(probe)
        assert (early.outcome, early.reason) == (UNKNOWN, Reason.FEED_NOT_YET)
        await site.clock.advance(1)
        nothing = await seen(probe)
        assert (nothing.outcome, nothing.reason) == (DOWN, Reason.FEED_STALE)
        assert nothing.facts[Fact.LISTENING_S] == 900
        assert Fact.AGE_S not in nothing.facts
        await engine.send("ORU^R01")  # not one of those that count
        assert (await seen(probe)).outcome is DOWN
        await engine.send("SIU^S12")
        assert (await seen(probe)).outcome is UP
        await site.clock.advance(901_000)
        stale = await seen(probe)
        assert (stale.outcome, stale.facts[Fact.AGE_S]) == (DOWN, 901)


async def test_an_agent_that_restarts_ends_no_outage_of_a_feed() -> None:
    site = Site()
    for _ in range(2):  # lives of the agent
        async with site.probe(max_age="15m") as probe:
            await site.clock.advance(60_000)
            assert (await seen(probe)).reason is Reason.FEED_NOT_YET
            await site.clock.advance(900_000)
            assert (await seen(probe)).reason is Reason.FEED_STALE
    async with site.probe(max_age="15m") as probe, site.engine() as engine:
        await engine.send("ADT^A01")
        assert (await seen(probe)).outcome is UP


async def test_a_port_that_is_taken_is_our_trouble_and_tried_again() -> None:
    site = Site()
    with socket.socket() as other:
        other.bind(("127.0.0.1", site.port))
        other.listen()
        async with site.probe() as probe:
            taken = await seen(probe)
            assert (taken.outcome, taken.reason) == (UNKNOWN, Reason.AGENT_LISTEN)
            other.close()
            assert (await seen(probe)).outcome is UP
    async with site.probe(listen="192.0.2.1:6661") as probe:
        assert (await seen(probe)).reason is Reason.AGENT_LISTEN


async def test_a_listener_without_descriptors_takes_nobody_and_is_not_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def none_left(_bound: socket.socket) -> tuple[socket.socket, Any]:
        raise OSError(errno.EMFILE, "none left")

    site, loop = Site(), asyncio.get_running_loop()
    async with site.probe() as probe:
        await seen(probe)
        with monkeypatch.context() as starving:
            starving.setattr(loop, "sock_accept", none_left)
            async with site.engine():
                await asyncio.sleep(0.05)
                for _ in range(2):
                    starved = await seen(probe)
                    assert (starved.outcome, starved.reason) == (UNKNOWN, Reason.AGENT_RESOURCES)
                    await site.clock.advance(listening.RETRY_MS)
        await site.clock.advance(listening.RETRY_MS)
        async with site.engine() as engine:
            await engine.send("ADT^A01")
            assert (await seen(probe)).outcome is UP


async def test_nobody_listens_where_the_host_says_nothing() -> None:
    site = Site(may_listen=False)
    async with site.probe() as probe:
        denied = await seen(probe)
        assert (denied.outcome, denied.reason) == (UNKNOWN, Reason.AGENT_NOT_ALLOWED)
        with pytest.raises(ConnectionRefusedError):
            await MllpSender("127.0.0.1", site.port).connect()


async def test_a_changed_check_keeps_socket_connections_and_counts() -> None:
    site = Site()
    before = AsyncExitStack()
    await seen(await before.enter_async_context(site.probe()))
    async with site.engine() as engine:
        await engine.send("ADT^A01")
        async with site.probe(max_age="1h", allow_from=["127.0.0.0/8"]) as new:
            await before.aclose()
            assert b"MSA|AA|" in await engine.send("ADT^A01")
            assert (await counted(new))[Fact.MESSAGES_ADT] == 2
    with pytest.raises(ConnectionRefusedError):
        await MllpSender("127.0.0.1", site.port).connect()


async def test_whom_a_changed_check_does_not_let_in_is_cut_off(tmp_path: Path) -> None:
    ca = Authority(tmp_path, SystemClock().now_ms())
    server = ca.server()
    tls = {"cert": server.cert, "key": server.key}
    for rules in ({"allow_from": ["10.20.0.0/16"]}, {"tls": tls}):
        site = Site()
        async with site.probe() as probe, site.engine() as engine:
            await seen(probe)
            await engine.send("ADT^A01")
            async with site.probe(**rules) as new:
                with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                    await engine.send("ADT^A01")
                await settled(new, 0)


async def test_a_change_that_cannot_be_made_changes_nothing() -> None:
    site = Site()
    async with site.probe() as probe, site.engine() as engine:
        await seen(probe)
        async with site.probe(tls={"cert": "/none.pem", "key": "/none.pem"}) as new:
            for _ in range(2):  # nor is it taken for done afterwards
                assert (await seen(new)).reason is Reason.AGENT_SECRET
        assert b"MSA|AA|" in await engine.send("ADT^A01")


async def test_mutual_tls_and_a_certificate_that_is_renewed(tmp_path: Path) -> None:
    ca = Authority(tmp_path, SystemClock().now_ms())
    server, client = ca.server(), ca.client("engine")
    tls = {"cert": server.cert, "key": server.key, "client_ca": ca.ca}
    site = Site()
    context = ssl.create_default_context(cafile=ca.ca)
    context.load_cert_chain(client.cert, client.key)
    bare = ssl.create_default_context(cafile=ca.ca)
    async with site.probe(tls=tls) as probe:
        await seen(probe)
        async with site.engine(context) as engine:
            assert b"MSA|AA|" in await engine.send("ADT^A01")
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
            async with site.engine(bare) as stranger:
                await stranger.send("ADT^A01")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            async with site.engine() as plain:
                await plain.send("ADT^A01")
        renewed = ca.server()
        Path(server.cert).write_bytes(Path(renewed.cert).read_bytes())
        Path(server.key).write_bytes(Path(renewed.key).read_bytes())
        assert (await counted(probe))[Fact.MESSAGES] == 1
        async with site.engine(context) as engine:
            await engine.send("ADT^A01")
        Path(server.key).write_bytes(b"half a ")
        assert (await counted(probe))[Fact.MESSAGES] == 1  # the certificate it has serves on
        async with site.engine(context) as engine:
            assert b"MSA|AA|" in await engine.send("ADT^A01")
    lost = {"cert": str(tmp_path / "none.pem"), "key": server.key}
    async with site.probe(tls=lost) as probe:
        missing = await seen(probe)
        assert (missing.outcome, missing.reason) == (UNKNOWN, Reason.AGENT_SECRET)


def reachable(root: object) -> list[bytes]:
    """Every text and byte string that hangs on `root`, as bytes."""
    found: list[bytes] = []
    known: set[int] = set()
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if id(one) in known or isinstance(one, type | type(gc)) or callable(one):
            continue
        known.add(id(one))
        if isinstance(one, str):
            found.append(one.encode("utf-8", "replace"))
        elif isinstance(one, bytes | bytearray | memoryview):
            found.append(bytes(one))
        waiting += gc.get_referents(one)
    return found


async def test_nothing_of_a_message_stays_after_its_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    site = Site()
    async with site.probe() as probe, site.engine() as engine:
        await seen(probe)
        for shape in ("whole", "garbage_between", "byte_by_byte"):
            await engine.send("ADT^A01", shape=shape, canaries=CANARIES)
        await engine.write(b"\x0b" + " ".join(CANARIES).encode() + b"\x1c\x0d")
        await engine.acknowledgement()
        listener = next(iter(site.network.listeners._open.values()))
        transports = [task.get_coro().cr_frame.f_locals for task in listener._serving]  # type: ignore[union-attr]
        assert len(transports) == 1
        held = reachable([probe, listener, transports, [vars(t["connection"]) for t in transports]])
        facts = await seen(probe)
        kept = b"\0".join(held) + repr(facts).encode() + caplog.text.encode()
        assert len(held) > 3
        for canary in (*CANARIES, "WILHELMINA", "00774411", "ENGINE", "SIM000000001"):
            assert canary.encode() not in kept
        # the search itself would see them
        await engine.write(b"\x0bMSH|" + CANARIES[1].encode())
        await asyncio.sleep(0.05)
        more = reachable([vars(t["connection"]) for t in transports])
        assert CANARIES[1].encode() in b"\0".join(more)


async def test_ten_connections_at_once_lose_nothing() -> None:
    site = Site()
    each = 2_000 if SOAKING else 100
    async with site.probe() as probe:
        await seen(probe)

        async def stream() -> None:
            async with site.engine() as engine:
                for _ in range(each):
                    await engine.send("ADT^A01", canaries=CANARIES)

        await asyncio.gather(*(stream() for _ in range(10)))
        assert (await counted(probe))[Fact.MESSAGES_ADT] == 10 * each


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({}, "listen"),
        ({"listen": "6661"}, "write ADDRESS:PORT"),
        ({"listen": "engine.example.org:6661"}, "write ADDRESS:PORT"),
        ({"listen": "0.0.0.0:0"}, "write ADDRESS:PORT"),
        ({"listen": "::1:6661"}, "write ADDRESS:PORT"),
        ({"listen": "[::]:6661", "allow_from": []}, "at least 1"),
        ({"listen": "[::]:6661", "allow_from": ["10.0.0.1/8"]}, "write an address or a network"),
        ({"listen": "[::]:6661", "types": ["adt"]}, "max_age"),
        ({"listen": "[::]:6661", "types": ["xyz"], "max_age": "1m"}, "'adt'"),
        ({"listen": "[::]:6661", "keep": "all"}, "keep"),
        ({"listen": "[::]:6661", "tls": {"cert": "/c.pem"}}, "key"),
    ],
)
def test_a_wrong_spec_is_told(spec: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        KIND.parse(spec)
