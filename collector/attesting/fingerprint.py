"""Whether two attestations say the same of the same evidence. Reads the members, judges nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from collector.bundle import evidencefile, layout
from collector.bundle.evidence import Asked, Evidence
from collector.facts import canonical

NOT_FIGURES = frozenset({"log", "assurance", "configChanges"})
"""Derived fields that grow with the log though nothing of the period is new."""


def fingerprint(evidence: Evidence, asked: Asked, derived: Mapping[str, Any]) -> bytes:
    """Two with the same say the same: what was seen up to the edge of knowledge, and all that follows
    from it. That the log has grown behind it changes nothing.
    """
    digest = hashlib.sha256()
    for system in evidence.systems:
        name = layout.evidence_of(system)
        with evidence.members.open(name) as file:
            for one in evidencefile.read(file, name):
                arrived = evidence.log.arrived[one.entry]
                if asked.evidence_from <= arrived.last_t and arrived.first_t < asked.now:
                    seen = hashlib.sha256(one.data).hexdigest()
                    digest.update(f"{system} {one.entry} {seen}\n".encode())
    figures = {name: value for name, value in derived.items() if name not in NOT_FIGURES}
    digest.update(canonical(figures))
    return digest.digest()
