"""What the simulated FHIR server sends, as FHIR JSON; `text` stands in every free text of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Resource = dict[str, Any]


def patient(id_: str, text: str, last_updated: str | None) -> Resource:
    meta = {"versionId": "3"}
    if last_updated is not None:
        meta["lastUpdated"] = last_updated
    return {
        "resourceType": "Patient",
        "id": id_,
        "meta": meta,
        "text": {
            "status": "generated",
            "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>',
        },
        "identifier": [{"system": "urn:oid:2.16.840.1.113883.19.5", "value": text}],
        "active": True,
        "name": [{"family": text, "given": ["ZZ"]}],
        "gender": "unknown",
        "birthDate": "1970-01-01",
        "address": [{"text": text}],
    }


def operation_outcome(
    code: str, text: str, severity: str = "error", vendor_code: str | None = None
) -> Resource:
    details: Resource = {"text": text}
    if vendor_code is not None:
        details["coding"] = [{"system": "urn:oid:1.2.3", "code": vendor_code, "display": text}]
    return {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": severity,
                "code": code,
                "details": details,
                "diagnostics": text,
                "expression": [text],
            }
        ],
    }


def searchset(
    base_url: str,
    matches: Sequence[Resource],
    outcomes: Sequence[Resource],
    text: str,
    *,
    total: int | None,
) -> Resource:
    """`outcomes` come last, as OperationOutcomes about the search itself."""
    entries: list[Resource] = [
        {
            "fullUrl": f"{base_url}/{found['resourceType']}/{found['id']}",
            "resource": found,
            "search": {"mode": "match"},
        }
        for found in matches
    ]
    entries += [{"resource": told, "search": {"mode": "outcome"}} for told in outcomes]
    bundle: Resource = {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [
            {
                "relation": "self",
                "url": f"{base_url}/Patient?identifier={text.split(maxsplit=1)[0]}",
            }
        ],
    }
    if total is not None:
        bundle["total"] = total
    if entries:  # FHIR JSON has no empty arrays
        bundle["entry"] = entries
    return bundle


def versions(text: str) -> Resource:
    return {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "version", "valueString": "4.0"},
            {"name": "default", "valueString": "4.0"},
            {"name": "note", "valueString": text},
        ],
    }


def subscription(id_: str, status: str, text: str) -> Resource:
    return {
        "resourceType": "Subscription",
        "id": id_,
        "status": status,
        "reason": text,
        "criteria": "Observation?code=ZZ-UPTIME",
        "error": text,
        "channel": {"type": "rest-hook", "endpoint": "https://hook.example.org/ZZ"},
    }
