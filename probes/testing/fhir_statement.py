"""The CapabilityStatement of the simulated FHIR server: the shape of a US EHR's, in each release."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

_READ, _SEARCH, _CREATE, _UPDATE = "read", "search-type", "create", "update"

RESOURCES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "AllergyIntolerance": ((_READ, _SEARCH), ("_id", "clinical-status", "patient")),
    "Appointment": ((_READ, _SEARCH), ("_id", "date", "patient", "status")),
    "Binary": ((_READ,), ()),
    "CarePlan": ((_READ, _SEARCH), ("_id", "category", "patient")),
    "CareTeam": ((_READ, _SEARCH), ("_id", "patient", "status")),
    "Condition": ((_READ, _SEARCH, _CREATE), ("_id", "category", "clinical-status", "patient")),
    "Coverage": ((_READ, _SEARCH), ("_id", "beneficiary", "patient")),
    "Device": ((_READ, _SEARCH), ("_id", "patient")),
    "DiagnosticReport": ((_READ, _SEARCH), ("_id", "category", "code", "date", "patient")),
    "DocumentReference": ((_READ, _SEARCH, _CREATE), ("_id", "category", "patient", "type")),
    "Encounter": ((_READ, _SEARCH), ("_id", "class", "date", "patient")),
    "Endpoint": ((_READ,), ()),
    "Goal": ((_READ, _SEARCH), ("_id", "patient")),
    "Immunization": ((_READ, _SEARCH), ("_id", "patient", "status")),
    "Location": ((_READ, _SEARCH), ("_id", "name")),
    "Medication": ((_READ,), ()),
    "MedicationRequest": ((_READ, _SEARCH), ("_id", "intent", "patient", "status")),
    "Observation": (
        (_READ, _SEARCH, _CREATE),
        ("_id", "category", "code", "date", "patient"),
    ),
    "Organization": ((_READ, _SEARCH), ("_id", "identifier", "name")),
    "Patient": (
        (_READ, _SEARCH, _CREATE, _UPDATE),
        ("_id", "birthdate", "family", "given", "identifier"),
    ),
    "Practitioner": ((_READ, _SEARCH), ("_id", "family", "given", "identifier")),
    "PractitionerRole": ((_READ, _SEARCH), ("_id", "practitioner")),
    "Procedure": ((_READ, _SEARCH), ("_id", "date", "patient")),
    "Provenance": ((_READ,), ()),
    "RelatedPerson": ((_READ, _SEARCH), ("_id", "patient")),
    "ServiceRequest": ((_READ, _SEARCH), ("_id", "category", "patient")),
}

_SEARCH_TYPES = {"_id": "token", "date": "date", "birthdate": "date", "patient": "reference"}


def capability_statement(
    base_url: str,
    *,
    fhir_version: str,
    without: tuple[str, str] | None,
    text: str,
    software: tuple[str, str] | None = ("Simulated EHR", "1.4.2"),
) -> dict[str, Any]:
    """The statement; `without` drops one (type, interaction), `text` stands in every free text.
    `software` is name and version; some products say neither.

    `date` is the time of the request, as in some products.
    """
    is_stu3 = fhir_version.startswith("3.")
    statement: dict[str, Any] = {
        "resourceType": "CapabilityStatement",
        "name": "SimulatedEhr",
        "title": text,
        "publisher": text,
        "description": text,
        "status": "active",
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "kind": "instance",
        "implementation": {"description": text, "url": base_url},
        "fhirVersion": fhir_version,
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "documentation": text,
                "security": {"cors": True, "description": text},
                "resource": [
                    _resource(type_, interactions, params, without, is_stu3=is_stu3)
                    for type_, (interactions, params) in RESOURCES.items()
                ],
            }
        ],
    }
    if software is not None:
        name, version = software
        statement["software"] = {"name": name, "version": version, "releaseDate": "2026-05-11"}
    if is_stu3:
        statement["acceptUnknown"] = "both"
    return statement


def _resource(
    type_: str,
    interactions: tuple[str, ...],
    params: tuple[str, ...],
    without: tuple[str, str] | None,
    *,
    is_stu3: bool,
) -> dict[str, Any]:
    profile = f"http://hl7.org/fhir/StructureDefinition/{type_}"
    resource: dict[str, Any] = {
        "type": type_,
        "profile": {"reference": profile} if is_stu3 else profile,
        "interaction": [{"code": code} for code in interactions if (type_, code) != without],
        "versioning": "versioned",
        "readHistory": False,
        "conditionalCreate": False,
    }
    if params:  # FHIR JSON has no empty arrays
        resource["searchParam"] = [
            {"name": name, "type": _SEARCH_TYPES.get(name, "token")} for name in params
        ]
    return resource
