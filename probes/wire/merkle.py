"""RFC 6962 section 2.1 over SHA-256: the tree hash and audit paths (2.1.1) of a few leaves.

A log of many is read by `collector/attest/merkle.py`, with these hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

HASH_BYTES = 32
EMPTY = hashlib.sha256(b"").digest()
"""MTH({}): the tree hash of no leaves."""


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """MTH(D[n]): 32 bytes; of no leaves, the hash of the empty string."""
    return root_of_hashes([leaf_hash(leaf) for leaf in leaves])


def root_of_hashes(hashes: Sequence[bytes]) -> bytes:
    """The same from the leaves' hashes, or from those of full subtrees of one height."""
    if not hashes:
        return EMPTY
    level = list(hashes)
    while len(level) > 1:
        level = _parents(level)
    return level[0]


def audit_path(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """PATH(index, D[n]): the siblings from the leaf up to the root; IndexError out of range."""
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    path: list[bytes] = []
    level = [leaf_hash(leaf) for leaf in leaves]
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        level = _parents(level)
        index //= 2
    return tuple(path)


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that `path` proves for `leaf`, or None when the path cannot belong to the place."""
    return root_from_hash(leaf_hash(leaf), index, size, path)


def root_from_hash(value: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The same from the leaf's hash: RFC 9162 section 2.1.3.2."""
    if not 0 <= index < size or any(len(item) != HASH_BYTES for item in (value, *path)):
        return None
    siblings = iter(path)
    while size > 1:
        if index ^ 1 < size:
            sibling = next(siblings, None)
            if sibling is None:
                return None
            value = node_hash(sibling, value) if index % 2 else node_hash(value, sibling)
        index, size = index // 2, (size + 1) // 2
    return value if next(siblings, None) is None else None


def _parents(level: list[bytes]) -> list[bytes]:
    """One level up. The odd node out rises unhashed: the left subtree is always a full one."""
    up = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return [*up, level[-1]] if len(level) % 2 else up
