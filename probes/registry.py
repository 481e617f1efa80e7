"""Every probe kind, one sorted line each; a kind is imported when it is first used."""

from __future__ import annotations

import importlib
from typing import Any

from probes.contract import Kind

KINDS: dict[str, str] = {
    "claim_chain": "probes.kinds.claim_chain",
    "coverage": "probes.kinds.coverage",
    "dicom_echo": "probes.kinds.dicom_echo",
    "dicom_find": "probes.kinds.dicom_find",
    "dicomweb": "probes.kinds.dicomweb",
    "engine": "probes.kinds.engine",
    "feed_silence": "probes.kinds.feed_silence",
    "fhir": "probes.kinds.fhir",
    "heartbeat": "probes.kinds.heartbeat",
    "hl7": "probes.kinds.hl7",
    "hl7_listener": "probes.kinds.hl7_listener",
    "http": "probes.kinds.http",
    "scheduling": "probes.kinds.scheduling",
    "sftp_drop": "probes.kinds.sftp_drop",
    "smart": "probes.kinds.smart",
    "terminology": "probes.kinds.terminology",
    "x12_claim_status": "probes.kinds.x12_claim_status",
    "x12_eligibility": "probes.kinds.x12_eligibility",
}

EXTRAS = {
    "claim_chain": "sftp",
    "dicom_echo": "dicom",
    "dicom_find": "dicom",
    "sftp_drop": "sftp",
}
"""What to install for a kind whose library is no part of the agent; others: the kind's own name."""

ON_COLLECTOR = frozenset({"feed_silence", "heartbeat"})
"""Kinds whose checks the agent built into the collector runs (`Place.COLLECTOR`), known without
importing any: a file is judged where no kind is opened, too.
"""
EITHER = frozenset({"claim_chain"})
"""Kinds whose checks run on agents, or by `from: [collector]` on the collector's (`Place.EITHER`)."""
FEEDS = frozenset({"feed_silence"})
"""Kinds that judge a feed: their checks count for no state, and open incidents of their own family."""
COUNTING = frozenset({"engine", "hl7_listener"})
"""Kinds whose runs count messages, so that a feed can be judged by them."""


def load(name: str) -> Kind[Any]:
    """The kind called `name`; KeyError when there is none."""
    kind = importlib.import_module(KINDS[name]).KIND
    if not isinstance(kind, Kind) or kind.name != name:
        raise TypeError(f"{KINDS[name]} does not define the kind {name}")
    return kind
