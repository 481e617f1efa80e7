from __future__ import annotations

import asyncio
import hashlib
from itertools import permutations
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from collector.reports.certorder import ordered
from collector.reports.timestamps import check, request
from tests.support.tsa import Authority, authority, certificate

DIGEST = hashlib.sha256(b"a statement").digest()


@pytest.fixture
def simulated(tmp_path: Path) -> Authority:
    return authority(tmp_path / "tsa")


def others() -> list[bytes]:
    """Certificates of two lengths that are not needed."""
    made = []
    for name in ("a", "a much longer name"):
        key = ec.generate_private_key(ec.SECP256R1())
        made.append(certificate(name, key, name, key, ca=True).public_bytes(Encoding.PEM))
    return made


def test_in_whatever_order_an_authority_sends_its_certificates_the_token_is_read(
    simulated: Authority,
) -> None:
    root = (simulated.folder / "root.pem").read_bytes()
    changed = 0
    for order in permutations([root, *others()]):
        (simulated.folder / "more.pem").write_bytes(b"".join(order))
        token = asyncio.run(simulated.reply(request(DIGEST, 1)))
        assert check(token, DIGEST, [simulated.root], 1).policy == "1.3.6.1.4.1.99999.1"
        sorted_ = ordered(token)
        assert len(sorted_) == len(token)
        assert ordered(sorted_) == sorted_
        changed += sorted_ != token
    assert changed > 0


def test_what_is_no_token_stays_as_it_is(simulated: Authority) -> None:
    token = asyncio.run(simulated.reply(request(DIGEST, 1)))
    for length in range(len(token)):
        assert ordered(token[:length]) == token[:length]
    for odd in (b"0\x80\x00\x00", b"0\x84\xff\xff\xff\xff", b"\x02\x01\x01"):
        assert ordered(odd) == odd


@given(st.binary(max_size=60))
def test_any_bytes_keep_their_length(data: bytes) -> None:
    assert len(ordered(data)) == len(data)
