"""A log as others read it: tiles and bundles byte for byte, and the place of an entry as a proof."""

from __future__ import annotations

from sqlalchemy import Connection

from collector.attest import merkle, note, tiles
from collector.attest.proof import Proof
from collector.attest.tiles import HEIGHT, WIDTH, Tile
from collector.tlog import checkpoints, reading
from collector.tlog.checkpoints import Published
from collector.tlog.epochs import Epoch


def tile(conn: Connection, org: str, epoch: Epoch, wanted: Tile) -> bytes | None:
    """None where the tree has no such tile yet."""
    level = HEIGHT * (wanted.level or 0)
    first = wanted.index * WIDTH
    if first + wanted.width > epoch.tree.size >> level:
        return None
    where = (conn, org, epoch.log)
    if wanted.level is None:
        last = first + wanted.width
        return tiles.bundle([*reading.entries(*where, first, last, epoch=epoch.epoch)])
    return b"".join(reading.hashes(*where, epoch.epoch, level, first, wanted.width))


def covering(conn: Connection, org: str, epoch: Epoch, index: int) -> Published | None:
    """The newest checkpoint with this leaf that a quorum has cosigned, else the newest with it."""
    for cosigned in (True, False):
        found = checkpoints.latest(conn, org, epoch.log, epoch=epoch.epoch, cosigned=cosigned)
        if found is not None and found.size > index:
            return found
    return None


def proof(conn: Connection, org: str, published: Published, index: int) -> Proof:
    """The entry at `index` in the tree of a checkpoint; IndexError where that has it not."""
    nodes = reading.nodes(conn, org, published.log, published.size, epoch=published.epoch)
    path = merkle.inclusion_path(nodes, index, published.size)
    return Proof(index, path, note.parse(published.note))
