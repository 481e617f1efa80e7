"""The Merkle tree of a log: tree heads, proofs and their verification (RFC 6962 and 9162, 2.1).

A tree is read through `Nodes`; what serves them is a store, tiles, or a dictionary. Leaves come as
their hashes (`probes/wire/merkle.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from probes.wire.merkle import EMPTY, HASH_BYTES, node_hash, root_from_hash

Nodes = Callable[[int, int], bytes]
"""(level, index) -> hash of the full subtree over leaves [index << level, (index + 1) << level)."""


class Subtree(NamedTuple):
    """A full subtree: `hash` is MTH of leaves [place << level, (place + 1) << level)."""

    level: int
    place: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class CompactRange:
    """All that appending needs: the full subtrees of D[0:size], the largest first, one for each
    bit of `size`. ValueError when they are not as many, or no hashes.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise ValueError("not the subtrees of a tree of this size")
        if any(len(peak) != HASH_BYTES for peak in self.peaks):
            raise ValueError("a hash has 32 bytes")

    def root(self) -> bytes:
        """MTH(D[0:size])."""
        return _joined(self.peaks)

    def extended(self, leaf_hashes: Iterable[bytes]) -> tuple[CompactRange, list[Subtree]]:
        """With these leaves appended, and every subtree that became full, leaves first among those
        they complete: what a store adds. ValueError for what is no hash, such as an entry itself.
        """
        size, peaks = self.size, list(self.peaks)
        full: list[Subtree] = []
        for leaf in leaf_hashes:
            if len(leaf) != HASH_BYTES:
                raise ValueError("a hash has 32 bytes")
            value, level, place = leaf, 0, size
            full.append(Subtree(level, place, value))
            while place & 1:
                value, level, place = node_hash(peaks.pop(), value), level + 1, place >> 1
                full.append(Subtree(level, place, value))
            peaks.append(value)
            size += 1
        return CompactRange(size, tuple(peaks)), full


def root(nodes: Nodes, size: int) -> bytes:
    """MTH(D[0:size]), the tree head; of size 0, the hash of nothing."""
    return _range(nodes, 0, size)


def inclusion_path(nodes: Nodes, index: int, size: int) -> tuple[bytes, ...]:
    """PATH(index, D[0:size]), 2.1.3.1: from the leaf's sibling up; IndexError out of range."""
    if not 0 <= index < size:
        raise IndexError(index)
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = _middle(start, end)
        if index < middle:
            path.append(_range(nodes, middle, end))
            end = middle
        else:
            path.append(_range(nodes, start, middle))
            start = middle
    return tuple(reversed(path))


def consistency_path(nodes: Nodes, old: int, new: int) -> tuple[bytes, ...]:
    """PROOF(old, D[0:new]), 2.1.4.1. IndexError unless 0 < old <= new: nothing is proven of an
    empty tree, and every tree continues it.
    """
    if not 0 < old <= new:
        raise IndexError(old)
    path: list[bytes] = []
    start, end = 0, new
    while end != old:
        middle = _middle(start, end)
        if old <= middle:
            path.append(_range(nodes, middle, end))
            end = middle
        else:
            path.append(_range(nodes, start, middle))
            start = middle
    if start:  # else it is the old tree itself, whose head the verifier has
        path.append(_range(nodes, start, end))
    return tuple(reversed(path))


def included(leaf_hash: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162 2.1.3.2: is this leaf at `index` of the tree of `size` leaves with this head?"""
    return root_from_hash(leaf_hash, index, size, path) == root


def consistent(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """RFC 9162 2.1.4.2: does the newer tree continue the older one, `old` > 0?"""
    if not 0 < old <= new or any(len(item) != HASH_BYTES for item in path):
        return False
    if old == new:
        return not path and old_root == new_root
    left, right = old - 1, new - 1  # fn and sn
    while left & 1:
        left, right = left >> 1, right >> 1
    # a whole subtree is its own first hash, and the proof leaves it out
    hashes = iter(path if left else (old_root, *path))
    value = next(hashes, None)
    if value is None:
        return False
    old_value = new_value = value
    for item in hashes:
        if right == 0:
            return False
        if left & 1 or left == right:
            old_value, new_value = node_hash(item, old_value), node_hash(item, new_value)
            while left and not left & 1:
                left, right = left >> 1, right >> 1
        else:
            new_value = node_hash(new_value, item)
        left, right = left >> 1, right >> 1
    return right == 0 and old_value == old_root and new_value == new_root


def _middle(start: int, end: int) -> int:
    """Where the RFC splits: the largest power of two below the number of leaves."""
    return start + (1 << (end - start - 1).bit_length() - 1)


def _range(nodes: Nodes, start: int, end: int) -> bytes:
    """MTH(D[start:end]); `start` is a multiple of a power of two not below the number of leaves."""
    peaks: list[bytes] = []
    while start < end:
        level = (end - start).bit_length() - 1
        peaks.append(nodes(level, start >> level))
        start += 1 << level
    return _joined(peaks)


def _joined(peaks: Sequence[bytes]) -> bytes:
    """The head over full subtrees, the largest first."""
    if not peaks:
        return EMPTY
    value = peaks[-1]
    for peak in reversed(peaks[:-1]):
        value = node_hash(peak, value)
    return value
