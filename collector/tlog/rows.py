"""Rows of the journal as leaves: which of the two logs has them, and what is shown of them."""

from __future__ import annotations

from collections.abc import Mapping

from collector.attest import projection
from collector.attest.entries import STATE_KINDS
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
