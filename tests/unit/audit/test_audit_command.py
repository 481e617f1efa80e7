"""`wardwatch audit`: files that are whole or not there, and what standard error says of them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from collector.access.policy import Role
from collector.cli import main
from collector.commands import audit
from collector.store.store import Store
from tests.support.audited import files, to_day
from tests.support.known import token
from tests.support.planning import Desk, a_desk

Capture = pytest.CaptureFixture[str]
RANGE = ("--from", "2026-01-01T00:00:00Z", "--to", "2026-01-02T00:00:00Z")
FIRST_ROW = '"kind":"config.version"'


@pytest.fixture
async def desk(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setenv("WARDWATCH_TOKEN", token("auditor-1", Role.AUDITOR))
    async with a_desk(sqlite_store) as opened:
        await to_day(opened, 1)
        yield opened


async def run(desk: Desk, *argv: str) -> int:
    url = str(desk.client.make_url(""))
    return await asyncio.to_thread(main, ["audit", *argv, *RANGE, "--url", url])


async def test_an_export_goes_to_standard_output_or_a_new_file_with_its_hash_on_standard_error(
    desk: Desk, tmp_path: Path, capsys: Capture
) -> None:
    assert await run(desk, "export") == 0
    said = capsys.readouterr()
    assert said.out.count("\n") == 1
    assert FIRST_ROW in said.out
    digest = hashlib.sha256(said.out.encode()).hexdigest()
    assert said.err == f"1 rows, {len(said.out)} bytes, SHA-256 {digest}\n"
    out = tmp_path / "trail.log"
    assert await run(desk, "export", "--format", "syslog", "--out", str(out)) == 0
    assert out.read_text().startswith(
        "<109>1 2026-01-01T00:00:00.000Z - wardwatch - config.version "
    )
    assert out.stat().st_mode & 0o777 == 0o600
    said = capsys.readouterr()
    assert (said.out, hashlib.sha256(out.read_bytes()).hexdigest() in said.err) == ("", True)
    before = out.read_bytes()
    assert await run(desk, "export", "--out", str(out)) == 2
    assert capsys.readouterr().err == f"--out: {out} is there already; name a new file\n"
    assert out.read_bytes() == before
    other = tmp_path / "other.jsonl"
    assert await run(desk, "export", "--json", "--out", str(other)) == 0
    written = other.read_bytes()
    assert json.loads(capsys.readouterr().out) == {
        "bytes": len(written),
        "out": str(other),
        "rows": 1,
        "sha256": hashlib.sha256(written).hexdigest(),
    }
    assert await run(desk, "export", "--json") == 2
    assert capsys.readouterr().err.startswith("--json: ")
    assert await run(desk, "export", "--format", "fhir") == 0
    assert json.loads(capsys.readouterr().out)["resourceType"] == "AuditEvent"


async def test_a_pack_is_a_zip_or_a_folder_of_the_same_files(
    desk: Desk, tmp_path: Path, capsys: Capture
) -> None:
    one, folder = tmp_path / "q1.zip", tmp_path / "q1"
    assert await run(desk, "pack", "--seed", "7", "--out", str(one)) == 0
    digest = hashlib.sha256(one.read_bytes()).hexdigest()
    assert capsys.readouterr().err.endswith(f"SHA-256 {digest}\n")
    assert await run(desk, "pack", "--seed", "7", "--out", str(folder)) == 0
    found = files(one.read_bytes())
    assert {name: (folder / name).read_bytes() for name in found} == found
    assert sum(path.is_file() for path in folder.rglob("*")) == len(found)
    assert await run(desk, "pack", "--out", str(folder)) == 2
    assert "is there already" in capsys.readouterr().err
    assert await run(desk, "pack", "--sample", "-1", "--out", str(tmp_path / "no.zip")) == 2
    assert "--sample" in capsys.readouterr().err
    assert not (tmp_path / "no.zip").exists()


async def test_who_may_not_is_told_what_it_needs(
    desk: Desk, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARDWATCH_TOKEN", token("viewer-1", Role.VIEWER))
    assert await run(desk, "export") == 4
    assert "audit.export" in capsys.readouterr().err


async def served(answer: bytes, media: str, *argv: str, cut: bool = False) -> int:
    """The exit code against a server that answers so."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": media})
        await response.prepare(request)
        await response.write(answer)
        if cut and request.transport is not None:
            await asyncio.sleep(0.05)
            request.transport.abort()
        return response

    app = web.Application()
    app.router.add_get("/api/v1/{rest:.*}", handle)
    async with TestServer(app) as server:
        url = str(server.make_url("/"))
        return await asyncio.to_thread(main, ["audit", *argv, *RANGE, "--url", url])


async def test_what_breaks_off_leaves_no_file(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARDWATCH_TOKEN", "x")
    out = tmp_path / "a.jsonl"
    argv = ("export", "--out", str(out))
    assert await served(b"{}\n", "application/x-ndjson", *argv, cut=True) == 3
    assert not out.exists()
    assert "broke off" in capsys.readouterr().err


FULL = """\
from collector.client import UsageError
from collector.newfile import new_file
try:
    with new_file(None) as file:
        file.write(b"x")
except UsageError as error:
    raise SystemExit(str(error))
"""


def test_standard_output_that_takes_no_more_is_told_without_a_traceback() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", FULL],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (
        1,
        "standard output cannot be written: what came is not all\n",
    )


async def test_a_full_disk_leaves_no_file_and_no_folder(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARDWATCH_TOKEN", "x")

    @contextmanager
    def full() -> Iterator[BinaryIO]:
        with Path("/dev/full").open("wb", buffering=0) as file:
            yield file

    monkeypatch.setattr(audit, "TemporaryFile", full)
    answer = (b"x" * 10_000, "application/zip")
    assert await served(*answer, "pack", "--out", str(tmp_path / "q1")) == 2
    assert capsys.readouterr().err.startswith("--out: no room for temporary files; ")
    assert list(tmp_path.iterdir()) == []


def a_zip(name: str, compression: int) -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(made, "w", compression) as zipped:
        zipped.writestr(name, b"x" * 1_000)
    return made.getvalue()


def damaged(where: int, value: int) -> bytes:
    """A byte of the entry of the zip's directory is another."""
    made = bytearray(a_zip("index.json", zipfile.ZIP_STORED))
    made[made.index(b"PK\x01\x02") + where] = value
    return bytes(made)


@pytest.mark.parametrize(
    "answer",
    [
        b"no zip",
        a_zip("../outside.csv", zipfile.ZIP_STORED),
        a_zip("populations/../../outside.csv", zipfile.ZIP_STORED),
        a_zip("populations/x.exe", zipfile.ZIP_STORED),
        a_zip("index.json", zipfile.ZIP_DEFLATED),
        a_zip("index.json", zipfile.ZIP_STORED)[:-30],
        damaged(6, 240),
        damaged(8, 1),
        damaged(20, 0),
    ],
    ids=[
        "no-zip",
        "above",
        "inside-above",
        "other",
        "compressed",
        "cut",
        "newer",
        "encrypted",
        "shorter",
    ],
)
async def test_what_is_no_pack_is_not_unpacked(
    answer: bytes, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARDWATCH_TOKEN", "x")
    folder = tmp_path / "into"
    assert await served(answer, "application/zip", "pack", "--out", str(folder)) == 3
    assert capsys.readouterr().err == "What the collector sent is no audit pack.\n"
    assert list(tmp_path.iterdir()) == []
