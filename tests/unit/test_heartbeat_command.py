"""`wardwatch heartbeat address`: one line, on the host that has the secret."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from collector.commands import heartbeat

SECRET = "5c1d0c7e0123456789abcdef01234567"
FILE = """\
version: 1
organization: {id: org, name: Org, timezone: America/Chicago}
sites: {north: {name: North}}
agents: {collector: {site: north}}
systems: {ehr: {name: EHR, impact: {class: clinical}}}
checks:
  nightly:
    system: ehr
    kind: heartbeat
    every: 1m
    timeout: 10s
    spec: {secret: "env:NIGHTLY", interval: 1h, grace: 10m}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NIGHTLY", SECRET)
    written = tmp_path / "wardwatch.yaml"
    written.write_text(FILE, encoding="utf-8")
    return written


def command(*words: str) -> int:
    parser = argparse.ArgumentParser()
    heartbeat.add(parser.add_subparsers())
    args = parser.parse_args(["heartbeat", "address", *words])
    code: int = args.func(args)
    return code


def test_the_address_stands_alone_on_standard_output(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("nightly", "--config", str(file)) == 0
    assert capsys.readouterr().out == f"http://127.0.0.1:8460/heartbeat/{SECRET}\n"
    assert (
        command("nightly", "--config", str(file), "--collector", "https://w.example.org/", "--json")
        == 0
    )
    address = f"https://w.example.org/heartbeat/{SECRET}"
    assert json.loads(capsys.readouterr().out) == {"address": address, "check": "nightly"}


def test_the_public_address_of_the_file_is_the_default(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(FILE + "access: {public_url: https://w.example.org}\n", encoding="utf-8")
    assert command("nightly", "--config", str(file)) == 0
    assert capsys.readouterr().out == f"https://w.example.org/heartbeat/{SECRET}\n"


@pytest.mark.parametrize(
    ("check", "secret", "says"),
    [
        (
            "weekly",
            SECRET,
            "CHECK: no check of kind heartbeat is called 'weekly'; there are: nightly",
        ),
        ("nightly", None, "checks.nightly.spec.secret: env:NIGHTLY cannot be read on this host"),
        ("nightly", "hunter2", "checks.nightly.spec.secret: the secret is 128 bits or more"),
    ],
)
def test_what_is_wrong_is_said_without_the_secret(
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    check: str,
    secret: str | None,
    says: str,
) -> None:
    if secret is None:
        monkeypatch.delenv("NIGHTLY")
    else:
        monkeypatch.setenv("NIGHTLY", secret)
    assert command(check, "--config", str(file)) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(says)
    assert "hunter2" not in printed.err
