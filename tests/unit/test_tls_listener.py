"""The collector's own TLS: what it takes, what it refuses, a certificate renewed while it runs."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from collector.service import Service, World
from collector.store.store import Store
from collector.tls import ServerTls, TlsError, server_context
from probes.clock import ManualClock, SystemClock
from probes.configfile import canonical
from probes.testing.certificates import Authority
from tests.support.rounds import START, config


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    folder = tmp_path / "ca"
    folder.mkdir()
    return Authority(folder, SystemClock().now_ms())


def files(tmp_path: Path, authority: Authority) -> tuple[Path, Path]:
    pair = authority.server()
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    shutil.copy(pair.cert, cert)
    shutil.copy(pair.key, key)
    return cert, key


def opened(cert: Path, key: Path) -> ServerTls:
    found = server_context(str(cert), str(key))
    assert found is not None
    return found


async def serial(port: int, authority: Authority) -> int:
    context = ssl.create_default_context(cafile=authority.ca)
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    made: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    await writer.wait_closed()
    return x509.load_der_x509_certificate(made).serial_number


async def test_a_renewed_certificate_is_shown_without_a_restart(
    tmp_path: Path, authority: Authority, sqlite_store: Store
) -> None:
    cert, key = files(tmp_path, authority)
    used, clock = config(channels={}, routes=[]), ManualClock(START)
    tls = opened(cert, key)
    world = World(clock, random.Random(1), lambda _ref: b"secret", "one")
    service = Service(sqlite_store, used, canonical(used), world, tls=tls)
    await service.prepare()
    port = await service.listen("127.0.0.1", 0)
    stop = asyncio.Event()
    running = asyncio.create_task(service.run(stop))
    before = await serial(port, authority)
    cert.write_text("half a certificate")
    os.utime(cert, ns=(1, 1))
    assert tls.renew() is False
    assert await serial(port, authority) == before
    files(tmp_path, authority)
    os.utime(cert, ns=(2, 2))
    for _ in range(100):
        await clock.advance(60_000)
        if await serial(port, authority) != before:
            break
    assert await serial(port, authority) != before
    assert tls.context.minimum_version is ssl.TLSVersion.TLSv1_2
    stop.set()
    await running


def test_without_files_there_is_no_tls_and_one_alone_is_refused(tmp_path: Path) -> None:
    assert server_context(None, None) is None
    with pytest.raises(TlsError, match="write both, or neither"):
        server_context("cert.pem", None)


def test_files_that_are_no_pair_are_refused_by_name(tmp_path: Path, authority: Authority) -> None:
    cert, key = files(tmp_path, authority)
    other = authority.server().key
    for one, two in ((cert, other), (key, cert), (cert, tmp_path / "none.pem")):
        with pytest.raises(TlsError, match=one.name):
            server_context(str(one), str(two))
