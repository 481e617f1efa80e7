"""`wardwatch explain`, from files and from a running collector."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from collector.access.policy import Role
from collector.api.app import build_app
from collector.cli import main
from collector.service import Service, World
from collector.store.store import Store
from probes.clock import ManualClock
from probes.configfile import canonical
from probes.contract import Outcome
from tests.support.batches import seal
from tests.support.known import Known, token
from tests.support.promises import checked
from tests.support.rounds import KEYS, ORG, START, config, result
from tests.unit.test_replay import CONFIG, DAY

UP, DOWN = Outcome.UP, Outcome.DOWN
AT = "2026-07-01T05:02:30Z"


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "wardwatch.yaml").write_text(CONFIG)
    (tmp_path / "results.jsonl").write_text("\n".join(DAY))
    return [
        "--config",
        str(tmp_path / "wardwatch.yaml"),
        "--results",
        str(tmp_path / "results.jsonl"),
    ]


def test_from_files_it_prints_text(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "ehr", "--at", AT, *files]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[:2] == [
        "ehr at 2026-07-01T05:02:30.000Z: down, counted in column D",
        "2026-07-01 00:02:30 in America/Chicago; known up to 2026-08-01T05:00:00.000Z",
    ]
    assert (
        "  In the period from 2026-07-01T05:00:00.000Z to 2026-08-01T05:00:00.000Z, formula "
        "contract-v1, it counts in column D (down): known, min and max fall. [semantics 3]"
    ) in out


def test_from_files_it_prints_the_numbers_of_replay(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    period = ["--from", "2026-07-01T05:00:00Z", "--to", "2026-07-01T05:10:00Z"]
    assert main(["explain", "ehr", "--at", AT, *files, *period, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["period"] == {
        "start": "2026-07-01T05:00:00.000Z",
        "end": "2026-07-01T05:10:00.000Z",
    }
    assert told["steps"][-1]["facts"] == {
        "known": "77.7777",
        "min": "77.7777",
        "max": "77.7777",
        "u_ms": 420_000,
        "d_ms": 120_000,
        "k_ms": 0,
        "excluded_ms": 60_000,
        "target": "99.95",
        "scope": "organization",
    }
    outage = next(s for s in told["steps"] if s["reason"] == "outage")
    assert (outage["rule"], outage["check"], outage["agent"]) == ("semantics 2.2", "c", "a")
    assert outage["instants"] == ["2026-07-01T05:02:00.000Z", "2026-07-01T05:03:00.000Z"]


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(["explain", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def test_bad_input_is_listed_together(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(["lab", "--at", "noon", "--now", "soon", *files], capsys) == [
        "--at: write a date and a time, such as 2026-01-05T02:00",
        "--now: write a date and a time, such as 2026-01-05T02:00",
        "SYSTEM: no system of this id in any config version",
        "Nothing was computed.",
    ]
    assert refused(["ehr", "--at", "9999-12-31T23:00:00Z", *files], capsys)[0] == (
        "--at: write an instant of the years 1 to 9998"
    )


def test_one_source_is_named_and_a_whole_period(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(["ehr", "--at", AT, *files[:2]], capsys)[0] == (
        "write --config and --results together, or neither to ask the collector"
    )
    assert refused(["ehr", "--at", AT, "--from", AT, *files], capsys)[0] == (
        "--from, --to: write both or neither"
    )
    assert refused(["ehr", "--at", AT, "--url", "http://127.0.0.1:9", *files], capsys)[0] == (
        "--url: the collector has its own config, results and now"
    )
    assert main(["explain", "ehr", "--at", AT, "--url", "ehr"]) == 2


def test_a_collector_that_does_not_answer_is_exit_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "ehr", "--at", AT, "--url", "http://127.0.0.1:9"]) == 3
    assert "does not answer" in capsys.readouterr().err


@pytest.fixture
async def collector(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Up at 1 s, down at 11 s and 21 s, asked 30 s after the start; its address."""
    monkeypatch.setenv("WARDWATCH_TOKEN", token("viewer-1", Role.VIEWER))
    clock = ManualClock(START)
    used = config()
    world = World(clock, random.Random(1), lambda _ref: b"secret", "one")
    service = Service(sqlite_store, used, canonical(used), world)
    await service.prepare()
    ingesting = asyncio.create_task(service.parts.ingest.run())
    await clock.advance(30_000)
    results = [result(1_000, UP), result(11_000, DOWN), result(21_000, DOWN)]
    await service.parts.ingest.accept(seal(KEYS["north-1"], ORG, "north-1", "e1", 1, results))
    async with TestServer(checked(build_app(service.parts, Known()))) as server:
        yield str(server.make_url("")).rstrip("/")
    ingesting.cancel()
    await asyncio.gather(ingesting, return_exceptions=True)


async def asked(url: str, *arguments: str) -> int:
    return await asyncio.to_thread(main, ["explain", *arguments, "--url", url])


async def test_a_running_collector_explains_the_same_way(
    collector: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await asked(collector, "ehr", "--at", "2026-01-01T00:00:15Z") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "ehr at 2026-01-01T00:00:15.000Z: down, counted in column D"
    assert (
        "  The config version recorded 2026-01-01T00:00:00.000Z judges this instant. "
        "[semantics 2, versions]"
    ) in out
    assert (
        "  2 failing results in a row (2026-01-01T00:00:11.000Z, 2026-01-01T00:00:21.000Z) make "
        "an outage, back-dated to the first of them; it has not ended: down. [semantics 2.2]"
    ) in out


async def test_the_collector_takes_a_period_and_gives_json(
    collector: str, capsys: pytest.CaptureFixture[str]
) -> None:
    period = ["--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T00:00:20Z"]
    assert await asked(collector, "ehr", "--at", "2026-01-01T00:00:15", *period, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    # without a zone it is Chicago's time
    assert told["at"] == "2026-01-01T06:00:15.000Z"
    assert (told["class"], told["column"]) == ("not_monitored", "none")
    assert told["steps"][-1]["facts"]["d_ms"] == 9_000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lab", "--at", AT], "SYSTEM: no system of this id in any config version"),
        (["ehr", "--at", "noon"], "--at: write a date and a time, such as 2026-01-05T02:00:00Z"),
        (
            ["ehr", "--at", AT, "--from", AT, "--to", AT],
            "--to: a period ends after it starts",
        ),
        (
            ["ehr", "--at", "9999-12-31T23:00:00Z"],
            "--at: the year lies from 1970 to 2199",
        ),
    ],
)
async def test_the_collectors_refusals_are_bad_input(
    collector: str, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert await asked(collector, *arguments) == 2
    assert capsys.readouterr().err.splitlines()[0] == said
