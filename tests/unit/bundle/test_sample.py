"""A whole bundle: put together, signed, read back; the same story makes the same bytes."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from collector.attest import dsse, statement
from collector.attest.faults import AttestError
from collector.attest.strictjson import Value
from collector.bundle import layout, predicate
from collector.bundle.derive import derive
from collector.bundle.faults import BundleError, BundleFault
from collector.bundle.opening import open_evidence
from collector.bundle.predicate import Claimed, asked_of
from collector.bundle.sample import sample
from collector.bundle.samplestory import Fault
from collector.bundle.zipread import Zip
from tests.support import bundles
from tests.unit.bundle.refusing import fault

SAMPLE = bundles.whole()


def opened() -> Zip:
    return Zip(io.BytesIO(SAMPLE.zip))


def signed() -> dsse.Envelope:
    with opened().open(layout.STATEMENT) as file:
        return dsse.parse(file.read())


def keys() -> dict[str, Ed25519PublicKey]:
    return {str(n): key.public_key() for n, key in enumerate(SAMPLE.world.log_keys)}


def test_the_same_story_makes_the_same_bytes_and_another_seed_others() -> None:
    assert sample(bundles.SMALL, bundles.render).zip == SAMPLE.zip
    other = sample(replace(bundles.SMALL, seed=2), bundles.render)
    assert other.zip != SAMPLE.zip
    assert other.world.log_keys[0].public_key() != SAMPLE.world.log_keys[0].public_key()


def test_it_says_in_every_version_and_report_that_it_is_simulated() -> None:
    for parts in SAMPLE.world.parts.values():
        assert all(b'"name":"Simulated Hospital"' in part for part in parts.values())
    with opened().open(layout.README) as file:
        text = file.read().decode()
    assert "simulated-2026-07" in text
    scope = SAMPLE.predicate["scope"]
    assert isinstance(scope, dict)
    assert scope["organization"] == "Simulated Hospital"
    assert SAMPLE.predicate["limitations"] == ["simulated"]


def test_the_statement_is_signed_by_the_log_and_names_every_member_it_can() -> None:
    envelope = signed()
    assert dsse.verify(envelope, keys()) == {"0"}
    told = statement.parse(envelope.payload)
    assert told.predicate_type == "urn:wardwatch:attestation:availability:v1"
    assert told.predicate == SAMPLE.predicate
    found = opened()
    expected = [name for name in found.names if name not in (layout.README, layout.STATEMENT)]
    assert [one.name for one in told.subjects] == expected
    for one in told.subjects:
        with found.open(one.name) as file:
            assert one.sha256 == hashlib.sha256(file.read()).hexdigest()


def test_the_numbers_are_made_again_from_the_zip_alone() -> None:
    told = statement.parse(signed().payload).predicate
    derived = derive(open_evidence(opened()), asked_of(told))
    assert derived == predicate.derived_in(told)


def test_the_predicate_has_the_derived_and_the_claimed_fields_and_no_other() -> None:
    assert SAMPLE.predicate.keys() == {*predicate.DERIVED, *predicate.CLAIMED}
    assert not set(predicate.DERIVED) & set(predicate.CLAIMED)


def test_readme_names_what_is_there_and_the_two_ways_to_verify() -> None:
    with opened().open(layout.README) as file:
        text = file.read().decode("ascii")
    assert "wardwatch verify BUNDLE.zip" in text
    assert "    python3 -I verify.py BUNDLE.zip\n" in text
    assert "Python 3.9 or newer" in text  # what `tests/unit/verifyscript/test_joining.py` holds
    assert "report.pdf" not in text
    for name in ("statement.json", "rows.jsonl", "evidence/", "proofs/"):
        assert f"\n{name} " in text


CLAIMED = Claimed("a", 1, 5, "0.1", "sha256:0", "key", "who", "wardwatch verify a.zip", 3)


def test_claims_are_fields_of_their_own() -> None:
    derived: dict[str, Value] = dict.fromkeys(predicate.DERIVED)
    told = predicate.predicate(derived, CLAIMED)
    assert {name: told[name] for name in predicate.CLAIMED} == {
        "attestationId": "a",
        "version": 1,
        "computedAt": 5,
        "software": {"version": "0.1", "algorithmHash": "sha256:0"},
        "signer": {"keyId": "key", "name": "who"},
        "supersedes": None,
        "selfMonitoring": {"awayMs": 0, "checkpoints": 3, "witnessLagMaxMs": None},
        "limitations": [],
        "verify": {"command": "wardwatch verify a.zip"},
    }
    with pytest.raises(ValueError, match="derived"):
        predicate.predicate({}, CLAIMED)


def test_what_was_asked_is_read_from_the_predicate() -> None:
    assert asked_of(SAMPLE.predicate) == SAMPLE.asked


@pytest.mark.parametrize(
    "change",
    [
        {"start": None},
        {"start": True},
        {"start": "1"},
        {"end": 0},
        {"now": 0},
        {"end": 1 << 60, "now": (1 << 60) + 72 * 3_600_000},
        {"evidenceFrom": SAMPLE.asked.evidence_from + 1},
        {"evidenceFrom": SAMPLE.asked.evidence_from - 3_660 * 86_400_000},
        {"evidenceFrom": SAMPLE.asked.evidence_from + 86_400_000},
    ],
)
def test_a_period_that_nobody_can_ask_for_is_refused(change: dict[str, Value]) -> None:
    period = SAMPLE.predicate["period"]
    assert isinstance(period, dict)
    told = {**SAMPLE.predicate, "period": {**period, **change}}
    assert fault(asked_of, told) is BundleFault.PREDICATE


def test_a_predicate_without_a_derived_field_is_refused() -> None:
    for name in predicate.DERIVED:
        rest = {other: v for other, v in SAMPLE.predicate.items() if other != name}
        assert fault(predicate.derived_in, rest) is BundleFault.PREDICATE
    assert fault(asked_of, {}) is BundleFault.PREDICATE


def test_a_hospital_without_faults_makes_a_bundle_too() -> None:
    quiet = replace(bundles.SMALL, faults=frozenset[Fault](), days=2, witnesses=0)
    made = sample(quiet, bundles.render)
    assert layout.TOMBSTONES not in Zip(io.BytesIO(made.zip)).names


def test_a_flipped_bit_of_the_statement_is_no_signature() -> None:
    envelope = signed()
    changed = envelope.payload.replace(b"Simulated Hospital", b"Simulated hospital", 1)
    with pytest.raises(AttestError):
        dsse.verify(replace(envelope, payload=changed), keys())


def test_members_that_no_bundle_has_are_not_put_together() -> None:
    with pytest.raises(BundleError):
        sample(bundles.SMALL, lambda *_: {"unknown.txt": b""})
