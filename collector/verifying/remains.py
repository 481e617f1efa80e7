"""What agents kept of batches that they gave up: each body is the one that the agent signed."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from collector.attest import spelling
from collector.bundle import jsonlines, layout
from collector.bundle.faults import BundleFault
from collector.bundle.members import Members
from collector.verifying.failures import Failure, VerifyError
from probes import tombstone


class _Due(NamedTuple):
    """`kept`: results in the body; without any it may be left out."""

    sha256: str
    length: int
    kept: int


class Remains:
    """Tombstones of a range as they come, then their bodies."""

    def __init__(self) -> None:
        self._due: dict[int, _Due] = {}

    def tombstone(self, place: int, header: tombstone.Header) -> None:
        """The one at this index of the log."""
        kept = sum(header.kept.values())
        self._due[place] = _Due(header.body_sha256, header.body_length, kept)

    def end(self, members: Members) -> int:
        """How many bodies there are. VerifyError for one that is not that of its tombstone, and for a
        tombstone that kept results and has none.
        """
        count = 0
        if layout.TOMBSTONES in members.names:
            with members.open(layout.TOMBSTONES) as file:
                lines = jsonlines.lines(file, BundleFault.EVIDENCE_TOMBSTONE, layout.TOMBSTONES)
                for place, found in lines:
                    index, text = jsonlines.count(found.get("index")), found.get("body")
                    body = spelling.bytes_of(text) if isinstance(text, str) else None
                    if index is None or body is None or len(found) != len(("body", "index")):
                        raise VerifyError(Failure.TOMBSTONE_MALFORMED, place)
                    due = self._due.pop(index, None)
                    if due is None or due[:2] != (hashlib.sha256(body).hexdigest(), len(body)):
                        raise VerifyError(Failure.TOMBSTONE_BODY, str(index))
                    count += 1
        missing = [place for place, due in self._due.items() if due.kept]
        if missing:
            raise VerifyError(Failure.TOMBSTONE_MISSING, str(missing[0]))
        return count
