"""The numbers as the collector itself makes them, from all it knows: what an attestation is compared
with before it is issued.

The truth of each system is taken up from a snapshot, as every evaluation does, and folded on with
what the log has up to the same checkpoint, up to the same edge of knowledge. Where the evidence of a
bundle begins later, and leaves out other systems, the numbers must be the same all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from sqlalchemy import Connection, select

from collector import journal, snapshots, versions
from collector.attesting.covering import logged
from collector.attesting.disclosing import rows_below
from collector.attesting.gathering import Asked
from collector.evidence import Evidence, Page
from collector.facts import Row
from collector.numbers import look_up
from collector.snapshots import FORMAT
from collector.store import ranges
from collector.store import snapshots as saved
from collector.store.ledger import Chain
from collector.store.ranges import Ranges
from collector.store.store import Store
from collector.store.tables import chains
from collector.tlog import epochs, reading
from collector.tlog.epochs import Log
from collector.tlog.leafrows import JOURNAL
from collector.truths import GRACE_MS, Live, systems_by_check
from probes.history import History

GATHERED = 20_000
"""Results of a system that may wait to be settled."""


async def truths(
    store: Store, asked: Asked, start: int, end: int
) -> tuple[History, dict[str, Live]]:
    """What was in force, and every system folded up to `asked.now`; runs of `[start, end)` can be
    counted.
    """
    history = versions.history(await store.read(_rows, asked)).known(asked.now)
    upto = await store.read(_held, asked)
    evidence = Evidence(store, asked.org)
    wanted = dict.fromkeys(asked.systems, min(start, asked.evidence_from))
    limits: dict[str, int] = {}
    while True:
        base = await store.read(saved.read_before, asked.org, FORMAT, wanted)
        lives = {system: Live(system) for system in asked.systems}
        for one in () if base is None else base.systems:
            lives[one.system] = snapshots.decode(one.system, one.data, history)
        folding = _Folding(history, lives, limits, asked.now)
        async for page in evidence.since({} if base is None else base.folded, upto):
            await asyncio.to_thread(folding.take, page)
        await asyncio.to_thread(folding.fold)
        late = {name: live.older for name, live in lives.items() if live.older is not None}
        if not late:
            break
        # an agent that set its clock back: nothing from there on is settled
        limits |= {name: min(limits.get(name, at), at) for name, at in late.items()}
        wanted |= {name: min(wanted[name], at) for name, at in late.items()}
    found = [live.truth for live in lives.values()]
    await look_up(evidence, found, history, start, end, asked.now)
    return history, lives


class _Folding:
    """Keeps what waits to be settled short, as `follower.py` does."""

    def __init__(
        self, history: History, lives: Mapping[str, Live], limits: Mapping[str, int], now: int
    ) -> None:
        self._history, self._lives, self._limits, self._now = history, lives, limits, now
        self._by_check = systems_by_check(history)

    def take(self, page: Page) -> None:
        fed: dict[str, Live] = {}
        for source, line in page.lines.items():
            known = [one for one in line if one.t < self._now]
            for system in self._by_check.get(source[0], ()):
                if known and (live := self._lives.get(system)) is not None:
                    live.take_line(source, known, self._now)
                    fed[system] = live
        if page.edge is None:
            return
        now = min(page.edge, self._now)
        for live in fed.values():
            edge = min(now - GRACE_MS, self._limits.get(live.system, now))
            ahead = edge - live.settled.until
            if live.gathered > GATHERED and ahead > 0 and live.older is None:
                live.fold(self._history, now)
                if live.older is None:
                    live.settle(edge, now)
                live.stale = True

    def fold(self) -> None:
        for live in self._lives.values():
            if live.older is None:
                live.fold(self._history, self._now)


def _rows(conn: Connection, asked: Asked) -> list[Row]:
    """What makes the history, as far as the log has it."""
    there = rows_below(asked.org, asked.epoch.epoch, asked.final.size)
    return journal.rows(conn, asked.org, kind=versions.KINDS, only=there)


def _held(conn: Connection, asked: Asked) -> dict[Chain, Ranges]:
    """Batches that the log has up to the final checkpoint: all it has, but for those behind it."""
    held = logged(conn, asked.org, asked.epoch.epoch)
    of_number = {
        row.number: (row.agent, row.epoch)
        for row in conn.execute(
            select(chains.c.number, chains.c.agent, chains.c.epoch).where(chains.c.org == asked.org)
        )
    }
    end = epochs.current(conn, asked.org, Log.EVIDENCE)
    last = asked.final.size if end is None else end.tree.size
    at = (conn, asked.org, Log.EVIDENCE, asked.final.size, last)
    for leaf in reading.leaves(*at, epoch=asked.epoch.epoch):
        if leaf.chain > JOURNAL:
            chain = of_number[leaf.chain]
            held[chain] = ranges.missing(((leaf.number, leaf.number),), held[chain])
    return held
