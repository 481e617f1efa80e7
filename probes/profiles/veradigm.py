"""Veradigm (Allscripts), as its documentation describes it."""

from __future__ import annotations

from probes.budgets import Budget
from probes.profiles.profile import Profile

PROFILE = Profile(
    name="veradigm",
    title="Veradigm",
    accept="application/json+fhir, application/fhir+json;q=0.9",
    budget=Budget(requests=20, per_ms=60_000),
    quirks=(
        "Answers are labelled application/json+fhir, an older spelling.",
        "The tenant stands in the path of the base URL.",
        "No scheduling by FHIR: Coverage and Patient are there.",
        "The discovery document names methods as token_endpoint_auth_methods.",
        "The budget of 20 requests a minute is our own choice: Veradigm publishes none.",
    ),
    ask=(
        "The base URL with the tenant, one for each practice.",
        "A client with a secret, or with a certificate.",
        "The id of a test patient of that practice.",
        "Which version is installed: practices upgrade at their own time.",
    ),
)
