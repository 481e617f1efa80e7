"""`wardwatch results`: raw results, as they come, and what `wardwatch replay` reads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.cli import main
from collector.replay import read_results
from collector.store.store import Store
from probes.contract import Outcome
from probes.history import History, Version
from tests.support.batches import seal
from tests.support.commanding import Shell, a_shell, a_terminal
from tests.support.rounds import KEYS, ORG, START, config, result

Capture = pytest.CaptureFixture[str]
RANGE = ("--from", "2026-01-01T00:00:00Z", "--to", "2026-01-02T00:00:00Z")
OUTCOMES = [Outcome.UP, Outcome.DOWN, Outcome.DOWN, Outcome.UNKNOWN, Outcome.UP]
KEY: Ed25519PrivateKey = KEYS["north-1"]
PLAIN = """\
AT (UTC)                  CHECK     AGENT             OUTCOME        REASON                    MS
2026-01-01 00:00:11.000   ehr-read  north-1           down           tcp.refused               40
2026-01-01 00:00:21.000   ehr-read  north-1           down           tcp.refused               40
2026-01-01 00:00:31.000   ehr-read  north-1           unknown        slow                      40
"""


@pytest.fixture
async def shell(sqlite_store: Store, tmp_path: Path, capsys: Capture) -> AsyncIterator[Shell]:
    """Five results of one check; an admin is logged in."""
    async with a_shell(sqlite_store, tmp_path) as opened:
        await opened.admin()
        await opened.collector.clock.advance(60_000)
        parts = opened.collector.service.parts
        sent = [result(1_000 + 10_000 * n, outcome) for n, outcome in enumerate(OUTCOMES)]
        ingesting = asyncio.create_task(parts.ingest.run())
        await parts.ingest.accept(seal(KEY, ORG, "north-1", "e1", 1, sent))
        ingesting.cancel()
        await parts.evaluator.step()
        capsys.readouterr()
        yield opened


async def test_json_lines_are_what_replay_reads(shell: Shell, capsys: Capture) -> None:
    assert await shell.run("results", "--system", "ehr", *RANGE, "--json") == 0
    file = shell.folder / "results.jsonl"
    file.write_text(capsys.readouterr().out)
    given = read_results(file, History([Version(START, config())]))
    (line,) = given.results.values()
    assert [(r.t - START, r.outcome) for r in line] == [
        (1_000 + 10_000 * n, outcome) for n, outcome in enumerate(OUTCOMES)
    ]


async def test_outcomes_agents_and_checks_are_chosen_and_shown_in_columns(
    shell: Shell, capsys: Capture
) -> None:
    chosen = ("--outcome", "down", "--outcome", "unknown", "--agent", "north-1")
    assert await shell.run("results", "--check", "ehr-read", *chosen, *RANGE) == 0
    assert capsys.readouterr().out == PLAIN
    assert await shell.run("results", "--check", "ehr-read", "--agent", "south-1", *RANGE) == 0
    said = capsys.readouterr()
    assert said.out.count("\n") == 1
    assert said.err == "No results of that time, or none of these agents and outcomes.\n"
    twice = ("--check", "ehr-read", "--check", "ehr-read", "--outcome", "unknown", "--json")
    assert await shell.run("results", *twice, *RANGE) == 0
    assert capsys.readouterr().out.count("\n") == 1


async def test_what_cannot_be_asked_is_said(shell: Shell, capsys: Capture) -> None:
    assert await shell.run("results", "--system", "lab", *RANGE) == 2
    assert capsys.readouterr().err == "--system: lab has no check; see `wardwatch status`\n"
    assert await shell.run("results", "--check", "nobody-knows", *RANGE) == 1
    assert "history.unknown_check" in capsys.readouterr().err
    assert await shell.run("results", "--check", "ehr-read", "--from", "x", "--to", "y") == 2
    assert capsys.readouterr().err.startswith("--from: ")
    assert await shell.run("logout") == 0
    assert await shell.run("results", "--check", "ehr-read", *RANGE) == 4


Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def asked(answer: Answering, *argv: str) -> tuple[int, str]:
    """The exit code against a server that answers so, and its address."""
    app = web.Application()
    app.router.add_get("/api/v1/checks/{id}/results", answer)
    async with TestServer(app) as server:
        url = str(server.make_url("/"))
        argv = ("results", "--check", "a", *RANGE, *argv, "--url", url)
        return await asyncio.to_thread(main, list(argv)), url


LINE = (
    b'{"check":"a","agent":"n","at":"2026-01-01T00:00:01.000Z","outcome":"up","reason":"ok",'
    b'"duration_ms":1}\n'
)


async def streamed(request: web.Request, lines: int, *, cut: bool = False) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    for _ in range(lines):
        await response.write(LINE)
    await asyncio.sleep(0.05)
    if cut and request.transport is not None:
        request.transport.abort()
    return response


async def one_line(request: web.Request) -> web.StreamResponse:
    return await streamed(request, 1)


async def three_lines_cut_off(request: web.Request) -> web.StreamResponse:
    return await streamed(request, 3, cut=True)


async def test_an_answer_that_breaks_off_is_not_taken_for_all(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARDWATCH_TOKEN", "x")
    code, url = await asked(three_lines_cut_off, "--json")
    said = capsys.readouterr()
    assert (code, said.out) == (3, LINE.decode() * 3)
    assert said.err == f"The collector broke off: what came is not all; ask again. ({url})\n"


async def a_line_after_silence(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    await response.write(b"\n\n" + LINE + b"\n")
    return response


async def test_empty_lines_that_show_that_it_goes_on_are_no_results(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARDWATCH_TOKEN", "x")
    code, _ = await asked(a_line_after_silence, "--json")
    assert (code, capsys.readouterr().out) == (0, LINE.decode())


async def test_results_are_shown_before_the_last_has_come(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARDWATCH_TOKEN", "x")
    seen: list[str] = []

    async def slowly(request: web.Request) -> web.StreamResponse:
        response = await streamed(request, 2)
        async with asyncio.timeout(20):
            while sum(map(len, seen)) < 2 * len(LINE):
                seen.append(capsys.readouterr().out)
                await asyncio.sleep(0.01)
        await response.write(LINE)
        return response

    code, _ = await asked(slowly, "--json")
    assert code == 0
    assert capsys.readouterr().out == LINE.decode()


def test_whoever_interrupts_reads_a_word_and_no_trace(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_of: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("collector.commands.results.asking", interrupted)
    assert main(["results", "--check", "a", *RANGE]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


async def test_on_a_terminal_lines_are_not_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARDWATCH_TOKEN", "x")
    app = web.Application()
    app.router.add_get("/api/v1/checks/{id}/results", one_line)
    async with TestServer(app) as server:
        url = str(server.make_url("/"))
        async with a_terminal("results", "--check", "a", *RANGE, "--url", url) as terminal:
            code, shown = await terminal.end()
    assert code == 0
    assert json.loads(LINE)["reason"] in shown.splitlines()[-1]
    assert len(shown.splitlines()) == 2
