"""An agent's key as text and fingerprint, and what is signed with it."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from probes import agentkeys
from tests.unit.attest.test_weak_keys import LOW, PRIME, encoded

KEY = Ed25519PrivateKey.from_private_bytes(b"north-1".ljust(32))
OTHER = Ed25519PrivateKey.from_private_bytes(b"south-1".ljust(32))
TEXT = agentkeys.text_of(KEY.public_key())
SECRET = "wwe_" + "A" * 42 + "_"
FINGERPRINT = "ab" * 32
WEAK = [encoded(y, sign) for y in (*LOW, PRIME + 3) for sign in (0, 1)]


def spelled_out(public: bytes) -> str:
    return "ed25519:" + base64.b64encode(public).decode()


def test_the_fingerprint_is_of_the_subject_public_key_info() -> None:
    der = KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert agentkeys.fingerprint(TEXT) == hashlib.sha256(der).hexdigest()


def test_a_fingerprint_is_read_however_people_write_it() -> None:
    shown = agentkeys.grouped(FINGERPRINT)
    assert shown == " ".join(["abab"] * 16)
    for written in (shown, FINGERPRINT, shown.upper(), f" {shown}\n"):
        assert agentkeys.ungrouped(written) == FINGERPRINT
    for other in ("", shown[:-1], shown + "0", shown.replace("a", "g"), shown.replace(" ", ":")):
        assert agentkeys.ungrouped(other) is None


def test_a_key_has_one_spelling() -> None:
    assert agentkeys.text_of(agentkeys.parse(TEXT)) == TEXT
    spelled = TEXT[:-2] + chr(ord(TEXT[-2]) + 1) + "="  # the same 32 bytes
    for other in (spelled, TEXT.replace("ed25519", "rsa"), TEXT[:-1], "ed25519:" + "!" * 44, ""):
        with pytest.raises(ValueError, match=r"no key|32 bytes"):
            agentkeys.parse(other)


@pytest.mark.parametrize("public", WEAK)
def test_a_key_of_low_order_is_none(public: bytes) -> None:
    with pytest.raises(ValueError, match="a weak key"):
        agentkeys.parse(spelled_out(public))


def test_a_signature_that_nobody_made_shows_nothing() -> None:
    """Under the neutral point R = that point and s = 0 sign everything, says OpenSSL."""
    neutral = encoded(1)
    key, forged = spelled_out(neutral), base64.b64encode(neutral + bytes(32)).decode()
    statement = agentkeys.enrolment("00" * 32, "north-1", key, 5)
    Ed25519PublicKey.from_public_bytes(neutral).verify(neutral + bytes(32), statement)
    assert not agentkeys.signed(key, forged, statement)


def test_a_signature_is_of_one_key_and_one_statement() -> None:
    enrolment = agentkeys.enrolment("00" * 32, "north-1", TEXT, 5)
    signature = agentkeys.sign(KEY, enrolment)
    assert agentkeys.signed(TEXT, signature, enrolment)
    statements = {
        enrolment,
        agentkeys.enrolment("00" * 32, "north-1", TEXT, 6),
        agentkeys.enrolment("00" * 32, "north-2", TEXT, 5),
        agentkeys.enrolment("01" * 32, "north-1", TEXT, 5),
        agentkeys.rotation("st-elsewhere", "north-1", TEXT, TEXT, 5),
    }
    assert len(statements) == 5
    for other in statements - {enrolment}:
        assert not agentkeys.signed(TEXT, signature, other)
    assert not agentkeys.signed(agentkeys.text_of(OTHER.public_key()), signature, enrolment)
    for broken in ("", "x", signature[:-2], "no key"):
        assert not agentkeys.signed(TEXT, broken, enrolment)
        assert not agentkeys.signed(broken, signature, enrolment)


@pytest.mark.parametrize("config_fingerprint", [None, FINGERPRINT])
def test_a_token_carries_the_fingerprint_of_what_signs_the_config(
    config_fingerprint: str | None,
) -> None:
    token = agentkeys.joined_token(SECRET, config_fingerprint)
    assert agentkeys.split_token(token) == (SECRET, config_fingerprint)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "wwe_",
        SECRET[:-1],
        SECRET + "_",
        SECRET + "_" + "AB" * 32,
        "wwt_" + SECRET[4:],
        SECRET + "\n",
    ],
)
def test_anything_else_is_no_token(text: str) -> None:
    assert agentkeys.split_token(text) is None
