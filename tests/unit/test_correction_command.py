"""`wardwatch correction`: request, approve, list."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from collector.cli import main
from collector.store.store import Store
from tests.support.planning import Desk, a_desk

REQUEST = (
    "request", "c1", "--system", "ehr", "--from", "2025-12-31T18:00:00", "--to",
    "2025-12-31T18:00:01", "--as", "down", "--reason", "not_seen_by_probes", "--ref", "CHG1",
)  # fmt: skip


@pytest.fixture
async def desk(sqlite_store: Store) -> AsyncIterator[Desk]:
    async with a_desk(sqlite_store) as opened:
        yield opened


async def run(desk: Desk, *argv: str, by: str = "csm-1") -> int:
    return await desk.command("correction", *argv, by=by)


async def test_a_correction_is_requested_approved_and_listed(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(desk, *REQUEST) == 0
    assert await run(desk, "approve", "c1", by="csm-1") == 4
    assert capsys.readouterr().err == (
        "your roles, or this token's scopes, do not include what this needs: corrections.approve "
        "[access.denied]\n"
    )
    assert await run(desk, "approve", "c1", by="approver-1") == 0
    capsys.readouterr()
    assert await run(desk, "list", "--system", "ehr") == 0
    assert capsys.readouterr().out.splitlines()[2].split() == [
        "c1", "approved", "ehr", "2026-01-01", "00:00:00", "2026-01-01", "00:00:01", "down",
        "not_seen_by_probes", "CHG1", "csm-1", "approver-1",
    ]  # fmt: skip


async def test_nothing_to_list_is_said_and_json_is_the_collectors(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(desk, "list") == 0
    assert capsys.readouterr().out == "No corrections.\n"
    assert await run(desk, "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"corrections": []}


def test_a_reason_that_is_none_of_the_list_is_bad_usage(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["correction", *("because" if a == "not_seen_by_probes" else a for a in REQUEST)])
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert "customer_power" in said
    assert "CorrectionReason" not in said


async def test_what_cannot_be_read_is_bad_usage_and_names_the_option(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {"CHG1": "CHG 1", "2025-12-31T18:00:00": "yesterday"}
    assert await run(desk, *(wrong.get(word, word) for word in REQUEST)) == 2
    assert capsys.readouterr().err.splitlines() == [
        "--from: write a date and a time, such as 2026-01-05T02:00",
        "--ref: it must match ^[A-Za-z0-9._-]{1,64}$",
    ]
    assert await run(desk, "list", "--system", "ehr2") == 2
    assert capsys.readouterr().err == "--system: no system of this id in any config version\n"


@pytest.mark.parametrize("name", ["C 1", "a/approve", ".."])
def test_an_id_that_is_none_is_bad_usage_before_anybody_is_asked(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["correction", "approve", name, "--url", "http://127.0.0.1:9"])
    assert left.value.code == 2
    assert capsys.readouterr().err.endswith(
        "argument ID: an id is 1 to 63 of a-z, 0-9 and -, not starting with -\n"
    )
