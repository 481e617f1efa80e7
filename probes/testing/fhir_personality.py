"""How the simulated FHIR server plays a vendor: what published documents say of it, nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Personality:
    """`found_nothing`: the code of the warning that comes with a search without a match. `throttles`:
    by 429, with Retry-After; else by a code of an OperationOutcome. `json_only`: another format is
    406, with no body.
    """

    media_type: str = "application/fhir+json"
    software: tuple[str, str] | None = ("Simulated EHR", "1.4.2")
    found_nothing: str | None = None
    throttles: bool = True
    json_only: bool = False


PERSONALITIES: Mapping[str, Personality] = {
    "epic": Personality(
        software=("Simulated Epic", "May 2026"), found_nothing="4101", throttles=False
    ),
    "generic": Personality(),
    "oracle": Personality(software=None, json_only=True),
    "veradigm": Personality(media_type="application/json+fhir; charset=UTF-8"),
}
