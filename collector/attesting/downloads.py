"""Who took a bundle: a row before its first byte."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from collector import journal
from collector.audit.kinds import DOWNLOADED
from collector.journal import Fact, canonical


@dataclass(frozen=True, slots=True)
class By:
    """`credential`: the id of the token or session."""

    account: str
    credential: str


def record(
    conn: Connection, org: str, attestation: str, sha256: bytes, by: By, clock: Callable[[], int]
) -> None:
    journal.hold(conn, org)
    at = journal.following(journal.last_recorded(conn, org), clock())
    data = {
        "attestation": attestation,
        "sha256": sha256.hex(),
        "by": by.account,
        "credential": by.credential,
    }
    journal.append(conn, org, [Fact(DOWNLOADED, at, canonical(data), by.account)], at)
