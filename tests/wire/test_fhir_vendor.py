"""What vendors' own codes in an OperationOutcome say, by the table of each profile."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.profiles.table import PROFILES
from probes.reasons import MEANINGS
from probes.wire.fhir import Verdict, judge_issues, judge_resource, judge_status, vendor_code

EPIC, ORACLE = PROFILES["epic"], PROFILES["oracle"]


def outcome(*issues: tuple[str, str, str]) -> bytes:
    """(severity, code of the standard, code of the vendor)."""
    listed = [
        {"severity": severity, "code": code, "details": {"coding": [{"code": vendor}]}}
        for severity, code, vendor in issues
    ]
    return json.dumps({"resourceType": "OperationOutcome", "issue": listed}).encode()


def said(verdict: Verdict | None) -> tuple[str, str] | None:
    return None if verdict is None else (verdict.outcome.value, verdict.reason.value)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "4107", ("misconfigured", "fhir.outcome")),
        (400, "4113", ("misconfigured", "fhir.auth")),
        (403, "4118", ("misconfigured", "fhir.auth")),
        (400, "4127", ("misconfigured", "fhir.outcome")),
        (400, "4135", ("degraded", "http.throttled")),
        (403, "4135", ("degraded", "http.throttled")),
        (400, "59133", ("degraded", "http.throttled")),
        (404, "59144", ("misconfigured", "fhir.outcome")),
        (403, "4130", ("misconfigured", "fhir.break_glass")),
        (403, "4131", ("misconfigured", "fhir.break_glass")),
        (200, "4134", ("misconfigured", "fhir.break_glass")),
        (429, "4134", ("misconfigured", "fhir.break_glass")),
        (500, "4134", ("misconfigured", "fhir.break_glass")),
        (500, "4118", ("down", "fhir.outcome")),
        (503, "4135", ("down", "fhir.outcome")),
        (400, "4101", ("misconfigured", "http.status")),
        (401, "9999", ("misconfigured", "fhir.auth")),
        (200, "4118", ("misconfigured", "fhir.auth")),
        (200, "4135", ("degraded", "http.throttled")),
        (200, "9999", ("down", "fhir.outcome")),
    ],
)
def test_a_code_of_epic_says_more_than_the_status(
    status: int, code: str, expected: tuple[str, str]
) -> None:
    body = outcome(("error", "processing", code))
    refused = judge_status(status, body, EPIC)
    if refused is None:
        refused, _ = judge_resource(
            "application/fhir+json", body, "Patient", "zz", max_age_ms=None, now_ms=0,
            codes=EPIC.codes,
        )  # fmt: skip
    assert said(refused) == expected


def test_a_code_counts_for_the_profile_that_knows_it_only() -> None:
    body = outcome(("error", "processing", "4134"))
    assert said(judge_status(403, body)) == ("misconfigured", "fhir.auth")
    assert said(judge_status(403, body, ORACLE)) == ("misconfigured", "fhir.auth")
    assert vendor_code(body, EPIC.codes) == 4134
    assert vendor_code(body, ORACLE.codes) is None


def test_break_the_glass_counts_at_any_severity_other_codes_when_they_failed() -> None:
    for severity in ("information", "warning", "error", "fatal"):
        body = outcome((severity, "processing", "4131"), ("error", "login", "9999"))
        assert said(judge_issues(body, EPIC.codes)) == ("misconfigured", "fhir.break_glass")
    assert judge_issues(outcome(("warning", "processing", "4118")), EPIC.codes) is None


def test_what_a_note_says_fails_nothing_and_is_told() -> None:
    body = outcome(("warning", "processing", "4101"))
    assert judge_issues(body, EPIC.codes) is None
    assert vendor_code(body, EPIC.codes) == 4101


@pytest.mark.parametrize(
    ("severity", "code", "of_record", "expected"),
    [
        ("fatal", "required", True, ("misconfigured", "fhir.outcome")),
        ("fatal", "required", False, ("down", "fhir.outcome")),
        ("fatal", "exception", True, ("down", "fhir.outcome")),
        ("warning", "required", True, ("down", "http.status")),
    ],
)
def test_oracles_500_about_one_bad_record_is_no_outage(
    severity: str, code: str, *, of_record: bool, expected: tuple[str, str]
) -> None:
    body = outcome((severity, code, "x"))
    assert said(judge_status(500, body, ORACLE, of_record=of_record)) == expected
    assert judge_status(408, body, ORACLE) == judge_status(408, body)


def test_one_record_and_an_exception_beside_it_are_an_outage() -> None:
    body = outcome(("fatal", "required", "x"), ("error", "exception", "x"))
    assert said(judge_status(500, body, ORACLE)) == ("down", "fhir.outcome")


CODES = st.text(max_size=6) | st.sampled_from(sorted(EPIC.codes))


@given(
    st.integers(100, 599),
    st.sampled_from(sorted(PROFILES)),
    st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8), CODES), max_size=3),
    st.binary(max_size=30),
)
def test_any_answer_gets_a_verdict_its_reason_may_have_and_no_number_but_of_the_table(
    status: int, profile: str, issues: list[tuple[str, str, str]], noise: bytes
) -> None:
    vendor = PROFILES[profile]
    for body in (outcome(*issues), outcome(*issues) + noise, noise):
        verdict = judge_status(status, body, vendor)
        if verdict is not None:
            assert verdict.outcome.value in MEANINGS[verdict.reason][0]
        code = vendor_code(body, vendor.codes)
        assert code is None or str(code) in vendor.codes
