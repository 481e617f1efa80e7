"""C2SP tlog-tiles: a log as files that never change, 256 hashes or entries each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from collector.attest import spelling
from collector.attest.faults import AttestError, Fault
from collector.attest.merkle import Nodes
from probes.wire.merkle import HASH_BYTES, root_of_hashes

HEIGHT = 8
WIDTH = 1 << HEIGHT
MAX_LEVEL = 63
MAX_ENTRY = (1 << 16) - 1
"""Bytes of an entry: its length stands in two of them."""
_LENGTH_BYTES = 2
_PATH = re.compile(
    r"tile/(?P<level>entries|[0-9]{1,2})/(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[0-9]{1,3}))?"
)


@dataclass(frozen=True, slots=True)
class Tile:
    """The hashes of `width` subtrees of 256**level leaves, from the one at index * 256.

    `level` None: the bundle of the entries themselves. ValueError for what no tree has.
    """

    level: int | None
    index: int
    width: int = WIDTH

    def __post_init__(self) -> None:
        if not (0 <= (self.level or 0) <= MAX_LEVEL and 0 <= self.index < spelling.LIMIT):
            raise ValueError("no place of a tile")
        if not 0 < self.width <= WIDTH:
            raise ValueError("no width of a tile")


Reader = Callable[[Tile], bytes]
"""Answers with the bytes of exactly this tile. Where it costs, keep what was read: a proof asks
for one tile several times.
"""


def path_of(tile: Tile) -> str:
    """Below the log's prefix: `tile/0/x001/x234/067.p/17`."""
    level = "entries" if tile.level is None else str(tile.level)
    digits = str(tile.index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    *front, last = (digits[at : at + 3] for at in range(0, len(digits), 3))
    partial = "" if tile.width == WIDTH else f".p/{tile.width}"
    return "/".join(("tile", level, *(f"x{part}" for part in front), last + partial))


def tile_at(path: str) -> Tile:
    """AttestError TILE_PATH for anything that `path_of` would not have written so."""
    found = _PATH.fullmatch(path)
    if found is None:
        raise AttestError(Fault.TILE_PATH)
    level = None if found["level"] == "entries" else int(found["level"])
    index = int(found["index"].replace("x", "").replace("/", ""))
    try:
        tile = Tile(level, index, int(found["width"] or WIDTH))
    except ValueError:
        raise AttestError(Fault.TILE_PATH) from None
    if path_of(tile) != path:
        raise AttestError(Fault.TILE_PATH)
    return tile


def tiles_between(old: int, new: int) -> Iterator[Tile]:
    """Tiles of hashes that a tree of `new` leaves has and one of `old` had not, level by level; from
    0, all it has.
    """
    if not 0 <= old <= new < spelling.LIMIT:
        raise ValueError("no tree grows so")
    level = 0
    while new > 0:
        for index in range(old // WIDTH, new // WIDTH):
            yield Tile(level, index)
        if new % WIDTH and new != old:
            yield Tile(level, new // WIDTH, new % WIDTH)
        level, old, new = level + 1, old // WIDTH, new // WIDTH


def bundles_between(old: int, new: int) -> Iterator[Tile]:
    """Likewise the bundles of entries."""
    for tile in tiles_between(old, new):
        if tile.level != 0:
            return
        yield Tile(None, tile.index, tile.width)


def hashes_in(nodes: Nodes, tile: Tile) -> bytes:
    """The bytes of a tile of hashes, from the tree; ValueError for a bundle."""
    if tile.level is None:
        raise ValueError("entries are no hashes")
    first = tile.index * WIDTH
    return b"".join(nodes(HEIGHT * tile.level, first + n) for n in range(tile.width))


def nodes_of(size: int, read: Reader) -> Nodes:
    """The tree of `size` leaves, read from its tiles, for the proofs of `collector/attest/merkle.py`.

    Nothing of what is read is verified: compare the root it leads to with a checkpoint's.
    AttestError for a tile of another length and for a hash outside of the tree.
    """

    def node(level: int, index: int) -> bytes:
        if not 0 <= level <= MAX_LEVEL or index < 0 or (index + 1) << level > size:
            raise AttestError(Fault.TILE_OUTSIDE)
        upper, lower = divmod(level, HEIGHT)
        place, first = divmod(index << lower, WIDTH)
        held = size >> HEIGHT * upper
        tile = Tile(upper, place, min(held - place * WIDTH, WIDTH))
        data = read(tile)
        if len(data) != tile.width * HASH_BYTES:
            raise AttestError(Fault.TILE_LENGTH)
        ends = range(first, first + (1 << lower))
        return root_of_hashes([data[n * HASH_BYTES : (n + 1) * HASH_BYTES] for n in ends])

    return node


def bundle(entries: Sequence[bytes]) -> bytes:
    """1 to 256 entries as one file; AttestError TILE_ENTRY for more, none, or one too long."""
    if not 0 < len(entries) <= WIDTH or any(len(entry) > MAX_ENTRY for entry in entries):
        raise AttestError(Fault.TILE_ENTRY)
    return b"".join(len(entry).to_bytes(_LENGTH_BYTES, "big") + entry for entry in entries)


def entries_in(data: bytes, width: int) -> tuple[bytes, ...]:
    """The `width` entries of a bundle; AttestError TILE_BUNDLE when it has not just these."""
    entries: list[bytes] = []
    at = 0
    while at < len(data) and len(entries) < width:
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(data[at:start], "big")
        entries.append(data[start:at])
    if at != len(data) or len(entries) != width:
        raise AttestError(Fault.TILE_BUNDLE)
    return tuple(entries)
