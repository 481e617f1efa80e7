"""`wardwatch incident`: list, show, ack, raise, note, notes, resolve, merge, false-positive, close."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collector.cli import main
from collector.store.store import Store
from tests.support.incidents import KEY, outage, recovery
from tests.support.planning import Desk, a_desk

Capture = pytest.CaptureFixture[str]


@pytest.fixture
async def desk(sqlite_store: Store) -> AsyncIterator[Desk]:
    async with a_desk(sqlite_store) as opened:
        await outage(opened)
        yield opened


async def run(desk: Desk, *argv: str, by: str = "ann") -> int:
    return await desk.command("incident", *argv, by=by)


def last_row(capsys: Capture) -> list[str]:
    return capsys.readouterr().out.splitlines()[-1].split()


async def test_an_incident_from_the_list_to_its_closure(
    desk: Desk, tmp_path: Path, capsys: Capture
) -> None:
    assert await run(desk, "list", "--status", "open") == 0
    assert last_row(capsys) == [KEY, "open", "P1", "3", "down", "2026-01-01", "00:00:11", "-"]
    assert await run(desk, "ack", KEY) == 0
    assert last_row(capsys) == [
        KEY, "acknowledged", "P1", "3", "down", "2026-01-01", "00:00:11", "ann",
    ]  # fmt: skip
    note = tmp_path / "note.txt"
    note.write_bytes(b"vendor is called\r\nticket 4\n\n")
    assert await run(desk, "note", KEY, "--text-file", str(note)) == 0
    await recovery(desk)
    assert await run(desk, "resolve", KEY) == 0
    assert await run(desk, "close", KEY, "--text-file", str(note)) == 0
    assert last_row(capsys)[1] == "closed"
    assert await run(desk, "notes", KEY, by="clinical-1") == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.partition("ann")[2].strip() for line in told[2:]] == [
        "vendor is called / ticket 4",
        "vendor is called / ticket 4",
    ]
    assert await run(desk, "show", KEY) == 0
    *shown, title, _, notice = [line for line in capsys.readouterr().out.splitlines() if line]
    assert title.startswith("Notices")
    assert notice.split()[:3] == ["liaison_notice", "2026-01-01", "00:00:21"]
    assert [line.split()[-2:] for line in shown[-5:]] == [
        ["incident.acknowledged", "ann"],
        ["incident.noted", "ann"],
        ["incident.recovered", "system"],
        ["incident.resolved", "ann"],
        ["incident.closed", "ann"],
    ]


async def test_a_note_is_read_from_standard_input(
    desk: Desk, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("typed\n"))
    assert await run(desk, "note", KEY, "--json") == 0
    assert json.loads(capsys.readouterr().out)["incident"]["notes"] == 1
    monkeypatch.setattr(sys, "stdin", io.StringIO(" \n"))
    assert await run(desk, "note", KEY) == 2
    assert capsys.readouterr().err == "--text-file: nothing was typed, and nothing was sent\n"


async def test_a_text_that_cannot_be_read_is_bad_usage(
    desk: Desk, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff")
    for name in ("bytes", "none"):
        assert await run(desk, "note", KEY, "--text-file", str(tmp_path / name)) == 2
    assert set(capsys.readouterr().err.splitlines()) == {
        "--text-file: write a file of text in UTF-8 that can be read"
    }
    (tmp_path / "long").write_text("x" * 2_001)
    assert await run(desk, "note", KEY, "--text-file", str(tmp_path / "long")) == 2
    assert capsys.readouterr().err.startswith("--text-file: ")


async def test_category_4_is_not_the_operators_to_set(desk: Desk, capsys: Capture) -> None:
    wanted = ("raise", KEY, "--category", "4", "--reason", "patient_at_risk")
    assert await run(desk, *wanted, "--aware-on", "2025-12-31") == 4
    assert capsys.readouterr().err == (
        "category 4 is set, lowered and ended by the role clinical: open [act.patient_safety]\n"
    )
    assert await run(desk, *wanted, by="clinical-1") == 2
    assert capsys.readouterr().err == "--aware-on: write the day somebody became aware of it\n"
    assert await run(desk, *wanted, "--aware-on", "2025-12-31", by="clinical-1") == 0
    assert last_row(capsys)[2:6] == ["P1", "4", "(rules:", "3)"]


async def test_what_is_refused_names_the_state(desk: Desk, capsys: Capture) -> None:
    assert await run(desk, "resolve", KEY) == 1
    assert capsys.readouterr().err == (
        "not in the state it is in: open; it must be recovered [incident.state]\n"
    )
    assert await run(desk, "merge", KEY, "--into", KEY) == 1
    assert capsys.readouterr().err == (
        "an incident cannot be merged into itself: open [incident.itself]\n"
    )
    assert await run(desk, "ack", "none.blind.1") == 1
    assert capsys.readouterr().err == "no incident of this key [api.unknown_incident]\n"
    assert await run(desk, "notes", KEY) == 4
    assert await run(desk, "false-positive", KEY) == 0
    assert await run(desk, "list", "--status", "merged") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "No incidents."


@pytest.mark.parametrize("key", ["ehr", "../systems", "ehr.availability.x", "ehr.blind.1/notes"])
def test_a_key_that_is_none_is_bad_usage_before_anybody_is_asked(key: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as left:
        main(["incident", "ack", key, "--url", "http://127.0.0.1:9"])
    assert left.value.code == 2
    assert capsys.readouterr().err.endswith(
        "argument KEY: a key is SYSTEM.FAMILY.MILLISECONDS; see incident list\n"
    )


def test_nobody_there_is_exit_code_3(capsys: Capture) -> None:
    assert main(["incident", "list", "--url", "http://127.0.0.1:9"]) == 3
    capsys.readouterr()
