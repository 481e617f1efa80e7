"""What every fault of `FhirHost` means to a kind that reads from it: outcome and reason."""

from __future__ import annotations

COMMON = [
    ("refuse", "down", "tcp.refused"),
    ("hang", "down", "http.timeout"),
    ("lost", "down", "http.timeout"),
    ("html200", "down", "fhir.not_fhir"),
    ("redirect", "misconfigured", "http.status"),
    ("401", "misconfigured", "fhir.auth"),
    ("403", "misconfigured", "fhir.auth"),
    ("404", "misconfigured", "http.status"),
    ("422", "misconfigured", "http.status"),
    ("429", "degraded", "http.throttled"),
    ("500", "down", "http.status"),
    ("503_outcome", "down", "fhir.outcome"),
    ("outcome200_error", "down", "fhir.outcome"),
    ("wrong_resource", "down", "fhir.wrong_resource"),
    ("truncated", "down", "http.truncated"),
    ("not_json", "down", "fhir.not_fhir"),
    ("huge", "misconfigured", "http.too_large"),
]
