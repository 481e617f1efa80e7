"""The entry of a batch or a tombstone: its header and signature, as the agent sent them."""

from __future__ import annotations

from collector.attest.entries import BatchEntry, write
from collector.store import shortform
from collector.store.ledger import Stored
from probes import envelope


def entry_of(stored: Stored, state: int) -> bytes:
    """`state`: how many state rows the log has before it."""
    data = stored.data
    parts = envelope.split(data[: envelope.MAGIC_BYTES], data)
    return write(
        BatchEntry(
            received_at=stored.received_at,
            state=state,
            signature=parts.signature,
            header=parts.header_bytes,
            tombstone=shortform.is_tombstone(data),
        )
    )
