"""Zstandard as the script unpacks it, against the library that packs it."""

from __future__ import annotations

import random

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.verifyscript.zstandard import zstd_in
from tests.support.soak import longer

LIMIT = 1 << 20


def corpus(rng: random.Random) -> bytes:
    """Of all kinds: noise, one byte, words, few letters, repetition, numbers."""
    size = rng.choice([0, 1, 7, 300, 5_000, 140_000])
    return {
        0: lambda: rng.randbytes(size),
        1: lambda: bytes([rng.randrange(256)]) * size,
        2: lambda: b"".join(b"run %d is up " % rng.randrange(500) for _ in range(size // 12)),
        3: lambda: bytes(rng.choices(b"abcd", k=size)),
        4: lambda: (rng.randbytes(60) * (size // 60 + 1))[:size],
        5: lambda: bytes(min(255, int(rng.expovariate(0.1))) for _ in range(size)),
    }[rng.randrange(6)]()


@pytest.mark.parametrize("seed", range(longer(60)))
def test_what_is_packed_comes_out_again(seed: int) -> None:
    rng = random.Random(seed)
    data = corpus(rng)
    packer = zstandard.ZstdCompressor(
        level=rng.choice([-5, 1, 3, 12, 19]), write_checksum=rng.random() < 0.5
    )
    assert zstd_in(packer.compress(data), LIMIT) == data


@settings(max_examples=longer(200), deadline=None)
@given(
    data=st.binary(max_size=60).map(lambda one: one * 9),
    place=st.integers(0, 1000),
    byte=st.integers(0, 255),
    cut=st.integers(0, 5),
)
def test_any_bytes_are_unpacked_or_refused(data: bytes, place: int, byte: int, cut: int) -> None:
    packed = bytearray(zstandard.compress(data, 12))
    packed[place % len(packed)] = byte
    changed = bytes(packed[: len(packed) - cut])
    try:
        found = zstd_in(changed, LIMIT)
    except ValueError:
        return
    assert len(found) <= LIMIT
    try:
        expected = zstandard.ZstdDecompressor().decompress(changed, allow_extra_data=False)
    except zstandard.ZstdError:
        return  # it looks closer: at reserved bits, at padding
    assert found == expected


def test_what_says_no_size_or_too_much_is_refused_unopened() -> None:
    data = bytes(LIMIT + 1)
    with pytest.raises(ValueError, match="too large"):
        zstd_in(zstandard.compress(data), LIMIT)
    with pytest.raises(ValueError, match="another kind of frame"):
        zstd_in(zstandard.ZstdCompressor(write_content_size=False).compress(data), LIMIT)
    with pytest.raises(ValueError, match="another size"):
        zstd_in(zstandard.compress(b"text" * 9) + b"\0", LIMIT)


def test_a_frame_that_lies_about_its_size_is_refused() -> None:
    packed = bytearray(zstandard.compress(b"x" * 100_000))
    assert packed[4] >> 6 == 2  # four bytes of size
    packed[5:9] = (5_000).to_bytes(4, "little")
    with pytest.raises(ValueError, match="larger than it says"):
        zstd_in(bytes(packed), LIMIT)
