"""`wardwatch maintenance`: what people read, what scripts get, and the exit codes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from collector.cli import main
from collector.store.store import Store
from tests.support.planning import HOUR, Desk, a_desk, hospital, plan
from tests.unit.test_ics import calendar

CONFIG = """\
version: 1
organization: {id: st-elsewhere, name: St Elsewhere Health, timezone: America/Chicago}
sites:
  north: {name: North Campus}
  south: {name: South Campus, timezone: America/Phoenix}
agents: {north-1: {site: north}}
systems:
  ehr: {name: EHR, impact: {class: clinical}}
checks:
  ehr-page: {system: ehr, kind: any, every: 30s, timeout: 10s}
maintenance:
  - id: sunday
    systems: [ehr]
    start: 2026-03-01T02:00
    end: 2026-03-01T04:00
    timezone: America/New_York
    rrule: FREQ=WEEKLY
    proposed: {by: change-1, at: 2026-02-01T00:00:00Z}
"""
NO_ID = "an id is 1 to 63 of a-z, 0-9 and -, not starting with -"
PLAN = """\
maintenance:
  - id: upgrade
    systems: [ehr]
    start: 2026-01-02T02:00
    end: 2026-01-02T04:00
    timezone: America/Chicago
    expect_down: 20m
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wardwatch.yaml").write_text(CONFIG)
    (tmp_path / "plan.yaml").write_text(PLAN)
    return tmp_path


@pytest.fixture
async def desk(sqlite_store: Store) -> AsyncIterator[Desk]:
    async with a_desk(sqlite_store) as opened:
        yield opened


async def run(desk: Desk, *argv: str, by: str = "change-1") -> int:
    """The command against the desk's collector."""
    return await desk.command("maintenance", *argv, by=by)


def test_a_preview_needs_no_collector_and_shows_real_minutes_in_every_zone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["maintenance", "preview", "--config", "wardwatch.yaml", "--next", "2"]
    assert main([*argv, "--from", "2026-03-02T00:00"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[:8] == [
        "sunday: ehr",
        "REAL MIN  ZONE              START                    END",
        "60        America/New_York  2026-03-08 03:00 -04:00  2026-03-08 04:00 -04:00",
        "          America/Chicago   2026-03-08 01:00 -06:00  2026-03-08 03:00 -05:00",
        "          America/Phoenix   2026-03-08 00:00 -07:00  2026-03-08 01:00 -07:00",
        "          UTC               2026-03-08 07:00 +00:00  2026-03-08 08:00 +00:00",
        "120       America/New_York  2026-03-15 02:00 -04:00  2026-03-15 04:00 -04:00",
        "          America/Chicago   2026-03-15 01:00 -05:00  2026-03-15 03:00 -05:00",
    ]
    assert [line.partition(": the clocks")[0] for line in out[10:12]] == [
        "note: 2026-03-08",
        "note: 2026-03-08: its start is a time the clocks skip; the offset before the change counts",
    ]
    assert out[12].startswith("Time zones of tzdata 20")


def test_a_preview_of_a_file_or_one_window_of_the_operators_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["maintenance", "preview", "--config", "wardwatch.yaml", "--json", "--next", "1"]
    assert main([*argv, "plan.yaml", "--from", "2026-01-01T00:00"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)["windows"]
    assert (shown["id"], shown["expect_down"]) == ("upgrade", 1_200_000)
    assert shown["next"][0]["start"] == "2026-01-02T08:00:00.000Z"
    assert main([*argv, "sunday", "--from", "2026-03-01T00:00"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)["windows"]
    assert [o["start"] for o in shown["next"]] == ["2026-03-01T07:00:00.000Z"]
    assert main([*argv, "monday"]) == 2
    assert capsys.readouterr().err == "wardwatch.yaml: there is no window monday\n"


def test_what_is_wrong_with_a_file_is_told_by_file_and_line_all_at_once(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = PLAN.replace("[ehr]", "[ehr2]").replace("20m", "soon") + "systems: {}\n"
    (folder / "bad.yaml").write_text(bad)
    argv = ["maintenance", "preview", "bad.yaml", "--config", "wardwatch.yaml"]
    assert main(argv) == 2
    assert capsys.readouterr().err == "bad.yaml:8: systems: the file holds `maintenance` alone\n"
    (folder / "bad.yaml").write_text(bad.replace("systems: {}\n", ""))
    assert main(argv) == 2
    assert capsys.readouterr().err.splitlines() == [
        "bad.yaml:3: maintenance[0].systems[0]: there is no system of this id under systems; did you mean ehr?",
        "bad.yaml:7: maintenance[0].expect_down: write a duration with its unit, such as 30s, 10m, 4h or 1h30m",
    ]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["preview"], "name a file or a window"),
        (["preview", "x", "--next", "0"], "--next: write a whole number"),
        (["preview", "--config", "wardwatch.yaml", "--from", "soon"], "--from: write a date"),
        (["preview", "--config", "none.yaml"], "none.yaml:1: the file cannot be read"),
        (["preview", "none.yaml", "--config", "wardwatch.yaml"], "none.yaml:1: the file cannot"),
        (["approve", "x", "--digest", "3f5a"], "--digest: at least 12 digits"),
        (["import", "c.ics", "--propose", "--config", "f"], "leave out --config"),
        (["import", "none.ics", "--config", "wardwatch.yaml"], "none.ics: the file cannot be read"),
        (["list", "--url", "ftp://x"], "--url: write an address"),
    ],
)
def test_bad_usage_is_exit_2_and_says_what_to_write(
    folder: Path, capsys: pytest.CaptureFixture[str], argv: list[str], said: str
) -> None:
    assert main(["maintenance", *argv]) == 2
    assert said in capsys.readouterr().err


def test_no_collector_is_exit_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["maintenance", "list", "--url", "http://127.0.0.1:9"]) == 3
    assert "does not answer" in capsys.readouterr().err


async def test_a_window_from_proposal_to_approval(
    desk: Desk, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(desk, "propose", "plan.yaml") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "Windows"
    assert out[2].split()[:4] == ["upgrade", "proposed", "ehr", "2026-01-02"]
    assert await run(desk, "preview", "upgrade") == 0
    out = capsys.readouterr().out.splitlines()
    digest = out[0].removeprefix("upgrade: ehr; proposed, digest ")
    assert len(digest) == 12
    argv = ("approve", "upgrade", "--ref", "CHG0031", "--digest")
    assert await run(desk, *argv, "0" * 12, by="approver-1") == 1
    assert capsys.readouterr().err == (
        "upgrade: the content is not the one you approve; look at it again [window.changed]\n"
    )
    assert await run(desk, *argv, digest.upper(), by="approver-1") == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "It covers first: 2026-01-02 02:00 -06:00 to 2026-01-02 04:00 -06:00, 120 real minutes."
    )
    assert await run(desk, "list") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[-1].split() == [
        "2026-01-02", "08:00", "2026-01-02", "10:00", "120", "upgrade", "ehr", "yes", "-",
    ]  # fmt: skip
    assert await run(desk, "cancel", "upgrade", "--json") == 0
    assert json.loads(capsys.readouterr().out)["windows"][0]["status"] == "cancelled"
    assert await run(desk, "finish", "upgrade") == 1
    assert "[window.not_running]" in capsys.readouterr().err


async def test_a_refusal_names_the_file_that_owns_the_window(
    sqlite_store: Store, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from_file = plan(proposed={"by": "change-1", "at": "2025-12-30T00:00:00Z"})
    async with a_desk(sqlite_store, hospital(maintenance=[from_file])) as desk:
        assert await run(desk, "propose", "plan.yaml") == 1
    assert capsys.readouterr().err == (
        "upgrade: the file owns this; change it there [window.in_file] "
        "(/etc/wardwatch.yaml, maintenance[0])\n"
    )


async def test_problems_the_collector_finds_are_told_at_their_lines(
    desk: Desk, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.yaml").write_text(PLAN.replace("[ehr]", "[portal]"))
    for action in (("propose", "bad.yaml"), ("preview", "bad.yaml")):
        assert await run(desk, *action) == 2
        assert capsys.readouterr().err == (
            "bad.yaml:3: maintenance[0].systems[0]: there is no system of this id under systems\n"
        )


async def test_a_file_is_previewed_by_the_collector(
    desk: Desk, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(desk, "preview", "plan.yaml", "--json") == 0
    (shown,) = json.loads(capsys.readouterr().out)["windows"]
    assert [o["real_minutes"] for o in shown["next"]] == [120]
    assert await desk.facts() == []


SUNDAY: dict[str, str | None] = {
    "UID": "sunday",
    "DTSTART;TZID=America/Chicago": None,
    "DTEND;TZID=America/Chicago": None,
    "DTSTART;TZID=America/New_York": "20260301T020000",
    "DTEND;TZID=America/New_York": "20260301T040000",
    "RRULE": "FREQ=WEEKLY;INTERVAL=1",
}


def imported(folder: Path, *events: dict[str, str | None]) -> int:
    (folder / "c.ics").write_bytes(calendar(*events))
    return main(["maintenance", "import", "c.ics", "--config", "wardwatch.yaml"])


def test_a_calendar_that_says_the_same_is_exit_0(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert imported(folder, SUNDAY) == 0
    assert capsys.readouterr().out.splitlines()[0] == "0 new, 0 changed, 0 gone, 1 same"


def test_what_differs_is_listed_field_by_field(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = SUNDAY | {"DTEND;TZID=America/New_York": "20260301T050000", "STATUS": "CANCELLED"}
    assert imported(folder, changed, {"UID": "new-one"}, {"UID": "off", "STATUS": "CANCELLED"}) == 1
    assert [line.split() for line in capsys.readouterr().out.splitlines()[2:]] == [
        ["new-one", "new", "-", "-", "-"],
        ["off", "same", "-", "-", "-"],
        ["sunday", "changed", "end", "2026-03-01T04:00:00", "2026-03-01T05:00:00"],
        ["sunday", "changed", "cancelled", "False", "True"],
    ]
    assert imported(folder, {"UID": "new-one"}) == 1
    assert ["sunday", "gone", "-", "-", "-"] in [
        line.split() for line in capsys.readouterr().out.splitlines()
    ]


def test_a_problem_of_an_event_is_exit_2_and_the_rest_is_compared(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert imported(folder, SUNDAY, {"UID": "b", "RRULE": "FREQ=HOURLY"},
                    {"UID": "c", "X-WARDWATCH-SYSTEMS": "portal"}) == 2  # fmt: skip
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == "0 new, 0 changed, 0 gone, 1 same"
    assert said.err.splitlines() == [
        "c.ics: event 2 (b): RRULE: FREQ is DAILY, WEEKLY, MONTHLY or YEARLY",
        "c.ics: event 3 (c): systems[0]: there is no system of this id under systems",
    ]


async def test_what_is_new_in_a_calendar_is_proposed_once(
    desk: Desk, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "c.ics").write_bytes(calendar({"UID": "a@example.org"}, {"UID": "two"}))
    argv = ("import", "c.ics", "--propose")
    assert await run(desk, *argv) == 0
    assert "Proposed: ics-e16bfe08be11, two\n" in capsys.readouterr().err
    facts = await desk.facts()
    assert [(kind, data["id"]) for kind, _, _, data in facts] == [
        ("window.proposed", "ics-e16bfe08be11"),
        ("window.proposed", "two"),
    ]
    assert await run(desk, *argv) == 0
    assert capsys.readouterr().out.splitlines()[0] == "0 new, 0 changed, 0 gone, 2 same"
    assert len(await desk.facts()) == 2


async def test_with_a_problem_in_the_calendar_nothing_is_proposed(
    desk: Desk, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "c.ics").write_bytes(calendar({}, {"UID": "b", "RDATE": "20260106T020000Z"}))
    assert await run(desk, "import", "c.ics", "--propose") == 2
    assert await desk.facts() == []


async def test_an_answer_in_json_is_the_collectors(
    desk: Desk, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(desk, "list", "--json") == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (told["windows"], told["occurrences"], told["approval_basis"]) == ([], [], "recorded")
    assert await run(desk, "approve", "x", "--digest", "0" * 12, "--json") == 1
    assert json.loads(capsys.readouterr().out)["code"] == "window.unknown"


async def test_an_approval_that_comes_too_late_says_so(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = await desk.propose(plan(start="2025-12-31T17:00", end="2025-12-31T19:00"))
    argv = ("approve", "upgrade", "--digest", begun["digest"])
    assert await run(desk, *argv, by="approver-1") == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "No occurrence starts after this approval: it excludes nothing."
    )


async def test_what_an_occurrence_excludes_in_part_is_told_in_minutes(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    await desk.approve(await desk.propose(plan()))
    await desk.clock.advance(32 * HOUR + HOUR // 2)
    longer = {"windows": [plan(end="2026-01-02T05:00")], "replace": True}
    await desk.post("maintenance", longer)
    assert await run(desk, "list", "--from", "2026-01-02T02:00") == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == [
        "2026-01-02", "08:00", "2026-01-02", "11:00", "180", "upgrade", "ehr", "30", "min",
        "unapproved",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["list", "--from", "soon"], "--from: write a date and a time, such as 2026-01-05T02:00:00Z"),
        (["list", "--to", "2025-01-01T00:00"], "--to: later than from, by at most 400 days"),
        (["list", "--from", "8999-01-01T00:00"], "--from: the year lies from 1970 to 2199"),
        (["preview", "x", "--from", "8999-01-01T00:00"], "--from: the year lies from 1970 to 2199"),
        (["cancel", "x", "--ref", "Jane Roe"], "--ref: it must match ^[A-Za-z0-9._-]{1,64}$"),
        (["approve", "x", "--digest", "z" * 12],
         "--digest: at least 12 digits of what preview shows"),
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_bad_usage_and_names_the_option(
    desk: Desk, capsys: pytest.CaptureFixture[str], argv: list[str], said: str
) -> None:
    await desk.propose(plan(id="x"))
    assert await run(desk, *argv) == 2
    assert capsys.readouterr().err == f"{said}\n"


def test_a_preview_of_a_year_that_windows_are_not_expanded_to_is_bad_usage(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["maintenance", "preview", "--config", "wardwatch.yaml", "--from", "9999-12-31T00:00"]
    assert main(argv) == 2
    assert capsys.readouterr().err == "--from: the year lies from 1970 to 2199\n"


async def test_an_event_that_cannot_be_read_is_not_gone_and_problems_come_in_the_order_of_events(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unread = {"UID": "sunday", "X-WARDWATCH-EXPECT-DOWN": "soon"}
    (folder / "c.ics").write_bytes(calendar(unread, {"UID": "b", "RDATE": "20260106T020000Z"}))
    assert main(["maintenance", "import", "c.ics", "--config", "wardwatch.yaml"]) == 2
    said = capsys.readouterr()
    assert said.out == "0 new, 0 changed, 0 gone, 0 same\n"
    assert [line[:28] for line in said.err.splitlines()] == [
        "c.ics: event 1 (sunday): exp",
        "c.ics: event 2 (b): RDATE: s",
    ]
