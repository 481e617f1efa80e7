"""RFC 6962 section 2.1: known roots, and audit paths that prove one leaf and nothing else."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire import merkle

LEAVES = st.lists(st.binary(max_size=40), min_size=1, max_size=20)


def test_the_root_of_no_leaves_is_the_hash_of_nothing() -> None:
    assert merkle.root([]).hex() == hashlib.sha256(b"").hexdigest()


def test_the_root_of_one_empty_leaf_is_the_known_one() -> None:
    assert merkle.root([b""]).hex() == (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )


def test_three_leaves_make_a_pair_and_a_single_one() -> None:
    def sha(data: bytes) -> bytes:
        return hashlib.sha256(data).digest()

    a, b, c = (sha(b"\x00" + leaf) for leaf in (b"a", b"b", b"c"))
    assert merkle.root([b"a", b"b", b"c"]) == sha(b"\x01" + sha(b"\x01" + a + b) + c)


def recursive(leaves: list[bytes]) -> bytes:
    """The definition in the RFC's own words: split at the largest power of two below n."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + recursive(leaves[:k]) + recursive(leaves[k:])).digest()


@given(LEAVES)
def test_the_root_is_that_of_the_definition(leaves: list[bytes]) -> None:
    assert merkle.root(leaves) == recursive(leaves)


@given(LEAVES, st.data())
def test_a_path_proves_its_leaf_at_its_place_only(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = merkle.audit_path(leaves, index)
    root = merkle.root(leaves)
    assert merkle.root_from_path(leaves[index], index, len(leaves), path) == root
    assert merkle.root_from_path(leaves[index] + b"x", index, len(leaves), path) != root
    assert merkle.root_from_path(leaves[index], index, len(leaves), (*path, root)) is None
    if path:
        assert merkle.root_from_path(leaves[index], index, len(leaves), path[:-1]) is None


def test_a_place_outside_the_tree_proves_nothing() -> None:
    assert merkle.root_from_path(b"a", 1, 1, ()) is None
    with pytest.raises(IndexError):
        merkle.audit_path([b"a"], 1)
