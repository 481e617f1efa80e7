"""The load that checks put on the systems they watch, counted from the stored evidence.

Runs of every check; requests and bytes of answers where its kind tells them (`requests`,
`answer_bytes`). What a full spool buried is not in it: a tombstone has results only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from collector.sorting import is_possible
from collector.store import ledger, shortform
from collector.store.ledger import Stored
from collector.store.store import Store
from probes.batch import Clock
from probes.contract import Fact
from probes.segments import Table

PAGE = 200
"""Batches read in one transaction at most."""


@dataclass(slots=True)
class Load:
    """`requests` and `answer_bytes` stay None where no run told any."""

    runs: int = 0
    requests: int | None = None
    answer_bytes: int | None = None


Loads = dict[str, Load]
"""By check."""


async def added(store: Store, org: str, start: int, end: int) -> Loads:
    """By all agents, in runs that began in `[start, end)`."""
    found: Loads = {}
    after: tuple[int, int] | None = None
    while True:
        page = await store.read(ledger.read_between, org, start, end, after, PAGE)
        await asyncio.to_thread(_count_page, page, start, end, found)
        if len(page) < PAGE:
            return found
        after = (page[-1].chain, page[-1].seq)


def _count_page(page: Sequence[Stored], start: int, end: int, found: Loads) -> None:
    for one in page:
        _, tables, clock = shortform.contents_of(one.form, one.agent, one.received_at)
        for table in tables:
            count(table, clock, one.received_at, (start, end), found)


def count(
    table: Table, clock: Clock, received_at: int, span: tuple[int, int], found: Loads
) -> None:
    """Add what a table says."""
    start, end = span
    requests, answers = table.fact(Fact.REQUESTS), table.fact(Fact.ANSWER_BYTES)
    for row, at_ms in enumerate(table.at_ms):
        t = at_ms + clock.offset_ms
        if not start <= t < end or not is_possible(t, received_at):
            continue
        load = found.setdefault(table.checks[table.check[row]], Load())
        load.runs += 1
        load.requests = _plus(load.requests, requests, row)
        load.answer_bytes = _plus(load.answer_bytes, answers, row)


def _plus(sum_: int | None, column: Sequence[int | None] | None, row: int) -> int | None:
    value = None if column is None else column[row]
    return sum_ if value is None else (sum_ or 0) + value
