"""Every probe kind, one sorted line each; a kind is imported when it is first used."""

from __future__ import annotations

import importlib
from typing import Any

from probes.contract import Kind

KINDS: dict[str, str] = {
    "coverage": "probes.kinds.coverage",
    "engine": "probes.kinds.engine",
    "feed_silence": "probes.kinds.feed_silence",
    "fhir": "probes.kinds.fhir",
    "heartbeat": "probes.kinds.heartbeat",
    "hl7": "probes.kinds.hl7",
    "hl7_listener": "probes.kinds.hl7_listener",
    "http": "probes.kinds.http",
    "scheduling": "probes.kinds.scheduling",
    "smart": "probes.kinds.smart",
    "terminology": "probes.kinds.terminology",
    "x12_claim_status": "probes.kinds.x12_claim_status",
    "x12_eligibility": "probes.kinds.x12_eligibility",
}

ON_COLLECTOR = frozenset({"feed_silence", "heartbeat"})
"""Kinds whose checks the agent built into the collector runs (`Place.COLLECTOR`), known without
importing any: a file is judged where no kind is opened, too.
"""


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
