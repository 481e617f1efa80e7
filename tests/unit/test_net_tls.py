"""TLS over real sockets: whose fault a failed handshake is, and what a good one tells."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from probes.clock import SystemClock
from probes.contract import Outcome, Phase
from probes.net import Address, NetFailure, Network, TlsOptions
from probes.reasons import Reason
from probes.testing.certificates import Authority, Pair
from probes.tls import Contexts
from tests.support.streams import Serve, hold, serving
from tests.support.tls import alerting_server
from tests.unit.test_net import LOOPBACK, dial, refusal, reset

DOWN, MISCONFIGURED, UNKNOWN = Outcome.DOWN, Outcome.MISCONFIGURED, Outcome.UNKNOWN


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, SystemClock().now_ms())


@asynccontextmanager
async def secured(pair: Pair, serve: Serve = hold) -> AsyncIterator[int]:
    async with serving(serve, pair.server_context()) as port:
        yield port


async def ping(port: int, tls: TlsOptions) -> bytes:
    """TLS 1.3 tells a client that it is not welcome only after the handshake."""
    connection = await dial(port, tls=tls)
    try:
        await connection.send(b"ping")
        return await connection.receive()
    finally:
        await connection.close()


async def test_a_good_handshake_tells_the_days_left(authority: Authority) -> None:
    async with secured(authority.server(days_left=41)) as port:
        connection = await dial(port, tls=TlsOptions(ca=authority.ca))
        await connection.close()
    assert set(connection.phases) == {Phase.CONNECT, Phase.TLS}
    assert connection.cert_days_left == 41


async def test_the_original_name_is_shown_and_checked_at_the_resolved_address(
    authority: Authority,
) -> None:
    async def resolve(host: str, port: int) -> Sequence[Address]:
        return [LOOPBACK]

    shown: list[str] = []
    context = authority.server(("ehr.example.org",)).server_context()
    context.sni_callback = lambda _, name, __: shown.append(name)
    async with serving(hold, context) as port:
        network = Network(SystemClock(), resolver=resolve)
        tls = TlsOptions(ca=authority.ca)
        connection = await dial(port, "ehr.example.org", network=network, tls=tls)
        await connection.close()
        other = await refusal(port, "lab.example.org", network=network, tls=tls)
        named = TlsOptions(ca=authority.ca, server_name="ehr.example.org")
        connection = await dial(port, "lab.example.org", network=network, tls=named)
        await connection.close()
    assert shown == ["ehr.example.org", "lab.example.org", "ehr.example.org"]
    assert other == (MISCONFIGURED, Reason.TLS_HOSTNAME)


async def test_an_expired_certificate_is_down(authority: Authority) -> None:
    async with secured(authority.server(days_left=-1)) as port:
        found = await refusal(port, tls=TlsOptions(ca=authority.ca))
    assert found == (DOWN, Reason.TLS_EXPIRED)


async def test_a_certificate_of_tomorrow_is_down(authority: Authority) -> None:
    async with secured(authority.not_yet_valid()) as port:
        found = await refusal(port, tls=TlsOptions(ca=authority.ca))
    assert found == (DOWN, Reason.TLS_EXPIRED)


async def test_a_certificate_for_another_address_is_misconfigured(authority: Authority) -> None:
    async with secured(authority.server(("localhost", "127.0.0.9"))) as port:
        found = await refusal(port, tls=TlsOptions(ca=authority.ca))
    assert found == (MISCONFIGURED, Reason.TLS_HOSTNAME)


async def test_a_chain_to_another_authority_is_untrusted(
    authority: Authority, tmp_path: Path
) -> None:
    directory = tmp_path / "other"
    directory.mkdir()
    other = Authority(directory, SystemClock().now_ms(), "Somebody else")
    async with secured(other.server()) as port:
        by_our_ca = await refusal(port, tls=TlsOptions(ca=authority.ca))
        by_the_system = await refusal(port, tls=TlsOptions())
    assert by_our_ca == (MISCONFIGURED, Reason.TLS_UNTRUSTED)
    assert by_the_system == (MISCONFIGURED, Reason.TLS_UNTRUSTED)


@pytest.mark.parametrize(
    "banner",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"220 mail.example.org ESMTP\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x0bMSH|^~\\&|LAB|NORTH\x1c\r",
    ],
)
async def test_a_port_that_answers_in_plain_text_does_not_speak_tls(
    authority: Authority, banner: bytes
) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(banner)
        await hold(reader, writer)

    async with serving(plain) as port:
        found = await refusal(port, tls=TlsOptions(ca=authority.ca))
    assert found == (MISCONFIGURED, Reason.TLS_NOT_TLS)


async def test_a_port_that_says_nothing_ends_at_the_deadline(authority: Authority) -> None:
    async with serving(hold) as port:
        found = await refusal(port, tls=TlsOptions(ca=authority.ca), timeout_ms=80)
    assert found == (DOWN, Reason.TLS_TIMEOUT)


async def test_an_end_inside_the_handshake_is_a_failed_handshake(authority: Authority) -> None:
    async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)

    async with serving(end) as port:
        found = await refusal(port, tls=TlsOptions(ca=authority.ca))
    assert found == (DOWN, Reason.TLS_HANDSHAKE)


async def test_a_reset_inside_the_handshake_is_a_reset(authority: Authority) -> None:
    async with serving(reset) as port:
        found = await refusal(port, tls=TlsOptions(ca=authority.ca))
    assert found == (DOWN, Reason.TCP_RESET)


async def test_no_common_cipher_is_a_failed_handshake(authority: Authority) -> None:
    context = authority.server().server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")  # our certificate has an ECDSA key
    with alerting_server(context) as port:
        found = await refusal(port, tls=TlsOptions(ca=authority.ca))
    assert found == (DOWN, Reason.TLS_HANDSHAKE)


async def test_a_demanded_client_certificate_is_shown(authority: Authority) -> None:
    client = authority.client()
    with alerting_server(authority.server().server_context(authority.ca)) as port:
        tls = TlsOptions(ca=authority.ca, client_cert=client.cert, client_key=client.key)
        assert await ping(port, tls) == b"pong"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("shown", ["none", "expired", "of another CA"])
async def test_a_server_that_refuses_our_certificate_rejects_us(
    authority: Authority, tmp_path: Path, version: ssl.TLSVersion, shown: str
) -> None:
    tls = TlsOptions(ca=authority.ca)
    if shown == "expired":
        client = authority.client(days_left=-1)
        tls = TlsOptions(ca=authority.ca, client_cert=client.cert, client_key=client.key)
    elif shown == "of another CA":
        directory = tmp_path / "other"
        directory.mkdir()
        client = Authority(directory, SystemClock().now_ms(), "Somebody else").client()
        tls = TlsOptions(ca=authority.ca, client_cert=client.cert, client_key=client.key)
    context = authority.server().server_context(authority.ca)
    context.minimum_version = context.maximum_version = version
    with alerting_server(context) as port, pytest.raises(NetFailure) as caught:
        await ping(port, tls)
    assert (caught.value.outcome, caught.value.reason) == (
        MISCONFIGURED,
        Reason.TLS_CLIENT_REJECTED,
    )


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("shown", [False, True])
async def test_a_server_that_asks_for_a_certificate_and_closes_without_a_word_rejects_us(
    authority: Authority, tmp_path: Path, version: ssl.TLSVersion, *, shown: bool
) -> None:
    (tmp_path / "other").mkdir()
    client = Authority(tmp_path / "other", SystemClock().now_ms(), "Somebody else").client()
    tls = TlsOptions(authority.ca, watches=True)
    if shown:
        tls = TlsOptions(authority.ca, client.cert, client.key)
    context = authority.server().server_context(authority.ca)
    context.minimum_version = context.maximum_version = version
    # asyncio's servers close without an alert, as many engines do
    async with serving(hold, context) as port:
        with pytest.raises(NetFailure) as caught:
            await ping(port, tls)
    found = (caught.value.outcome, caught.value.reason)
    assert found == (MISCONFIGURED, Reason.TLS_CLIENT_REJECTED)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_server_that_has_taken_our_certificate_and_then_closes_only_closes(
    authority: Authority, version: ssl.TLSVersion
) -> None:
    async def read_and_end(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read(4)

    client = authority.client()
    context = authority.server().server_context(authority.ca)
    context.minimum_version = context.maximum_version = version
    async with serving(read_and_end, context) as port:
        assert await ping(port, TlsOptions(authority.ca, client.cert, client.key)) == b""


async def test_a_server_that_asks_for_no_certificate_and_closes_only_closes(
    authority: Authority,
) -> None:
    async def end(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        return

    async with serving(end, authority.server().server_context()) as port:
        assert await ping(port, TlsOptions(authority.ca, watches=True)) == b""


async def test_files_of_ours_that_cannot_be_used_say_nothing_about_the_server(
    authority: Authority, tmp_path: Path
) -> None:
    client, stranger = authority.client(), authority.client()
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("not a certificate")
    locked = tmp_path / "locked.pem"
    key = serialization.load_pem_private_key(Path(client.key).read_bytes(), password=None)
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    wrong = (
        TlsOptions(ca=str(tmp_path / "missing.pem")),
        TlsOptions(ca=str(garbage)),
        TlsOptions(ca=authority.ca, client_cert=client.cert, client_key=stranger.key),
        TlsOptions(ca=authority.ca, client_cert=client.cert, client_key=str(locked)),
    )
    async with secured(authority.server()) as port:
        for tls in wrong:
            assert await refusal(port, tls=tls) == (UNKNOWN, Reason.AGENT_SECRET)


def test_one_context_serves_one_set_of_files_until_a_file_changes(authority: Authority) -> None:
    contexts = Contexts()
    ours = TlsOptions(ca=authority.ca)
    first = contexts.get(ours)
    assert contexts.get(TlsOptions(ca=authority.ca, server_name="other.example.org")) is first
    assert contexts.get(TlsOptions()) is not first
    assert contexts.get(TlsOptions()) is contexts.get(TlsOptions())
    os.utime(authority.ca, (1, 1))
    assert contexts.get(ours) is not first


async def test_a_peer_that_never_says_goodbye_holds_up_no_run(authority: Authority) -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # a server that stops reading never answers the close_notify
        writer.transport.pause_reading()  # type: ignore[attr-defined] # a socket transport
        await asyncio.Event().wait()

    async with secured(authority.server(), deaf) as port:
        connection = await dial(port, tls=TlsOptions(ca=authority.ca))
        before = asyncio.get_running_loop().time()
        await connection.close()
        assert asyncio.get_running_loop().time() - before < 2
