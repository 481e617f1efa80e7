"""The section `evidence_log` as values; what is refused of it stands in the corpus."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes.config import Config
from probes.config_evidence_log import EvidenceLog, Token, TokenKey
from probes.configfile import canonical, load, parse_canonical
from tests.support.logkeys import witness_vkey

FILE = """version: 1
organization: {id: org, name: Org, timezone: America/Chicago}
sites: {north: {name: North}}
agents: {north-1: {site: north, operator: Example Clinics}, north-2: {site: north}}
systems:
  ehr: {name: EHR, impact: {class: clinical}}
checks:
  ehr-page: {system: ehr, kind: http, every: 30s, timeout: 10s, spec: {url: "https://e.example.org/"}}
"""


def loaded(tmp_path: Path, log: str = "") -> Config:
    file = tmp_path / "wardwatch.yaml"
    file.write_text(FILE + log, encoding="utf-8")
    return load(str(file))


def the_log(config: Config) -> EvidenceLog:
    assert config.evidence_log is not None
    return config.evidence_log


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    log = the_log(
        loaded(tmp_path, "evidence_log: {origin: log.example.org/w, keys: [file:/run/k]}\n")
    )
    assert log.origin == "log.example.org/w"
    assert log.keys == ("file:/run/k",)
    assert log.checkpoint_every == 300_000
    assert log.witnesses == {}
    assert log.needed == 0
    assert log.retention == 7


def test_a_token_is_named_by_its_labels(tmp_path: Path) -> None:
    token = "{pkcs11: {module: /usr/lib/m.so, token: w, object: log, pin: env:PIN}}"
    config = loaded(tmp_path, f"evidence_log: {{origin: log.example.org, keys: [{token}]}}\n")
    assert the_log(config).keys == (
        TokenKey(pkcs11=Token(module="/usr/lib/m.so", token="w", object="log", pin="env:PIN")),
    )
    assert parse_canonical(canonical(config)) == config


@pytest.mark.parametrize(
    ("witnesses", "quorum", "needed"),
    [(1, "", 1), (2, "", 2), (3, "", 2), (3, "1", 1), (1, "0", 0)],
)
def test_a_quorum_is_more_than_half_or_as_many_as_were_said(
    tmp_path: Path, witnesses: int, quorum: str, needed: int
) -> None:
    lines = [
        "evidence_log:",
        "  origin: log.example.org/w",
        "  keys: [file:/run/k]",
        "  witnesses:",
    ]
    lines += [
        f"    w{n}: {{url: https://w{n}.example.org, key: {witness_vkey(str(n))}}}"
        for n in range(witnesses)
    ]
    lines += [f"  quorum: {quorum}"] if quorum else []
    log = the_log(loaded(tmp_path, "\n".join(lines) + "\n"))
    assert len(log.witnesses) == witnesses
    assert log.needed == needed


def test_a_file_without_any_of_it_has_the_bytes_it_always_had(tmp_path: Path) -> None:
    data = canonical(loaded(tmp_path))
    assert b"evidence_log" not in data
    assert data.count(b"operator") == 1
    config = parse_canonical(data)
    assert config.agents["north-1"].operator == "Example Clinics"
    assert config.agents["north-2"].operator is None
