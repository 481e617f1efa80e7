"""The log's tree: RFC 6962 section 2.1 over SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Growing:
    """A tree that leaves are appended to: `peaks` are its full subtrees, the largest first, one for
    each bit of its size. ValueError when there are not as many.
    """

    def __init__(self, size: int, peaks: Sequence[bytes]) -> None:
        if len(peaks) != bin(size).count("1") or any(len(peak) != 32 for peak in peaks):
            raise ValueError("not the subtrees of a tree of this size")
        self.size = size
        self.peaks = list(peaks)

    def append(self, leaf: bytes) -> None:
        """With one leaf more, given by its hash."""
        place = self.size
        while place & 1:  # a subtree is full: it and the one left of it are one
            leaf = node_hash(self.peaks.pop(), leaf)
            place >>= 1
        self.peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        if not self.peaks:
            return EMPTY_ROOT
        value = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            value = node_hash(peak, value)
        return value


def root_by_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that a path of siblings proves for a leaf (RFC 9162 2.1.3.2), given by its hash; None
    where the path cannot belong to this place.
    """
    if not 0 <= index < size:
        return None
    value, left = leaf, list(path)
    while size > 1:
        if index ^ 1 < size:  # else it has no sibling and rises as it is
            if not left:
                return None
            sibling = left.pop(0)
            value = node_hash(sibling, value) if index & 1 else node_hash(value, sibling)
        index, size = index // 2, (size + 1) // 2
    return None if left else value
