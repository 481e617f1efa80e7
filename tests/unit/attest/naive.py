"""The tree by the definitions of RFC 6962 2.1, recursive and slow: what the code is held against."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from collector.attest.merkle import CompactRange, Nodes


def leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def mth(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaf(leaves[0])
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def proof(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    return subproof(m, leaves, whole=True)


def subproof(m: int, leaves: Sequence[bytes], *, whole: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole=whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], whole=False), mth(leaves[:k])]


def split(n: int) -> int:
    """The largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def entries(count: int) -> list[bytes]:
    """No two alike."""
    return [b"entry %d" % n for n in range(count)]


def kept(leaves: Sequence[bytes]) -> Nodes:
    """The tree of these leaves, as a store that kept what was appended would serve it."""
    _, full = CompactRange().extended([leaf(one) for one in leaves])
    held = {(one.level, one.place): one.hash for one in full}
    return lambda level, index: held[level, index]
