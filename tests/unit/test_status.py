"""`wardwatch status`: what a person or a script reads, and the exit codes."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from rich.console import Console

from collector.commands import status

INCIDENT: dict[str, Any] = {
    "priority": "P1",
    "category": 3,
    "status": "open",
    "family": "availability",
    "causes": ["down", "degraded"],
    "started_at": "2026-01-01T00:00:11.000Z",
    "quiet": False,
    "response": {
        "warn_at": "2026-01-01T01:00:31.000Z",
        "due_at": "2026-01-01T02:00:31.000Z",
        "by": "service",
        "overdue": False,
    },
}
UP: dict[str, Any] = {
    "id": "portal",
    "name": "Patient portal",
    "state": "up",
    "since": "2026-01-01T00:00:01.000Z",
    "month": {"known": "100.0000", "min": "99.2000", "max": "100.0000", "coverage": "99.2000"},
    "open_incidents": [],
}
DOWN: dict[str, Any] = {
    "id": "ehr",
    "name": "EHR",
    "state": "down",
    "since": "2026-01-01T00:00:11.000Z",
    "month": {"known": None, "min": None, "max": None, "coverage": None},
    "open_incidents": [INCIDENT],
}


def answer(*systems: dict[str, Any]) -> dict[str, Any]:
    return {
        "organization": {"id": "st-e", "name": "St Elsewhere", "timezone": "Europe/Berlin"},
        "period": {"start": "2025-12-31T23:00:00.000Z"},
        "as_of": "2026-01-01T00:05:00.000Z",
        "systems": list(systems),
        "agents": [],
        "staffing": [],
    }


def command(*argv: str) -> int:
    parser = argparse.ArgumentParser()
    status.add(parser.add_subparsers())
    args = parser.parse_args(["status", *argv])
    code: int = args.func(args)
    return code


async def asked(body: Any, *argv: str, code: int = 200) -> int:
    """Run the command against a server that answers so."""

    async def handler(_request: web.Request) -> web.Response:
        return web.Response(status=code, text=body if isinstance(body, str) else json.dumps(body))

    app = web.Application()
    app.router.add_get("/api/v1/systems", handler)
    async with TestServer(app) as server:
        return await asyncio.to_thread(command, "--url", str(server.make_url("")), *argv)


async def test_in_a_pipe_it_prints_plain_aligned_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert await asked(answer(UP, DOWN)) == 1
    assert capsys.readouterr().out == (
        "St Elsewhere, as of 2026-01-01 00:05:00 UTC; availability of 2026-01 to date\n"
        "\n"
        "SYSTEM          STATE  SINCE (UTC)       KNOWN %   MIN %    MAX %     COVERAGE %\n"
        "Patient portal  up     2026-01-01 00:00  100.0000  99.2000  100.0000  99.2000\n"
        "EHR             down   2026-01-01 00:00  -         -        -         -\n"
        "\n"
        "P1  category 3  EHR: availability (down, degraded) since 2026-01-01 00:00 UTC"
        "  answer by 02:00 UTC\n"
    )


@pytest.mark.parametrize(
    ("due_at", "overdue", "told"),
    [
        ("2026-01-01T14:20:59.000Z", False, "  answer by 14:20 UTC"),
        ("2026-01-02T14:20:59.000Z", False, "  answer by 2026-01-02 14:20 UTC"),
        ("2026-01-01T00:04:00.000Z", True, "  overdue since 00:04 UTC"),
        ("2025-12-31T23:04:00.000Z", True, "  overdue since 2025-12-31 23:04 UTC"),
    ],
)
def test_an_incident_says_by_when_somebody_answers(
    due_at: str,
    overdue: bool,  # noqa: FBT001 - a column of the table
    told: str,
) -> None:
    response = INCIDENT["response"] | {"due_at": due_at, "overdue": overdue}
    (line,) = status.incident_lines(
        answer(DOWN | {"open_incidents": [INCIDENT | {"response": response}]})
    )
    assert line.endswith(f"UTC{told}")


def test_a_role_of_whom_too_few_will_be_on_duty_is_a_line() -> None:
    gap = {
        "role": "clinical_liaison",
        "need": 1,
        "have": 0,
        "start": "2026-01-01T02:00:00.000Z",
        "end": "2026-01-01T14:00:00.000Z",
    }
    assert status.lines(answer(UP) | {"staffing": [gap]})[-1] == (
        "Staffing: clinical liaison, 0 of 1 on duty from 2026-01-01 02:00 to 2026-01-01 14:00 UTC; "
        "see `wardwatch rota gaps`."
    )


def test_an_incident_without_a_clock_says_nothing_of_it() -> None:
    quiet = INCIDENT | {"quiet": True, "response": None}
    (line,) = status.incident_lines(answer(DOWN | {"open_incidents": [quiet]}))
    assert line.endswith("UTC  quiet, in maintenance")


async def test_on_a_terminal_it_fits_80_columns_and_names_are_not_markup() -> None:
    named = UP | {"name": "[red]Portal[/red] of the whole health system"}
    console = Console(width=80, file=io.StringIO(), force_terminal=False)
    status._show(answer(named, DOWN), console)
    file = console.file
    assert isinstance(file, io.StringIO)
    shown = file.getvalue()
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert "[red]Portal" in shown
    assert "100.0000" in shown


async def test_on_a_wide_terminal_the_heading_is_one_line() -> None:
    console = Console(width=200, file=io.StringIO(), force_terminal=False)
    status._show(answer(UP), console)
    file = console.file
    assert isinstance(file, io.StringIO)
    assert file.getvalue().splitlines()[0] == (
        "St Elsewhere, as of 2026-01-01 00:05:00 UTC; availability of 2026-01 to date"
    )


async def test_all_up_is_exit_0_and_says_that_no_incident_is_open(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await asked(answer(UP)) == 0
    assert capsys.readouterr().out.endswith("\nNo open incident.\n")


async def test_json_is_the_collectors_answer(capsys: pytest.CaptureFixture[str]) -> None:
    assert await asked(answer(DOWN), "--json") == 1
    assert json.loads(capsys.readouterr().out) == answer(DOWN)


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ('{"code": "store.full", "status": 503}', 503, "answers 503 (store.full)"),
        ("<html>a proxy</html>", 200, "no Wardwatch collector (status 200)"),
        ("[]", 200, "no Wardwatch collector (status 200)"),
    ],
)
async def test_another_answer_is_exit_3_and_says_what_to_look_at(
    capsys: pytest.CaptureFixture[str], body: str, code: int, said: str
) -> None:
    assert await asked(body, code=code) == 3
    assert said in capsys.readouterr().err


def test_an_unreachable_collector_is_exit_3_and_says_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command("--url", "http://127.0.0.1:9") == 3
    err = capsys.readouterr().err
    assert "does not answer" in err
    assert "wardwatch collector --help" in err


@pytest.mark.parametrize("url", ["ehr", "ftp://127.0.0.1", "http://", "http://[::"])
def test_a_url_that_is_none_is_bad_usage(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("--url", url) == 2
    assert "--url" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({}, " since 2026-01-01 00:00 UTC"),
        (
            {"status": "acknowledged", "acknowledged": {"by": "ann"}},
            " UTC  acknowledged by ann",
        ),
        (
            {"status": "merged", "merged_into": "lab.availability.1"},
            " UTC  merged into lab.availability.1",
        ),
        ({"status": "false_positive", "quiet": True}, " in maintenance  false positive"),
    ],
)
def test_an_incident_says_what_people_said_of_it(changes: dict[str, Any], end: str) -> None:
    system = DOWN | {"open_incidents": [INCIDENT | {"response": None} | changes]}
    (line,) = status.incident_lines(answer(system))
    assert line.endswith(end)


@pytest.mark.parametrize(
    ("logs", "told"),
    [
        ([], []),
        (
            [("evidence", "log.forked_lost"), ("audit", "log.forked_lost")],
            [
                (
                    "Not signed: evidence and audit log; the database has fewer entries than were "
                    "signed, so it is an older copy. Bring the newer database back; if it is lost, give "
                    "the logs another origin in the file, then: wardwatch log restart."
                )
            ],
        ),
        (
            [("evidence", "log.guard"), ("audit", "log.newer")],
            [
                (
                    "Not signed: evidence log; the file of what was signed last (--log-guard) cannot be "
                    "read or written. Make it readable and writable for the collector's user; never "
                    "delete it."
                ),
                "Not signed: audit log; log.newer, see the collector's log.",
            ],
        ),
    ],
)
def test_logs_that_are_not_signed_are_lines_with_what_to_do(
    logs: list[tuple[str, str]], told: list[str]
) -> None:
    found = answer(UP) | {"logs": [{"log": log, "code": code} for log, code in logs]}
    assert [line for line in status.lines(found) if line.startswith("Not signed")] == told


def test_an_older_collector_says_nothing_of_logs() -> None:
    found = answer(UP)
    found.pop("logs", None)
    assert not [line for line in status.lines(found) if line.startswith("Not signed")]
