"""Debian's own Alertmanager on loopback, one or a cluster, stopped by process id; and what it notified."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from aiohttp import web

SERVER = "prometheus-alertmanager"
CONFIG = """\
route:
  receiver: hook
  group_by: [incident]
  group_wait: 50ms
  group_interval: 100ms
receivers:
  - name: hook
    webhook_configs:
      - {{url: "{hook}", send_resolved: true}}
"""
LOGIN = """\
basic_auth_users:
  wardwatch: $2b$04$6m9haUGxAAlu02rX/ctwFOeuWUTNS6p2rcJE5NnTOKJcFlDlcy0BC
"""
"""Of the secret that `ticket_messages.env` reads."""


@dataclass
class Server:
    folder: Path
    port: int
    command: list[str]
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """As an operator does: what was notified is written down."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        _until_ready(self)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def an_alertmanager(
    hook: str = "http://127.0.0.1:9/", *, login: bool = False, peers: tuple[int, int] | None = None
) -> Iterator[Server]:
    """`peers`: the cluster's port of this one, and of one that is there already."""
    if shutil.which(SERVER) is None:
        pytest.fail("prometheus-alertmanager is not installed: run `make setup`")
    folder = Path(tempfile.mkdtemp(prefix="ww-alertmanager-"))
    port = free_port()
    (folder / "config.yml").write_text(CONFIG.format(hook=hook))
    (folder / "web.yml").write_text(LOGIN if login else "")
    cluster = ["--cluster.listen-address="]
    if peers is not None:
        cluster = [
            f"--cluster.listen-address=127.0.0.1:{peers[0]}",
            f"--cluster.peer=127.0.0.1:{peers[1]}",
            "--cluster.peer-timeout=2s",
            "--cluster.gossip-interval=10ms",
        ]
    command = [
        SERVER,
        f"--config.file={folder}/config.yml",
        f"--web.config.file={folder}/web.yml",
        f"--storage.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        *cluster,
    ]
    with (folder / "log").open("wb") as log:
        server = Server(folder, port, command, subprocess.Popen(command, stdout=log, stderr=log))
    try:
        _until_ready(server)
        yield server
    finally:
        server.process.kill()  # in order it would wait for receivers that are away
        server.process.wait(20)
        shutil.rmtree(folder)


@contextmanager
def a_cluster(hook: str) -> Iterator[tuple[Server, Server]]:
    with ExitStack() as stack:
        first, second = free_port(), free_port()
        one = stack.enter_context(an_alertmanager(hook, peers=(first, second)))
        other = stack.enter_context(an_alertmanager(hook, peers=(second, first)))
        yield one, other


def _until_ready(server: Server) -> None:
    while server.process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", server.port), 1):
                return
        except OSError:
            time.sleep(0.02)
    pytest.fail(f"Alertmanager did not start:\n{(server.folder / 'log').read_text()}")


def alerts(server: Server) -> list[dict[str, Any]]:
    """Those that fire, as its own API shows them."""
    found: list[dict[str, Any]] = httpx.get(f"{server.url}/api/v2/alerts").json()
    return found


@dataclass
class Notified:
    """A webhook that Alertmanager notifies: the status and the labels of each alert in it."""

    groups: list[list[tuple[str, str]]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.groups.append([(a["status"], a["labels"]["incident"]) for a in body["alerts"]])
        return web.Response()


async def until(true: Callable[[], bool], limit_s: float = 15) -> None:
    async with asyncio.timeout(limit_s):
        while not true():
            await asyncio.sleep(0.02)


def before(server: Server) -> Callable[[web.Request], Any]:
    """A handler that hands requests on to the server, so that `receiver.Receiver` can lose answers."""

    async def handle(request: web.Request) -> web.StreamResponse:
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method,
                f"{server.url}{request.path}",
                data=await request.read(),
                headers={"content-type": "application/json"},
            ) as reply,
        ):
            return web.Response(status=reply.status, body=await reply.read())

    return handle
