"""Tables of the evidence log and the audit log: which leaf is what, and the hashes of their trees.

`log` is 0 for evidence and 1 for audit; `epoch` counts from 1, and the highest is the one that grows.
Leaves are only ever added. The entries themselves are not here: they are made again from the
batches and the journal, and the hash says whether they are still what they were.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text, text

from collector.store.tables import metadata


def _org() -> Column[str]:
    return Column("org", Text, primary_key=True)


def _key(name: str) -> Column[int]:
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _int(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _bytes(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


logs = Table(
    "logs",
    metadata,
    _org(),
    _key("log"),
    _key("epoch"),
    _text("origin"),
    _bytes("start"),
    _bytes("secret"),
    _int("size"),
    _bytes("peaks"),
    _int("state"),
    _int("rows_to"),
    Column("closed_at", BigInteger),
)
"""`origin` is the operator's, without `/evidence` or `/audit`. `start` is the entry it begins with.
`secret` makes the salts of rows and never leaves the store. `peaks`: the hashes of `merkle.CompactRange`, one behind the other. `state` counts state rows;
`rows_to` is the last id of the journal that was looked at. `closed_at`: when the next epoch began."""

log_leaves = Table(
    "log_leaves",
    metadata,
    _org(),
    _key("log"),
    _key("epoch"),
    _key("first"),
    _int("count"),
    _bytes("places"),
    _bytes("hashes"),
    sqlite_with_rowid=False,
)
"""`count` leaves from the index `first` on, none beyond the next multiple of 256: their hashes, and
what they are, as `tlog/leafrows.py` writes it. Once 256 are full they are one row."""

log_subtrees = Table(
    "log_subtrees",
    metadata,
    _org(),
    _key("log"),
    _key("epoch"),
    _key("level"),
    _key("place"),
    _bytes("hash"),
    sqlite_with_rowid=False,
)
"""Full subtrees of 2**level leaves, of levels 8, 16, 24 and so on: what tiles are made of. Those
between are computed from 128 hashes at most."""

log_rows = Table(
    "log_rows",
    metadata,
    _org(),
    _key("log"),
    _key("epoch"),
    _key("row"),
    _int("idx"),
    _bytes("commitment"),
    sqlite_with_rowid=False,
)
"""Rows of the journal: the index of each, and the commitment in its entry."""

log_cursors = Table(
    "log_cursors",
    metadata,
    _org(),
    _key("epoch"),
    Column("agent", Text, primary_key=True),
    Column("chain_epoch", Text, primary_key=True),
    _text("logged"),
)
"""Which seqs of an agent's epoch are leaves of the evidence log, as ranges."""

log_checkpoints = Table(
    "log_checkpoints",
    metadata,
    _org(),
    _key("log"),
    _key("epoch"),
    _key("size"),
    _int("signed_at"),
    _bytes("note"),
    Column("cosigned_at", BigInteger),
    Index(
        "log_checkpoints_cosigned",
        *("org", "log", "epoch", "size"),
        sqlite_where=text("cosigned_at IS NOT NULL"),
        postgresql_where=text("cosigned_at IS NOT NULL"),
    ),
)
"""What was published; `note` has the cosignatures so far, `cosigned_at` is when they were a quorum."""
