"""Rows of the journal as a bundle shows them: which, and each with what opens its commitment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, and_, select

from collector import journal
from collector.attest import commitments
from collector.attest.entries import STATE_KINDS, RowEntry
from collector.bundle import rowsfile
from collector.facts import CONFIG, Row
from collector.store.log_tables import log_leaves, log_rows
from collector.store.tables import journal as rows_table
from collector.tlog import rows as rows_
from collector.tlog.epochs import Epoch, Log
from collector.tlog.reading import Leaf
from probes.acts import ActKind

PAGE = 100
"""Rows of a page: versions of the file are long."""
EARLY = frozenset({CONFIG, ActKind.APPROVED.value})
"""Kinds whose time counts: when witnesses had seen them is proven."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A line of `rows.jsonl`."""

    index: int
    is_early: bool
    line: bytes

    def bare(self) -> Shown:
        """Without the line, once that is written."""
        return replace(self, line=b"")


@dataclass(frozen=True, slots=True)
class Disclosing:
    """Of one epoch of the evidence log, for some systems."""

    org: str
    epoch: Epoch
    systems: tuple[str, ...]

    def before(self, conn: Connection, end: int, after: int) -> list[Shown]:
        """State rows of indexes above `after` and below `end`: some of them, in order."""
        leaf = and_(
            log_leaves.c.org == log_rows.c.org,
            log_leaves.c.log == Log.EVIDENCE.number,
            log_leaves.c.epoch == log_rows.c.epoch,
            log_leaves.c.idx == log_rows.c.idx,
        )
        row = and_(rows_table.c.org == log_rows.c.org, rows_table.c.id == log_rows.c.row)
        query = (
            select(log_leaves, rows_table)
            .select_from(rows_table)
            .join(log_rows, row)
            .join(log_leaves, leaf)
            .where(
                rows_table.c.org == self.org,
                rows_table.c.kind.in_(sorted(STATE_KINDS)),
                log_rows.c.epoch == self.epoch.epoch,
                log_rows.c.idx > after,
                log_rows.c.idx < end,
            )
            .order_by(log_rows.c.idx)
            .limit(PAGE)
        )
        return [
            self._shown(
                conn,
                Row(r.id, r.kind, r.at, r.recorded_at, r.actor, bytes(r.data)),
                Leaf(r.idx, r.chain, r.number, r.state, bytes(r.hash), bytes(r.commitment)),
            )
            for r in conn.execute(query)
        ]

    def within(self, conn: Connection, leaves: Sequence[Leaf]) -> list[Shown]:
        """Those of a page of the range that are shown."""
        if not leaves:
            return []
        known = {leaf.number: leaf for leaf in leaves}
        rows = journal.rows(conn, self.org, after=min(known) - 1, last=max(known))
        return [
            self._shown(conn, row, known[row.id])
            for row in rows
            if row.id in known and self._is_shown(row)
        ]

    def _is_shown(self, row: Row) -> bool:
        if row.kind in STATE_KINDS or row.kind.startswith("evidence."):
            return True
        return row.kind.startswith("incident.") and _system_of(row) in self.systems

    def _shown(self, conn: Connection, row: Row, leaf: Leaf) -> Shown:
        secret, is_early = self.epoch.secret, row.kind in EARLY
        if row.kind != CONFIG:
            opened = commitments.disclose_row(secret, row)
            return Shown(leaf.index, is_early, rowsfile.write_row(leaf.index, leaf.state, opened))
        parts = rows_.parts_of(conn, self.org, self.epoch.epoch, row.id)
        told = [
            commitments.disclose_part(secret, row, parts, name)
            for name in self.systems
            if name in parts
        ]
        entry = RowEntry(row.id, row.recorded_at, leaf.state, row.kind, leaf.commitment or b"")
        return Shown(leaf.index, is_early, rowsfile.write_version(leaf.index, entry, told))


def _system_of(row: Row) -> str:
    """The system of the incident that a row is about: its key begins with it."""
    data = json.loads(row.data)
    return str(data["system"] if "system" in data else data["key"].partition(".")[0])
