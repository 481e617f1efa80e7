"""HL7 v2 servers we did not write, on loopback: hl7apy, two for node, and TLS in front of one of ours."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from hl7apy.core import Message
from hl7apy.mllp import AbstractHandler, MLLPServer
from hl7apy.parser import parse_message

from probes.testing.certificates import Authority, Pair

ROOT = Path(__file__).resolve().parents[2]
NODE_MODULES = ROOT / ".venv/peers/node_modules"
NGINX_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"


class _Accepts(AbstractHandler):  # type: ignore[misc] # untyped library
    def reply(self) -> str:
        asked = parse_message(self.incoming_message, find_groups=False)
        ack = Message("ACK", version="2.5.1")
        ack.msh.msh_9, ack.msh.msh_10 = "ACK", "1"
        ack.msa.msa_1, ack.msa.msa_2 = "AA", asked.msh.msh_10.value
        framed: str = ack.to_mllp()
        return framed


@contextmanager
def hl7apy_server() -> Iterator[int]:
    """Answers one message of type ADT^A08 a connection, and ends it; yields the port."""
    handlers: dict[str, Any] = {"ADT^A08^ADT_A01": (_Accepts,)}
    server = MLLPServer("127.0.0.1", 0, handlers)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@asynccontextmanager
async def node_peer(script: str) -> AsyncIterator[int]:
    """A server of `tests/peers`; yields the port it prints."""
    assert NODE_MODULES.is_dir(), "run once: .ci/node-peers .venv/peers"
    process = await asyncio.create_subprocess_exec(
        "node",
        str(ROOT / "tests/peers" / script),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "NODE_PATH": str(NODE_MODULES)},
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            yield int(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def nginx(folder: Path, server: Pair, authority: Authority, to: int) -> AsyncIterator[int]:
    """nginx's stream module: ends TLS, asks for a client certificate, passes on to the port `to`."""
    port = _free_port()
    config = folder / "nginx.conf"
    config.write_text(
        f"load_module {NGINX_MODULE};\n"
        f"daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;\n"
        "events {}\n"
        "stream { server {\n"
        f"  listen 127.0.0.1:{port} ssl; proxy_pass 127.0.0.1:{to};\n"
        f"  ssl_certificate {server.cert}; ssl_certificate_key {server.key};\n"
        f"  ssl_client_certificate {authority.ca}; ssl_verify_client on;\n"
        "  ssl_protocols TLSv1.2 TLSv1.3;\n"
        "} }\n"
    )
    async with _listening(["/usr/sbin/nginx", "-p", str(folder), "-c", str(config)], port, folder):
        yield port


@asynccontextmanager
async def stunnel(folder: Path, server: Pair, authority: Authority, to: int) -> AsyncIterator[int]:
    """stunnel: the same."""
    port = _free_port()
    config = folder / "stunnel.conf"
    config.write_text(
        f"foreground = yes\npid =\nsyslog = no\n[mllps]\n"
        f"accept = 127.0.0.1:{port}\nconnect = 127.0.0.1:{to}\n"
        f"cert = {server.cert}\nkey = {server.key}\nCAfile = {authority.ca}\nverifyChain = yes\n"
        "requireCert = yes\n"
    )
    async with _listening(["/usr/bin/stunnel4", str(config)], port, folder):
        yield port


@asynccontextmanager
async def _listening(words: Sequence[str], port: int, folder: Path) -> AsyncIterator[None]:
    log = folder / "output.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(*words, stdout=output, stderr=output)
    try:
        async with asyncio.timeout(20):
            while True:
                assert process.returncode is None, log.read_text()
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    break
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
