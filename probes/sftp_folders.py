"""What the files of a folder say of those who bring and fetch them. Pure: instants are arguments.

A name decides whether a file counts, and is gone with that. Ages are by the server's times of last
change, against its clock as far as that is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from probes.contract import Fact, Outcome
from probes.reasons import Reason
from probes.sftp_spec import Folder, Temporary
from probes.wire.sftp import Entry

TEST_NAMES = frozenset({b".wardwatch-test.tmp", b".wardwatch-test"})
"""What the write test makes: no file of theirs."""
AHEAD_MS = 300_000
"""A file from further ahead, and a server whose clock is further off: ages say nothing then."""
_MS = 1000


@dataclass(slots=True)
class Seen:
    """The files of one folder so far; ages in milliseconds."""

    folder: Folder
    temporary: Temporary
    empty_after_ms: int
    now_ms: int
    """The server's, as far as it is known."""
    last_ms: int | None = None
    """When the newest file came, of those that earlier runs saw: it may have been fetched since."""
    files: int = 0
    newest_ms: int | None = None
    oldest_ms: int | None = None
    empty: int = 0
    """Empty for too long: one that is just being written begins empty."""
    stuck: int = 0
    stuck_ms: int = 0
    is_ahead: bool = False
    is_cut: bool = False
    """There is more than anybody lists."""

    def __post_init__(self) -> None:
        if self.last_ms is not None:
            self.newest_ms = max(self.now_ms - self.last_ms, 0)

    @property
    def newest_at_ms(self) -> int | None:
        return None if self.newest_ms is None else self.now_ms - self.newest_ms

    def see(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._see(entry)

    def _see(self, entry: Entry) -> None:
        attributes = entry.attributes
        if not entry.is_file or entry.name in TEST_NAMES:
            return
        name = entry.name.decode("utf-8", "replace")
        is_temporary = self.temporary.matches.match(name) is not None
        if not is_temporary and self.folder.matches.match(name) is None:
            return
        age_ms = None
        if attributes.mtime_s is not None:
            age_ms = self.now_ms - attributes.mtime_s * _MS
            self.is_ahead |= age_ms < -AHEAD_MS
            age_ms = max(age_ms, 0)
        if is_temporary:
            if age_ms is not None and age_ms > self.temporary.stuck_after:
                self.stuck += 1
                self.stuck_ms = max(self.stuck_ms, age_ms)
            return
        self.files += 1
        if attributes.size == 0 and age_ms is not None and age_ms > self.empty_after_ms:
            self.empty += 1
        if age_ms is not None:
            self.newest_ms = age_ms if self.newest_ms is None else min(self.newest_ms, age_ms)
            self.oldest_ms = age_ms if self.oldest_ms is None else max(self.oldest_ms, age_ms)

    def verdict(self) -> tuple[Outcome, Reason]:
        """The first that is sure: what a cut listing shows counts, what it lacks does not."""
        reason = self._reason()
        return (Outcome.UP if reason is Reason.OK else Outcome.DEGRADED), reason

    def _reason(self) -> Reason:
        folder, newest_ms = self.folder, self.newest_ms
        stale = folder.max_newest is not None and (
            newest_ms is None or newest_ms > folder.max_newest
        )
        found = {
            Reason.SFTP_BACKLOG: folder.max_files is not None and self.files > folder.max_files,
            Reason.SFTP_WAITING: folder.max_oldest is not None
            and (self.oldest_ms or 0) > folder.max_oldest,
            Reason.SFTP_STUCK: self.stuck > 0,
            Reason.SFTP_EMPTY_FILE: self.empty > 0,
            Reason.SFTP_TOO_MANY: self.is_cut,
            Reason.SFTP_CLOCK: self.is_ahead,
            Reason.SFTP_STALE: stale,
        }
        return next((reason for reason, holds in found.items() if holds), Reason.OK)


def facts(seen: Iterable[Seen]) -> dict[Fact, int]:
    """Of all folders: counts together, of ages the highest."""
    all_ = list(seen)
    found = {
        Fact.FILES: sum(one.files for one in all_),
        Fact.EMPTY_FILES: sum(one.empty for one in all_),
        Fact.STUCK: sum(one.stuck for one in all_),
    }
    ages = {
        Fact.NEWEST_S: [one.newest_ms for one in all_ if one.newest_ms is not None],
        Fact.OLDEST_S: [one.oldest_ms for one in all_ if one.oldest_ms is not None],
        Fact.STUCK_S: [one.stuck_ms for one in all_ if one.stuck],
    }
    return found | {fact: max(ms) // _MS for fact, ms in ages.items() if ms}
