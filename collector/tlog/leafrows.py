"""How leaves are kept: a row for each time some were appended, and one for each 256 once they are
full. A row for every leaf would take twice the room, and a log has hundreds of millions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import msgspec
import zstandard
from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select

from collector.attest.tiles import WIDTH
from collector.store.log_tables import log_leaves as table
from probes.wire.merkle import HASH_BYTES

LEVEL = 9
"""Of zstd: what is full is pressed once and kept for years."""
START, JOURNAL = -1, 0
"""What `Leaf.chain` says of leaves that are no batches."""


class DamagedError(Exception):
    """The tables of a log hold what we would not have written."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Which tree: the number of a log and of its epoch."""

    org: str
    log: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Leaf:
    """`chain` START: the entry the log begins with; JOURNAL: the journal's row `number`; else the
    batch or tombstone with the seq `number` of the chain of this number. `state`: as the entry says it.
    """

    index: int
    chain: int
    number: int
    state: int
    hash: bytes


class _Places(msgspec.Struct, array_like=True):
    chains: list[int]
    numbers: list[int]
    states: list[int]


_ENCODER, _DECODER = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(_Places)


def add(conn: Connection, tree: Tree, leaves: Sequence[Leaf]) -> None:
    """Append leaves, whose indexes follow what there is."""
    rows = []
    for block, some in groupby(leaves, lambda leaf: leaf.index // WIDTH):
        fresh = list(some)
        if fresh[-1].index % WIDTH == WIDTH - 1:
            first = block * WIDTH
            fresh = [*read(conn, tree, first, fresh[0].index), *fresh]
            conn.execute(delete(table).where(_is(tree), table.c.first >= first))
        rows.append(_row(tree, fresh))
    if rows:
        conn.execute(insert(table), rows)


def read(conn: Connection, tree: Tree, start: int, end: int) -> list[Leaf]:
    """Of `[start, end)`, as far as there are any; DamagedError."""
    found: list[Leaf] = []
    for row in _rows(conn, tree, start, end):
        found += (leaf for leaf in _read(row) if start <= leaf.index < end)
    return found


def _read(row: Any) -> list[Leaf]:
    """DamagedError."""
    try:
        places = _DECODER.decode(_opened(row.places, row.count))
        columns = (places.chains, places.numbers, places.states, _hashes(row.hashes))
        indexes = range(row.first, row.first + row.count)
        told = zip(indexes, zip(*columns, strict=True), strict=True)
        return [Leaf(index, *rest) for index, rest in told]
    except (msgspec.MsgspecError, zstandard.ZstdError, ValueError):
        raise DamagedError from None


def hashes(conn: Connection, tree: Tree, start: int, end: int) -> list[bytes]:
    """Those of the leaves of `[start, end)` alone, as far as there are any."""
    found: list[bytes] = []
    for row in _rows(conn, tree, start, end):
        found += _hashes(row.hashes)[max(start - row.first, 0) : end - row.first]
    return found


def _rows(conn: Connection, tree: Tree, start: int, end: int) -> list[Any]:
    first = start // WIDTH * WIDTH  # no row crosses the end of a block
    if end <= start:
        return []
    query = select(table).where(_is(tree), table.c.first >= first, table.c.first < end)
    return list(conn.execute(query.order_by(table.c.first)))


def _row(tree: Tree, leaves: Sequence[Leaf]) -> dict[str, Any]:
    places = _Places(
        [leaf.chain for leaf in leaves],
        [leaf.number for leaf in leaves],
        [leaf.state for leaf in leaves],
    )
    written = _ENCODER.encode(places)
    return {
        "org": tree.org,
        "log": tree.log,
        "epoch": tree.epoch,
        "first": leaves[0].index,
        "count": len(leaves),
        "places": zstandard.compress(written, LEVEL) if len(leaves) == WIDTH else written,
        "hashes": b"".join(leaf.hash for leaf in leaves),
    }


def _opened(data: bytes, count: int) -> bytes:
    return zstandard.decompress(data) if count == WIDTH else data


def _hashes(data: bytes) -> list[bytes]:
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def _is(tree: Tree) -> ColumnElement[bool]:
    return and_(table.c.org == tree.org, table.c.log == tree.log, table.c.epoch == tree.epoch)
