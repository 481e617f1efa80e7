"""An attestation that was issued, told to those who were to be told: what it is, and how to fetch it.

Nothing is attached and no address fetches it without a login: the letter has the SHA-256, so that
whoever has fetched it knows that it is the one (semantics 7). Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.minimal import encoded, harmless
from alerts.render import ATTESTATION_TYPE, organization_of
from probes.config import Config
from probes.times import rfc3339

NAMED = 200
"""How many systems a message names at most; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Attested:
    """Of `[start, end)`, UTC ms; `sha256` of the whole bundle in hex, `length` in bytes. `revision`
    counts from 1; a later one supersedes the one before it.
    """

    id: str
    period: str
    start: int
    end: int
    systems: Sequence[str]
    revision: int
    sha256: str
    length: int


def render_attested(
    config: Config, told: Attested, *, message_id: str, receiver: str, at: int
) -> bytes:
    event = {
        "specversion": "1.0",
        "id": message_id,
        "source": f"urn:wardwatch:{config.organization.id}",
        "type": ATTESTATION_TYPE,
        "subject": f"attestation.{receiver}",
        "time": rfc3339(at),
        "datacontenttype": "application/json",
        "data": {
            "organization": organization_of(config),
            "attestation": told.id,
            "period": told.period,
            "start": rfc3339(told.start),
            "end": rfc3339(told.end),
            "systems": [_system(config, system) for system in told.systems[:NAMED]],
            "count": len(told.systems),
            "revision": told.revision,
            "sha256": told.sha256,
            "length": told.length,
            "link": None if config.access is None else config.access.public_url,
        },
    }
    return encoded(harmless(event))


def _system(config: Config, system: str) -> dict[str, str]:
    known = config.systems.get(system)
    return {"id": system, "name": known.name if known else system}
