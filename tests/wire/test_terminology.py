from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.reasons import MEANINGS
from probes.wire.fhir import Verdict, judge_status
from probes.wire.terminology import (
    expand_path,
    judge_expansion,
    judge_known,
    judge_lookup,
    judge_unknown,
    lookup_path,
    refuses_known,
    refuses_unknown,
    validate_path,
)

FHIR_JSON = "application/fhir+json"
LOINC = "http://loinc.org"


def parameters(**values: Any) -> bytes:
    parts = [
        {"name": name, "valueBoolean" if isinstance(value, bool) else "valueString": value}
        for name, value in values.items()
    ]
    return json.dumps({"resourceType": "Parameters", "parameter": parts}).encode()


def outcome(code: str, severity: str = "error") -> bytes:
    issue = {"severity": severity, "code": code}
    return json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()


def expansion(**values: Any) -> bytes:
    return json.dumps({"resourceType": "ValueSet", "expansion": values}).encode()


def told(verdict: Verdict) -> tuple[str, str]:
    return verdict.outcome.value, verdict.reason.value


def looked_up(
    body: bytes, display: str | None = None, release: str | None = None
) -> tuple[str, str]:
    return told(judge_lookup(FHIR_JSON, body, display, release))


def test_the_questions_are_encoded_and_an_expansion_is_never_whole() -> None:
    assert lookup_path(LOINC, "a&b c") == (
        "CodeSystem/$lookup?system=http%3A%2F%2Floinc.org&code=a%26b+c"
    )
    assert validate_path(LOINC, "4548-4") == (
        "CodeSystem/$validate-code?url=http%3A%2F%2Floinc.org&code=4548-4"
    )
    assert expand_path("http://loinc.org/vs", None) == (
        "ValueSet/$expand?url=http%3A%2F%2Floinc.org%2Fvs&count=1"
    )
    assert expand_path("urn:x", "ä") == "ValueSet/$expand?url=urn%3Ax&filter=%C3%A4&count=1"


@pytest.mark.parametrize(
    ("status", "body", "of_known", "of_unknown"),
    [
        (200, b"", None, None),
        (404, outcome("not-found"), "terminology.not_loaded", "ok"),
        (404, outcome("exception"), "terminology.not_loaded", "ok"),
        (404, outcome("not-found", "warning"), "http.status", "http.status"),
        (404, b"<h1>Not found</h1>", "http.status", "http.status"),
        (400, outcome("not-found"), "terminology.not_loaded", "ok"),
        (400, outcome("not-supported"), "terminology.not_loaded", "ok"),
        (400, outcome("processing"), "terminology.not_loaded", "ok"),
        (400, outcome("required"), "http.status", "http.status"),
        (422, outcome("code-invalid"), "terminology.not_loaded", "ok"),
        (422, outcome("too-costly"), "http.status", "http.status"),
        (401, outcome("not-found"), "fhir.auth", "fhir.auth"),
        (429, outcome("not-found"), "http.throttled", "http.throttled"),
        (500, outcome("not-found"), "fhir.outcome", "fhir.outcome"),
        (501, b"", "http.status", "http.status"),
    ],
)
def test_a_refusal_is_right_only_for_the_unknown_code(
    status: int, body: bytes, of_known: str | None, of_unknown: str | None
) -> None:
    plain = judge_status(status, body)
    known = refuses_known(status, body) or plain
    unknown = refuses_unknown(status, body) or plain
    assert (known and known.reason.value, unknown and unknown.reason.value) == (
        of_known,
        of_unknown,
    )


@pytest.mark.parametrize(
    ("display", "release", "expected"),
    [
        (None, None, ("up", "ok")),
        ("GLUCOSE", "2.81", ("up", "ok")),
        ("sodium", "2.81", ("down", "terminology.wrong_display")),
        ("glucose", "2.80", ("degraded", "terminology.release")),
        ("glucose", "81", ("degraded", "terminology.release")),
        ("sodium", "2.80", ("down", "terminology.wrong_display")),
    ],
)
def test_a_known_code_has_its_meaning_and_its_release(
    display: str | None, release: str | None, expected: tuple[str, str]
) -> None:
    body = parameters(name="LOINC", version="2.81", display="Glucose [Mass/volume]")
    assert looked_up(body, display, release) == expected


def test_the_name_of_the_code_system_is_no_meaning_of_the_code() -> None:
    body = parameters(name="Glucose", version="2.81")
    assert looked_up(body, "glucose") == ("down", "fhir.wrong_resource")


def test_a_snomed_version_ends_in_its_release() -> None:
    edition = "http://snomed.info/sct/731000124108/version/20250901"
    body = parameters(version=edition, display="x")
    assert looked_up(body, None, "20250901") == ("up", "ok")
    assert looked_up(body, None, "0901") == ("degraded", "terminology.release")
    assert looked_up(parameters(display="x"), None, "20250901") == (
        "misconfigured",
        "terminology.release",
    )
    assert looked_up(parameters(version="", display="x"), None, "20250901")[0] == "misconfigured"


@pytest.mark.parametrize(
    ("body", "of_known", "of_unknown"),
    [
        (parameters(result=True), ("up", "ok"), ("down", "terminology.accepts_unknown")),
        (parameters(result=False), ("down", "terminology.not_loaded"), ("up", "ok")),
        (outcome("not-found"), ("down", "terminology.not_loaded"), ("up", "ok")),
        (outcome("code-invalid"), ("down", "terminology.not_loaded"), ("up", "ok")),
        (outcome("login"), ("misconfigured", "fhir.outcome"), ("misconfigured", "fhir.outcome")),
        (outcome("not-found", "warning"),) + (("down", "fhir.wrong_resource"),) * 2,
        (parameters(result="true"),) + (("down", "fhir.wrong_resource"),) * 2,
        (parameters(message="x"),) + (("down", "fhir.wrong_resource"),) * 2,
        (b'{"resourceType":"Parameters"}',) + (("down", "fhir.wrong_resource"),) * 2,
        (b'{"resourceType":"Parameters","parameter":1}',) + (("down", "fhir.not_fhir"),) * 2,
        (parameters(result=True)[:-1],) + (("down", "fhir.not_fhir"),) * 2,
        (parameters(result=True) + b"{}",) + (("down", "fhir.not_fhir"),) * 2,
        (b"<html>",) + (("down", "fhir.not_fhir"),) * 2,
    ],
)
def test_a_validation_is_right_one_way_for_each_code(
    body: bytes, of_known: tuple[str, str], of_unknown: tuple[str, str]
) -> None:
    assert told(judge_known(FHIR_JSON, body)) == of_known
    assert told(judge_unknown(FHIR_JSON, body)) == of_unknown


CODE = [{"system": LOINC, "code": "4548-4"}]


@pytest.mark.parametrize(
    ("body", "expected", "total"),
    [
        (expansion(contains=CODE, total=7), ("up", "ok"), 7),
        (expansion(contains=CODE), ("up", "ok"), None),
        (expansion(total=0), ("down", "terminology.not_loaded"), 0),
        (expansion(contains=CODE, total=10**30), ("up", "ok"), None),
        (expansion(contains=[{"display": "x"}]), ("down", "terminology.not_loaded"), None),
        (
            expansion(contains=CODE, parameter=[{"name": "version", "valueUri": f"{LOINC}|2.80"}]),
            ("degraded", "terminology.release"),
            None,
        ),
        (
            expansion(
                contains=CODE,
                parameter=[
                    {"name": "used-codesystem", "valueUri": f"{LOINC}|2.81"},
                    {"name": "version", "valueUri": "http://snomed.info/sct|1"},
                    {"name": "version", "valueUri": LOINC},
                    {"name": "version"},
                ],
            ),
            ("up", "ok"),
            None,
        ),
        (b'{"resourceType":"ValueSet"}', ("down", "fhir.wrong_resource"), None),
        (b'{"resourceType":"ValueSet","expansion":[]}', ("down", "fhir.not_fhir"), None),
        (outcome("not-found"), ("misconfigured", "fhir.outcome"), None),
        (parameters(result=True), ("down", "fhir.wrong_resource"), None),
    ],
)
def test_an_expansion_has_a_code_of_the_release(
    body: bytes, expected: tuple[str, str], total: int | None
) -> None:
    verdict, seen = judge_expansion(FHIR_JSON, body, LOINC, "2.81")
    assert (told(verdict), seen) == (expected, total)


def test_no_beginning_of_an_answer_is_taken_for_the_whole() -> None:
    body = parameters(name="LOINC", version="2.81", display="Glucose")
    assert {looked_up(body[:end]) for end in range(len(body))} == {("down", "fhir.not_fhir")}


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
PARTS = st.fixed_dictionaries(
    {"name": st.sampled_from(["result", "display", "version", "name"])},
    optional={
        "valueString": st.text() | JSON_VALUES,
        "valueBoolean": st.booleans() | JSON_VALUES,
        "valueUri": st.text(),
    },
)
RESOURCES = st.fixed_dictionaries(
    {"resourceType": st.sampled_from(["Parameters", "ValueSet", "OperationOutcome"]) | JSON_VALUES},
    optional={
        "parameter": st.lists(PARTS) | JSON_VALUES,
        "expansion": st.fixed_dictionaries(
            {},
            optional={
                "total": st.integers() | JSON_VALUES,
                "contains": st.lists(st.fixed_dictionaries({"code": st.text()})) | JSON_VALUES,
                "parameter": st.lists(PARTS),
            },
        ),
        "issue": st.lists(st.fixed_dictionaries({"severity": st.just("error"), "code": st.text()})),
    },
)
BODIES = st.binary() | (JSON_VALUES | RESOURCES).map(lambda value: json.dumps(value).encode())


@given(
    status=st.integers(200, 999),
    body=BODIES,
    content_type=st.none() | st.text() | st.just(FHIR_JSON),
    release=st.none() | st.text(),
)
def test_any_answer_gives_an_allowed_verdict(
    status: int, body: bytes, content_type: str | None, release: str | None
) -> None:
    expanded, _ = judge_expansion(content_type, body, LOINC, release)
    verdicts = [
        refuses_known(status, body),
        refuses_unknown(status, body),
        judge_known(content_type, body),
        judge_unknown(content_type, body),
        judge_lookup(content_type, body, "x", release),
        expanded,
    ]
    for verdict in verdicts:
        assert verdict is None or verdict.outcome.value in MEANINGS[verdict.reason][0]
