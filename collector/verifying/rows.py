"""Disclosed rows against the log: each is what stands at its place, and none was kept back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence

from collector.attest import entries, merkle, proof
from collector.attest.entries import STATE_KINDS, BatchEntry, Entry, RowEntry
from collector.attest.faults import AttestError
from collector.attest.note import Note
from collector.attest.proof import Proof
from collector.audit.kinds import BROKEN_CHAIN, EQUIVOCATION
from collector.bundle.rowsfile import ShownRow
from collector.facts import Row
from collector.verifying.chains import Chain
from collector.verifying.failures import Failure, VerifyError
from probes.wire.merkle import leaf_hash

BACKDATED_MS = 3_600_000
"""Clocks of two collectors differ by less, and the log is behind them by less."""
_ALWAYS_SHOWN = "evidence."


class InRange:
    """Compares the rows of a range, which begins at `first`, with its entries as they come."""

    def __init__(self, shown: Sequence[ShownRow], first: int) -> None:
        self._due = {one.index: one.entry for one in shown if one.index >= first}
        self.kinds: Counter[str] = Counter()
        """Rows that the range has, disclosed or not."""
        self._received = 0
        """The latest instant at which a batch of the range was received so far."""

    def take(self, index: int, entry: Entry) -> None:
        due = self._due.pop(index, None)
        if due is not None and due != entry:
            raise VerifyError(Failure.ROWS_DIFFER, str(index))
        if isinstance(entry, BatchEntry):
            self._received = max(self._received, entry.received_at)
        if not isinstance(entry, RowEntry):
            return
        self.kinds[entry.kind] += 1
        if due is None and entry.kind.startswith(_ALWAYS_SHOWN):
            raise VerifyError(Failure.ROWS_WITHHELD, str(index))
        if entry.kind in STATE_KINDS and entry.recorded_at + BACKDATED_MS < self._received:
            raise VerifyError(Failure.ROWS_BACKDATED, str(index))

    def end(self) -> None:
        """VerifyError for a row behind the last entry."""
        if self._due:
            raise VerifyError(Failure.ROWS_DIFFER, str(min(self._due)))


def counted(shown: Iterable[ShownRow]) -> int:
    """How many state rows are disclosed; VerifyError unless they are the log's first so many."""
    count = 0
    for one in shown:
        if one.entry.kind not in STATE_KINDS:
            continue
        count += 1
        if one.entry.state > count:
            raise VerifyError(Failure.ROWS_WITHHELD, _state_row(count))
        if one.entry.state < count:
            raise VerifyError(Failure.ROWS_ORDER, str(one.index))
    return count


def complete(count: int, state: int) -> None:
    """VerifyError unless the log's state rows are as many as are disclosed."""
    if count != state:
        raise VerifyError(Failure.ROWS_WITHHELD, _state_row(count + 1))


def _state_row(number: int) -> str:
    return f"state row {number}"


def proved(one: ShownRow, data: bytes, final: Note, size: int, root: bytes) -> None:
    """VerifyError unless the proof leads from the row's entry to the final checkpoint."""
    place = str(one.index)
    found = parsed(data, place, Failure.ROWS_PROOF)
    if found.index != one.index or found.checkpoint != final:
        raise VerifyError(Failure.ROWS_PROOF, place)
    if not merkle.included(leaf_of(one), one.index, size, found.path, root):
        raise VerifyError(Failure.ROWS_PROOF, place)


def parsed(data: bytes, place: str, failure: Failure) -> Proof:
    """VerifyError `failure` for what is no proof."""
    try:
        return proof.parse(data)
    except AttestError:
        raise VerifyError(failure, place) from None


def leaf_of(one: ShownRow) -> bytes:
    """Its leaf in the log."""
    try:
        return leaf_hash(entries.write(one.entry))
    except AttestError:
        raise VerifyError(Failure.ROWS_DIFFER, str(one.index)) from None


def told(rows: Iterable[Row]) -> set[Chain]:
    """Chains of which a row says that a link does not hold, or that one place was taken twice."""
    found: set[Chain] = set()
    for row in rows:
        if row.kind not in (BROKEN_CHAIN, EQUIVOCATION):
            continue
        try:
            data = json.loads(row.data)
            agent, epoch = data["agent"], data["epoch"]
        except (LookupError, TypeError, ValueError, RecursionError):
            raise VerifyError(Failure.ROWS_ACT, f"row {row.id}") from None
        if not isinstance(agent, str) or not isinstance(epoch, str):
            raise VerifyError(Failure.ROWS_ACT, f"row {row.id}")
        found.add((agent, epoch))
    return found
