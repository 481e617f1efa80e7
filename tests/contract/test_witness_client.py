"""What a log makes of a witness's answers, over real sockets: honest ones, wrong ones, hostile ones."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from collector.attest import note
from collector.attest.note import Note
from collector.witness import client, messages
from collector.witness.client import Cosigned, Witness
from collector.witness.refusals import Refusal, Refused
from probes.clock import ManualClock, SystemClock
from probes.testing.certificates import Authority
from tests.support.answering import Answer, Came, always, answering, reply
from tests.unit.witness.logs import NAME, NOW_S, WITNESS, Log, private, verifier

LOG = Log()
SIZE = 30
DAY_S = 86_400


def cosigned(n: int = 9, name: str = NAME, size: int = SIZE, at: int = NOW_S) -> bytes:
    return messages.write_signatures([note.cosign(LOG.text(size), name, private(n), at)])


def sized(body: bytes, content_type: str = "text/x.tlog.size") -> bytes:
    return reply(409, body, f"Content-Type: {content_type}")


async def asked(
    answer: Answer, *, held: int = 20, signed: Note | None = None, timeout_s: float = 5.0
) -> tuple[Cosigned | Refused, list[Came], list[int]]:
    """What is found, what came to the witness, and from which sizes proofs were made."""
    proven: list[int] = []

    async def prove(old: int) -> Sequence[bytes]:
        proven.append(old)
        return LOG.proof(old, SIZE)

    async with answering(answer) as listener, client.opened() as session:
        found = await client.add_checkpoint(
            session,
            Witness(listener.url, WITNESS),
            LOG.signed(SIZE) if signed is None else signed,
            held,
            prove,
            ManualClock(),
            timeout_s,
        )
        return found, listener.came, proven


async def code_of(answer: Answer, held: int = 20) -> Refusal:
    found, _, _ = await asked(answer, held=held)
    assert isinstance(found, Refused)
    return found.code


async def test_a_cosignature_is_taken_and_what_was_asked_is_the_specifications_request() -> None:
    found, came, proven = await asked(always(reply(200, cosigned())))
    assert found == Cosigned(note.cosign(LOG.text(SIZE), NAME, private(9), NOW_S), NOW_S)
    assert came[0].head.startswith(b"POST /add-checkpoint HTTP/1.1\r\n")
    assert messages.parse(came[0].body) == LOG.asks(20, SIZE)
    assert (len(came), proven) == (1, [20])


async def test_a_prefix_may_have_a_path_and_a_slash_at_its_end() -> None:
    async with answering(always(reply(404))) as listener, client.opened() as session:
        for path in ("/w", "/w/"):
            witness = Witness(listener.url + path, WITNESS)
            await client.add_checkpoint(
                session, witness, LOG.signed(SIZE), 0, _never, ManualClock()
            )
    assert [one.head.split(b" ")[1] for one in listener.came] == [b"/w/add-checkpoint"] * 2


async def _never(_old: int) -> Sequence[bytes]:
    raise AssertionError("nothing is to be proven")


async def test_a_conflict_is_proven_from_the_size_it_names_once() -> None:
    found, came, proven = await asked(always(sized(b"7\n"), reply(200, cosigned())), held=0)
    assert isinstance(found, Cosigned)
    assert [messages.parse(one.body).old for one in came] == [0, 7]
    assert messages.parse(came[1].body) == LOG.asks(7, SIZE)
    assert proven == [7]
    found, came, _ = await asked(always(sized(b"7\n"), sized(b"8\n"), reply(200, cosigned())))
    assert (found, len(came)) == (Refused(Refusal.SIZE, 8), 2)


async def test_a_witness_that_was_set_up_anew_is_asked_without_a_proof() -> None:
    found, came, proven = await asked(always(sized(b"0\n"), reply(200, cosigned())))
    assert isinstance(found, Cosigned)
    assert (messages.parse(came[1].body), proven) == (LOG.asks(0, SIZE), [20])


async def test_a_witness_that_has_the_size_already_is_asked_without_a_proof() -> None:
    found, came, proven = await asked(always(reply(200, cosigned())), held=SIZE)
    assert isinstance(found, Cosigned)
    assert (messages.parse(came[0].body), proven) == (LOG.asks(SIZE, SIZE), [])


async def test_a_witness_that_has_more_than_the_log_is_named_with_its_size() -> None:
    """A log that was restored from a backup: asked once, for nothing can be proven."""
    for held in (20, SIZE, 31, 5000):
        found, came, _ = await asked(always(sized(b"31\n")), held=held)
        assert (found, len(came)) == (Refused(Refusal.SIZE, 31), 1)


async def test_another_root_of_the_same_size_is_a_fork() -> None:
    found, came, _ = await asked(always(sized(b"30\n")), held=SIZE)
    assert (found, len(came)) == (Refused(Refusal.ROOT, SIZE), 1)
    # without the size, which the specification asks for only where it is another one
    assert (await asked(always(reply(409)), held=SIZE))[0] == Refused(Refusal.ROOT)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (reply(400), Refusal.REQUEST),
        (reply(403), Refusal.SIGNATURE),
        (reply(404), Refusal.ORIGIN),
        (reply(413), Refusal.TOO_LARGE),
        (reply(422), Refusal.PROOF),
        (reply(429), Refusal.BUSY),
        (reply(500), Refusal.STATUS),
        (reply(204), Refusal.STATUS),
        (reply(201, cosigned()), Refusal.STATUS),
        (sized(b"20\n"), Refusal.ANSWER),
        (sized(b"7"), Refusal.ANSWER),
        (sized(b"7\n", "text/plain"), Refusal.ANSWER),
        (sized(b""), Refusal.ANSWER),
        (reply(200), Refusal.ANSWER),
        (reply(200, b"<html>Welcome, dear guest</html>\n"), Refusal.ANSWER),
        (reply(200, cosigned()[:-1]), Refusal.ANSWER),
        (reply(200, b"\n" + cosigned()), Refusal.ANSWER),
        (reply(200, b"\x1f\x8b\x08", "Content-Encoding: gzip"), Refusal.ANSWER),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Refusal.NETWORK),
        (b"", Refusal.NETWORK),
        (reply(200, cosigned())[:-5], Refusal.NETWORK),
    ],
)
async def test_every_other_answer_has_its_code(answer: bytes, code: Refusal) -> None:
    assert await code_of(always(answer)) is code


@pytest.mark.parametrize(
    "body",
    [
        cosigned(n=8),
        cosigned(name="witness.example/w2"),
        cosigned(size=29),
        messages.write_signatures([note.sign(LOG.text(SIZE), NAME, private(9))]),
    ],
)
async def test_what_the_configured_key_has_not_cosigned_is_not_believed(body: bytes) -> None:
    assert await code_of(always(reply(200, body))) is Refusal.COSIGNATURE


async def test_a_cosignature_with_one_bit_changed_is_not_believed() -> None:
    line = note.cosign(LOG.text(SIZE), NAME, private(9), NOW_S)
    wrong = bytes([*line.signature[:-1], line.signature[-1] ^ 1])
    body = messages.write_signatures([note.SignatureLine(line.name, line.id, wrong)])
    assert await code_of(always(reply(200, body))) is Refusal.COSIGNATURE


async def test_cosignatures_of_others_are_passed_over() -> None:
    body = cosigned(n=8) + cosigned() + cosigned(n=7)
    found, _, _ = await asked(always(reply(200, body)))
    assert isinstance(found, Cosigned)
    assert found.line.id == WITNESS.id


async def test_a_time_that_cannot_be_is_refused() -> None:
    for at in (NOW_S - DAY_S, NOW_S + DAY_S):
        assert isinstance((await asked(always(reply(200, cosigned(at=at)))))[0], Cosigned)
    for at in (1, NOW_S - DAY_S - 1, NOW_S + DAY_S + 1, (1 << 63) - 1):
        assert await code_of(always(reply(200, cosigned(at=at)))) is Refusal.TIME


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async with answering(always(reply(200, cosigned()))) as other:
        away = reply(status, b"", f"Location: {other.url}/add-checkpoint")
        assert await code_of(always(away)) is Refusal.STATUS
    assert other.came == []


async def test_an_endless_answer_is_left() -> None:
    sent = 0

    async def endless(_came: Came, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            writer.write(bytes(1 << 16))
            await writer.drain()
            sent += 1 << 16

    found, _, _ = await asked(endless)
    assert found == Refused(Refusal.ANSWER)
    assert sent < 32 << 20  # what socket buffers hold, and no more


async def test_endless_header_fields_are_left() -> None:
    async def endless(_came: Came, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X: " + bytes(1 << 16).replace(b"\0", b"x"))
            await writer.drain()

    assert (await asked(endless))[0] == Refused(Refusal.NETWORK)


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"])
async def test_a_witness_that_hangs_is_left_in_time(first: bytes) -> None:
    async def hang(_came: Came, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        await writer.drain()
        await asyncio.sleep(5)

    begun = time.monotonic()
    found, _, _ = await asked(hang, timeout_s=0.2)
    assert found == Refused(Refusal.TIMEOUT)
    assert time.monotonic() - begun < 3


async def test_a_dripping_answer_does_not_stretch_the_time() -> None:
    async def drip(_came: Came, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
        for _ in range(100):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    assert (await asked(drip, timeout_s=0.3))[0] == Refused(Refusal.TIMEOUT)


async def test_nobody_there_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with client.opened() as session:
        witness = Witness(f"http://127.0.0.1:{port}", WITNESS)
        found = await client.add_checkpoint(
            session, witness, LOG.signed(SIZE), 0, _never, ManualClock()
        )
    assert found == Refused(Refusal.NETWORK)


async def test_a_certificate_is_verified(tmp_path: Path) -> None:
    authority = Authority(tmp_path, SystemClock().now_ms())
    pair = authority.server()
    server, trusting = (
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
        ssl.create_default_context(cafile=authority.ca),
    )
    server.load_cert_chain(pair.cert, pair.key)
    found = []
    async with answering(always(reply(200, cosigned())), server) as listener:
        witness = Witness(f"https://127.0.0.1:{listener.port}", WITNESS)
        for tls in (None, trusting):
            async with client.opened(tls) as session:
                one = await client.add_checkpoint(
                    session, witness, LOG.signed(SIZE), 0, _never, ManualClock()
                )
                found.append(one)
    assert found[0] == Refused(Refusal.TLS)
    assert isinstance(found[1], Cosigned)


async def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with answering(always(reply(200, cosigned()))) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        found, came, _ = await asked(always(reply(404)))
    assert (found, len(came), proxy.came) == (Refused(Refusal.ORIGIN), 1, [])


@pytest.mark.parametrize(
    "url",
    [
        "http://witness.example",
        "ftp://witness.example",
        "https://witness.example/?log=1",
        "https://witness.example/#a",
        "https://user:word@witness.example",
        "witness.example",
        "https:// witness.example",
    ],
)
def test_an_address_that_is_not_for_this_is_refused(url: str) -> None:
    Witness("https://witness.example/w1", WITNESS)
    with pytest.raises(ValueError, match=r"."):
        Witness(url, WITNESS)


def test_a_key_that_signs_no_cosignatures_is_refused() -> None:
    with pytest.raises(ValueError, match="the key of one"):
        Witness("https://witness.example", verifier(NAME, 9))
