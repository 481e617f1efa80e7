"""Logs of a store with leaves in them, and checkpoints as their publisher would add them."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector import journal
from collector.attest import checkpoint, note
from collector.attest.checkpoint import Checkpoint
from collector.attest.note import Note
from collector.attest.vkey import SignatureType, VerifierKey
from collector.facts import Fact
from collector.store import leases, ledger
from collector.store.store import Store
from collector.tlog import checkpoints, epochs, reading, sequencing
from collector.tlog.checkpoints import Published
from collector.tlog.epochs import Epoch, Log
from tests.support.chains import NOW
from tests.support.rounds import ORG
from tests.support.taking_in import chained, taken

ORIGIN = "st-elsewhere.example.org/wardwatch"
LOG_KEY = Ed25519PrivateKey.from_private_bytes(b"log".ljust(32))
WITNESS_KEY = Ed25519PrivateKey.from_private_bytes(b"witness".ljust(32))
WITNESS = "witness.example.net"


def verifier(log: Log, origin: str = ORIGIN) -> VerifierKey:
    public = LOG_KEY.public_key().public_bytes_raw()
    return VerifierKey(f"{origin}/{log}", SignatureType.ED25519, public)


async def fill(store: Store, rows: int, batches: int, *, epoch: str = "logged") -> None:
    """Rows of three kinds and a chain of batches, all of them leaves afterwards."""
    kinds = ("outbox.redriven", "window.proposed", "access.login")
    facts = [Fact(kinds[n % 3], NOW + n, b'{"n":%d}' % n, "ann") for n in range(rows)]
    await store.write(journal.append, ORG, facts, NOW)
    if batches:
        incoming = [taken(data) for data in chained(batches, epoch=epoch)]
        await store.write(ledger.insert_batches, ORG, incoming)
        done = await store.read(ledger.stored_ranges, ORG)
        await store.write(ledger.advance_cursors, ORG, done, NOW)
    seen = await store.read(leases.look, ORG, "evaluate")
    lease = await store.write(leases.take, ORG, "evaluate", "filler", seen)
    assert lease is not None
    given = {"origin": ORIGIN, "random_bytes": bytes}
    while (await store.write(sequencing.sequence, ORG, lease, NOW, **given)).more:  # type: ignore[arg-type]  # one of each
        pass


async def sign(store: Store, log: Log, *, cosigned: bool = False) -> Published:
    """The tree as it is now; `cosigned`: by a witness, which is a quorum."""
    epoch = await store.read(epochs.current, ORG, log)
    head = await store.read(reading.head, ORG, log)
    assert epoch is not None
    assert head is not None
    data = note.write(_signed(epoch, Checkpoint(epoch.name, head.size, head.root()), cosigned))
    at = NOW if cosigned else None
    published = Published(log, epoch.epoch, head.size, NOW, data, at)
    await store.write(checkpoints.add, ORG, published)
    return published


def _signed(epoch: Epoch, head: Checkpoint, cosigned: bool) -> Note:  # noqa: FBT001 - one caller
    text = checkpoint.write(head)
    lines = [note.sign(text, epoch.name, LOG_KEY)]
    if cosigned:
        lines.append(note.cosign(text, WITNESS, WITNESS_KEY, NOW // 1_000))
    return Note(text, tuple(lines))
