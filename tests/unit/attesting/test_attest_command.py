"""`wardwatch attest`: what is printed, what is written, and with which exit code."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path

import pytest

from collector.access.policy import Role
from collector.cli import main
from collector.commands import attest
from collector.store.store import Store
from tests.support.attested import CLOSED, DAY, Attesting, attesting
from tests.unit.attesting.test_issuing import verified

Capture = pytest.CaptureFixture[str]


async def run(made: Attesting, monkeypatch: pytest.MonkeyPatch, *argv: str) -> int:
    """The command as somebody who operates gives it, while the collector goes on."""
    headers = await made.headers("some-operator", Role.OPERATOR)
    monkeypatch.setenv("WARDWATCH_TOKEN", headers["Authorization"].removeprefix("Bearer "))
    monkeypatch.setattr(attest, "POLL_MS", 20)
    url = made.collector.origin
    running = asyncio.create_task(asyncio.to_thread(main, ["attest", *argv, "--url", url]))
    while not running.done():
        await made.make()
        await asyncio.sleep(0.05)
    return await running


async def test_one_is_made_fetched_listed_and_fetched_again(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    async with attesting(sqlite_store, tmp_path) as made:
        await made.month.live(CLOSED)
        out, again = tmp_path / "january.zip", tmp_path / "again.zip"
        create = ("create", "--period", "2026-01", "--systems", "lab", "--out", str(out))
        assert await run(made, monkeypatch, *create) == 0
        said = capsys.readouterr()
        digest = hashlib.sha256(out.read_bytes()).hexdigest()
        assert verified(out.read_bytes()) is None
        assert said.out == (
            "2026-01-1: 2026-01, revision 1: lab met\n"
            f"{out.stat().st_size} bytes, SHA-256 {digest}\n"
            f"Next: wardwatch verify {out}\n"
        )
        assert said.err.startswith("2026-01-1: waiting for its turn\n")
        assert await run(made, monkeypatch, *create) == 2
        assert capsys.readouterr().err == f"--out: {out} is there already; name a new file\n"

        assert await run(made, monkeypatch, "list") == 0
        title, head, row = capsys.readouterr().out.splitlines()
        assert (title, head.split()) == (
            "Attestations", ["ID", "PERIOD", "SYSTEMS", "STATE", "SHA-256"],
        )  # fmt: skip
        assert row.split() == ["2026-01-1", "2026-01", "lab", "revision", "1", digest]

        assert await run(made, monkeypatch, "get", "2026-01-1", "--out", str(again)) == 0
        assert again.read_bytes() == out.read_bytes()
        capsys.readouterr()
        assert await run(made, monkeypatch, "create", "--period", "2026-01", "--json") == 0
        both = json.loads(capsys.readouterr().out)
        assert (both["state"], both["systems"]) == ("issued", ["ehr", "lab"])


async def test_what_is_refused_leaves_no_file_and_says_what_to_do(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    async with attesting(sqlite_store, tmp_path, start=CLOSED - DAY) as made:
        out = tmp_path / "january.zip"
        create = ("create", "--period", "2026-01", "--out", str(out))
        assert await run(made, monkeypatch, *create) == 1
        assert capsys.readouterr().err == (
            "the period has not closed: evidence that comes within 72 h of its end counts; it closes "
            "at 2026-02-04T06:00:00.000Z, ask again then [attestation.open]\n"
        )
        assert await run(made, monkeypatch, "create", "--period", "month") == 2
        assert "--period: write a month, quarter, year or week" in capsys.readouterr().err
        assert (
            await run(made, monkeypatch, "create", "--period", "2026-01", "--systems", "erh") == 2
        )
        assert await run(made, monkeypatch, "get", "2026-01-9", "--out", str(out)) == 1
        assert "attestation.unknown" in capsys.readouterr().err
        assert await run(made, monkeypatch, "list") == 0
        assert capsys.readouterr().out.startswith("None yet. Make one: wardwatch attest create")
        assert not out.exists()


def test_a_sample_is_the_same_for_the_same_seed_says_that_it_is_one_and_verifies(
    tmp_path: Path, capsys: Capture
) -> None:
    one, same, other = (tmp_path / f"{name}.zip" for name in ("one", "same", "other"))
    assert main(["attest", "sample", "--out", str(one)]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("Simulated: nothing in it was measured")
    assert main(["attest", "sample", "--out", str(same), "--seed", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["simulated"] is True
    assert main(["attest", "sample", "--out", str(other), "--seed", "2"]) == 0
    assert one.read_bytes() == same.read_bytes() != other.read_bytes()
    assert verified(one.read_bytes()) is None
    assert main(["attest", "sample", "--out", str(one)]) == 2
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize("seed", ["-1", "x", "1.5", "1234567890"])
def test_a_seed_is_a_whole_number(seed: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["attest", "sample", "--out", str(tmp_path / "x.zip"), "--seed", seed])
    assert refused.value.code == 2
