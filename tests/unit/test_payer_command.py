"""`wardwatch payer report`, from files and from a running collector."""

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
from probes.times import TZDATA, rfc3339
from tests.support.batches import seal
from tests.support.known import Known, token
from tests.support.payer_path import SPRING_RUNS
from tests.support.promises import checked
from tests.support.rounds import KEYS, ORG, START
from tests.unit.test_payer_live import NOTICE, SUNDAYS, path, weather

CONFIG = """\
version: 1
organization: {id: st-elsewhere, name: St Elsewhere Health, timezone: America/Chicago}
sites: {north: {name: North}}
agents: {a: {site: north}}
systems:
  payer-a:
    name: Payer A
    impact: {class: administrative, service: billing}
    payer:
      timezone: America/New_York
      target: 90
      quarterly_hours: 24
      published_downtime:
        - id: sundays
          kind: routine
          published: 2026-01-02T09:00-05:00
          start: 2026-01-04T00:00
          end: 2026-01-04T06:00
          rrule: FREQ=WEEKLY;BYDAY=SU
        - id: migration
          kind: non_routine
          published: 2026-03-06T09:00-05:00
          start: 2026-03-12T01:00
          end: 2026-03-12T05:00
        - id: friday
          kind: unscheduled
          published: 2026-03-13T01:45-04:00
          start: 2026-03-13T01:00
          end: 2026-03-13T14:00
  ehr: {name: EHR, impact: {class: clinical}}
checks:
  c: {system: payer-a, kind: http, every: 1h, timeout: 1h, confirm: {down: 1}}
  d: {system: ehr, kind: http, every: 1h, timeout: 1h}
"""
WEEK = ["--from", "2026-03-08T00:00-05:00", "--to", "2026-03-15T00:00-04:00"]
SHOWN = f"""\
Payer A (payer-a), 2026-03-08 00:00 EST to 2026-03-15 00:00 EDT, \
known up to 2026-03-15 00:00 EDT; owes 90 % of a week

Weeks
WEEK OF     KNOWN %  MIN %    MAX %    DOWN  UNKNOWN  86 %  90 %
2026-03-08  86.2275  86.2275  86.2275  23h   0s       met*  breached*

Down time by the payer's calendar
WEEK OF     DOWN  PUBLISHED  NOT PUBLISHED  WHOLE CALENDAR  ALLOWED 86 %  ALLOWED 90 %
2026-03-08  23h   4h         19h            5h              23h22m48s     16h42m

Down time by who failed
WEEK OF     DOWN  CLEARINGHOUSE  PAYER  NOBODY NAMED
2026-03-08  23h   4h             17h    2h

Months
MONTH    RESPONSES  NO ANSWER  OF IT PUBLISHED  REQUIRED  WITHIN 20 S  SHARE %  90 %
2026-03  144        23         4                163       139          85.2760  open

Hours granted beyond the weeks' 90 %
QUARTER FROM  DOWN BEYOND THE WEEKS  GRANTED  SO IT IS
2026-01-01    6h18m                  1d       within them

The payer's published downtime
FROM                  TO                    ENTRY      KIND         PUBLISHED AT          NOTICE   COUNTS
2026-03-08 00:00 EST  2026-03-08 06:00 EDT  sundays    routine      2026-01-02 09:00 EST  in time  yes
2026-03-12 01:00 EDT  2026-03-12 05:00 EDT  migration  non-routine  2026-03-06 09:00 EST  late     no, late
2026-03-13 01:00 EDT  2026-03-13 14:00 EDT  friday     unscheduled  2026-03-13 01:45 EDT  in time  no, a notice

Outages that were not published
FROM                  TO                    NOT PUBLISHED  NOTICE
2026-03-12 01:00 EDT  2026-03-12 05:00 EDT  4h             none
2026-03-13 01:00 EDT  2026-03-13 14:00 EDT  13h            friday, in time
2026-03-14 07:00 EDT  2026-03-14 09:00 EDT  2h             none

Weeks run from Sunday 00:00 and nothing is excluded: published downtime is part of the 14 or 10 % \
a payer may be down. Times in America/New_York, tzdata {TZDATA}. \
* provisional until 72 h after its end.
"""


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "wardwatch.yaml").write_text(CONFIG)
    lines = [
        json.dumps(
            {
                "check": "c",
                "agent": "a",
                "at": rfc3339(one.t),
                "outcome": one.outcome,
                "reason": one.reason,
                "duration_ms": one.duration_ms,
            }
        )
        for one in SPRING_RUNS
    ]
    (tmp_path / "results.jsonl").write_text("\n".join(lines))
    return [
        "--config", str(tmp_path / "wardwatch.yaml"),
        "--results", str(tmp_path / "results.jsonl"),
    ]  # fmt: skip


def test_from_files_it_prints_tables(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["payer", "report", "payer-a", *WEEK, *files]) == 0
    assert capsys.readouterr().out == SHOWN


def test_what_is_not_over_says_how_far_it_is_known(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    now = ["--now", "2026-03-08T06:00-04:00"]
    assert main(["payer", "report", "payer-a", *WEEK, *files, *now]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].endswith(", known up to 2026-03-08 06:00 EDT; owes 90 % of a week")
    # four hours down, one up; the rest is still to come
    assert out[4].split() == [
        "2026-03-08",
        "20.0000",
        "20.0000",
        "20.0000",
        "4h",
        "0s",
        "open",
        "open",
    ]
    assert out[-3:-1] == ["Outages that were not published: none.", ""]
    before = ["--now", "2026-03-07T00:00-05:00"]
    assert main(["payer", "report", "payer-a", *WEEK, *files, *before]) == 0
    assert "Weeks: none monitored." in capsys.readouterr().out.splitlines()


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(["payer", "report", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def test_bad_input_says_what_to_write(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(["lab", "--from", "noon", "--to", "2026-03-15T00:00", *files], capsys) == [
        "--from: write a date and a time, such as 2026-01-05T02:00",
        "SYSTEM: no system of this id in any config version",
        "Nothing was computed.",
    ]
    assert refused(["ehr", *WEEK, *files], capsys)[0] == (
        "SYSTEM: no payer's path at the period's end; its config has no `payer`"
    )
    assert refused(["payer-a", *WEEK, *files[:2]], capsys)[0] == (
        "write --config and --results together, or neither to ask the collector"
    )
    assert refused(["payer-a", *files], capsys)[0] == (
        "--from, --to: write both with --config and --results"
    )
    both = ["payer-a", "--period", "2026-Q1", *WEEK]
    assert refused(both, capsys)[0] == "--period: write it alone, or --from and --to together"
    assert refused(["payer-a", *WEEK[:2]], capsys)[0] == (
        "--period: write it alone, or --from and --to together"
    )
    assert refused(["payer-a", *WEEK, *files, "--url", "http://127.0.0.1:9"], capsys)[0] == (
        "--url: the collector has its own config, results and now"
    )


@pytest.fixture
async def collector(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Four days of a payer's path; its address."""
    monkeypatch.setenv("WARDWATCH_TOKEN", token("viewer-1", Role.VIEWER))
    clock = ManualClock(START)
    used = path(SUNDAYS, NOTICE)
    world = World(clock, random.Random(1), lambda _ref: b"secret", "one")
    service = Service(sqlite_store, used, canonical(used), world)
    await service.prepare()
    ingesting = asyncio.create_task(service.parts.ingest.run())
    await clock.advance(4 * 86_400_000)
    results = [one for one in weather(1) if one.t < clock.now_ms() - 60_000]
    await service.parts.ingest.accept(seal(KEYS["north-1"], ORG, "north-1", "e1", 1, results))
    async with TestServer(checked(build_app(service.parts, Known()))) as server:
        yield str(server.make_url("")).rstrip("/")
    ingesting.cancel()
    await asyncio.gather(ingesting, return_exceptions=True)


async def asked(url: str, *arguments: str) -> int:
    return await asyncio.to_thread(main, ["payer", "report", *arguments, "--url", url])


async def test_a_running_collector_tells_of_the_current_quarter(
    collector: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await asked(collector, "ehr", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    # of the organization, which is in Chicago
    assert told["period"]["start"] == "2026-01-01T06:00:00.000Z"
    assert [one["start"] for one in told["weeks"]] == [
        "2025-12-28T05:00:00.000Z",
        "2026-01-04T05:00:00.000Z",
    ]
    assert await asked(collector, "ehr", "--period", "2026-W01") == 0
    assert capsys.readouterr().out.startswith("Payer A (ehr), 2025-12-29 01:00 EST to ")


async def test_the_availability_of_every_system_says_the_same_of_its_weeks_and_months(
    collector: str, capsys: pytest.CaptureFixture[str]
) -> None:
    period = ["--period", "month"]
    assert await asked(collector, "ehr", *period, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    every = ["availability", *period, "--json", "--url", collector]
    assert await asyncio.to_thread(main, every) == 0
    shown = json.loads(capsys.readouterr().out)["systems"]["ehr"]["caqh"]
    assert shown["timezone"] == told["timezone"]
    assert len(shown["weeks"]) == 2
    assert shown["months"][0]["required"] > shown["months"][0]["responses"]
    for part in ("weeks", "months"):
        both = zip(shown[part], told[part], strict=True)
        assert all(one.items() <= other.items() for one, other in both)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lab"], "SYSTEM: no system of this id in any config version"),
        (["ehr", "--from", "noon", "--to", "2026-01-02T00:00"], "--from: write a date and a time"),
        (["ehr", "--period", "fortnight"], "--period: write month, quarter, year, week or 30d"),
    ],
)
async def test_the_collectors_refusals_are_bad_input(
    collector: str, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert await asked(collector, *arguments) == 2
    assert capsys.readouterr().err.startswith(said)
