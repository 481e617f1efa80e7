"""Keys of the logs as the journal tells them, and a change of them recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from collector import journal
from collector.attest import logkeys
from collector.attest.logkeys import KEYS, REVOKED, Change, Keys, Revocation
from collector.attest.note import Note, SignatureLine
from collector.facts import SYSTEM, Fact
from collector.store import leases
from collector.store.leases import Lease
from collector.tlog.signer import Signer, line_of, vkey_of


class OvertakenError(Exception):
    """What was read has changed since: the keys, or what a log is called."""


@dataclass(frozen=True, slots=True)
class Known:
    """`newest`: the last row that says something of keys, 0 for none."""

    keys: Keys
    newest: int


def read(conn: Connection, org: str) -> Known:
    rows = journal.rows(conn, org, kind=(KEYS, REVOKED))
    keys = logkeys.fold((row.id, row.kind, row.data) for row in rows)
    return Known(keys, rows[-1].id if rows else 0)


def signed(made: Change, signers: Sequence[Signer]) -> Note:
    """By all of them that were in force before or are added, each under all its names. Blocks;
    SignerError.
    """
    text = logkeys.change_text(made)
    lines: list[SignatureLine] = []
    for signer in signers:
        lines += (
            line_of(signer, key.name, text)
            for key in (*made.known, *made.added)
            if vkey_of(signer, key.name) == key
        )
    return Note(text, tuple(lines))


def record(conn: Connection, org: str, lease: Lease, made: Change, note: Note, now: int) -> None:
    """FencedError when the lease is lost, OvertakenError when `made` is of other keys than these."""
    leases.guard(conn, org, lease)
    journal.hold(conn, org)
    if logkeys.in_force(read(conn, org).keys) != made.known:
        raise OvertakenError
    _append(conn, org, Fact(KEYS, now, logkeys.change_data(note), SYSTEM), now)


def revoke(conn: Connection, org: str, made: Revocation, actor: str, now: int) -> None:
    """LookupError for a key that no row has added."""
    journal.hold(conn, org)
    if made.key.text() not in read(conn, org).keys:
        raise LookupError
    _append(conn, org, Fact(REVOKED, now, logkeys.revocation_data(made), actor), now)


def _append(conn: Connection, org: str, fact: Fact, now: int) -> None:
    at = journal.following(journal.last_recorded(conn, org), now)
    journal.append(conn, org, [fact], at)
