"""RFC 6962 section 2.1 over SHA-256: the tree hash and audit paths (2.1.1) of a few leaves."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """MTH(D[n]): 32 bytes; of no leaves, the hash of the empty string."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = [leaf_hash(leaf) for leaf in leaves]
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
    if not 0 <= index < size or any(len(item) != hashlib.sha256().digest_size for item in path):
        return None
    value = leaf_hash(leaf)
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
