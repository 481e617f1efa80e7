"""Rows of the journal as leaves: which of the two logs has them, and what they commit to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import zstandard
from sqlalchemy import Connection, insert, select

from collector.attest import commitments
from collector.attest.entries import STATE_KINDS, RowEntry
from collector.audit.kinds import KINDS, Topic
from collector.facts import Row
from collector.store.log_tables import log_parts

EVIDENCE_TOPICS = frozenset(
    {
        Topic.CONFIG,
        Topic.MAINTENANCE,
        Topic.CORRECTIONS,
        Topic.INCIDENTS,
        Topic.EVIDENCE,
        Topic.AGENT_KEYS,
        Topic.LOG,
        Topic.ATTESTATION,
    }
)
"""The evidence log has rows of these; the audit log has all."""
LEVEL = 9
"""Of zstd: a version is pressed once and kept for years."""


def is_evidence(row: Row) -> bool:
    """A kind that only a newer release knows is in the audit log alone."""
    known = KINDS.get(row.kind)
    return known is not None and known.topic in EVIDENCE_TOPICS


def counts(row: Row) -> bool:
    """Is it a state row?"""
    return row.kind in STATE_KINDS


def committed(secret: bytes, row: Row, parts: Mapping[str, bytes], state: int) -> RowEntry:
    """Its entry in the log of this secret; `parts` of a version, by system, else none."""
    commitment = commitments.commit(secret, row, parts)
    return RowEntry(row.id, row.recorded_at, state, row.kind, commitment)


def keep_parts(
    conn: Connection, org: str, epoch: int, parts: Mapping[int, Mapping[str, bytes]]
) -> None:
    """What versions, by row, were committed as."""
    rows: list[dict[str, Any]] = [
        {"org": org, "epoch": epoch, "row": row, "parts": _pressed(found)}
        for row, found in sorted(parts.items())
    ]
    if rows:
        conn.execute(insert(log_parts), rows)


def parts_of(conn: Connection, org: str, epoch: int, row_id: int) -> dict[str, bytes]:
    """What a version was committed as, by system; LookupError for a row that is none, or is not
    logged in this epoch.
    """
    query = select(log_parts.c.parts).where(
        log_parts.c.org == org, log_parts.c.epoch == epoch, log_parts.c.row == row_id
    )
    found = conn.execute(query).scalar()
    if found is None:
        raise LookupError(row_id)
    texts = msgspec.json.decode(zstandard.decompress(found), type=dict[str, str])
    return {system: text.encode() for system, text in texts.items()}


def _pressed(parts: Mapping[str, bytes]) -> bytes:
    texts = {system: data.decode() for system, data in sorted(parts.items())}
    return zstandard.compress(msgspec.json.encode(texts), LEVEL)
