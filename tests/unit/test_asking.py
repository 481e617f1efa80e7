"""How commands reach a collector: lines that break, certificates of a private CA."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiohttp.typedefs import Handler

from collector.access.policy import Role
from collector.api.app import build_app
from collector.cli import main
from collector.store.store import Store
from probes.clock import SystemClock
from probes.testing.certificates import Authority
from tests.support.known import Known, token
from tests.support.planning import Desk, a_desk

REQUEST = (
    "correction", "request", "c1", "--system", "ehr", "--from", "2025-12-31T18:00:00", "--to",
    "2025-12-31T18:00:01", "--as", "down", "--reason", "not_seen_by_probes", "--ref", "CHG1",
)  # fmt: skip
PLAN = """\
maintenance:
  - id: upgrade
    systems: [ehr]
    start: 2026-01-02T02:00
    end: 2026-01-02T04:00
    timezone: America/Chicago
"""
MAYBE = (
    "The collector did not answer, and may have done it all the same: look before you ask again."
)
Capture = pytest.CaptureFixture[str]


@pytest.fixture
async def desk(sqlite_store: Store) -> AsyncIterator[Desk]:
    async with a_desk(sqlite_store) as opened:
        yield opened


class Breaking:
    """Where the desk's collector is asked, and the keys of the acts that arrived there."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[str] = []

    async def run(self, monkeypatch: pytest.MonkeyPatch, *argv: str, by: str = "change-1") -> int:
        approves = (Role.APPROVER,) if by.startswith("approver") else ()
        roles = (Role.ADMIN,) if by.startswith("admin") else (Role.OPERATOR, *approves)
        monkeypatch.setenv("WARDWATCH_TOKEN", token(by, *roles))
        return await asyncio.to_thread(main, [*argv, "--url", self.url])


@asynccontextmanager
async def breaking(desk: Desk, times: int, *, after: bool = True) -> AsyncIterator[Breaking]:
    """`after`: what was asked is done, and its answer lost; else it never arrives."""
    front = Breaking("")

    @web.middleware
    async def line(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method != "POST":
            return await handler(request)
        front.asked.append(request.headers.get("Idempotency-Key", ""))
        breaks = len(front.asked) <= times
        if breaks and not after:
            return cut(request)
        response = await handler(request)
        return cut(request) if breaks else response

    app = build_app(desk.service.parts, Known())
    app.middlewares.insert(0, line)
    async with TestServer(app) as server:
        front.url = str(server.make_url(""))
        yield front


def cut(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@pytest.mark.parametrize("after", [True, False])
async def test_an_act_whose_answer_is_lost_is_asked_again_and_recorded_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    async with breaking(desk, 1, after=after) as front:
        assert await front.run(monkeypatch, *REQUEST) == 0
    first, second = front.asked
    assert first == second != ""
    assert [(kind, by) for kind, by, _, _ in await desk.facts()] == [
        ("correction.requested", "change-1")
    ]


async def test_every_act_of_maintenance_and_correction_survives_a_broken_line(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(PLAN)
    acts = (
        (("maintenance", "propose", str(file)), "change-1"),
        (("maintenance", "approve", "upgrade", "--digest", "DIGEST"), "approver-1"),
        (("maintenance", "cancel", "upgrade"), "change-1"),
        (REQUEST, "change-1"),
        (("correction", "approve", "c1"), "approver-1"),
    )
    seen = ""
    for argv, by in acts:
        async with breaking(desk, 1) as front:
            words = [seen if word == "DIGEST" else word for word in argv]
            assert await front.run(monkeypatch, *words, by=by) == 0
        assert len(front.asked) == 2
        await desk.clock.advance(1_000)
        seen = (await desk.get("maintenance/upgrade"))["digest"]
    assert [kind for kind, _, _, _ in await desk.facts()] == [
        "window.proposed",
        "window.approved",
        "window.cancelled",
        "correction.requested",
        "correction.approved",
    ]


async def test_a_line_that_breaks_twice_is_said_to_leave_it_open(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    async with breaking(desk, 2) as front:
        assert await front.run(monkeypatch, *REQUEST) == 3
    assert capsys.readouterr().err == f"{MAYBE} ({front.url})\n"
    assert len(front.asked) == 2


async def test_what_has_no_key_is_never_sent_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    argv = ("account", "create", "nurse-1", "--role", "viewer")
    async with breaking(desk, 1) as front:
        assert await front.run(monkeypatch, *argv, by="admin-1") == 3
    assert front.asked == [""]
    assert capsys.readouterr().err == f"{MAYBE} ({front.url})\n"


async def test_a_collector_that_is_not_there_is_no_broken_line(capsys: Capture) -> None:
    assert await asyncio.to_thread(main, [*REQUEST, "--url", "http://127.0.0.1:9"]) == 3
    assert capsys.readouterr().err == (
        "The collector does not answer; is it running? `wardwatch collector --help` starts one, "
        "`--url` names another. (http://127.0.0.1:9)\n"
    )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, SystemClock().now_ms())


@asynccontextmanager
async def secured(desk: Desk, authority: Authority, *names: str) -> AsyncIterator[str]:
    """The address of the desk's collector over TLS."""
    server = TestServer(build_app(desk.service.parts, Known()), scheme="https")
    pair = authority.server(names) if names else authority.server()
    await server.start_server(ssl=pair.server_context())
    try:
        yield str(server.make_url(""))
    finally:
        await server.close()


async def status(url: str, *more: str) -> int:
    return await asyncio.to_thread(main, ["status", "--url", url, *more])


async def test_a_private_ca_is_named_by_option_or_environment(
    desk: Desk, authority: Authority, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("WARDWATCH_TOKEN", token("nurse-1", Role.VIEWER))
    async with secured(desk, authority) as url:
        assert await status(url, "--ca", authority.ca) == 0
        monkeypatch.setenv("WARDWATCH_CA", authority.ca)
        assert await status(url) == 0
    assert "St Elsewhere Health" in capsys.readouterr().out


async def test_a_certificate_nobody_vouches_for_is_refused_and_gets_no_token(
    desk: Desk, authority: Authority, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("WARDWATCH_TOKEN", token("nurse-1", Role.VIEWER))
    async with secured(desk, authority) as url:
        assert await status(url) == 3
    assert capsys.readouterr().err == (
        f"The certificate of {url.rstrip('/')} is not trusted here, or is of another name; "
        "`--ca FILE` names the CA that made it.\n"
    )


async def test_a_certificate_of_another_name_is_refused(
    desk: Desk, authority: Authority, capsys: Capture
) -> None:
    async with secured(desk, authority, "ehr.example.org") as url:
        assert await status(url, "--ca", authority.ca) == 3
    assert "is of another name" in capsys.readouterr().err


async def test_https_to_a_port_without_tls_is_named(desk: Desk, capsys: Capture) -> None:
    url = str(desk.client.make_url("")).replace("http:", "https:")
    assert await status(url) == 3
    assert capsys.readouterr().err == (
        f"No TLS can be agreed with {url.rstrip('/')}; is it an http:// address?\n"
    )


@pytest.mark.parametrize("name", ["nothing", "plan.yaml"])
def test_a_file_that_is_no_ca_is_bad_usage(
    name: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN)
    file = str(tmp_path / name)
    said = f"{file} holds no certificate in PEM that can be read\n"
    assert main(["status", "--url", "https://127.0.0.1:9", "--ca", file]) == 2
    assert capsys.readouterr().err == f"--ca: {said}"
    monkeypatch.setenv("WARDWATCH_CA", file)
    assert main(["status", "--url", "https://127.0.0.1:9"]) == 2
    assert capsys.readouterr().err == f"WARDWATCH_CA: {said}"


def test_a_ca_for_an_address_without_tls_is_bad_usage(capsys: Capture) -> None:
    assert main(["status", "--url", "http://127.0.0.1:9", "--ca", "ca.pem"]) == 2
    assert capsys.readouterr().err == "--ca: only https:// has certificates\n"
