"""Rows of the journal as leaves: which of the two logs has them, and what they commit to."""

from __future__ import annotations

from collections.abc import Mapping

from collector.attest import commitments, projection
from collector.attest.entries import STATE_KINDS, RowEntry
from collector.audit.kinds import KINDS, Topic
from collector.facts import CONFIG, Row

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


def is_evidence(row: Row) -> bool:
    """A kind that only a newer release knows is in the audit log alone."""
    known = KINDS.get(row.kind)
    return known is not None and known.topic in EVIDENCE_TOPICS


def counts(row: Row) -> bool:
    """Is it a state row?"""
    return row.kind in STATE_KINDS


def parts_of(row: Row) -> Mapping[str, bytes]:
    """What is disclosed of a version system by system; of any other row nothing."""
    return projection.projections(row.data) if row.kind == CONFIG else {}


def committed(secret: bytes, row: Row, parts: Mapping[str, bytes], state: int) -> RowEntry:
    """Its entry in the log of this secret; `parts` as `parts_of` says."""
    commitment = commitments.commit(secret, row, parts)
    return RowEntry(row.id, row.recorded_at, state, row.kind, commitment)
