"""Rows of the journal as a bundle shows them: which, and each with what opens its commitment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Select, select

from collector import journal
from collector.attest import commitments
from collector.attest.entries import STATE_KINDS, RowEntry, parse
from collector.bundle import rowsfile
from collector.facts import CONFIG, Row
from collector.store.log_tables import log_rows
from collector.tlog import reading
from collector.tlog import rows as rows_
from collector.tlog.epochs import Epoch, Log
from collector.tlog.reading import ChangedError
from probes.acts import ActKind

PAGE = 100
"""Rows of a page: versions of the file are long."""
EARLY = frozenset({CONFIG, ActKind.APPROVED.value})
"""Kinds whose time counts: when witnesses had seen them is proven."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A line of `rows.jsonl`."""

    row: int
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
        """State rows of ids above `after` that stand below the index `end`: some, in order."""
        logged = rows_below(self.org, self.epoch.epoch, end)
        kinds = sorted(STATE_KINDS)
        rows = journal.rows(conn, self.org, kind=kinds, after=after, only=logged, limit=PAGE)
        out = []
        for row in rows:
            at = (conn, self.org, Log.EVIDENCE, row.id)
            index = reading.index_of_row(*at, epoch=self.epoch.epoch)
            if index is not None:
                out.append(self._shown(index, self._entry(conn, index), row))
        return out

    def within(self, conn: Connection, start: int, entries: Sequence[bytes]) -> list[Shown]:
        """Those of a page of the range, from the index `start` on, that are shown."""
        told = [(index, parse(data)) for index, data in enumerate(entries, start)]
        known = {one.id: (index, one) for index, one in told if isinstance(one, RowEntry)}
        if not known:
            return []
        rows = journal.rows(conn, self.org, after=min(known) - 1, last=max(known))
        return [
            self._shown(*known[row.id], row)
            for row in rows
            if row.id in known and self._is_shown(row)
        ]

    def _entry(self, conn: Connection, index: int) -> RowEntry:
        """ChangedError where it is not as it was logged."""
        at = (conn, self.org, Log.EVIDENCE, index, index + 1)
        (data,) = reading.entries(*at, epoch=self.epoch.epoch)
        entry = parse(data)
        if not isinstance(entry, RowEntry):
            raise ChangedError(Log.EVIDENCE, index)
        return entry

    def _is_shown(self, row: Row) -> bool:
        if row.kind in STATE_KINDS or row.kind.startswith("evidence."):
            return True
        return row.kind.startswith("incident.") and _system_of(row) in self.systems

    def _shown(self, index: int, entry: RowEntry, row: Row) -> Shown:
        secret, is_early = self.epoch.secret, row.kind in EARLY
        if row.kind != CONFIG:
            opened = commitments.disclose_row(secret, row)
            return Shown(row.id, index, is_early, rowsfile.write_row(index, entry.state, opened))
        parts = rows_.parts_of(row)
        told = [
            commitments.disclose_part(secret, row, parts, name)
            for name in self.systems
            if name in parts
        ]
        return Shown(row.id, index, is_early, rowsfile.write_version(index, entry, told))


def rows_below(org: str, epoch: int, end: int) -> Select[tuple[int]]:
    """Ids of rows that the evidence log has below the index `end`."""
    return select(log_rows.c.row).where(
        log_rows.c.org == org,
        log_rows.c.log == Log.EVIDENCE.number,
        log_rows.c.epoch == epoch,
        log_rows.c.idx < end,
    )


def _system_of(row: Row) -> str:
    """The system of the incident that a row is about: its key begins with it."""
    data = json.loads(row.data)
    return str(data["system"] if "system" in data else data["key"].partition(".")[0])
