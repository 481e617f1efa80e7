"""Trees and proofs against the published vectors and against the naive twin."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from collector.attest import merkle
from collector.attest.merkle import CompactRange
from probes.wire.merkle import node_hash
from tests.support.soak import longer
from tests.unit.attest import naive, vectors

SIZES = [*range(24), 31, 32, 33]
VECTORS = [*vectors.inclusion(), *vectors.consistency()]


def test_the_vectors_made_here_are_those_of_transparency_dev() -> None:
    assert len(VECTORS) == 196
    assert vectors.digest(VECTORS) == vectors.DIGEST


def test_every_published_vector_is_judged_as_published() -> None:
    for one in VECTORS:
        if one.about == "inclusion":
            holds = merkle.included(one.one, one.first, one.second, one.proof, one.other)
        else:
            holds = merkle.consistent(one.first, one.second, one.one, one.other, one.proof)
        assert holds is one.holds, one


@pytest.mark.parametrize("size", SIZES)
def test_every_proof_of_a_small_tree_is_the_naive_one_and_verifies(size: int) -> None:
    entries = naive.entries(size)
    nodes, root = naive.kept(entries), naive.mth(entries)
    assert merkle.root(nodes, size) == root
    for index in range(size):
        path = merkle.inclusion_path(nodes, index, size)
        assert list(path) == naive.path(index, entries)
        assert merkle.included(naive.leaf(entries[index]), index, size, path, root)
    for old in range(1, size + 1):
        path = merkle.consistency_path(nodes, old, size)
        assert list(path) == naive.proof(old, entries)
        assert merkle.consistent(old, size, naive.mth(entries[:old]), root, path)


@given(st.lists(st.binary(max_size=9), max_size=70), st.data())
def test_any_tree_has_the_naive_heads_and_proofs(entries: list[bytes], data: st.DataObject) -> None:
    nodes = naive.kept(entries)
    size = data.draw(st.integers(0, len(entries)))
    assert merkle.root(nodes, size) == naive.mth(entries[:size])
    if size:
        index = data.draw(st.integers(0, size - 1))
        assert list(merkle.inclusion_path(nodes, index, size)) == naive.path(index, entries[:size])
        old = data.draw(st.integers(1, size))
        assert list(merkle.consistency_path(nodes, old, size)) == naive.proof(old, entries[:size])


@given(st.lists(st.lists(st.binary(max_size=5), max_size=20), max_size=8))
def test_appending_in_any_portions_ends_in_one_tree(portions: list[list[bytes]]) -> None:
    entries: list[bytes] = []
    grown, full = CompactRange(), []
    for portion in portions:
        grown, more = grown.extended(map(naive.leaf, portion))
        entries += portion
        full += more
        assert grown.size == len(entries)
        assert grown.root() == naive.mth(entries)
    assert (grown, full) == CompactRange().extended(map(naive.leaf, entries))
    for one in full:
        under = entries[one.place << one.level : (one.place + 1) << one.level]
        assert (len(under), naive.mth(under)) == (1 << one.level, one.hash)


def test_a_million_leaves_are_appended_to_at_most_twenty_hashes() -> None:
    leaf = naive.leaf(b"a")
    peaks = [leaf]
    for _ in range(19):
        peaks.append(node_hash(peaks[-1], peaks[-1]))
    many = CompactRange((1 << 20) - 1, tuple(reversed(peaks)))
    grown, full = many.extended([leaf])
    assert grown == CompactRange(1 << 20, (node_hash(peaks[-1], peaks[-1]),))
    assert [(one.level, one.place) for one in full] == [
        (level, ((1 << 20) - 1) >> level) for level in range(21)
    ]


def test_a_state_that_is_no_trees_is_refused() -> None:
    leaf = naive.leaf(b"a")
    for size, peaks in ((1, ()), (0, (leaf,)), (3, (leaf,)), (-1, (leaf,))):
        with pytest.raises(ValueError, match=r"^not the subtrees of a tree of this size$"):
            CompactRange(size, peaks)
    for bad in (b"", leaf[1:], leaf + b"x"):
        with pytest.raises(ValueError, match=r"^a hash has 32 bytes$"):
            CompactRange(3, (leaf, bad))


@pytest.mark.parametrize("entry", [b"", b"an entry", bytes(31), bytes(33), bytes(64)])
def test_what_is_no_hash_of_a_leaf_is_not_appended(entry: bytes) -> None:
    for size in range(4):
        grown, _ = CompactRange().extended([naive.leaf(b"a")] * size)
        with pytest.raises(ValueError, match=r"^a hash has 32 bytes$"):
            grown.extended([entry, naive.leaf(b"b"), naive.leaf(b"c")])


def test_every_append_up_to_300_leaves_has_the_head_of_its_tree() -> None:
    entries, grown = naive.entries(300), CompactRange()
    nodes = naive.kept(entries)
    for size, entry in enumerate(entries, 1):
        grown, _ = grown.extended([naive.leaf(entry)])
        assert grown.root() == merkle.root(nodes, size) == naive.mth(entries[:size])
        path = merkle.consistency_path(nodes, size, 300)
        assert merkle.consistent(size, 300, grown.root(), merkle.root(nodes, 300), path)


def test_the_empty_range_has_the_head_of_the_empty_tree() -> None:
    assert CompactRange().root().hex() == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 1), (5, 4)])
def test_no_path_is_made_for_a_leaf_outside_of_the_tree(index: int, size: int) -> None:
    with pytest.raises(IndexError, match=rf"^{index}$"):
        merkle.inclusion_path(naive.kept(naive.entries(8)), index, size)


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 1), (2, 1), (-1, 1)])
def test_no_consistency_is_shown_with_an_empty_or_a_later_tree(old: int, new: int) -> None:
    with pytest.raises(IndexError, match=rf"^{old}$"):
        merkle.consistency_path(naive.kept(naive.entries(8)), old, new)


@given(st.integers(1, 40), st.data())
def test_an_inclusion_proof_holds_for_nothing_else(size: int, data: st.DataObject) -> None:
    entries = naive.entries(size)
    index = data.draw(st.integers(0, size - 1))
    leaf, root = naive.leaf(entries[index]), naive.mth(entries)
    path = tuple(naive.path(index, entries))
    bit = data.draw(st.integers(0, 8 * 32 * (len(path) + 2) - 1))
    flipped = list(_split(_flip(b"".join((leaf, root, *path)), bit)))
    assert not merkle.included(flipped[0], index, size, flipped[2:], flipped[1])
    for other in range(size + 2):
        assert merkle.included(leaf, other, size, path, root) is (other == index)
    assert not merkle.included(leaf, index, size, (*path, root), root)
    assert not merkle.included(leaf, index, size, (root, *path), root)
    assert not path or not merkle.included(leaf, index, size, path[:-1], root)
    assert not path or not merkle.included(leaf, index, size, path[1:], root)


@given(st.integers(1, 40), st.data())
def test_a_consistency_proof_holds_for_nothing_else(new: int, data: st.DataObject) -> None:
    entries = naive.entries(new)
    old = data.draw(st.integers(1, new))
    one, other = naive.mth(entries[:old]), naive.mth(entries)
    path = tuple(naive.proof(old, entries))
    bit = data.draw(st.integers(0, 8 * 32 * (len(path) + 2) - 1))
    flipped = list(_split(_flip(b"".join((one, other, *path)), bit)))
    assert not merkle.consistent(old, new, flipped[0], flipped[1], flipped[2:])
    assert not merkle.consistent(old, new, one, other, (*path, other))
    assert not merkle.consistent(old, new, one, other, (other, *path))
    assert not path or not merkle.consistent(old, new, one, other, path[:-1])
    assert not path or not merkle.consistent(old, new, one, other, path[1:])
    for size in range(new + 2):
        assert merkle.consistent(size, new, one, other, path) is (size == old)


def test_a_tree_whose_past_was_changed_is_no_continuation() -> None:
    told, changed = naive.entries(6), naive.entries(9)
    changed[3] = b"entry 3, written anew"
    for old in range(4, 7):
        path = naive.proof(old, changed)
        root = naive.mth(changed)
        assert not merkle.consistent(old, 9, naive.mth(told[:old]), root, path)


ANY = st.integers(-(1 << 65), 1 << 65)
HASHES = st.lists(st.binary(min_size=32, max_size=32) | st.binary(max_size=40), max_size=70)


@given(ANY, ANY, st.binary(max_size=40), st.binary(max_size=40), HASHES)
def test_anything_is_answered_with_no(
    first: int, second: int, one: bytes, other: bytes, path: list[bytes]
) -> None:
    assume(one != other)
    assert not merkle.included(one, first, second, path, other)
    assert not merkle.consistent(first, second, one, other, path)


def test_sizes_at_the_limit_are_walked_in_their_bits() -> None:
    limit = (1 << 63) - 1
    path = [naive.leaf(b"%d" % n) for n in range(63)]
    assert not merkle.included(path[0], 0, limit, path, path[0])
    assert not merkle.included(path[0], limit - 1, limit, path, path[0])
    assert not merkle.consistent(limit - 1, limit, path[0], path[1], path)
    assert not merkle.consistent(1, limit, path[0], path[1], path)


@pytest.mark.parametrize("seed", range(longer(3)))
def test_a_log_that_grows_is_always_consistent_with_what_it_was(seed: int) -> None:
    entries = naive.entries(100 + seed * 37)
    nodes = naive.kept(entries)
    sizes = sorted({1 + (n * (seed + 7)) % len(entries) for n in range(9)})
    for old, new in pairwise(sizes):
        roots = naive.mth(entries[:old]), naive.mth(entries[:new])
        assert merkle.consistent(old, new, *roots, merkle.consistency_path(nodes, old, new))


def _flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def _split(data: bytes) -> list[bytes]:
    return [data[at : at + 32] for at in range(0, len(data), 32)]
