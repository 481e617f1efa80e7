"""`wardwatch witness`: what it refuses before it starts, all at once, and the key it makes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collector.attest import vkey
from collector.attest.vkey import SignatureType
from collector.cli import main
from collector.witness import keyfile
from collector.witness.kept import name_of
from tests.unit.witness.logs import Log, verifier

Capture = pytest.CaptureFixture[str]
LOG = Log().key.text()


@pytest.fixture
def key(tmp_path: Path, capsys: Capture) -> Path:
    path = tmp_path / "witness.key"
    assert main(["witness", "key", "new", str(path), "--name", "witness.example"]) == 0
    capsys.readouterr()
    return path


def refused(capsys: Capture, *words: str) -> str:
    assert main(["witness", *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def test_a_new_key_prints_its_verifier_key_alone(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "witness.key"
    assert main(["witness", "key", "new", str(path), "--name", "witness.example"]) == 0
    found = vkey.parse(capsys.readouterr().out.strip())
    assert (found.name, found.type) == ("witness.example", SignatureType.COSIGNATURE)
    assert keyfile.load(path).verifier == found
    other = tmp_path / "other.key"
    assert main(["witness", "key", "new", str(other), "--name", "w", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"key": keyfile.load(other).verifier.text()}


def test_a_key_that_cannot_be_made_is_refused(key: Path, capsys: Capture) -> None:
    assert refused(capsys, "key", "new", str(key), "--name", "w") == (
        f"{key} is there already; name a new file\n"
    )
    assert refused(capsys, "key", "new", str(key), "--name", "a b").startswith("--name: no blanks")


def test_what_is_missing_is_named_at_once(key: Path, tmp_path: Path, capsys: Capture) -> None:
    assert refused(capsys) == "--key: needed; see --help\n--state: needed; see --help\n"
    state = str(tmp_path / "state")
    assert "name a log" in refused(capsys, "--key", str(key), "--state", state)
    assert "No such file" in refused(
        capsys, "--key", str(tmp_path / "none"), "--state", state, "--log", LOG
    )


def test_every_problem_of_the_logs_is_named(key: Path, tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "policy.txt"
    file.write_text("log nonsense\n")
    witness = verifier("w.example", 4, SignatureType.COSIGNATURE).text()
    words = ("--key", str(key), "--state", str(tmp_path / "state"))
    said = refused(
        capsys, *words, "--log", "nonsense", "--log", witness, "--log", LOG, "--logs", str(file)
    )
    assert said.splitlines() == [
        "--log 1: not a verifier key: name+hexadecimal id+base64",
        f"--logs: {file}: line 1: policy.key",
        f"--logs: {file}: line 0: policy.quorums",
        "w.example: the key of a witness, not of a log",
    ]
    assert "No such file" in refused(capsys, *words, "--logs", str(tmp_path / "none"))


def test_an_address_others_reach_needs_tls_or_a_proxy(
    key: Path, tmp_path: Path, capsys: Capture
) -> None:
    words = ("--key", str(key), "--state", str(tmp_path / "state"), "--log", LOG)
    assert "can be reached from outside" in refused(capsys, *words, "--listen", "0.0.0.0:9620")
    assert "write HOST:PORT" in refused(capsys, *words, "--listen", "9620")
    assert "write both" in refused(capsys, *words, "--tls-cert", "cert.pem")


def test_a_state_that_cannot_be_used_is_named_with_what_to_do(
    key: Path, tmp_path: Path, capsys: Capture
) -> None:
    state = tmp_path / "state"
    words = ("--key", str(key), "--state", str(state), "--log", LOG)
    state.mkdir()
    (state / name_of("log.example/evidence")).write_bytes(b"damaged")
    assert "Never remove the file" in refused(capsys, *words)
    file = tmp_path / "file"
    file.touch()
    assert refused(capsys, "--key", str(key), "--state", str(file), "--log", LOG) == (
        f"--state: {file}: File exists\n"
    )
