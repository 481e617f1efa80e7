"""Tiles: which a tree has, where they are, what is in them, and proofs from nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.attest import merkle, tiles
from collector.attest.faults import AttestError, Fault
from collector.attest.merkle import CompactRange
from collector.attest.tiles import Tile
from tests.unit.attest import naive
from tests.unit.attest.refusing import fault

MANY = 65_600
ENTRIES = naive.entries(MANY)


@pytest.fixture(scope="module")
def nodes() -> merkle.Nodes:
    return naive.kept(ENTRIES)


def test_the_tree_of_the_specification_has_its_tiles() -> None:
    found = list(tiles.tiles_between(0, 70_000))
    assert len(found) == 273 + 1 + 1 + 1 + 1
    assert found[:273] == [Tile(0, n) for n in range(273)]
    assert found[273:] == [Tile(0, 273, 112), Tile(1, 0), Tile(1, 1, 17), Tile(2, 0, 1)]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, []),
        (1, [Tile(0, 0, 1)]),
        (255, [Tile(0, 0, 255)]),
        (256, [Tile(0, 0), Tile(1, 0, 1)]),
        (257, [Tile(0, 0), Tile(0, 1, 1), Tile(1, 0, 1)]),
    ],
)
def test_a_tree_has_full_tiles_and_at_most_one_partial_a_level(
    size: int, expected: list[Tile]
) -> None:
    assert list(tiles.tiles_between(0, size)) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (300, 300, []),
        (300, 301, [Tile(0, 1, 45)]),
        (255, 256, [Tile(0, 0), Tile(1, 0, 1)]),
        (256, 257, [Tile(0, 1, 1)]),
        (261, 517, [Tile(0, 1), Tile(0, 2, 5), Tile(1, 0, 2)]),
        (512, 512 + 256, [Tile(0, 2), Tile(1, 0, 3)]),
    ],
)
def test_growing_adds_the_tiles_that_were_not_there(
    old: int, new: int, expected: list[Tile]
) -> None:
    assert list(tiles.tiles_between(old, new)) == expected
    assert set(expected) == set(tiles.tiles_between(0, new)) - set(tiles.tiles_between(0, old))


def test_bundles_are_where_the_tiles_of_level_0_are() -> None:
    assert list(tiles.bundles_between(0, 257)) == [Tile(None, 0), Tile(None, 1, 1)]
    assert list(tiles.bundles_between(257, 257)) == []
    assert list(tiles.bundles_between(0, 0)) == []


@pytest.mark.parametrize(("old", "new"), [(-1, 1), (2, 1), (0, 1 << 63)])
def test_no_tree_shrinks_or_is_endless(old: int, new: int) -> None:
    with pytest.raises(ValueError, match=r"^no tree grows so$"):
        list(tiles.tiles_between(old, new))


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 0, 1), "tile/0/000.p/1"),
        (Tile(1, 67, 255), "tile/1/067.p/255"),
        (Tile(0, 999), "tile/0/999"),
        (Tile(0, 1000), "tile/0/x001/000"),
        (Tile(2, 1234067), "tile/2/x001/x234/067"),
        (Tile(63, (1 << 63) - 1, 9), "tile/63/x009/x223/x372/x036/x854/x775/807.p/9"),
        (Tile(None, 1234067), "tile/entries/x001/x234/067"),
        (Tile(None, 5, 17), "tile/entries/005.p/17"),
    ],
)
def test_a_path_is_that_of_the_specification_and_leads_back(tile: Tile, path: str) -> None:
    assert tiles.path_of(tile) == path
    assert tiles.tile_at(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        *("", "tile", "tile/0", "tile/0/", "tile/0/0", "tile/0/00", "tile/0/0000", "/tile/0/000"),
        *("tile/0/x000/000", "tile/0/x00/000", "tile/0/001/000", "tile/0/x001", "tile/0/x001/x000"),
        *(
            "tile/00/000",
            "tile/64/000",
            "tile/-1/000",
            "tile/data/000",
            "tile/entries",
            "tile//000",
        ),
        *("tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0", "tile/0/000.p/00", "tile/0/000.p/01"),
        *(
            "tile/0/000.p/256",
            "tile/0/000.p/1000",
            "tile/0/000.p/1/",
            "tile/0/000\n",
            "tile/0/000 ",
        ),
        *("tile/0/x009/x223/x372/x036/x854/x775/808", f"tile/0/{'x001/' * 7}000"),
        *("tile/0/../000", "tile/0/x001/../000", "tile/0/\u0661\u0661\u0661"),
    ],
)
def test_any_other_path_is_refused(path: str) -> None:
    assert fault(tiles.tile_at, path) is Fault.TILE_PATH


@given(
    st.text(st.sampled_from("tile/entrisx.p0123456789"), max_size=40)
    | st.from_regex(r"tile/[0-9]{1,2}/(x[0-9]{3}/){0,7}[0-9]{3}(\.p/[0-9]{1,3})?", fullmatch=True)
)
def test_any_path_is_that_of_a_tile_or_refused(path: str) -> None:
    try:
        tile = tiles.tile_at(path)
    except AttestError:
        return
    assert tiles.path_of(tile) == path


@pytest.mark.parametrize(
    ("level", "index", "width"),
    [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 1 << 63, 1), (0, 0, 0), (0, 0, 257)],
)
def test_a_place_that_no_tree_has_is_none(level: int, index: int, width: int) -> None:
    with pytest.raises(ValueError, match=r"^no (place|width) of a tile$"):
        Tile(level, index, width)


def test_a_tile_holds_the_hashes_of_its_level(nodes: merkle.Nodes) -> None:
    level_0 = tiles.hashes_in(nodes, Tile(0, 1, 3))
    assert level_0 == b"".join(naive.leaf(ENTRIES[n]) for n in (256, 257, 258))
    level_1 = tiles.hashes_in(nodes, Tile(1, 0, 2))
    assert level_1 == naive.mth(ENTRIES[:256]) + naive.mth(ENTRIES[256:512])
    assert len(tiles.hashes_in(nodes, Tile(0, 5))) == 8192
    with pytest.raises(ValueError, match=r"^entries are no hashes$"):
        tiles.hashes_in(nodes, Tile(None, 0))


SIZES = [1, 2, 255, 256, 257, 511, 512, 513, 2000, 65_535, 65_536, 65_537, MANY]


@pytest.mark.parametrize("size", SIZES)
def test_heads_and_proofs_come_from_tiles_alone(size: int, nodes: merkle.Nodes) -> None:
    files = {
        tiles.path_of(tile): tiles.hashes_in(nodes, tile) for tile in tiles.tiles_between(0, size)
    }
    read = tiles.nodes_of(size, lambda tile: files[tiles.path_of(tile)])
    root = merkle.root(nodes, size)
    assert merkle.root(read, size) == root
    for index in {0, 1, size // 3, size - 1} & set(range(size)):
        path = merkle.inclusion_path(read, index, size)
        assert path == merkle.inclusion_path(nodes, index, size)
        assert merkle.included(naive.leaf(ENTRIES[index]), index, size, path, root)
    for old in {1, size // 2, size - 1, size} & set(range(1, size + 1)):
        path = merkle.consistency_path(read, old, size)
        assert merkle.consistent(old, size, merkle.root(nodes, old), root, path)


def test_a_tree_grows_tile_by_tile_and_no_full_tile_changes() -> None:
    state, files = CompactRange(), dict[str, bytes]()
    held: dict[tuple[int, int], bytes] = {}
    for old, new in ((0, 3), (3, 256), (256, 258), (258, 900)):
        state, full = state.extended(map(naive.leaf, ENTRIES[old:new]))
        held.update({(one.level, one.place): one.hash for one in full})
        for tile in tiles.tiles_between(old, new):
            path = tiles.path_of(tile)
            assert path not in files
            files[path] = tiles.hashes_in(lambda level, index: held[level, index], tile)
        read = tiles.nodes_of(new, lambda tile: files[tiles.path_of(tile)])
        assert merkle.root(read, new) == state.root()


@pytest.mark.parametrize(
    ("level", "index"), [(-1, 0), (64, 0), (0, -1), (0, 300), (8, 1), (9, 0), (2, 75), (10**9, 0)]
)
def test_a_hash_outside_of_the_tree_is_refused(level: int, index: int) -> None:
    read = tiles.nodes_of(300, lambda tile: bytes(32 * tile.width))
    assert fault(read, level, index) is Fault.TILE_OUTSIDE


@pytest.mark.parametrize("length", [0, 1, 32 * 43, 32 * 44 - 1, 32 * 44 + 1, 32 * 45, 8192])
def test_a_tile_of_another_length_is_refused(length: int) -> None:
    read = tiles.nodes_of(300, lambda tile: bytes(length))
    assert fault(read, 0, 256) is Fault.TILE_LENGTH


def test_a_bundle_is_entries_with_their_lengths() -> None:
    data = tiles.bundle([b"", b"ab", b"x" * 258])
    assert data == b"\0\0\0\x02ab\x01\x02" + b"x" * 258
    assert tiles.entries_in(data, 3) == (b"", b"ab", b"x" * 258)
    assert tiles.bundle([b"a"]) == b"\0\x01a"


def test_an_entry_has_at_most_65535_bytes_and_a_bundle_1_to_256() -> None:
    longest = [b"x" * 65_535] * 256
    assert tiles.entries_in(tiles.bundle(longest), 256) == tuple(longest)
    for entries in ([], [b""] * 257, [b"x" * 65_536]):
        assert fault(tiles.bundle, entries) is Fault.TILE_ENTRY


@pytest.mark.parametrize(
    ("data", "width"),
    [
        (b"", 1),
        (b"\0", 1),
        (b"\0\x01", 1),
        (b"\0\x02a", 1),
        (b"\0\x01a\0", 1),
        (b"\0\x01a\0\0", 1),
        (b"\0\x01a", 2),
        (b"\0\x01a\0", 2),
        (b"\0\0" * 257, 256),
        (b"x", 0),
    ],
)
def test_a_bundle_that_does_not_end_with_its_last_entry_is_refused(data: bytes, width: int) -> None:
    assert fault(tiles.entries_in, data, width) is Fault.TILE_BUNDLE


@given(st.binary(max_size=60), st.integers(1, 256))
def test_any_bytes_are_a_bundle_or_refused(data: bytes, width: int) -> None:
    try:
        entries = tiles.entries_in(data, width)
    except AttestError:
        return
    assert tiles.bundle(entries) == data
