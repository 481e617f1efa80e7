"""One checkpoint, from what the store has to what is published: nothing is signed that does not go on
from what was signed before.

The order is: what the store has, on one snapshot; the guard's file, on disk; the signatures; the
row, under the lease's token. Killed after the file the next process finds a head there that nobody
has seen: the tree goes on from it, so it signs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from collector import journal
from collector.attest import checkpoint, note
from collector.attest.checkpoint import Checkpoint
from collector.attest.faults import AttestError
from collector.attest.merkle import CompactRange
from collector.attest.note import Note
from collector.store import leases
from collector.store.leases import Lease
from collector.tlog import checkpoints, reading
from collector.tlog.checkpoints import Published
from collector.tlog.epochs import Epoch, Log, current
from collector.tlog.guard import Guard, Head, continues
from collector.tlog.keyrows import OvertakenError
from collector.tlog.signer import Signer, line_of
from collector.tlog.troubles import Trouble


class TroubleError(Exception):
    """Nothing was signed. The text is the code."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Standing:
    """A log on one snapshot. `latest`: the newest checkpoint of this epoch."""

    epoch: Epoch
    latest: Published | None

    @property
    def log(self) -> Log:
        return self.epoch.log

    @property
    def has_grown(self) -> bool:
        return self.latest is None or self.epoch.tree.size > self.latest.size


def standing(conn: Connection, org: str, log: Log) -> Standing | None:
    """None before the log was begun."""
    epoch = current(conn, org, log)
    return None if epoch is None else Standing(epoch, checkpoints.latest(conn, org, log))


def fork(conn: Connection, org: str, now: Standing, guarded: Head | None) -> Trouble | None:
    """Why the tree that stands in the store is not to be signed: it does not go on from what this
    host has signed last, or from the newest checkpoint in the store itself.
    """
    tree, latest = now.epoch.tree, now.latest
    try:
        published = None if latest is None else _head_of(latest)
    except AttestError:
        return Trouble.CHANGED
    # the whole tree, from its leaves: what `logs` says of it is one row that may have been changed
    whole = Head(tree.size, tree.root())
    for head in (guarded, published, whole):
        if head is not None and head.size > tree.size:
            return Trouble.LOST
        if head is not None and not continues(head, _as_it_was(conn, org, now, head.size)):
            return Trouble.CHANGED
    return None


def signed(epoch: Epoch, guard: Guard, signers: Sequence[Signer]) -> Note:
    """The guard's file is written first. Blocks; GuardError, SignerError."""
    head = Head(epoch.tree.size, epoch.tree.root())
    text = checkpoint.write(Checkpoint(epoch.name, head.size, head.root))
    guard.note(epoch.name, head)
    return Note(text, tuple(line_of(signer, epoch.name, text) for signer in signers))


def publish(conn: Connection, org: str, lease: Lease, published: Published, name: str) -> None:
    """FencedError when the lease is lost, OvertakenError when the log has another epoch or another
    name than `name` by now: the signature then never leaves.
    """
    leases.guard(conn, org, lease)
    journal.hold(conn, org)
    now = current(conn, org, published.log)
    if now is None or (now.epoch, now.name) != (published.epoch, name):
        raise OvertakenError
    checkpoints.add(conn, org, published)


def _head_of(published: Published) -> Head:
    head = checkpoint.parse(note.parse(published.note).text)
    return Head(head.size, head.root)


def _as_it_was(conn: Connection, org: str, now: Standing, size: int) -> CompactRange | None:
    try:
        return reading.peaks(conn, org, now.log, size, epoch=now.epoch.epoch)
    except (LookupError, ValueError):  # leaves that are not there, or are no leaves any more
        return None
