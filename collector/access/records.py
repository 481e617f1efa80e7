"""Journal rows of who may enter: ids, words of ours and integers, never a secret or typed text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from collector import journal
from collector.journal import Fact, canonical


class Act(StrEnum):
    CREATED = "access.account.created"
    ROLES = "access.account.roles"
    DISABLED = "access.account.disabled"
    ENABLED = "access.account.enabled"
    RESET = "access.account.reset"
    INVITED = "access.invited"
    ENROLLED = "access.enrolled"
    LOGIN = "access.login"
    LOGIN_FAILED = "access.login.failed"
    LOGOUT = "access.logout"
    TOKEN_CREATED = "access.token.created"  # noqa: S105 - a kind of row
    TOKEN_REVOKED = "access.token.revoked"  # noqa: S105 - a kind of row


@dataclass(frozen=True, slots=True)
class Note:
    """A row to be: `actor` is the account that did it."""

    kind: Act
    actor: str
    data: Mapping[str, Any]


def begin(conn: Connection, org: str, clock: Callable[[], int]) -> int:
    """The instant (UTC ms) of a change, read when the wait for others who change is over."""
    journal.hold(conn, org)
    return clock()


def record(conn: Connection, org: str, notes: Sequence[Note], now: int) -> None:
    """Append in order, at `now` or later: after all that was recorded before."""
    at = journal.following(journal.last_recorded(conn, org), now)
    facts = [Fact(note.kind.value, at, canonical(note.data), note.actor) for note in notes]
    journal.append(conn, org, facts, at)
