"""`wardwatch verify`: lines while it goes on, the figures at the end, a named failure, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from collector.attest import note
from collector.bundle import layout
from collector.cli import main
from tests.unit.verifying.ledgers import LOG_KEY, OTHER_KEY, policy_text, zipped
from tests.unit.verifying.tampering import honest, members, predicate, resealed

KEY_SHOWN = "log st-elsewhere.example.org/wardwatch/evidence: fd11 0d30 1d2f 077d"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.zip"
    path.write_bytes(zipped(members()))
    return path


def test_a_line_for_each_check_then_the_figures_and_whose_keys_to_compare(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(bundle)]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[0] == "ok    bundle      17 members, 41 915 bytes"
    assert [line[6:16].rstrip() for line in lines[:13]] == [
        "bundle",
        "statement",
        "statement",
        "members",
        "checkpoint",
        "log",
        "rows",
        "approvals",
        "approvals",
        "chains",
        "signatures",
        "beacons",
        "evidence",
    ]
    assert lines[2].startswith("note  statement   another version of the program made the numbers")
    assert (
        "VERIFIED: St Elsewhere, 2026-07-03T00:00:00.000Z to 2026-07-05T00:00:00.000Z (UTC)" in out
    )
    assert "ehr     87.5046  86.6715" in out
    assert (
        "ehr: target 99 % breached, judged by organization 86.6715 % (86.6715 to 86.6715), "
        "formula contract-v1"
    ) in lines
    assert "1 occurrence of maintenance excluded: 1 seen by the witnesses before they began" in out
    assert "Assurance L3. Not proved, whatever verifies:" in out
    assert "Judged by the policy in the bundle itself." in out
    assert KEY_SHOWN in out


def test_with_a_policy_and_a_kept_checkpoint_it_says_so(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "policy").write_bytes(policy_text())
    (tmp_path / "kept").write_bytes(note.write(honest().ledger.note_at(20)))
    words = ["--policy", str(tmp_path / "policy"), "--since", str(tmp_path / "kept")]
    assert main(["verify", str(bundle), *words]) == 0
    out = capsys.readouterr().out
    assert "ok    since       the first 20 entries are those of the checkpoint kept" in out
    assert "Judged by your policy." in out
    assert KEY_SHOWN not in out


def test_a_failure_is_named_with_what_to_ask(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = predicate(members())["results"]
    results[0]["verdict"] = "met"
    path = tmp_path / "bundle.zip"
    path.write_bytes(resealed(members(), results=results))
    assert main(["verify", str(path)]) == 1
    assert capsys.readouterr().out.splitlines()[-4:] == [
        "NOT VERIFIED (wrong): figures.differ at results.0.verdict",
        "  Recomputed from the evidence, a field of the statement is another.",
        "  Ask the issuer how the field came about; the report names it.",
        "  What comes after this check was not looked at.",
    ]


def test_what_is_untrusted_ends_in_2(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "policy").write_bytes(policy_text(OTHER_KEY))
    assert main(["verify", str(bundle), "--policy", str(tmp_path / "policy")]) == 2
    assert "NOT VERIFIED (untrusted): statement.unsigned at statement.json" in (
        capsys.readouterr().out
    )


def test_json_is_one_document(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(bundle), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["verified"] is True
    assert said["exit"] == 0
    assert said["failure"] is None
    assert said["attestation"] == predicate(members())
    assert said["policy"]["own"] is False
    assert [one["name"] for one in said["policy"]["witnesses"]] == ["auditor"]
    assert said["checks"][0] == {
        "check": "bundle",
        "found": "17 members, 41 915 bytes",
        "note": False,
    }


def test_json_of_a_failure_has_its_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(zipped(members())[:-1])
    assert main(["verify", str(path), "--json"]) == 2
    said = json.loads(capsys.readouterr().out)
    assert (said["failure"]["code"], said["failure"]["class"]) == ("bundle.shape", "malformed")
    assert (said["verified"], said["exit"], said["attestation"]) == (False, 2, None)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "the following arguments are required: BUNDLE"),
        (["missing.zip"], "missing.zip: cannot be read"),
        (["B", "--policy", "missing"], "missing: cannot be read"),
        (["B", "--policy", "wrong"], "wrong:1: a line that is not of `log`"),
        (["B", "--since", "wrong"], "wrong: not a checkpoint"),
        (["B", "--tsa", "wrong"], "wrong: no certificate in PEM"),
        (["B", "--what"], "unrecognized arguments: --what"),
    ],
)
def test_bad_usage_ends_in_3_and_says_what(
    words: list[str],
    problem: str,
    bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("wrong").write_bytes(b"hello\n")
    asked = [str(bundle) if word == "B" else word for word in words]
    try:
        code = main(["verify", *asked])
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == 3
    assert problem in capsys.readouterr().err


def test_what_a_bundle_calls_things_never_moves_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = policy_text().replace(b"auditor", b"audi\xc2\x9bor")
    path = tmp_path / "bundle.zip"
    path.write_bytes(resealed({**members(), layout.POLICY: bad}))
    assert main(["verify", str(path)]) == 1
    out = capsys.readouterr().out
    assert {one for one in out if not one.isprintable()} == {"\n"}


def test_another_process_in_another_zone_prints_the_same(bundle: Path) -> None:
    said = set()
    for zone, seed in (("Pacific/Apia", "1"), ("UTC", "2")):
        env = {**os.environ, "TZ": zone, "PYTHONHASHSEED": seed}
        code = "import sys; from collector.cli import main; sys.exit(main(sys.argv[1:]))"
        command = [sys.executable, "-c", code, "verify", str(bundle), "--json"]
        said.add(subprocess.run(command, env=env, capture_output=True, check=True).stdout)
    assert len(said) == 1


def test_the_log_key_is_named_as_openssl_names_it(bundle: Path, tmp_path: Path) -> None:
    pem = LOG_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(pem)
    command = f"openssl pkey -pubin -in {tmp_path}/key.pem -outform DER | sha256sum"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)  # noqa: S602
    assert KEY_SHOWN.split(": ")[1].replace(" ", "") == done.stdout[:16]
