"""`wardwatch rota`: show, gaps, override, cancel; of a collector and of a file."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from collector.cli import main
from collector.store.store import Store
from tests.support.planning import Desk, a_desk
from tests.support.rotas import CONTACTS, DAYS, NIGHTS, WEEKLY, staffed
from tests.support.rounds import document

DAY = ("--from", "2026-01-01T00:00:00Z", "--to", "2026-01-02T00:00:00Z")
SWAP = (
    "override", "engineers", "--contact", "ben", "--start", "2025-12-31T20:00",
    "--end", "2026-01-01T00:00", "--ref", "CHG7",
)  # fmt: skip


@pytest.fixture
async def desk(sqlite_store: Store) -> AsyncIterator[Desk]:
    async with a_desk(sqlite_store, staffed(nights=False)) as opened:
        yield opened


async def run(desk: Desk, *argv: str, by: str = "change-1") -> int:
    return await desk.command("rota", *argv, by=by)


async def test_somebody_stands_in_and_is_shown_until_it_is_cancelled(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(desk, *SWAP) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "Overrides that people made"
    number = printed[2].split()[0]
    assert printed[2].split()[1:] == [
        "engineers", "ben", "Thu", "2026-01-01", "02:00", "UTC", "Thu", "2026-01-01", "06:00", "UTC",
        "change-1", "CHG7", "-",
    ]  # fmt: skip
    assert await run(desk, "show", *DAY, by="clinical-1") == 0
    assert (
        capsys.readouterr().out
        == f"""\
On call from Wed 2025-12-31 18:00 CST to Thu 2026-01-01 18:00 CST, wall clock of America/Chicago

On duty now
SCHEDULE     ROLE              ON DUTY  UNTIL                     THEN
engineers    engineering       Anna     Wed 2025-12-31 20:00 CST  Ben
specialists  clinical liaison  Cleo     Wed 2025-12-31 20:00 CST  nobody

engineers (engineering)
FROM                      TO                        ON DUTY  LENGTH
Wed 2025-12-31 18:00 CST  Wed 2025-12-31 20:00 CST  Anna     2h
Wed 2025-12-31 20:00 CST  Thu 2026-01-01 00:00 CST  Ben      4h
Thu 2026-01-01 00:00 CST  Thu 2026-01-01 18:00 CST  Anna     18h

specialists (clinical liaison)
FROM                      TO                        ON DUTY  LENGTH
Wed 2025-12-31 18:00 CST  Wed 2025-12-31 20:00 CST  Cleo     2h
Wed 2025-12-31 20:00 CST  Thu 2026-01-01 08:00 CST  nobody   12h
Thu 2026-01-01 08:00 CST  Thu 2026-01-01 18:00 CST  Cleo     10h

Overrides that people made
NO  SCHEDULE   CONTACT  FROM                      TO                        MADE BY   REF   CANCELLED BY
{number}   engineers  ben      Wed 2025-12-31 20:00 CST  Thu 2026-01-01 00:00 CST  change-1  CHG7  -

clinical liaison: 0 of 1 on duty from Wed 2025-12-31 20:00 CST to Thu 2026-01-01 08:00 CST (12h)
"""
    )
    assert await run(desk, "cancel", number, "--json") == 0
    (one,) = json.loads(capsys.readouterr().out)["overrides"]
    assert (one["start"], one["end"]) == ("2026-01-01T02:00:00.000Z",) * 2
    assert await run(desk, "cancel", number) == 1
    assert capsys.readouterr().err == (f"{number}: it is cancelled already [override.cancelled]\n")


async def test_gaps_exit_1_where_there_are_any_and_0_where_there_are_none(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(desk, "gaps", *DAY) == 1
    assert capsys.readouterr().out.splitlines()[1:] == [
        (
            "clinical liaison: 0 of 1 on duty from Wed 2025-12-31 20:00 CST to "
            "Thu 2026-01-01 08:00 CST (12h)"
        )
    ]
    cover = ("--start", "2025-12-31T20:00", "--end", "2026-01-01T08:00")
    assert await run(desk, "override", "specialists", "--contact", "dora", *cover) == 0
    capsys.readouterr()
    assert await run(desk, "gaps", *DAY) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["Staffing is not short."]
    assert await run(desk, "gaps", *DAY, "--json") == 0
    assert json.loads(capsys.readouterr().out)["gaps"] == []


async def test_one_schedule_is_shown_alone_and_an_unknown_one_is_bad_usage(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(desk, "show", "specialists", *DAY) == 0
    assert "engineers (engineering)" not in capsys.readouterr().out
    assert await run(desk, "show", "surgeons", *DAY) == 2
    assert capsys.readouterr().err.splitlines()[0] == (
        "SCHEDULE: no schedule of this id; there are engineers, specialists"
    )


async def test_a_range_without_the_present_says_nothing_of_who_is_on_duty_now(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    for other in (
        ("--from", "2026-01-05T00:00", "--to", "2026-01-06T00:00"),
        ("--from", "2025-12-30T00:00", "--to", "2025-12-31T00:00"),
    ):
        assert await run(desk, "show", *other) == 0
        assert "On duty now" not in capsys.readouterr().out


async def test_what_is_refused_says_what_to_do(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(desk, *(word.replace("ben", "cleo") for word in SWAP)) == 1
    assert capsys.readouterr().err == (
        "cleo: this is no contact of the schedule's role; name one who is "
        "[override.wrong_contact]\n"
    )
    assert await run(desk, *(w.replace("2025-12-31T20:00", "tonight") for w in SWAP)) == 2
    assert capsys.readouterr().err == (
        "--start: write a date and a time, such as 2026-01-05T02:00\n"
    )
    assert await run(desk, "show", "--to", "2025-12-01T00:00") == 2
    assert capsys.readouterr().err == "--to: later than from, by at most 400 days\n"


@pytest.fixture
def file(tmp_path: Path) -> str:
    """As an operator writes it; nothing records it."""
    written: dict[str, Any] = document(
        contacts=CONTACTS,
        on_call={
            "engineers": {"role": "engineering", "layers": [WEEKLY]},
            "specialists": {"role": "clinical_liaison", "layers": [DAYS]},
        },
        staffing={"clinical_liaison": 1},
    )
    path = tmp_path / "wardwatch.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(written))), encoding="utf-8")
    return str(path)


def test_a_file_is_shown_without_a_collector(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rota", "gaps", "--config", file, *DAY]) == 1
    assert "clinical liaison: 0 of 1 on duty" in capsys.readouterr().out
    assert main(["rota", "show", "engineers", "--config", file, *DAY, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["contact"] for one in found["schedules"][0]["duties"]] == ["anna"]
    assert [one["id"] for one in found["versions"]] == [None]


def test_two_versions_of_a_file_are_each_in_force_from_their_instant(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later = tmp_path / "later.yaml"
    text = Path(file).read_text(encoding="utf-8")
    night = json.dumps([DAYS, NIGHTS])
    changed = yaml.safe_load(text)
    changed["on_call"]["specialists"]["layers"] = json.loads(night)
    later.write_text(yaml.safe_dump(changed), encoding="utf-8")
    both = ("--config", f"{file}@2025-12-01T00:00:00Z", "--config", f"{later}@2026-01-01T06:00:00Z")
    assert main(["rota", "gaps", *both, *DAY]) == 1
    assert capsys.readouterr().out.splitlines()[1:] == [
        (
            "clinical liaison: 0 of 1 on duty from Wed 2025-12-31 20:00 CST to "
            "Thu 2026-01-01 00:00 CST (4h)"
        )
    ]


def test_bad_files_and_times_are_bad_usage(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rota", "show", "--config", str(tmp_path / "none.yaml")]) == 2
    assert "the file cannot be read" in capsys.readouterr().err
    assert main(["rota", "show", "--config", file, "--to", "2020-01-01T00:00:00Z"]) == 2
    assert "--to: must be later than now, or write --from" in capsys.readouterr().err
    assert main(["rota", "show", "--config", file, "--url", "http://127.0.0.1:9"]) == 2
    assert "leave out --config" in capsys.readouterr().err
    with pytest.raises(SystemExit) as left:
        main(["rota", "cancel", "two"])
    assert left.value.code == 2
    assert "write the number of an override" in capsys.readouterr().err
