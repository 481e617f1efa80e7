"""`wardwatch availability`: what a person or a script reads, against a collector that answers."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from rich.console import Console

from collector.access.policy import Role
from collector.api.app import build_app
from collector.commands import availability
from collector.commands.figures import Report, lines
from collector.replay import Input, replay
from collector.service import Service, World
from collector.store.store import Store
from probes.clock import ManualClock
from probes.config import Config
from probes.configfile import canonical
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from probes.times import TZDATA
from tests.support.batches import seal
from tests.support.known import Known, token
from tests.support.promises import checked
from tests.support.rounds import KEYS, ORG, START, config, document, result

UP, DOWN = Outcome.UP, Outcome.DOWN


def hospital(**slo: Any) -> Config:
    """The EHR from two sites, and a payer nobody promised anything about."""
    plain = document()
    ehr = plain["systems"]["ehr"] | {"slo": {"target": "99.95"} | slo}
    impact = {"class": "administrative", "service": "billing"}
    check = {key: v for key, v in plain["checks"]["ehr-read"].items() if key != "from"}
    return config(
        sites={
            "north": {"name": "North Campus", "users": 3},
            "south": {"name": "South Campus", "users": 1},
        },
        systems={"ehr": ehr, "payer": {"name": "Payer", "impact": impact}},
        checks={
            "ehr-read": check,
            "payer-ask": plain["checks"]["ehr-read"] | {"system": "payer"},
        },
    )


def answers(used: Config, *, minutes: int = 60) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the collector says of the hour from `START` on, and of now: the EHR is down at south
    from the minute 10 to 20, everywhere from 20 to 21, and up again.
    """
    results: dict[tuple[str, str], list[Result]] = {}
    for slot in range(minutes * 6):
        for agent in ("north-1", "south-1"):
            first = 60 if agent == "south-1" else 120
            outcome = DOWN if first <= slot < 126 else UP
            results.setdefault(("ehr-read", agent), []).append(
                result(slot * 10_000, outcome, agent=agent)
            )
        slow = 25_000 if slot % 12 == 0 else 300
        t = START + slot * 10_000
        results.setdefault(("payer-ask", "north-1"), []).append(
            Result("payer-ask", "north-1", t, UP, "ok", slow, t + slow)
        )
    end = START + minutes * 60_000
    history = History([Version(START, used)])
    computed = replay(history, Input(results, 0), START, START + 3_600_000, end)
    shown = {key: computed[key] for key in ("period", "formula", "tzdata", "systems")}
    return shown, now(used, "up")


def now(used: Config, state: str) -> dict[str, Any]:
    sites = [{"id": site, "name": value.name} for site, value in used.sites.items()]
    return {
        "organization": {"id": ORG, "name": "St Elsewhere", "timezone": "America/Chicago"},
        "systems": [
            {"id": name, "name": value.name, "state": state, "sites": sites}
            for name, value in used.systems.items()
        ],
    }


def command(*argv: str) -> int:
    parser = argparse.ArgumentParser()
    availability.add(parser.add_subparsers())
    args = parser.parse_args(["availability", *argv])
    code: int = args.func(args)
    return code


async def asked(
    period: dict[str, Any], systems: dict[str, Any], *argv: str, code: int = 200
) -> tuple[int, list[dict[str, str]]]:
    """Run the command against a server that answers so; the exit code, and what it was asked."""
    queries: list[dict[str, str]] = []

    async def of_period(request: web.Request) -> web.Response:
        queries.append(dict(request.query))
        return web.json_response(period, status=code)

    async def of_now(_request: web.Request) -> web.Response:
        return web.json_response(systems)

    app = web.Application()
    app.router.add_get("/api/v1/availability", of_period)
    app.router.add_get("/api/v1/systems", of_now)
    async with TestServer(app) as server:
        url = str(server.make_url(""))
        return await asyncio.to_thread(command, "--url", url, *argv), queries


async def test_in_a_pipe_it_prints_numbers_outages_and_how_they_were_made(
    capsys: pytest.CaptureFixture[str],
) -> None:
    exit_code, queries = await asked(*answers(hospital()))
    assert (exit_code, queries) == (0, [{"period": "month"}])
    assert capsys.readouterr().out == (
        "St Elsewhere, 2025-12-31 18:00:00 CST to 2025-12-31 19:00:00 CST\n"
        "\n"
        "SYSTEM  KNOWN %   MIN %     MAX %     COVERAGE %  DOWN  TARGET  VERDICT    LEFT       PACE\n"
        "EHR     98.3333   98.3333   98.3333   100.0000    1m    99.95   breached*  -58s200ms  33.3333\n"
        "Payer   100.0000  100.0000  100.0000  100.0000    0s    -       -          -          -\n"
        "\n"
        "EHR:\n"
        "  budget burns (ticket): 1.6666 % down in 1d and 1.6666 % in 2h, over 0.1550 %\n"
        "  budget burns (ticket): 1.6666 % down in 3d and 1.6666 % in 6h, over 0.0516 %\n"
        "  outage 2025-12-31 18:20:00 CST to 2025-12-31 18:21:00 CST: 1m (at least 50s, at most 1m10s)\n"
        "\n"
        "Payer:\n"
        "  CAQH CORE week of 2025-12-29: known 100.0000, min 100.0000, max 100.0000; 86 % open, 90 % open\n"
        "  CAQH CORE month 2025-12: 330 of 360 answers within 20 s (91.6666 %); open\n"
        "\n"
        "* provisional until 72 h after the period's end\n"
        "\n"
        f"Formula contract-v1. Times in America/Chicago, tzdata {TZDATA}.\n"
    )


async def test_of_a_payers_path_it_prints_the_answers_that_were_required(
    capsys: pytest.CaptureFixture[str],
) -> None:
    period, systems = answers(hospital(), minutes=6)
    (month,) = period["systems"]["payer"]["caqh"]["months"]
    month |= {"required": 44, "share": "75.0000", "verdict": "breached"}
    # the payer is in New York: what is January there is still December in Chicago
    payer = period["systems"]["payer"]["caqh"]
    payer["timezone"] = "America/New_York"
    month |= {"start": "2026-01-01T05:00:00.000Z", "end": "2026-02-01T05:00:00.000Z"}
    payer["weeks"][0]["start"] = "2026-01-04T05:00:00.000Z"
    await asked(period, systems)
    out = capsys.readouterr().out
    assert "  CAQH CORE week of 2026-01-04: known 100.0000," in out
    assert (
        "  CAQH CORE month 2026-01: 33 of 44 required answers, of which 36 came, within 20 s "
        "(75.0000 %); breached\n"
    ) in out


async def test_a_named_system_shows_its_sites_and_the_numbers_beside_the_verdict(
    capsys: pytest.CaptureFixture[str],
) -> None:
    used = hospital(scope="worst_site", minimum="80")
    exit_code, _ = await asked(*answers(used), "ehr", "ehr")
    assert exit_code == 0
    out = capsys.readouterr().out
    assert "Payer" not in out
    assert out.split("\n\n")[2] == (
        "EHR:\n"
        "  SITE          KNOWN %  MIN %    MAX %    COVERAGE %  DOWN\n"
        "  North Campus  98.3333  98.3333  98.3333  100.0000    1m\n"
        "  South Campus  81.6666  81.6666  81.6666  100.0000    11m\n"
        "  worst site: South Campus, known 81.6666, min 81.6666, max 81.6666\n"
        "  user-weighted: known 94.1666, min 94.1666, max 94.1666\n"
        "  minimum acceptable 80 %: met\n"
        "  judged by its worst site: South Campus, known 81.6666, min 81.6666, max 81.6666\n"
        "  budget burns (ticket): 18.3333 % down in 1d and 18.3333 % in 2h, over 0.1550 % at South Campus\n"
        "  budget burns (ticket): 18.3333 % down in 3d and 18.3333 % in 6h, over 0.0516 % at South Campus\n"
        "  outage 2025-12-31 18:20:00 CST to 2025-12-31 18:21:00 CST: 1m (at least 50s, at most 1m10s)"
    )


def test_an_open_period_says_how_far_it_is_known_and_an_open_outage_that_it_is() -> None:
    period, systems = answers(hospital(scope="user_weighted"), minutes=20)
    out = lines(Report(period, systems, ()))
    assert out[0].endswith("19:00:00 CST, known up to 2025-12-31 18:20:00 CST")
    row = next(line for line in out if line.startswith("EHR "))
    # 0.05 % of 4 users' hour are 7 200 ms; one user was down for ten minutes
    assert row.split("  ")[-2:] == ["-9m52s800ms x users", "250.0000"]
    assert "  judged by its users' time: known 87.5000, min 87.5000, max 87.5000" in out
    period, systems = answers(hospital(), minutes=21)
    assert "  outage since 2025-12-31 18:20:00 CST, not over" in lines(Report(period, systems, ()))


def test_two_formulas_are_named_with_their_systems() -> None:
    period, systems = answers(hospital(formula="whole-period-v1"))
    assert lines(Report(period, systems, ()))[-1].startswith(
        "Formula whole-period-v1 (EHR); contract-v1 (Payer)."
    )


def test_what_is_undefined_is_a_dash_and_a_system_no_longer_configured_keeps_its_id() -> None:
    period, systems = answers(hospital(), minutes=0)
    gone = systems | {"systems": []}
    row = next(line for line in lines(Report(period, gone, ())) if line.startswith("ehr "))
    assert row.split() == ["ehr", "-", "-", "-", "-", "0s", "99.95", "open", "0s", "-"]


@pytest.mark.parametrize(
    ("scope", "judged"),
    [
        ("organization", ""),
        (
            "worst_site",
            ", judged by its worst site: South Campus, known 90.9090, min 90.9090, max 90.9090",
        ),
    ],
)
def test_the_number_with_corrections_stands_beside_the_measured_one(
    scope: str, judged: str
) -> None:
    period, systems = answers(hospital(scope=scope))
    worst = {"site": "south", "known": "90.9090", "min": "90.9090", "max": "90.9090"}
    period["systems"]["ehr"]["corrected"] = {
        "known": "99.0000",
        "min": "99.0000",
        "max": "99.0000",
        "coverage": "100.0000",
        "down_ms": 36_000,
        "excluded_ms": 24_000,
        "verdict": "breached",
        "judged_by": {"scope": scope, **worst},
        "corrections": ["c1", "c2"],
    }
    shown = lines(Report(period, systems, ()))
    assert shown[3].split()[:2] == ["EHR", "98.3333"]
    assert (
        "  with corrections c1, c2: known 99.0000, min 99.0000, max 99.0000, coverage 100.0000, "
        f"down 36s, excluded 24s; 99.95 %: breached{judged}"
    ) in shown


async def test_on_a_terminal_the_heading_is_one_line_where_it_has_room() -> None:
    period, systems = answers(hospital())
    console = Console(width=200, file=io.StringIO(), force_terminal=False)
    availability._show(Report(period, systems, ()), console)
    file = console.file
    assert isinstance(file, io.StringIO)
    heading = "St Elsewhere, 2025-12-31 18:00:00 CST to 2025-12-31 19:00:00 CST"
    assert file.getvalue().splitlines()[0] == heading


async def test_on_a_terminal_names_are_not_markup_and_verdicts_are_coloured() -> None:
    period, systems = answers(hospital())
    systems["systems"][0]["name"] = "[red]EHR[/red]"
    console = Console(width=120, file=io.StringIO(), force_terminal=True, color_system="standard")
    availability._show(Report(period, systems, ()), console)
    file = console.file
    assert isinstance(file, io.StringIO)
    assert "[red]EHR[/red]" in file.getvalue()
    assert "\x1b[1;31mbreached*" in file.getvalue()


@pytest.mark.parametrize("columns", [80, 90, 110])
async def test_a_narrow_terminal_cuts_no_number_off(columns: int) -> None:
    period, systems = answers(hospital())
    systems["systems"][0]["name"] = "The electronic health record of all campuses"
    console = Console(width=columns, file=io.StringIO(), force_terminal=False)
    availability._show(Report(period, systems, ()), console)
    file = console.file
    assert isinstance(file, io.StringIO)
    shown = file.getvalue()
    assert max(len(line) for line in shown.splitlines()) <= columns
    assert "…" not in shown
    assert all(word in shown for word in ("98.3333", "100.0000", "breached*", "-58s200ms"))
    narrow = "  down 1m, target 99.95 %, budget left -58s200ms, pace 33.3333\n"
    assert (narrow in shown) == (columns < 100)
    assert ("  down 0s, no target\n" in shown) == (columns < 100)


async def test_json_is_the_collectors_answer_about_the_systems_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    period, systems = answers(hospital())
    assert (await asked(period, systems, "--json"))[0] == 0
    assert json.loads(capsys.readouterr().out) == period
    await asked(period, systems, "payer", "--json")
    only = json.loads(capsys.readouterr().out)
    assert only == period | {"systems": {"payer": period["systems"]["payer"]}}


async def test_a_system_that_is_down_now_is_exit_1_if_it_is_among_those_named() -> None:
    used = hospital()
    period, systems = answers(used)
    systems["systems"][0]["state"] = "down"
    assert (await asked(period, systems))[0] == 1
    assert (await asked(period, systems, "ehr"))[0] == 1
    assert (await asked(period, systems, "payer"))[0] == 0


async def test_the_period_asked_for_is_passed_on_as_written() -> None:
    period, systems = answers(hospital())
    times = ("--from", "2026-01-01T00:00+02:00", "--to", "2026-01-02T00:00")
    assert (await asked(period, systems, *times))[1] == [
        {"from": "2026-01-01T00:00+02:00", "to": "2026-01-02T00:00"}
    ]
    assert (await asked(period, systems, "--period", "2026-Q1"))[1] == [{"period": "2026-Q1"}]


async def test_unknown_systems_are_bad_usage_and_all_are_listed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert (await asked(*answers(hospital()), "lab", "ehr", "mri"))[0] == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "SYSTEM lab: no such system; there are ehr, payer\n"
        "SYSTEM mri: no such system; there are ehr, payer\n"
    )


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--from", "2026-01-01T00:00"), "--period: "),
        (("--to", "2026-01-01T00:00"), "--period: "),
        (("--period", "month", "--to", "2026-01-01T00:00"), "--period: "),
        (("--url", "ehr", "--to", "x"), "--url: write an address"),
    ],
)
def test_half_a_period_or_two_are_bad_usage(
    argv: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*argv) == 2
    assert capsys.readouterr().err.startswith(said)


def test_an_unreachable_collector_is_exit_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("--url", "http://127.0.0.1:9") == 3
    assert "does not answer" in capsys.readouterr().err


async def test_a_collector_in_trouble_is_exit_3(capsys: pytest.CaptureFixture[str]) -> None:
    problem = {"code": "store.full", "status": 503}
    assert (await asked(problem, {}, code=503))[0] == 3
    assert "answers 503 (store.full)" in capsys.readouterr().err


@pytest.fixture
async def server(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TestServer]:
    """A whole collector, 30 s after the start: up, and down from the second 11 on."""
    monkeypatch.setenv("WARDWATCH_TOKEN", token("viewer-1", Role.VIEWER))
    promised = document()["systems"]["ehr"] | {"slo": {"target": "99.95"}}
    clock, used = ManualClock(START), config(systems={"ehr": promised})
    world = World(clock, random.Random(1), lambda _ref: b"secret", "one")
    service = Service(sqlite_store, used, canonical(used), world)
    await service.prepare()
    await clock.advance(30_000)
    ingesting = asyncio.create_task(service.parts.ingest.run())
    results = [result(1_000, UP), result(11_000, DOWN), result(21_000, DOWN)]
    await service.parts.ingest.accept(seal(KEYS["north-1"], ORG, "north-1", "e1", 1, results))
    await service.parts.evaluator.step()
    found = TestServer(checked(build_app(service.parts, Known())))
    async with found:
        yield found
    ingesting.cancel()
    await asyncio.gather(ingesting, return_exceptions=True)


async def test_a_real_collector_answers_it(
    server: TestServer, capsys: pytest.CaptureFixture[str]
) -> None:
    url = str(server.make_url(""))
    argv = ("ehr", "--url", url, "--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T00:00:20Z")
    assert await asyncio.to_thread(command, *argv) == 1
    out = capsys.readouterr().out
    assert "EHR     52.6315  50.0000  55.0000  95.0000     9s    99.95   breached*  -8s990ms" in out
    assert "  outage since 2025-12-31 18:00:11 CST, not over" in out


async def test_a_period_the_collector_does_not_know_is_bad_usage(
    server: TestServer, capsys: pytest.CaptureFixture[str]
) -> None:
    url = str(server.make_url(""))
    assert await asyncio.to_thread(command, "--url", url, "--period", "fortnight") == 2
    assert capsys.readouterr().err.startswith("--period: write month, quarter, year, week or 30d")
    times = ("--from", "noon", "--to", "2026-01-01T00:00")
    assert await asyncio.to_thread(command, "--url", url, *times) == 2
    assert capsys.readouterr().err.startswith("--from: write a date and a time")
