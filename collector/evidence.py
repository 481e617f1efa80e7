"""The stored results in memory, by (check, agent): a cache of the batches, one per process.

It is filled from the store at start and follows it by the ranges each chain holds, so it sees
what other replicas stored, and what arrives late, without looking at the rest again.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from collector.store import ledger, ranges
from collector.store.ledger import Chain, Incoming
from collector.store.ranges import Ranges
from collector.store.store import Store
from probes import batch
from probes.batch import BatchError
from probes.results import Result

log = logging.getLogger("wardwatch.evidence")

PAGE = 200
"""Batches read in one transaction at most."""

Source = tuple[str, str]
"""(check, agent)."""


@dataclass(frozen=True, slots=True)
class LastBatch:
    """What the newest batch of an agent says. Clock figures are milliseconds."""

    epoch: str
    seq: int
    received_at: int
    clock_offset_ms: int
    clock_error_ms: int


class Evidence:
    """`results` are in order of `t`; `held` says which batches they come from.

    `touched` names the checks whose results came since somebody emptied it: it outlives a look
    that failed after its batches were read.
    """

    def __init__(self, store: Store, org: str) -> None:
        self._store = store
        self._org = org
        self.results: dict[Source, list[Result]] = {}
        self.held: dict[Chain, Ranges] = {}
        self.last: dict[str, LastBatch] = {}
        self.touched: set[str] = set()

    async def refresh(self) -> None:
        """Read what is stored and not held yet."""
        stored = await self._store.read(ledger.stored_ranges, self._org)
        for chain, have in stored.items():
            wanted = ranges.missing(self.held.get(chain, ()), have)
            while wanted:
                page = await self._store.read(
                    ledger.read_batches, self._org, chain, wanted, limit=PAGE
                )
                decoded = await asyncio.to_thread(_decode, page)
                for incoming, (results, last) in zip(page, decoded, strict=True):
                    self._add(chain, incoming.seq, results, last)
                if not page:
                    break
                wanted = ranges.missing(self.held[chain], wanted)

    async def between(
        self, sources: Iterable[Source], start: int, end: int
    ) -> dict[Source, list[Result]]:
        """Results of these (check, agent)s with `start <= t < end`, in order of `t`.

        A source without any has an empty list.
        """
        out: dict[Source, list[Result]] = {}
        for source in sources:
            line = self.results.get(source, [])
            left, right = (bisect_left(line, t, key=lambda r: r.t) for t in (start, end))
            out[source] = line[left:right]
        return out

    def _add(
        self, chain: Chain, seq: int, results: Sequence[Result], last: LastBatch | None
    ) -> None:
        for result in results:
            self.touched.add(result.check)
            line = self.results.setdefault((result.check, result.agent), [])
            if line and result.t < line[-1].t:
                insort(line, result, key=lambda r: r.t)
            else:
                line.append(result)
        self.held[chain] = ranges.add(self.held.get(chain, ()), seq)
        known = self.last.get(chain[0])
        if last and (
            known is None or (last.received_at, last.seq) >= (known.received_at, known.seq)
        ):
            self.last[chain[0]] = last


def _decode(page: Sequence[Incoming]) -> list[tuple[list[Result], LastBatch | None]]:
    return [_decode_one(incoming) for incoming in page]


def _decode_one(incoming: Incoming) -> tuple[list[Result], LastBatch | None]:
    try:
        opened = batch.open_batch(incoming.data)
        results = batch.results_of(opened, incoming.received_at)
    except BatchError as error:
        # It was readable when it was stored: this program is older than that, or has a defect.
        log.error("evidence.unreadable code=%s seq=%d", error.code.value, incoming.seq)  # noqa: TRY400 - codes only
        return [], None
    header = opened.header
    last = LastBatch(
        incoming.epoch,
        incoming.seq,
        incoming.received_at,
        header.clock_offset_ms,
        header.clock_error_ms,
    )
    return results, last
