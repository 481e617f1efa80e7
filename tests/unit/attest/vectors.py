"""The test vectors of transparency-dev/merkle for inclusion and consistency, made anew.

Of theirs (Apache-2.0, commit 417fb0c) stand here what they are made from, which trees and which
mistakes, and one digest over all 196: that those made here are those published. Hashes come from
the naive twin.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.unit.attest import naive

DIGEST = "9ab84873b868c603e20b599a674d3b715903593538aa5cd8d557a92d66e56f7f"
"""SHA-256 over the published vectors as lines of `Vector.line`, sorted."""
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
SOME = bytes.fromhex("abacaba000000000000000000000000000000000000000000060061e00123456")
EMPTY = naive.mth([])
_UINT64 = (1 << 64) - 1


@dataclass(frozen=True)
class Vector:
    """`first` and `second`: leaf index and tree size, or the sizes of two trees; `one` and `other`:
    leaf hash and root, or the two roots.
    """

    about: str
    first: int
    second: int
    one: bytes
    other: bytes
    proof: tuple[bytes, ...]
    holds: bool

    def line(self) -> str:
        hashes = [item.hex() for item in self.proof]
        return json.dumps(
            [
                self.about,
                self.first & _UINT64,
                self.second,
                self.one.hex(),
                self.other.hex(),
                hashes,
                not self.holds,
            ]
        )


def flipped(proof: Sequence[bytes], bit: int) -> Iterator[list[bytes]]:
    """One bit of the first byte of each hash in turn."""
    for n, item in enumerate(proof):
        yield [*proof[:n], bytes([item[0] ^ bit]) + item[1:], *proof[n + 1 :]]


def inclusion() -> Iterator[Vector]:
    def vector(
        index: int,
        size: int,
        leaf: bytes,
        root: bytes,
        proof: Sequence[bytes] = (),
        *,
        holds: bool = False,
    ) -> Vector:
        return Vector("inclusion", index, size, leaf, root, tuple(proof), holds)

    for place, size in ((1, 1), (1, 8), (6, 8), (3, 3), (2, 5)):
        index = place - 1
        leaf, root = naive.leaf(LEAVES[index]), naive.mth(LEAVES[:size])
        proof = naive.path(index, LEAVES[:size])
        yield vector(index, size, leaf, root, proof, holds=True)
        for other in (index - 1, index + 1, index ^ 2):
            yield vector(other, size, leaf, root, proof)
        for other in (size * 2, size // 2):
            yield vector(index, other, leaf, root, proof)
        yield vector(index, size, b"WrongLeaf", root, proof)
        for wrong in (EMPTY, SOME):
            yield vector(index, size, leaf, wrong, proof)
        for more in (b"", root):
            yield vector(index, size, leaf, root, [*proof, more])
            yield vector(index, size, leaf, root, [more, *proof])
        for bad in flipped(proof, 8):
            yield vector(index, size, leaf, root, bad)
        if proof:
            yield vector(index, size, leaf, root, proof[:-1])
        if len(proof) > 1:
            yield vector(index, size, leaf, root, [proof[0], SOME, *proof[1:]])
    for index, size in ((0, 0), (0, 1), (1, 0), (2, 1)):
        for leaf, root in ((SOME, b""), (b"", EMPTY), (SOME, EMPTY)):
            yield vector(index, size, leaf, root)
    single = naive.leaf(b"data")
    for root, leaf in ((single, single), (single, b""), (b"", single), (b"", b"")):
        yield vector(0, 1, leaf, root, holds=root == leaf == single)


def consistency() -> Iterator[Vector]:
    def vector(
        old: int,
        new: int,
        one: bytes,
        other: bytes,
        proof: Sequence[bytes] = (),
        *,
        holds: bool = False,
    ) -> Vector:
        return Vector("consistency", old, new, one, other, tuple(proof), holds)

    for old, new in ((1, 1), (1, 8), (6, 8), (2, 5), (6, 7)):
        one, other = naive.mth(LEAVES[:old]), naive.mth(LEAVES[:new])
        proof = naive.proof(old, LEAVES[:new])
        yield vector(old, new, one, other, proof, holds=True)
        if not proof:
            continue
        for size in (old - 1, old + 1, old ^ 2):
            yield vector(size, new, one, other, proof)
        for size in (new * 2, new // 2):
            yield vector(old, size, one, other, proof)
        for wrong in ((b"WrongRoot", other), (one, b"WrongRoot"), (other, one)):
            yield vector(old, new, *wrong, proof)
        for bad in (
            [],
            *([*proof, more] for more in (b"", one, other)),
            *([more, *proof] for more in (b"", one, other, proof[0])),
            proof[:-1],
            *flipped(proof, 16),
        ):
            yield vector(old, new, one, other, bad)
    a, b = b"don't care 1", b"don't care 2"
    for old, new, one, other in (
        *((0, 0, a, b), (1, 1, a, b), (0, 0, a, a), (0, 1, a, b)),
        *((1, 0, a, b), (2, 1, a, b), (1, 2, a, b)),
        *((0, 0, EMPTY, b), (1, 1, EMPTY, b), (0, 1, EMPTY, b)),
    ):
        yield vector(old, new, one, other)
    yield vector(1, 1, b, b, holds=True)
    for old, new in ((0, 0), (1, 1), (0, 1)):
        yield vector(old, new, EMPTY, EMPTY, [EMPTY])


def digest(vectors: Sequence[Vector]) -> str:
    text = "\n".join(sorted(vector.line() for vector in vectors))
    return hashlib.sha256(text.encode()).hexdigest()
