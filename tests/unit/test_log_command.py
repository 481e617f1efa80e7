"""`wardwatch log`: both logs as they stand, checkpoints and proofs, and what to do without them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collector import journal
from collector.attest import checkpoint, note, proof
from collector.store.store import Store
from collector.tlog.epochs import Log
from tests.support.commanding import Shell, a_shell
from tests.support.rounds import ORG
from tests.support.signed_logs import ORIGIN, WITNESS, fill, sign, verifier

Capture = pytest.CaptureFixture[str]


@pytest.fixture
async def shell(sqlite_store: Store, tmp_path: Path, capsys: Capture) -> AsyncIterator[Shell]:
    """An admin is logged in; nothing is a leaf yet."""
    async with a_shell(sqlite_store, tmp_path) as opened:
        await opened.admin()
        capsys.readouterr()
        yield opened


async def test_logs_that_nobody_has_begun_or_signed_say_so(
    shell: Shell, sqlite_store: Store, capsys: Capture
) -> None:
    assert await shell.run("log", "show") == 0
    assert (
        capsys.readouterr().out == "There are no logs yet: they begin with the first evaluation.\n"
    )
    await fill(sqlite_store, 30, 10)
    assert await shell.run("log", "show") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(
        "evidence and audit: Nothing of it is signed: without evidence_log in"
    )
    assert lines[1].split() == ["LOG", "ENTRIES", "SIGNED", "AT", "(UTC)", "COSIGNED", "ORIGIN"]
    assert lines[2].split()[0] == "evidence"
    assert lines[2].split()[2:] == ["-", "-", "-", f"{ORIGIN}/evidence"]
    assert await shell.run("log", "checkpoint") == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == (
        "nothing of this log is signed: see evidence_log in the operator's file"
        " [log.no_checkpoint]\n"
    )


async def test_what_is_signed_is_shown_and_kept(
    shell: Shell, sqlite_store: Store, tmp_path: Path, capsys: Capture
) -> None:
    await fill(sqlite_store, 30, 10)
    signed = await sign(sqlite_store, Log.EVIDENCE, cosigned=True)
    await sign(sqlite_store, Log.AUDIT)
    assert await shell.run("log", "show") == 0
    lines = capsys.readouterr().out.splitlines()
    size = str(signed.size)
    assert lines[0] == "Both logs are signed."
    moment = ["2026-01-01", "00:00"]
    assert lines[2].split() == ["evidence", size, size, *moment, *moment, f"{ORIGIN}/evidence"]
    assert lines[3].split()[3:] == [*moment, "no", f"{ORIGIN}/audit"]
    assert await shell.run("log", "show", "--json") == 0
    assert json.loads(capsys.readouterr().out)["logs"][0]["checkpoint"]["size"] == signed.size
    out = tmp_path / "evidence.note"
    assert await shell.run("log", "checkpoint", "--out", str(out)) == 0
    assert out.read_bytes() == signed.note
    assert capsys.readouterr().out == ""
    again = tmp_path / "again.note"
    assert await shell.run("log", "checkpoint", "--out", str(again), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["origin"], told["size"]) == (f"{ORIGIN}/evidence", signed.size)
    assert await shell.run("log", "checkpoint", "--out", str(out)) == 2
    assert capsys.readouterr().err == f"--out: {out} is there already; name a new file\n"


async def test_a_checkpoint_can_be_printed_and_compared_by_eye(
    shell: Shell, sqlite_store: Store, capsys: Capture
) -> None:
    await fill(sqlite_store, 3, 0)
    signed = await sign(sqlite_store, Log.AUDIT, cosigned=True)
    assert await shell.run("log", "checkpoint", "--log", "audit", "--print") == 0
    lines = capsys.readouterr().out.splitlines()
    head = checkpoint.parse(note.parse(signed.note).text)
    assert lines[0] == f"Log         {ORIGIN}/audit"
    assert lines[1] == f"Entries     {head.size}"
    assert lines[2].split()[1:] == [head.root.hex()[at : at + 8] for at in range(0, 64, 8)]
    assert [line.split()[:3] for line in lines[4:]] == [
        ["Signed", "by", f"{ORIGIN}/audit"],
        ["Signed", "by", WITNESS],
    ]


async def test_a_row_is_proved_into_a_file(
    shell: Shell, sqlite_store: Store, tmp_path: Path, capsys: Capture
) -> None:
    await fill(sqlite_store, 30, 0)
    await sign(sqlite_store, Log.AUDIT)
    last = await sqlite_store.read(journal.last_id, ORG)
    out = tmp_path / "row.tlog-proof"
    command = ("log", "proof", "--log", "audit", "--row", str(last), "--out", str(out))
    assert await shell.run(*command) == 0
    assert capsys.readouterr().out == (
        f"Row {last} is entry {last} of {ORIGIN}/audit, whose checkpoint has {last + 1} entries.\n"
    )
    found = proof.parse(out.read_bytes())
    assert found.index == last
    assert [one.key for one in note.verify(found.checkpoint, [verifier(Log.AUDIT)])]
    assert await shell.run("log", "proof", "--row", "1", "--out", str(tmp_path / "none")) == 1
    assert capsys.readouterr().err.startswith("nothing of this log is signed")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("proof", "--row", "0", "--out", "x"), "the id of a row of the journal, from 1 on"),
        (("proof", "--row", "x", "--out", "x"), "the id of a row of the journal, from 1 on"),
        (("checkpoint", "--log", "../x"), "evidence or audit, or an epoch of one: evidence-2"),
    ],
)
async def test_what_names_nothing_is_told_before_anything_is_asked(
    shell: Shell, capsys: Capture, words: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        await shell.run("log", *words)
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


async def test_json_needs_a_file_beside_it(shell: Shell, capsys: Capture) -> None:
    assert await shell.run("log", "checkpoint", "--json") == 2
    assert capsys.readouterr().err == "--json: says what was written to --out FILE\n"
