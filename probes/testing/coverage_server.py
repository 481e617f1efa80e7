"""A simulated payer by FHIR: one member's coverage, and requests for eligibility.

It answers a request with the response, or stores it first, as `answers` says.
"""

from __future__ import annotations

import json
from typing import Any

from probes.testing.fhir_host import Asked, FhirHost, Reply

MEMBER, OTHER_MEMBER = "zz-uptime-1", "zz-uptime-2"
COVERAGE, INSURER = "zz-cover-1", "Organization/zz-payer"
REQUEST, RESPONSE = "CoverageEligibilityRequest", "CoverageEligibilityResponse"


class CoverageServer(FhirHost):
    """`answers`: response, request or location; `error_code` is what it rejects with."""

    FAULTS = (
        *FhirHost.FAULTS,
        "no_coverage",
        "other_member",
        "error",
        "queued",
        "partial",
        "unanswered",
        "other_request",
    )

    def __init__(self, canaries: tuple[str, ...] = ()) -> None:
        self.answers = "response"
        self.error_code = "a001"
        self.submitted: list[dict[str, Any]] = []
        super().__init__(
            (
                ("GET", "Coverage", "coverage", self._search),
                ("GET", "Coverage/{id}", "coverage", self._read),
                ("POST", REQUEST, "eligibility", self._create),
                ("POST", f"{REQUEST}/$submit", "eligibility", self._submit),
                ("GET", RESPONSE, "response", self._find),
            ),
            canaries,
        )

    def _search(self, asked: Asked) -> Reply:
        wanted = asked.query.get("patient") or asked.query.get("beneficiary", "")
        known = wanted.removeprefix("Patient/") == MEMBER and asked.fault != "no_coverage"
        return self._bundle([self._coverage(asked.fault)] if known else [])

    def _read(self, asked: Asked) -> Reply:
        if asked.path["id"] != COVERAGE or asked.fault == "no_coverage":
            return Reply(404, self.outcome("not-found"))
        return Reply(200, self._coverage(asked.fault))

    def _create(self, asked: Asked) -> Reply:
        if self.answers == "response":
            return self._submit(asked)
        self.submitted.append(json.loads(asked.body))
        id_ = f"zz-{len(self.submitted)}"
        fields = {"Location": f"{self.base_url}/{REQUEST}/{id_}/_history/1"}
        if self.answers == "location":
            return Reply(201, None, fields)
        return Reply(201, {**self.submitted[-1], "id": id_}, fields)

    def _submit(self, asked: Asked) -> Reply:
        self.submitted.append(json.loads(asked.body))
        return Reply(200, self._eligibility(asked.fault, f"zz-{len(self.submitted)}"))

    def _find(self, asked: Asked) -> Reply:
        request = asked.query.get("request", "").removeprefix(f"{REQUEST}/")
        found = [] if asked.fault == "unanswered" else [self._eligibility(asked.fault, request)]
        return self._bundle(found)

    def _coverage(self, fault: str) -> dict[str, Any]:
        member = OTHER_MEMBER if fault == "other_member" else MEMBER
        return {
            "resourceType": "Coverage",
            "id": COVERAGE,
            "status": "active",
            "subscriberId": self.text,
            "beneficiary": {"reference": f"Patient/{member}", "display": self.text},
            "payor": [{"reference": INSURER}],
        }

    def _eligibility(self, fault: str, request: str) -> dict[str, Any]:
        member = OTHER_MEMBER if fault == "other_member" else MEMBER
        outcome = fault if fault in ("error", "queued", "partial") else "complete"
        response: dict[str, Any] = {
            "resourceType": RESPONSE,
            "id": "zz-answer",
            "status": "active",
            "purpose": ["validation"],
            "patient": {"reference": f"Patient/{member}", "display": self.text},
            "created": "2026-01-05T06:00:00Z",
            "request": {
                "reference": f"{REQUEST}/{'zz-999' if fault == 'other_request' else request}"
            },
            "outcome": outcome,
            "disposition": self.text,
            "insurer": {"reference": INSURER},
        }
        if outcome == "error":
            code = {"coding": [{"code": self.error_code}], "text": self.text}
            response["error"] = [{"code": code}]
        return response

    def _bundle(self, found: list[dict[str, Any]]) -> Reply:
        note = {
            "resource": self.outcome("informational", "warning"),
            "search": {"mode": "outcome"},
        }
        entries = [{"resource": r, "search": {"mode": "match"}} for r in found]
        bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(found)}
        return Reply(200, {**bundle, "entry": [*entries, note]})
