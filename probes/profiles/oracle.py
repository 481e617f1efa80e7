"""Oracle Health (Cerner), as its documentation describes it."""

from __future__ import annotations

from probes.budgets import Budget
from probes.profiles.profile import Profile

PROFILE = Profile(
    name="oracle",
    title="Oracle Health",
    accept="application/fhir+json, application/json+fhir;q=0.9",
    budget=Budget(requests=30, per_ms=60_000),
    record_codes=frozenset({"required"}),
    quirks=(
        "403 also means that the tenant in the base URL is not valid or not ours.",
        "JSON only: asked for another format it says 406, with no body.",
        "500 with a fatal `required` speaks of one bad record and is no outage: misconfigured.",
        "400 says that a search has no parameter it supports.",
        "A path that is none can answer 200 with HTML, the host's root 502.",
        "The statement names no software, so only its interactions tell of an upgrade.",
        "The budget of 30 requests a minute is our own choice: Oracle publishes none.",
    ),
    ask=(
        "The base URL with the tenant id, for the domain that is watched.",
        "A system account: its client id, and whether it signs in with a secret or with a key.",
        "Scopes, named one by one: no wildcard is assumed.",
        "The id of a test patient, or of a Location, with nothing wrong in its record.",
        "Which parameters a search of the type needs.",
    ),
)
