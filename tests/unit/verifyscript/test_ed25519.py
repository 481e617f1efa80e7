"""Signatures as the script verifies them: against RFC 8032's own, `cryptography` and OpenSSL."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.verifyscript.ed25519 import ed25519_signed, is_weak
from probes.wire import vkey
from tests.support.soak import longer
from tests.unit.attest.test_weak_keys import LOW, encoded

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
WEAK = [encoded(y, sign) for y in (*LOW, *range(P, 2**255)) for sign in (0, 1)]
VECTORS = [  # RFC 8032 7.1: secret key, public key, message, signature
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]
SMALL_ORDER = [  # a point of each order that divides 8, in its one encoding
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
]


def by_cryptography(public: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def by_openssl(folder: Path, public: bytes, signature: bytes, message: bytes) -> bool:
    """What an auditor types."""
    spki = bytes.fromhex("302a300506032b6570032100")
    for name, data in (("key", spki + public), ("signature", signature), ("message", message)):
        (folder / name).write_bytes(data)
    told = subprocess.run(
        [
            "openssl",
            "pkeyutl",
            "-verify",
            "-rawin",
            "-pubin",
            "-keyform",
            "DER",
            "-inkey",
            "key",
            "-sigfile",
            "signature",
            "-in",
            "message",
        ],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    assert told.returncode in (0, 1), told.stderr
    return told.returncode == 0


@pytest.mark.parametrize(("secret", "public", "message", "signature"), VECTORS)
def test_the_vectors_of_the_rfc(secret: str, public: str, message: str, signature: str) -> None:
    key, said, sig = (bytes.fromhex(text) for text in (public, message, signature))
    assert Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)).sign(said) == sig
    assert ed25519_signed(key, sig, said)
    assert not ed25519_signed(key, sig, said + b"x")
    for bit in range(0, 512, 7):
        flipped = bytearray(sig)
        flipped[bit // 8] ^= 1 << bit % 8
        assert not ed25519_signed(key, bytes(flipped), said)


@settings(max_examples=longer(150), deadline=None)
@given(
    seed=st.binary(min_size=32, max_size=32),
    message=st.binary(max_size=300),
    place=st.integers(0, 95),
    flip=st.integers(0, 255),
)
def test_cryptography_and_the_script_agree(
    seed: bytes, message: bytes, place: int, flip: int
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    both = bytearray(key.public_key().public_bytes_raw() + key.sign(message))
    both[place] ^= flip
    public, signature = bytes(both[:32]), bytes(both[32:])
    told = by_cryptography(public, signature, message)
    assert ed25519_signed(public, signature, message) == told
    assert told == (flip == 0)


def test_openssl_cryptography_and_the_script_agree(tmp_path: Path) -> None:
    for n in range(6):
        key = Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)
        public, message = key.public_key().public_bytes_raw(), bytes(range(40 * n + 1))
        good = key.sign(message)
        for signature in (good, good[:40] + bytes([good[40] ^ 4]) + good[41:]):
            told = by_openssl(tmp_path, public, signature, message)
            assert told == by_cryptography(public, signature, message) == (signature == good)
            assert ed25519_signed(public, signature, message) == told


def test_an_s_that_is_not_reduced_is_refused_by_all(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    public, signature = key.public_key().public_bytes_raw(), key.sign(b"text")
    s = int.from_bytes(signature[32:], "little") + ORDER
    other = signature[:32] + s.to_bytes(32, "little")
    assert not ed25519_signed(public, other, b"text")
    assert not by_cryptography(public, other, b"text")
    assert not by_openssl(tmp_path, public, other, b"text")


def test_an_r_in_another_encoding_is_refused_by_all(tmp_path: Path) -> None:
    """R = [S]B - [k]A is the neutral point here, whose y may be spelled 1 or p + 1."""
    neutral, spelled = (1).to_bytes(32, "little"), (P + 1).to_bytes(32, "little")
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    public = key.public_key().public_bytes_raw()
    for signature in (spelled + bytes(32), neutral + bytes(32)):
        told = by_openssl(tmp_path, public, signature, b"text")
        assert not told
        assert ed25519_signed(public, signature, b"text") == told


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_a_key_of_small_order_is_none(point: str) -> None:
    """Anybody signs with it: OpenSSL takes such signatures where the hash happens to fit."""
    public = bytes.fromhex(point)
    signature = (1).to_bytes(32, "little") + bytes(32)
    assert not any(ed25519_signed(public, signature, bytes([n])) for n in range(32))
    assert any(by_cryptography(public, signature, bytes([n])) for n in range(255))


def test_a_key_in_another_encoding_is_none() -> None:
    """y = p + 3 is the point of y = 3, or of its negative: RFC 8032 5.1.3 refuses both."""
    for y in range(P, 2**255):
        for sign in (0, 1):
            public = (y | sign << 255).to_bytes(32, "little")
            assert not ed25519_signed(public, (1).to_bytes(32, "little") + bytes(32), b"")


@given(st.binary(min_size=32, max_size=32) | st.sampled_from(WEAK))
def test_weak_keys_are_those_of_the_command(public: bytes) -> None:
    assert is_weak(public) == vkey.is_weak(public)


@pytest.mark.parametrize("public", WEAK)
def test_every_weak_key_is_known(public: bytes) -> None:
    assert is_weak(public)


def test_what_has_another_length_is_no_signature() -> None:
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    public, signature = key.public_key().public_bytes_raw(), key.sign(b"")
    assert ed25519_signed(public, signature, b"")
    assert not ed25519_signed(public[:31], signature, b"")
    assert not ed25519_signed(public, signature[:63], b"")
    assert not ed25519_signed(public, signature + b"\0", b"")
