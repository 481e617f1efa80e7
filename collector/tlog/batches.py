"""The entry of a batch or a tombstone: its header and signature, as the agent sent them."""

from __future__ import annotations

from collector.attest.entries import BatchEntry
from collector.store import shortform
from collector.store.ledger import Stored
from probes import envelope


def entry_of(stored: Stored, state: int = 0) -> BatchEntry:
    """`state`: how many state rows the log has before it. Nothing of the body is held."""
    data = stored.data
    parts = envelope.split(data[: envelope.MAGIC_BYTES], data)
    return BatchEntry(
        received_at=stored.received_at,
        state=state,
        signature=bytes(parts.signature),
        header=bytes(parts.header_bytes),
        tombstone=shortform.is_tombstone(data),
    )
