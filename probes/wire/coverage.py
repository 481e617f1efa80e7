"""Coverage and eligibility by FHIR R4 as questions and verdicts. Total: any bytes give one.

https://hl7.org/fhir/R4/coverageeligibilityresponse.html. No text of the server leaves this module
but the id of our own request, to ask that very server for its answer.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import urlencode

import msgspec

from probes.contract import Outcome
from probes.profiles.generic import PROFILE as GENERIC
from probes.profiles.profile import Codes
from probes.reasons import Reason
from probes.wire.fhir import NOT_FHIR, UP, WRONG_RESOURCE, Verdict, decode, judge_type
from probes.wire.fhir_bundle import NO_MATCH
from probes.wire.fhir_page import judge_page

REQUEST, RESPONSE = "CoverageEligibilityRequest", "CoverageEligibilityResponse"

_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_LOCATION = re.compile(rf"(?:.*/)?{REQUEST}/([A-Za-z0-9.-]{{1,64}})(?:/_history/[^/]*)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_ACCEPTED = Verdict(Outcome.DOWN, Reason.COVERAGE_ACCEPTED)
_ERROR = Verdict(Outcome.DOWN, Reason.COVERAGE_ERROR)
_UNFINISHED = {
    "queued": Verdict(Outcome.DEGRADED, Reason.COVERAGE_QUEUED),
    "partial": Verdict(Outcome.DEGRADED, Reason.COVERAGE_PARTIAL),
}
QUEUED = _UNFINISHED["queued"]


class _Reference(msgspec.Struct):
    reference: str | None = None

    def other_than(self, what: str) -> bool:
        """Whether it names something, and not this; relative or absolute."""
        told = self.reference
        return told is not None and told != what and not told.endswith(f"/{what}")


class _Coding(msgspec.Struct):
    code: str | None = None


class _Concept(msgspec.Struct):
    coding: list[_Coding] | None = None


class _Error(msgspec.Struct):
    code: _Concept | None = None


class _Coverage(msgspec.Struct):
    id: str | None = None
    beneficiary: _Reference | None = None


class _Request(msgspec.Struct):
    id: str | None = None


class _Response(msgspec.Struct):
    outcome: str | None = None
    patient: _Reference | None = None
    request: _Reference | None = None
    error: list[_Error] | None = None


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a right answer is about; with `expect_errors` it is one of these error codes."""

    patient: str
    expect_errors: Collection[str] = ()
    codes: Codes = field(default_factory=dict)
    """Of the vendor."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """What a submission was answered with; `request` is where to look for what is still to come."""

    verdict: Verdict
    request: str | None = None


def search_path(patient: str, by: Literal["patient", "beneficiary"]) -> str:
    value = patient if by == "patient" else f"Patient/{patient}"
    return f"Coverage?{urlencode({by: value, '_count': '1'})}"


def response_path(request: str) -> str:
    query = {"request": f"{REQUEST}/{request}", "_count": "1"}
    return f"{RESPONSE}?{urlencode(query)}"


def eligibility_request(
    patient: str, coverage: str, insurer: str, purpose: str, now_ms: int
) -> bytes:
    created = _EPOCH + timedelta(milliseconds=now_ms)
    return msgspec.json.encode(
        {
            "resourceType": REQUEST,
            "meta": {"tag": [{"system": "urn:wardwatch:eligibility", "code": "synthetic"}]},
            "status": "active",
            "purpose": [purpose],
            "patient": {"reference": f"Patient/{patient}"},
            "created": f"{created:%Y-%m-%dT%H:%M:%SZ}",
            "insurer": {"reference": insurer},
            "insurance": [{"focal": True, "coverage": {"reference": f"Coverage/{coverage}"}}],
        }
    )


def judge_found(
    content_type: str | None, body: bytes, patient: str, codes: Codes = GENERIC.codes
) -> Verdict:
    """Judge a 2xx answer to `search_path`."""
    verdict, page = judge_page(content_type, body, "Coverage", codes)
    if page is None:
        return verdict
    if not page.matches:
        return NO_MATCH
    found = decode(page.matches[0], _Coverage)
    return verdict if found is not None and _of(found, patient) else WRONG_RESOURCE


def judge_read(
    content_type: str | None,
    body: bytes,
    coverage: str,
    patient: str,
    codes: Codes = GENERIC.codes,
) -> Verdict:
    """Judge a 2xx answer to the read of one Coverage."""
    verdict, kind = judge_type(content_type, body, codes)
    if verdict is not None:
        return verdict
    found = decode(body, _Coverage)
    if found is None:
        return NOT_FHIR
    right = kind == "Coverage" and found.id == coverage and _of(found, patient)
    return UP if right else WRONG_RESOURCE


def judge_submitted(
    content_type: str | None, body: bytes, location: str | None, agreed: Agreed
) -> Submitted:
    """Judge a 2xx answer to a submission: the response, or the request that was stored."""
    placed = _LOCATION.fullmatch(location or "")
    stored = None if placed is None else placed[1]
    if not body:
        return Submitted(WRONG_RESOURCE if stored is None else QUEUED, stored)
    verdict, kind = judge_type(content_type, body, agreed.codes)
    if verdict is not None:
        return Submitted(verdict)
    if kind == RESPONSE:
        return Submitted(_judge_response(body, stored, agreed))
    if kind == REQUEST:
        told = decode(body, _Request)
        id_ = told.id if told is not None and _ID.fullmatch(told.id or "") else stored
        return Submitted(WRONG_RESOURCE if id_ is None else QUEUED, id_)
    if kind == "OperationOutcome" and stored is not None:
        return Submitted(QUEUED, stored)
    return Submitted(WRONG_RESOURCE)


def judge_response(content_type: str | None, body: bytes, request: str, agreed: Agreed) -> Verdict:
    """Judge a 2xx answer to `response_path`: none yet means that it waits."""
    verdict, page = judge_page(content_type, body, RESPONSE, agreed.codes)
    if page is None:
        return verdict
    if not page.matches:
        return QUEUED
    found = _judge_response(page.matches[0], request, agreed)
    return verdict if found == UP else found


def _judge_response(body: bytes, request: str | None, agreed: Agreed) -> Verdict:
    answer = decode(body, _Response)
    if answer is None:
        return NOT_FHIR
    crossed = answer.patient is not None and answer.patient.other_than(f"Patient/{agreed.patient}")
    if request is not None and answer.request is not None:
        crossed |= answer.request.other_than(f"{REQUEST}/{request}")
    if crossed:
        return WRONG_RESOURCE
    if answer.outcome == "complete":
        return _ACCEPTED if agreed.expect_errors else UP
    if answer.outcome == "error":
        codes = {
            coding.code
            for error in answer.error or ()
            if error.code is not None
            for coding in error.code.coding or ()
        }
        return UP if codes & set(agreed.expect_errors) else _ERROR
    return _UNFINISHED.get(answer.outcome or "", WRONG_RESOURCE)


def _of(coverage: _Coverage, patient: str) -> bool:
    """Whether it is this patient's, as far as it says."""
    named = coverage.beneficiary
    return named is None or not named.other_than(f"Patient/{patient}")
