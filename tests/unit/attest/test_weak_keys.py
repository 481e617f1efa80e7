"""Keys under which a signature proves nothing are refused: their points are worked out here anew."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from collector.attest import policyfile, vkey
from collector.attest.faults import Fault
from collector.attest.policyfile import PolicyError, PolicyFault, Problem
from collector.attest.vkey import SignatureType, VerifierKey
from probes.wire import vkey as form
from tests.unit.attest.refusing import fault

PRIME = 2**255 - 19
D = -121665 * pow(121666, -1, PRIME) % PRIME
ROOT_OF_MINUS_ONE = pow(2, (PRIME - 1) // 4, PRIME)
Point = tuple[int, int]


def x_of(y: int) -> int | None:
    """One of the two x of a y, by RFC 8032 5.1.3; None where there is no point."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    for root in (x, x * ROOT_OF_MINUS_ONE % PRIME):
        if root * root % PRIME == square:
            return root
    return None


def doubled(point: Point) -> Point:
    x, y = point
    t = D * x * x * y * y % PRIME
    return (
        2 * x * y * pow(1 + t, -1, PRIME) % PRIME,
        (y * y + x * x) * pow(1 - t, -1, PRIME) % PRIME,
    )


def divides_8(y: int) -> bool:
    x = x_of(y)
    return x is not None and doubled(doubled(doubled((x, y)))) == (0, 1)


def encoded(y: int, sign: int = 0) -> bytes:
    return (y | sign << 255).to_bytes(32, "little")


ORDER_8 = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
LOW = (0, 1, PRIME - 1, ORDER_8, PRIME - ORDER_8)


@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("y", LOW)
def test_every_point_of_low_order_is_refused(y: int, sign: int) -> None:
    assert divides_8(y)
    assert form.is_weak(encoded(y, sign))


@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("y", range(PRIME, 2**255))
def test_a_number_the_field_does_not_have_is_refused(y: int, sign: int) -> None:
    assert form.is_weak(encoded(y, sign))


@given(st.integers(2, PRIME - 2))
def test_every_other_point_is_taken(y: int) -> None:
    assert form.is_weak(encoded(y)) == divides_8(y)


@given(st.binary(min_size=32, max_size=32))
def test_a_key_that_somebody_has_is_taken(seed: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    assert not form.is_weak(key)


def test_openssl_takes_a_signature_that_nobody_made() -> None:
    """Why they are refused: R = the neutral point, s = 0 signs every text there is."""
    Ed25519PublicKey.from_public_bytes(encoded(1)).verify(encoded(1) + bytes(32), b"anything")


def test_a_verifier_key_of_one_is_refused_wherever_it_is_read() -> None:
    text = form.write("log.example.org", SignatureType.ED25519, encoded(1))
    assert fault(vkey.parse, text) is Fault.VKEY_WEAK
    assert fault(VerifierKey, "log", SignatureType.ED25519, encoded(PRIME)) is Fault.VKEY_WEAK
    with pytest.raises(PolicyError) as caught:
        policyfile.parse(f"log {text}\nquorum none\n".encode())
    assert caught.value.problems == (Problem(1, PolicyFault.KEY),)
