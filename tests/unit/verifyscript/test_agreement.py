"""The command, the script and OpenSSL judge the same bundles alike."""

from __future__ import annotations

import base64
import io
import json
import random
from pathlib import Path
from typing import Any

import pytest

from collector.attest import policyfile
from collector.bundle import layout
from collector.bundle.predicate import DERIVED
from collector.bundle.sample import sample
from collector.bundle.samplestory import Fault, Story
from collector.bundle.zipread import Zip
from collector.verifying.verify import Given, verify
from collector.verifyscript.joining import script
from tests.support.soak import longer
from tests.unit.verifying.ledgers import zipped
from tests.unit.verifying.tampering import OWN, Tamper, members, resealed
from tests.unit.verifying.tampers import CASES
from tests.unit.verifyscript.scripts import judged, policy_text, run
from tests.unit.verifyscript.test_ed25519 import by_openssl

UNJUDGED = ("report.", "timestamp.")
"""Reports and time stamps are not judged by the script."""


def by_the_command(data: bytes, given: Given | None = None) -> str | None:
    found = verify(io.BytesIO(data), given or Given(), lambda _: None).failure
    return None if found is None else found.code.value


def drawn(rng: random.Random) -> Story:
    """Any simulated hospital."""
    return Story(
        seed=rng.randrange(10**6),
        systems=rng.randint(1, 4),
        checks=rng.randint(1, 3),
        agents=rng.randint(1, 4),
        days=rng.randint(1, 9),
        witnesses=rng.randint(0, 3),
        log_keys=rng.randint(1, 2),
        noise=rng.choice([0, 2, 30, 200]),
        disclosed=rng.randint(1, 3),
        faults=frozenset(one for one in Fault if rng.random() < 0.6),
    )


RENDERED = {"report.html": b"<p>", "oscal.json": b"{}", "verify.py": b"#"}


@pytest.mark.parametrize("seed", range(longer(5)))
def test_any_simulated_bundle_is_recomputed(seed: int) -> None:
    made = sample(drawn(random.Random(seed)), lambda *_: RENDERED)
    told: list[str] = []
    assert judged(made.zip, told=told) is None
    assert by_the_command(made.zip) is None
    for system in Zip(io.BytesIO(made.zip)).names:
        if system.startswith("evidence/") and system.endswith(".bin"):
            name = system.removeprefix("evidence/").removesuffix(".bin")
            assert any(line.startswith(f"{name}: recomputed from ") for line in told)


@pytest.mark.parametrize("given", [Given(), OWN])
def test_the_honest_bundle_is_verified(given: Given) -> None:
    for data in (zipped(members()), zipped(members("ehr", "lab")), zipped(members("lab"))):
        assert judged(data, given) is None


@pytest.mark.parametrize(
    "case",
    [one for one in CASES if not one.expected.startswith(UNJUDGED)],
    ids=lambda one: one.words,
)
def test_what_was_tampered_with_has_the_same_name(case: Tamper) -> None:
    data, given = case.made()
    found = judged(data, given)
    assert found is not None
    assert found[0] == case.expected


@pytest.mark.parametrize("name", sorted(members()))
def test_every_byte_that_somebody_changes_is_seen_by_both(name: str) -> None:
    data = members()[name]
    for at in range(0, len(data), max(1, len(data) // 3)):
        flipped = data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
        changed = zipped({**members(), name: flipped})
        assert (judged(changed) or ("",))[0] == (by_the_command(changed) or "")


@pytest.mark.parametrize(
    "name", sorted(members().keys() - layout.NOT_SUBJECTS - {layout.CHECKPOINTS, *RENDERED})
)
def test_a_byte_that_an_insider_changes_is_seen_by_both_or_means_nothing(name: str) -> None:
    """A proof repeats signatures of the last checkpoint, which are verified where that stands."""
    data = members()[name]
    for at in range(0, len(data), max(1, len(data) // 3)):
        flipped = data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
        changed = resealed({**members(), name: flipped})
        found = judged(changed)
        assert (found is None) == (by_the_command(changed) is None), at
        assert found is not None or name.startswith("proofs/")


@pytest.mark.parametrize("field", DERIVED)
def test_every_derived_field_is_compared(field: str) -> None:
    """One more in any number, another letter in any text: the script names the field. Who runs a
    witness and which time zone data there was is the issuer's word.
    """
    found = members("ehr", "lab")
    envelope = json.loads(found[layout.STATEMENT])
    said = json.loads(base64.b64decode(envelope["payload"]))["predicate"]
    paths = [p for p in _leaves(said[field]) if not {"operator", "tzdata"} & {*p}]
    assert paths or field in ("incidents", "gaps", "configChanges")
    for path in random.Random(field).sample(paths, min(len(paths), FEW)):
        changed = {field: json.loads(json.dumps(said[field]))}
        place: Any = changed
        for step in (field, *path)[:-1]:
            place = place[step]
        last = path[-1] if path else field
        value = place[last]
        place[last] = value + 1 if isinstance(value, int) else f"{value}x"
        code, where = judged(resealed(found, **changed)) or ("", "")
        also = "statement.malformed" if field == "period" else "figures.differ"
        assert code in ("figures.differ", also), path
        assert where


FEW = longer(12)


def _leaves(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inside: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    else:
        return [path]
    return [leaf for step, one in inside for leaf in _leaves(one, (*path, step))]


def test_the_script_by_itself_judges_as_the_command(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.zip"
    bundle.write_bytes(zipped({**members("ehr", "lab")}))
    bundle.chmod(0o400)
    policy, kept = tmp_path / "policy", tmp_path / "kept"
    assert OWN.policy is not None
    policy.write_bytes(policy_text(OWN.policy))
    kept.write_bytes(members()[layout.CHECKPOINT])
    told = run(tmp_path, bundle, "--policy", policy, "--since", kept)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.endswith("VERIFIED, as far as the lines above say\n")
    assert "ehr: recomputed from " in told.stdout
    assert "lab: recomputed from " in told.stdout
    for expected, code in (
        ("subject.differs", 1),
        ("rows.withheld", 2),
        ("keys.unknown", 2),
        ("bundle.shape", 2),
    ):
        data = next(c for c in CASES if c.expected == expected).made()[0]
        other = tmp_path / f"{expected}.zip"
        other.write_bytes(data)
        told = run(tmp_path, other)
        assert (told.returncode, told.stderr) == (code, "")
        assert told.stdout.splitlines()[-1].startswith(f"NOT VERIFIED: {expected}")


def test_openssl_verifies_the_same_signatures(tmp_path: Path) -> None:
    """Of the statement, the checkpoint and a batch, without a line of ours."""
    found = members()
    policy = policyfile.parse(found[layout.POLICY])
    key = policy.logs[0].public
    envelope = json.loads(found[layout.STATEMENT])
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    signature = base64.b64decode(envelope["signatures"][0]["sig"])
    assert by_openssl(tmp_path, key, signature, signed)
    assert not by_openssl(tmp_path, key, signature, signed + b" ")
    text, _, lines = found[layout.CHECKPOINT].decode().rpartition("\n\n")
    line = next(one for one in lines.splitlines() if policy.logs[0].name in one.split())
    signature = base64.b64decode(line.split()[2])[4:]
    assert by_openssl(tmp_path, key, signature, f"{text}\n".encode())
    assert not by_openssl(tmp_path, key, signature, text.encode())


def test_the_bundled_script_is_this_one() -> None:
    made = sample(Story(days=1), lambda *_: {**RENDERED, "verify.py": script()})
    with Zip(io.BytesIO(made.zip)).open("verify.py") as file:
        assert file.read() == script()
