"""The file of a witness's key: one line, for its owner alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.witness import keyfile
from collector.witness.keyfile import KeyFileError, WitnessKey
from tests.unit.witness.logs import private

KEY = WitnessKey("witness.example/w1", private(9))
LINE = b"PRIVATE+KEY+witness.example/w1+24b5d9fe+BAkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJ\n"


def test_a_key_is_a_line_with_its_name_and_id() -> None:
    assert keyfile.write(KEY) == LINE
    read = keyfile.parse(LINE)
    assert read is not None
    assert (read.name, read.verifier) == (KEY.name, KEY.verifier)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        LINE[:-1],
        LINE + b"\n",
        LINE.replace(b"24b5d9fe", b"0c2b1dbb"),
        LINE.replace(b"+BAkJ", b"+AQkJ"),
        LINE.replace(b"w1", b"w 1"),
        LINE.replace(b"JCQkJ\n", b"\n"),
        LINE.replace(b"PRIVATE+KEY+", b""),
        b"\xff" + LINE,
        bytes(32),
    ],
)
def test_anything_else_is_no_key(data: bytes) -> None:
    assert keyfile.parse(data) is None


@given(st.binary(max_size=120))
def test_any_bytes_are_a_key_that_is_written_so_or_none(data: bytes) -> None:
    assert keyfile.parse(data) is None


def test_a_key_is_made_once_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "witness.key"
    made = keyfile.make(path, "witness.example")
    assert path.stat().st_mode & 0o777 == 0o600
    assert keyfile.load(path).verifier == made.verifier
    with pytest.raises(KeyFileError, match="is there already"):
        keyfile.make(path, "witness.example")
    assert keyfile.load(path).verifier == made.verifier
    assert keyfile.make(tmp_path / "other.key", "witness.example").verifier != made.verifier


def test_a_key_that_cannot_be_used_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "witness.key"
    with pytest.raises(KeyFileError, match=r"No such file.*key new"):
        keyfile.load(path)
    path.write_bytes(bytes(32))
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="not the key of a witness"):
        keyfile.load(path)
    path.write_bytes(LINE)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match=f"chmod 600 {path}"):
        keyfile.load(path)
    with pytest.raises(KeyFileError, match="No such file"):
        keyfile.make(tmp_path / "none" / "witness.key", "witness.example")
