"""The batches and tombstones of a log's range, read once more with their headers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from collector.attest import entries
from collector.attest.entries import BatchEntry
from collector.attest.faults import AttestError
from collector.bundle import layout, logfile
from collector.bundle.members import Members
from collector.verifying.chains import Sealed
from collector.verifying.failures import Failure, VerifyError
from probes import batch, tombstone
from probes.envelope import BatchError

_ROW = b"wardwatch/1 row "


@dataclass(frozen=True, slots=True)
class Signed:
    """What an agent signed, as it stands in the log."""

    sealed: Sealed
    header: batch.Header | tombstone.Header


def signed(members: Members, first: int) -> Iterator[Signed]:
    """In the order of the log, whose range begins at `first`; VerifyError."""
    with members.open(layout.ENTRIES) as file:
        for index, data in enumerate(logfile.read_entries(file), first):
            if data.startswith(_ROW):
                continue
            try:
                entry = entries.parse(data)
                if isinstance(entry, BatchEntry):
                    yield _signed(index, entry)
            except (AttestError, BatchError):
                raise VerifyError(Failure.CHAIN_HEADER, str(index)) from None


def _signed(index: int, entry: BatchEntry) -> Signed:
    header: batch.Header | tombstone.Header = (
        tombstone.header_of(entry.header) if entry.tombstone else batch.header_of(entry.header)
    )
    return Signed(
        Sealed(index, header.agent, entry.received_at, entry.signature, entry.header), header
    )
