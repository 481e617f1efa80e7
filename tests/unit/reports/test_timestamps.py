from __future__ import annotations

import asyncio
import hashlib
import subprocess
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.reports.timestamps import (
    MAX_BYTES,
    StampError,
    StampFault,
    check,
    read_roots,
    request,
)
from probes.times import to_ms
from tests.support.tsa import BEGAN, ENDS, Authority, authority

ZONE = ZoneInfo("UTC")
STATEMENT = b'{"payload":"a statement"}'
DIGEST = hashlib.sha256(STATEMENT).digest()
NONCE = (1 << 63) + 5


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("tsa") / "one")


@pytest.fixture(scope="module")
def token(simulated: Authority) -> bytes:
    return asyncio.run(simulated.reply(request(DIGEST, NONCE)))


def test_openssl_reads_what_is_asked(tmp_path: Path) -> None:
    (tmp_path / "q.tsq").write_bytes(request(DIGEST, NONCE))
    told = subprocess.run(
        ["openssl", "ts", "-query", "-in", tmp_path / "q.tsq", "-text"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "Version: 1\nHash Algorithm: sha256\n" in told
    assert "Nonce: 0x8000000000000005\nCertificate required: yes\n" in told


@pytest.mark.parametrize(
    ("nonce", "number"),
    [(0, "020100"), (127, "02017f"), (128, "02020080"), ((1 << 64) - 1, "020900" + "ff" * 8)],
)
def test_a_nonce_is_the_shortest_integer_that_is_not_negative(nonce: int, number: str) -> None:
    asked = request(DIGEST, nonce)
    assert asked.hex().endswith(number + "0101ff")
    assert asked[1] == len(asked) - 2


def test_a_digest_of_another_length_and_a_nonce_too_large_are_refused() -> None:
    for digest, nonce in ((DIGEST[:31], 1), (DIGEST, 1 << 64), (DIGEST, -1)):
        with pytest.raises(ValueError, match="32 bytes"):
            request(digest, nonce)


def test_a_token_is_accepted_with_its_time_against_the_root(
    simulated: Authority, token: bytes
) -> None:
    stamp = check(token, DIGEST, [simulated.root], NONCE)
    assert to_ms(BEGAN, ZONE) < stamp.at < to_ms(ENDS, ZONE)
    assert stamp.policy == "1.3.6.1.4.1.99999.1"


def test_openssl_accepts_the_same_token(simulated: Authority, token: bytes, tmp_path: Path) -> None:
    (tmp_path / "timestamp.tsr").write_bytes(token)
    (tmp_path / "statement.json").write_bytes(STATEMENT)
    done = subprocess.run(
        ["openssl", "ts", "-verify", "-in", "timestamp.tsr", "-data", "statement.json",
         "-CAfile", simulated.folder / "root.pem"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert "Verification: OK" in done.stdout


def refused(
    token: bytes, roots: Authority, digest: bytes = DIGEST, nonce: int | None = None
) -> str:
    with pytest.raises(StampError) as caught:
        check(token, digest, [roots.root], nonce)
    assert str(caught.value).startswith(caught.value.fault.value)
    return caught.value.fault.value


def test_another_statement_another_nonce_and_another_root_are_refused_by_name(
    simulated: Authority, token: bytes, tmp_path: Path
) -> None:
    other = hashlib.sha256(STATEMENT + b" ").digest()
    assert refused(token, simulated, other) == "timestamp.digest"
    assert refused(token, simulated, nonce=NONCE + 1) == "timestamp.nonce"
    assert refused(token, authority(tmp_path / "other")) == "timestamp.untrusted"
    with pytest.raises(StampError, match=r"timestamp\.untrusted"):
        check(token, DIGEST, [])


def test_a_request_that_was_not_granted_is_refused_by_name(simulated: Authority) -> None:
    answer = asyncio.run(simulated.reply(b"no request"))
    assert refused(answer, simulated) == "timestamp.not_granted"


def test_a_token_over_another_hash_is_refused_by_name(simulated: Authority, tmp_path: Path) -> None:
    asked = tmp_path / "q.tsq"
    subprocess.run(
        ["openssl", "ts", "-query", "-digest", "00" * 64, "-sha512", "-cert", "-out", asked],
        check=True,
        capture_output=True,
    )
    answer = asyncio.run(simulated.reply(asked.read_bytes()))
    assert refused(answer, simulated) == "timestamp.algorithm"


def test_no_flipped_bit_says_another_time(simulated: Authority, token: bytes) -> None:
    """A bit outside of what is signed (a certificate that is not needed) may change nothing."""
    said = check(token, DIGEST, [simulated.root], NONCE)
    names: set[str] = set()
    for place in range(len(token)):
        changed = bytearray(token)
        changed[place] ^= 1 << place % 8
        try:
            assert check(bytes(changed), DIGEST, [simulated.root], NONCE) == said
        except StampError as error:
            names.add(error.fault.value)
    assert {"timestamp.shape", "timestamp.digest", "timestamp.nonce"} < names
    assert "timestamp.untrusted" in names


def test_every_part_cut_short_and_trailing_bytes_are_refused(
    simulated: Authority, token: bytes
) -> None:
    for length in range(0, len(token), 7):
        assert refused(token[:length], simulated) == "timestamp.shape"
    assert refused(token + b"\0", simulated) == "timestamp.shape"
    assert refused(token + b"\0" * MAX_BYTES, simulated) == "timestamp.too_large"


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_by_name(data: bytes) -> None:
    with pytest.raises(StampError) as caught:
        check(data, DIGEST, [])
    assert caught.value.fault is StampFault.SHAPE


def test_roots_are_read_from_pem(simulated: Authority) -> None:
    pem = (simulated.folder / "root.pem").read_bytes()
    assert read_roots(pem + pem) == [simulated.root, simulated.root]
    with pytest.raises(ValueError):
        read_roots(b"no certificate")
