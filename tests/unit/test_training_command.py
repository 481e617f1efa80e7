"""`wardwatch training`, its exit codes, and the metric of the same."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collector.store.store import Store
from tests.support.commanding import Shell, a_shell
from tests.support.rounds import config

Capture = pytest.CaptureFixture[str]
WHOLE = {"security": "2025-12-01", "role": "2025-12-01", "deidentification": "2025-12-01"}
CONTACTS = {
    "anna": {"name": "Anna", "role": "engineering", "training": WHOLE | {"privacy": "2024-12-30"}},
    "ben": {"name": "Ben", "role": "csm", "training": {"privacy": "2025-12-01"} | WHOLE},
}


@pytest.fixture
async def shell(sqlite_store: Store, tmp_path: Path, capsys: Capture) -> AsyncIterator[Shell]:
    """On the evening of 31 December 2025 in Chicago, where Anna's privacy training has lapsed."""
    async with a_shell(sqlite_store, tmp_path, used=config(contacts=CONTACTS)) as opened:
        await opened.admin()
        capsys.readouterr()
        yield opened


async def test_what_has_lapsed_is_listed_and_exits_1(shell: Shell, capsys: Capture) -> None:
    assert await shell.run("training") == 1
    assert capsys.readouterr().out.splitlines() == [
        "HIPAA training of 2 contacts: 1 lapsed",
        "CONTACT  NAME  TRAINING  DONE        GOOD UNTIL  STATE",
        "anna     Anna  privacy   2024-12-30  2025-12-30  lapsed",
    ]
    assert await shell.run("training", "--json") == 1
    assert json.loads(capsys.readouterr().out) == {
        "lapsed": 1,
        "training": [
            {
                "contact": "anna",
                "name": "Anna",
                "kind": "privacy",
                "done": "2024-12-30",
                "until": "2025-12-30",
                "state": "lapsed",
            }
        ],
    }
    assert await shell.run("training", "--all") == 1
    assert len(capsys.readouterr().out.splitlines()) == 2 + 8


async def test_the_metric_counts_contacts_by_kind(shell: Shell) -> None:
    parts = shell.collector.service.parts
    await parts.numbers.measure(parts.metrics)
    assert [
        line
        for line in parts.metrics.exposition().decode().splitlines()
        if line.startswith("wardwatch_training_lapsed_contacts{")
    ] == [
        'wardwatch_training_lapsed_contacts{kind="privacy"} 1.0',
        'wardwatch_training_lapsed_contacts{kind="security"} 0.0',
        'wardwatch_training_lapsed_contacts{kind="role"} 0.0',
        'wardwatch_training_lapsed_contacts{kind="deidentification"} 0.0',
    ]


async def test_a_date_that_is_still_to_come_is_shown_as_such(
    sqlite_store: Store, tmp_path: Path, capsys: Capture
) -> None:
    ben = {"name": "Ben", "role": "csm", "training": {"privacy": "2062-12-01"} | WHOLE}
    async with a_shell(sqlite_store, tmp_path, used=config(contacts={"ben": ben})) as opened:
        await opened.admin()
        capsys.readouterr()
        assert await opened.run("training") == 0
        assert capsys.readouterr().out.splitlines()[2:] == [
            "ben      Ben   privacy   2062-12-01  -           still to come"
        ]


async def test_where_all_is_current_it_says_so_and_exits_0(
    sqlite_store: Store, tmp_path: Path, capsys: Capture
) -> None:
    used = config(contacts={"ben": CONTACTS["ben"]})
    async with a_shell(sqlite_store, tmp_path, used=used) as opened:
        await opened.admin()
        capsys.readouterr()
        assert await opened.run("training") == 0
        assert capsys.readouterr().out == "HIPAA training of 1 contact: all current.\n"
