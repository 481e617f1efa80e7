"""Disclosed evidence as it is read for the numbers: whose it is, and whether it is all.

That a segment is the one of its batch shows by the batch's header. A system's tag in a batch names it
to nobody but the agent, so that a segment is the system's shows by its checks alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from collector.bundle.evidence import Log, Rows
from collector.bundle.reading import Record
from collector.facts import CONFIG
from collector.verifying.failures import Failure, VerifyError


@dataclass(frozen=True, slots=True)
class Counts:
    """Segments by system."""

    segments: Mapping[str, int]


class Shown:
    """`see` each record, then `end`."""

    def __init__(self, rows: Rows, log: Log) -> None:
        self._checks = _checks(rows)
        self._log = log
        self._whole = _whole(rows)
        self._counts = Counter(dict.fromkeys(rows.histories, 0))
        self._systems: Counter[int] = Counter()
        """By index of the log, where every system is disclosed."""

    def see(self, system: str, record: Record) -> None:
        """VerifyError for a segment of none of the system's checks."""
        arrived = record.arrived
        if self._checks[system].isdisjoint(record.table.form.checks):
            raise VerifyError(Failure.SEGMENT_FOREIGN, f"{system}:{arrived.index}")
        if not arrived.tombstone:
            self._counts[system] += 1
            if self._whole:
                self._systems[arrived.index] += 1

    def end(self) -> Counts:
        """VerifyError where every system is disclosed, and a batch holds more."""
        if self._whole:
            for index, arrived in self._log.arrived.items():
                if not arrived.tombstone and self._systems[index] != arrived.systems:
                    raise VerifyError(Failure.SEGMENT_WITHHELD, str(index))
        return Counts(self._counts)


def _checks(rows: Rows) -> dict[str, frozenset[str]]:
    """All checks that each system ever had."""
    return {
        system: frozenset(name for version in history.versions for name in version.config.checks)
        for system, history in rows.histories.items()
    }


def _whole(rows: Rows) -> bool:
    """Is every system disclosed that any version has? One part of each is the whole file's."""
    versions = [one for one in rows.shown if one.entry.kind == CONFIG]
    return all(
        one.parts and all(part.of == len(one.parts) + 1 for part in one.parts.values())
        for one in versions
    )
