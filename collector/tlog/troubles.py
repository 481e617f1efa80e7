"""Why a log is not signed: a closed list, with what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Trouble(StrEnum):
    """Those that begin with `forked` end only with another epoch, or the right database."""

    LOST = "log.forked_lost"
    CHANGED = "log.forked_changed"
    WITNESS = "log.forked_witness"
    ORIGIN = "log.origin"
    GUARD = "log.guard"
    KEYS = "log.keys"
    REVOKED = "log.revoked"
    STORE = "log.store"

    @property
    def is_fork(self) -> bool:
        return self in FORKS


FORKS = frozenset({Trouble.LOST, Trouble.CHANGED, Trouble.WITNESS})
_RESTORE = (
    "Bring the newer database back; if it is lost, give the logs another origin in the file, then: "
    "wardwatch log restart"
)
TROUBLES: Mapping[Trouble, tuple[str, str]] = {
    Trouble.LOST: (
        "the database has fewer entries than were signed, so it is an older copy",
        _RESTORE,
    ),
    Trouble.CHANGED: ("the database has other entries than were signed", _RESTORE),
    Trouble.WITNESS: ("a witness has cosigned more, or something else, than is here", _RESTORE),
    Trouble.ORIGIN: (
        "the file names another origin than the log has signed under",
        "Write the old origin again, or begin a new log with: wardwatch log restart",
    ),
    Trouble.GUARD: (
        "the file of what was signed last (--log-guard) cannot be read or written",
        "Make it readable and writable for the collector's user; never delete it",
    ),
    Trouble.KEYS: (
        "none of the keys in the file can sign",
        "See `log.key_fault` in the collector's log, and collector/tlog/KEYS.md",
    ),
    Trouble.REVOKED: (
        "all keys in the file are revoked",
        "Make another with `wardwatch log key new FILE`, and name it under evidence_log.keys",
    ),
    Trouble.STORE: (
        "the database does not answer",
        "It is tried again; see the collector's log",
    ),
}
"""What is wrong, and what to do."""
