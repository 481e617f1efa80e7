from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.contract import Outcome
from probes.reasons import MEANINGS
from probes.wire.fhir import (
    Verdict,
    judge_issues,
    judge_resource,
    judge_status,
    worst,
)
from probes.wire.fhir_statement import judge_statement

FHIR_JSON = "application/fhir+json"
NOW = 1_767_225_600_000  # 2026-01-01T00:00:00Z


def outcome(*issues: tuple[str, str]) -> bytes:
    listed = [{"severity": severity, "code": code} for severity, code in issues]
    return json.dumps({"resourceType": "OperationOutcome", "issue": listed}).encode()


STATEMENT = b'{"resourceType":"CapabilityStatement","fhirVersion":"4.0.1"}'


def patient(**changes: Any) -> bytes:
    return json.dumps({"resourceType": "Patient", "id": "zz-1", **changes}).encode()


def judged_statement(body: bytes, content_type: str | None = FHIR_JSON) -> tuple[str, str]:
    verdict, _ = judge_statement(content_type, body, "4.0", ())
    return verdict.outcome.value, verdict.reason.value


def judged_patient(
    body: bytes, content_type: str | None = FHIR_JSON, max_age_ms: int | None = None
) -> tuple[str, str, int | None]:
    verdict, age_s = judge_resource(
        content_type, body, "Patient", "zz-1", max_age_ms=max_age_ms, now_ms=NOW
    )
    return verdict.outcome.value, verdict.reason.value, age_s


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"", None),
        (204, b"", None),
        (301, b"", ("misconfigured", "http.status")),
        (304, b"", ("misconfigured", "http.status")),
        (400, b"", ("misconfigured", "http.status")),
        (401, b"", ("misconfigured", "fhir.auth")),
        (403, b"", ("misconfigured", "fhir.auth")),
        (404, b"", ("misconfigured", "http.status")),
        (404, outcome(("error", "exception")), ("misconfigured", "http.status")),
        (405, b"", ("misconfigured", "http.status")),
        (406, b"", ("misconfigured", "http.status")),
        (408, b"", ("down", "http.status")),
        (408, outcome(("error", "timeout")), ("down", "fhir.outcome")),
        (410, b"", ("misconfigured", "http.status")),
        (422, b"", ("misconfigured", "http.status")),
        (425, b"", ("degraded", "http.throttled")),
        (429, b"", ("degraded", "http.throttled")),
        (429, outcome(("error", "throttled")), ("degraded", "http.throttled")),
        (500, b"", ("down", "http.status")),
        (500, b"<h1>Error</h1>", ("down", "http.status")),
        (500, outcome(("error", "exception")), ("down", "fhir.outcome")),
        (500, outcome(("fatal", "login")), ("down", "fhir.outcome")),
        (500, outcome(("warning", "exception")), ("down", "http.status")),
        (501, b"", ("down", "http.status")),
        (502, b"", ("down", "http.status")),
        (503, b"", ("down", "http.status")),
        (503, outcome(("error", "transient")), ("down", "fhir.outcome")),
        (503, outcome(("error", "throttled")), ("down", "fhir.outcome")),
        (504, b"", ("down", "http.status")),
        (599, b"", ("down", "http.status")),
    ],
)
def test_a_status_gives_its_verdict(
    status: int, body: bytes, expected: tuple[str, str] | None
) -> None:
    verdict = judge_status(status, body)
    seen = None if verdict is None else (verdict.outcome.value, verdict.reason.value)
    assert seen == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("security", "misconfigured"),
        ("login", "misconfigured"),
        ("unknown", "misconfigured"),
        ("expired", "misconfigured"),
        ("forbidden", "misconfigured"),
        ("suppressed", "misconfigured"),
        ("not-supported", "misconfigured"),
        ("not-found", "misconfigured"),
        ("deleted", "misconfigured"),
        ("multiple-matches", "misconfigured"),
        ("too-costly", "misconfigured"),
        ("business-rule", "misconfigured"),
        ("throttled", "degraded"),
        ("invalid", "down"),
        ("structure", "down"),
        ("required", "down"),
        ("value", "down"),
        ("invariant", "down"),
        ("processing", "down"),
        ("duplicate", "down"),
        ("too-long", "down"),
        ("code-invalid", "down"),
        ("extension", "down"),
        ("conflict", "down"),
        ("transient", "down"),
        ("lock-error", "down"),
        ("no-store", "down"),
        ("exception", "down"),
        ("timeout", "down"),
        ("incomplete", "down"),
        ("informational", "down"),
        ("a code of tomorrow", "down"),
    ],
)
def test_an_issue_code_in_a_200_gives_its_outcome(code: str, expected: str) -> None:
    for severity in ("error", "fatal"):
        body = outcome(("information", "exception"), (severity, code))
        assert judged_patient(body) == (expected, "fhir.outcome", None)
        assert judged_statement(body) == (expected, "fhir.outcome")


def test_the_worst_of_several_issues_decides() -> None:
    assert judged_patient(outcome(("error", "throttled"), ("error", "login")))[0] == "misconfigured"
    assert judged_patient(outcome(("error", "login"), ("fatal", "no-store")))[0] == "down"


@pytest.mark.parametrize("severity", ["warning", "information", "Error", ""])
def test_an_outcome_without_error_is_only_the_wrong_resource(severity: str) -> None:
    body = outcome((severity, "exception"))
    assert judge_issues(body) is None
    assert judged_patient(body) == ("down", "fhir.wrong_resource", None)
    assert judged_statement(body) == ("down", "fhir.wrong_resource")


def test_issues_count_only_inside_an_operation_outcome() -> None:
    body = patient(issue=[{"severity": "fatal", "code": "exception"}])
    assert judge_issues(body) is None
    assert judged_patient(body) == ("up", "ok", None)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/fhir+json",
        "application/fhir+json; fhirVersion=4.0; charset=utf-8",
        "application/json+fhir",
        "application/json;charset=UTF-8",
        "Application/FHIR+JSON",
    ],
)
def test_the_media_types_of_servers_in_the_field_are_fhir(content_type: str) -> None:
    assert judged_statement(STATEMENT, content_type) == ("up", "ok")
    assert judged_patient(patient(), content_type) == ("up", "ok", None)


@pytest.mark.parametrize(
    "content_type", [None, "", "text/html", "text/plain", "application/fhir+xml", "text/json"]
)
def test_a_success_under_another_media_type_is_not_fhir(content_type: str | None) -> None:
    assert judged_statement(STATEMENT, content_type) == ("down", "fhir.not_fhir")
    assert judged_patient(patient(), content_type) == ("down", "fhir.not_fhir", None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!doctype html><title>Sign in</title>",
        b"null",
        b"[]",
        b"{}",
        b'{"id":"zz-1"}',
        b'{"resourceType":null,"id":"zz-1"}',
        b'{"resourceType":["Patient"],"id":"zz-1"}',
        b'{"resourceType":"Patient","id":"zz-1"',
        b'{"resourceType":"Patient","id":"zz-1"} {}',
        b'{"resourceType":"Patient\xff","id":"zz-1"}',
        b'{"resourceType":"Patient","id":1}',
        b'{"resourceType":"Patient","id":"zz-1","meta":"x"}',
        b'{"resourceType":"Patient","a":' + b"[" * 200_000,
    ],
)
def test_a_body_that_is_no_fhir_json_is_not_fhir(body: bytes) -> None:
    assert judged_patient(body) == ("down", "fhir.not_fhir", None)


@pytest.mark.parametrize(
    "body",
    [
        patient(id="zz-2"),
        patient(id="ZZ-1"),
        patient(id=None),
        patient(resourceType="Person"),
        b'{"resourceType":"Patient"}',
        b'{"resourceType":"Bundle","id":"zz-1"}',
    ],
)
def test_another_resource_than_the_one_asked_for_is_wrong(body: bytes) -> None:
    assert judged_patient(body) == ("down", "fhir.wrong_resource", None)


@pytest.mark.parametrize(
    ("last_updated", "max_age_ms", "expected"),
    [
        ("2025-12-31T23:59:00.000Z", None, ("up", "ok", 60)),
        ("2025-12-31T23:59:00.000Z", 60_000, ("up", "ok", 60)),
        ("2025-12-31T23:59:00.000Z", 59_999, ("down", "fhir.stale", 60)),
        ("2025-12-31T17:59:00.500-06:00", 59_500, ("up", "ok", 59)),
        ("2025-12-31T17:59:00.500-06:00", 59_499, ("down", "fhir.stale", 59)),
        ("2026-01-01T00:00:30Z", 1, ("up", "ok", 0)),
        ("2025-12-31T23:59:00", 60_000, ("misconfigured", "fhir.stale", None)),
        ("2025-12-31", 60_000, ("misconfigured", "fhir.stale", None)),
        ("yesterday", 60_000, ("misconfigured", "fhir.stale", None)),
        ("yesterday", None, ("up", "ok", None)),
        (None, 60_000, ("misconfigured", "fhir.stale", None)),
        (None, None, ("up", "ok", None)),
    ],
)
def test_the_age_of_a_resource_is_held_against_max_age(
    last_updated: str | None, max_age_ms: int | None, expected: tuple[str, str, int | None]
) -> None:
    body = patient(meta={"lastUpdated": last_updated})
    assert judged_patient(body, max_age_ms=max_age_ms) == expected


def test_a_resource_without_meta_has_no_age() -> None:
    assert judged_patient(patient(meta=None), max_age_ms=1) == ("misconfigured", "fhir.stale", None)


def test_the_worst_outcome_decides_in_the_order_of_the_semantics() -> None:
    order = [Outcome.DOWN, Outcome.MISCONFIGURED, Outcome.UNKNOWN, Outcome.DEGRADED, Outcome.UP]
    for place, better in enumerate(order):
        assert worst([*order[place:], better]) is better
    assert worst([]) is Outcome.UP


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["issue", "rest"]), inner)
    ),
    max_leaves=20,
)
ISSUES = st.lists(
    st.fixed_dictionaries({}, optional={"severity": JSON_VALUES, "code": JSON_VALUES})
    | st.fixed_dictionaries({"severity": st.sampled_from(["error", "fatal"]), "code": st.text()})
)
RESOURCES = st.fixed_dictionaries(
    {
        "resourceType": st.sampled_from(["Patient", "CapabilityStatement", "OperationOutcome"])
        | JSON_VALUES
    },
    optional={
        "id": st.just("zz-1") | JSON_VALUES,
        "meta": st.fixed_dictionaries(
            {"lastUpdated": st.datetimes().map(lambda t: f"{t.isoformat()}Z") | st.text()}
        )
        | JSON_VALUES,
        "issue": ISSUES | JSON_VALUES,
        "fhirVersion": st.just("4.0.1") | JSON_VALUES,
        "rest": st.lists(
            st.fixed_dictionaries(
                {"mode": st.just("server")},
                optional={
                    "resource": st.lists(
                        st.fixed_dictionaries(
                            {},
                            optional={
                                "type": st.text(),
                                "interaction": st.lists(st.fixed_dictionaries({"code": st.text()})),
                                "searchParam": JSON_VALUES,
                            },
                        )
                    )
                },
            )
        )
        | JSON_VALUES,
    },
)
BODIES = st.binary() | (JSON_VALUES | RESOURCES).map(lambda value: json.dumps(value).encode())


def allowed(verdict: Verdict) -> bool:
    return verdict.outcome.value in MEANINGS[verdict.reason][0]


@given(
    status=st.integers(200, 999),
    body=BODIES,
    content_type=st.none() | st.text() | st.just(FHIR_JSON),
    now=st.integers(0, 4_102_444_800_000),
    max_age=st.none() | st.integers(0, 10**12),
)
def test_any_answer_gives_an_allowed_verdict(
    status: int, body: bytes, content_type: str | None, now: int, max_age: int | None
) -> None:
    of_status = judge_status(status, body)
    assert (of_status is None) == (200 <= status < 300)
    assert of_status is None or allowed(of_status)
    read, age_s = judge_resource(
        content_type, body, "Patient", "zz-1", max_age_ms=max_age, now_ms=now
    )
    assert allowed(read)
    assert age_s is None or age_s >= 0
    meta, seen = judge_statement(content_type, body, "4.0", [("Patient", "read")])
    assert allowed(meta)
    assert seen is None or len(seen.digest()) == 32
