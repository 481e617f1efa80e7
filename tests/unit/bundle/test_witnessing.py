"""When a quorum had seen something: at the cosignature that completes it."""

from __future__ import annotations

import pytest

from collector.attest.policy import Group, Policy
from collector.attest.vkey import SignatureType, VerifierKey
from collector.bundle.witnessing import cosigned_ms
from tests.support import bundles

NAMES = (b"a", b"b", b"c")
POLICY = Policy(
    (),
    {
        name: VerifierKey(
            name.decode(),
            SignatureType.COSIGNATURE,
            witness.key.public_key().public_bytes_raw(),
        )
        for name, witness in zip(NAMES, bundles.disclosed()[0].witnesses * 3, strict=True)
    },
    {b"two": Group(2, NAMES)},
    b"two",
)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({b"a": 30, b"b": 10, b"c": 20}, 20_000),
        ({b"a": 30, b"b": 10}, 30_000),
        ({b"a": 7, b"c": 7}, 7_000),
        ({b"a": 30}, None),
        ({}, None),
    ],
)
def test_the_second_of_two_completes_the_quorum(
    times: dict[bytes, int], expected: int | None
) -> None:
    assert cosigned_ms(POLICY, times) == expected


def test_without_a_quorum_nobody_has_to_see_anything() -> None:
    assert cosigned_ms(Policy((), POLICY.witnesses, {}, None), {b"a": 1}) is None
