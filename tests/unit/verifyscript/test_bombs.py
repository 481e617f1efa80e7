"""Whatever somebody packs into a bundle, the script by itself takes little memory to refuse it."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from collector.bundle import layout
from collector.verifyscript.joining import script
from tests.unit.verifying.ledgers import zipped
from tests.unit.verifying.tampering import members, resealed
from tests.unit.verifyscript.scripts import judged

LIMIT = 160 << 20
_LIMITED = (
    "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_AS, ({0}, {0})); "
    "sys.argv = ['verify.py', *sys.argv[2:]]; runpy.run_path({1!r}, run_name='__main__')"
)


def bomb(size: int) -> bytes:
    """A chunk of zeros that is a thousandth of what it unpacks to."""
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(1 << 20)) for _ in range(size >> 20)]
    packed = b"".join([*parts, packer.flush()])
    return b"WWE1" + struct.pack(">I", len(packed)) + packed


def run_limited(folder: Path, bundle: bytes) -> subprocess.CompletedProcess[str]:
    (folder / "verify.py").write_bytes(script())
    (folder / "bundle.zip").write_bytes(bundle)
    return subprocess.run(
        [
            *(sys.executable, "-I", "-S", "-B", "-W", "error", "-c"),
            *(_LIMITED.format(LIMIT, str(folder / "verify.py")), "--", str(folder / "bundle.zip")),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_the_honest_bundle_fits_into_so_little_memory(tmp_path: Path) -> None:
    told = run_limited(tmp_path, zipped(members()))
    assert (told.returncode, told.stderr) == (0, "")


def test_a_chunk_that_unpacks_to_more_than_there_is_is_refused(tmp_path: Path) -> None:
    found = {**members(), layout.evidence_of("ehr"): bomb(256 << 20)}
    told = run_limited(tmp_path, resealed(found))
    assert (told.returncode, told.stderr) == (2, "")
    assert "NOT VERIFIED: segment.malformed" in told.stdout


def test_a_length_that_nothing_has_is_refused(tmp_path: Path) -> None:
    data = b"WWE1" + struct.pack(">I", 0xFFFFFFFF) + b"x"
    told = run_limited(tmp_path, resealed({**members(), layout.evidence_of("ehr"): data}))
    assert (told.returncode, told.stderr) == (2, "")
    assert "NOT VERIFIED: segment.malformed" in told.stdout


def test_a_directory_that_says_it_has_a_million_members_is_refused() -> None:
    data = zipped(members())
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 65_535, 65_535, 0x7FFFFFFF, 0, 0)
    assert judged(data[:-22] + end) == ("bundle.shape", "")


@pytest.mark.parametrize("name", ["rows.jsonl", "log/start.json", "statement.json", "policy.txt"])
def test_what_is_nested_or_long_without_end_is_refused(name: str) -> None:
    for data in (b"[" * 200_000, b'{"a":' * 100_000 + b"1", b"9" * 100_000, b"\xff" * 1000):
        found = {**members(), name: data}
        code = (judged(zipped(found)) or ("",))[0]
        sealed = (judged(resealed(found)) or ("",))[0] if name != "statement.json" else code
        assert code
        assert sealed.endswith((".malformed", ".differs", ".unsigned", ".limit"))
