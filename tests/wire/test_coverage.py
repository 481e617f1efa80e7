from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.reasons import MEANINGS
from probes.wire.coverage import (
    Agreed,
    eligibility_request,
    judge_found,
    judge_read,
    judge_response,
    judge_submitted,
    response_path,
    search_path,
)
from probes.wire.fhir import Verdict

FHIR_JSON = "application/fhir+json"
AGREED = Agreed("zz-1")
PLACE = "https://payer.example.org/r4/CoverageEligibilityRequest/7/_history/1"


def told(verdict: Verdict) -> tuple[str, str]:
    return verdict.outcome.value, verdict.reason.value


def coverage(**changes: Any) -> bytes:
    whole = {"beneficiary": {"reference": "Patient/zz-1"}, **changes}
    return json.dumps({"resourceType": "Coverage", "id": "c1", **whole}).encode()


def response(**changes: Any) -> bytes:
    whole = {
        "resourceType": "CoverageEligibilityResponse",
        "patient": {"reference": "Patient/zz-1"},
        "request": {"reference": "CoverageEligibilityRequest/7"},
        "outcome": "complete",
        **changes,
    }
    return json.dumps(whole).encode()


def found(*resources: bytes) -> bytes:
    entries = [{"resource": json.loads(resource)} for resource in resources]
    return json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entries}).encode()


def errors(*codes: str) -> list[dict[str, Any]]:
    return [{"code": {"coding": [{"code": code}]}} for code in codes]


def test_the_questions_are_encoded() -> None:
    assert search_path("zz-1", "patient") == "Coverage?patient=zz-1&_count=1"
    assert search_path("zz-1", "beneficiary") == ("Coverage?beneficiary=Patient%2Fzz-1&_count=1")
    assert response_path("7") == (
        "CoverageEligibilityResponse?request=CoverageEligibilityRequest%2F7&_count=1"
    )
    sent = eligibility_request("zz-1", "c1", "Organization/o", "validation", 1_767_225_600_000)
    assert json.loads(sent)["created"] == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("body", "read", "searched"),
    [
        (coverage(), ("up", "ok"), ("up", "ok")),
        (coverage(beneficiary={"reference": "https://x/Patient/zz-1"}), ("up", "ok"), ("up", "ok")),
        (coverage(beneficiary=None), ("up", "ok"), ("up", "ok")),
        (coverage(beneficiary={"display": "x"}), ("up", "ok"), ("up", "ok")),
        (coverage(id="c2"), ("down", "fhir.wrong_resource"), ("up", "ok")),
        (coverage(beneficiary={"reference": "Patient/zz-11"}),)
        + (("down", "fhir.wrong_resource"),) * 2,
        (coverage(beneficiary={"reference": "Patient/azz-1"}),)
        + (("down", "fhir.wrong_resource"),) * 2,
        (coverage(resourceType="Patient"),) + (("down", "fhir.wrong_resource"),) * 2,
    ],
)
def test_a_coverage_is_the_members(
    body: bytes, read: tuple[str, str], searched: tuple[str, str]
) -> None:
    assert told(judge_read(FHIR_JSON, body, "c1", "zz-1")) == read
    assert told(judge_found(FHIR_JSON, found(body), "zz-1")) == searched


def test_a_member_without_coverage_is_our_own_data() -> None:
    assert told(judge_found(FHIR_JSON, found(), "zz-1")) == ("misconfigured", "fhir.no_match")


@pytest.mark.parametrize(
    ("body", "expect_errors", "expected"),
    [
        (response(), (), ("up", "ok")),
        (response(), ("a001",), ("down", "coverage.accepted")),
        (response(outcome="error"), (), ("down", "coverage.error")),
        (response(outcome="error", error=errors("a001")), (), ("down", "coverage.error")),
        (response(outcome="error", error=errors("x", "a001")), ("a001",), ("up", "ok")),
        (response(outcome="error", error=errors("x")), ("a001",), ("down", "coverage.error")),
        (response(outcome="error", error=[{}]), ("a001",), ("down", "coverage.error")),
        (response(outcome="queued"), (), ("degraded", "coverage.queued")),
        (response(outcome="partial"), ("a001",), ("degraded", "coverage.partial")),
        (response(outcome="done"), (), ("down", "fhir.wrong_resource")),
        (response(outcome=None), (), ("down", "fhir.wrong_resource")),
        (response(patient={"reference": "Patient/zz-2"}), (), ("down", "fhir.wrong_resource")),
        (response(patient=None, request=None), (), ("up", "ok")),
        (response(error=1), (), ("down", "fhir.not_fhir")),
    ],
)
def test_a_response_is_judged_by_its_outcome(
    body: bytes, expect_errors: tuple[str, ...], expected: tuple[str, str]
) -> None:
    agreed = Agreed("zz-1", expect_errors)
    assert told(judge_submitted(FHIR_JSON, body, None, agreed).verdict) == expected
    assert told(judge_response(FHIR_JSON, found(body), "7", agreed)) == expected


def test_the_answer_to_somebody_elses_request_is_wrong() -> None:
    wrong = ("down", "fhir.wrong_resource")
    assert told(judge_response(FHIR_JSON, found(response()), "8", AGREED)) == wrong
    assert (
        told(
            judge_submitted(FHIR_JSON, response(), "x/CoverageEligibilityRequest/8", AGREED).verdict
        )
        == wrong
    )
    assert told(judge_response(FHIR_JSON, found(), "7", AGREED)) == ("degraded", "coverage.queued")


@pytest.mark.parametrize(
    ("body", "location", "reason", "request_"),
    [
        (b"", PLACE, "coverage.queued", "7"),
        (b"", "CoverageEligibilityRequest/7", "coverage.queued", "7"),
        (b"", None, "fhir.wrong_resource", None),
        (b"", "https://payer.example.org/r4/Patient/7", "fhir.wrong_resource", None),
        (b"", "CoverageEligibilityRequest/a b", "fhir.wrong_resource", None),
        (b'{"resourceType":"CoverageEligibilityRequest","id":"9"}', PLACE, "coverage.queued", "9"),
        (b'{"resourceType":"CoverageEligibilityRequest"}', PLACE, "coverage.queued", "7"),
        (
            b'{"resourceType":"CoverageEligibilityRequest","id":"../x"}',
            None,
            "fhir.wrong_resource",
            None,
        ),
        (b'{"resourceType":"OperationOutcome","issue":[]}', PLACE, "coverage.queued", "7"),
        (b'{"resourceType":"OperationOutcome","issue":[]}', None, "fhir.wrong_resource", None),
        (coverage(), PLACE, "fhir.wrong_resource", None),
        (b"<html>", PLACE, "fhir.not_fhir", None),
    ],
)
def test_a_request_that_is_only_stored_says_where_its_answer_will_be(
    body: bytes, location: str | None, reason: str, request_: str | None
) -> None:
    submitted = judge_submitted(FHIR_JSON, body, location, AGREED)
    assert (submitted.verdict.reason.value, submitted.request) == (reason, request_)


@pytest.mark.parametrize("ending", [b"x", b"{}", b"\x00"])
def test_neither_a_beginning_nor_trailing_garbage_is_an_answer(ending: bytes) -> None:
    body = response()
    wrong = {("down", "fhir.not_fhir")}
    cut = [body[:end] for end in range(1, len(body))]
    assert {
        told(judge_submitted(FHIR_JSON, one, None, AGREED).verdict) for one in [*cut, body + ending]
    } == wrong


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
TYPES = [
    "Bundle",
    "Coverage",
    "CoverageEligibilityRequest",
    "CoverageEligibilityResponse",
    "OperationOutcome",
]
REFERENCES = st.fixed_dictionaries({"reference": st.text() | JSON_VALUES})
PLAIN = st.fixed_dictionaries(
    {"resourceType": st.sampled_from(TYPES)},
    optional={
        "id": st.text() | JSON_VALUES,
        "outcome": st.sampled_from(["complete", "error", "queued", "partial"]) | JSON_VALUES,
        "patient": REFERENCES,
        "beneficiary": REFERENCES | JSON_VALUES,
        "request": REFERENCES,
        "error": JSON_VALUES,
    },
)
BUNDLES = st.lists(PLAIN).map(
    lambda resources: {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": r} for r in resources],
    }
)
BODIES = st.binary() | (JSON_VALUES | PLAIN | BUNDLES).map(lambda v: json.dumps(v).encode())


@given(
    body=BODIES,
    content_type=st.none() | st.text() | st.just(FHIR_JSON),
    location=st.none() | st.text() | st.just(PLACE),
    expected=st.lists(st.text()),
)
def test_any_answer_gives_an_allowed_verdict(
    body: bytes, content_type: str | None, location: str | None, expected: list[str]
) -> None:
    agreed = Agreed("zz-1", expected)
    for verdict in (
        judge_found(content_type, body, "zz-1"),
        judge_read(content_type, body, "c1", "zz-1"),
        judge_response(content_type, body, "7", agreed),
        judge_submitted(content_type, body, location, agreed).verdict,
    ):
        assert verdict.outcome.value in MEANINGS[verdict.reason][0]
