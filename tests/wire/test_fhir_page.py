from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.reasons import MEANINGS
from probes.wire.fhir_page import judge_page

FHIR_JSON = "application/fhir+json"
SLOT = {"resource": {"resourceType": "Slot", "id": "1"}}
INCLUDED = {"resource": {"resourceType": "Schedule", "id": "2"}, "search": {"mode": "include"}}


def issue(severity: str, mode: str = "outcome", code: str = "processing") -> dict[str, Any]:
    issues = [{"severity": severity, "code": code}]
    resource = {"resourceType": "OperationOutcome", "issue": issues}
    return {"resource": resource, "search": {"mode": mode}}


def bundle(*entries: Any, **more: Any) -> bytes:
    listed = {"entry": list(entries)} if entries else {}
    return json.dumps({"resourceType": "Bundle", "type": "searchset", **listed, **more}).encode()


@pytest.mark.parametrize(
    ("body", "expected", "matches", "count"),
    [
        (bundle(), ("up", "ok"), 0, 0),
        (bundle(total=0), ("up", "ok"), 0, 0),
        (bundle(SLOT), ("up", "ok"), 1, 1),
        (bundle(SLOT, total=12), ("up", "ok"), 1, 12),
        (bundle(SLOT, SLOT, total=1), ("up", "ok"), 2, 2),
        (bundle(SLOT, INCLUDED, total=1), ("up", "ok"), 1, 1),
        (bundle(SLOT, issue("warning")), ("up", "ok"), 1, 1),
        (bundle(SLOT, issue("error")), ("degraded", "fhir.outcome"), 1, 1),
        (bundle(issue("error", "match"), SLOT), ("degraded", "fhir.outcome"), 1, 1),
        (bundle(total=-3), ("up", "ok"), 0, 0),
        (bundle(SLOT, total=2**31 - 1), ("up", "ok"), 1, 2**31 - 1),
        (bundle(SLOT, total=2**31), ("up", "ok"), 1, 1),
        (bundle(SLOT, total=10**30), ("up", "ok"), 1, 1),
    ],
)
def test_a_bundle_is_judged_and_counted(
    body: bytes, expected: tuple[str, str], matches: int, count: int
) -> None:
    verdict, page = judge_page(FHIR_JSON, body, "Slot")
    assert (verdict.outcome.value, verdict.reason.value) == expected
    assert page is not None
    assert (len(page.matches), page.count) == (matches, count)
    assert all(json.loads(match)["resourceType"] == "Slot" for match in page.matches)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (bundle({"resource": {"resourceType": "Patient"}}), ("down", "fhir.wrong_resource")),
        (bundle(SLOT).replace(b"searchset", b"collection"), ("down", "fhir.wrong_resource")),
        (bundle({"fullUrl": "urn:x"}), ("down", "fhir.wrong_resource")),
        (bundle({"resource": 1}), ("down", "fhir.wrong_resource")),
        (json.dumps(SLOT["resource"]).encode(), ("down", "fhir.wrong_resource")),
        (bundle(1), ("down", "fhir.not_fhir")),
        (bundle(issue("error")), ("down", "fhir.outcome")),
        (bundle(issue("error"), total=0), ("down", "fhir.outcome")),
        (bundle(INCLUDED, issue("fatal", code="exception")), ("down", "fhir.outcome")),
        (bundle(issue("error", code="forbidden")), ("misconfigured", "fhir.outcome")),
        (bundle(issue("error", code="throttled")), ("degraded", "fhir.outcome")),
        (bundle(total="1"), ("down", "fhir.not_fhir")),
        (bundle(SLOT)[:-1], ("down", "fhir.not_fhir")),
        (bundle(SLOT) + b"x", ("down", "fhir.not_fhir")),
        (b"<html>", ("down", "fhir.not_fhir")),
        (
            b'{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"login"}]}',
            ("misconfigured", "fhir.outcome"),
        ),
    ],
)
def test_what_is_no_bundle_of_the_type_has_no_page(body: bytes, expected: tuple[str, str]) -> None:
    verdict, page = judge_page(FHIR_JSON, body, "Slot")
    assert (verdict.outcome.value, verdict.reason.value) == expected
    assert page is None


def test_no_beginning_of_a_bundle_is_taken_for_the_whole() -> None:
    body = bundle(SLOT, total=1)
    reasons = {
        judge_page(FHIR_JSON, body[:end], "Slot")[0].reason.value for end in range(len(body))
    }
    assert reasons == {"fhir.not_fhir"}


ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "resource": st.sampled_from([SLOT["resource"], issue("error")["resource"], 1, None]),
        "search": st.fixed_dictionaries({"mode": st.text()}) | st.none() | st.integers(),
    },
)
BUNDLES = st.fixed_dictionaries(
    {"resourceType": st.just("Bundle") | st.text()},
    optional={
        "type": st.just("searchset"),
        "entry": st.lists(ENTRIES) | st.integers(),
        "total": st.integers() | st.text(),
    },
)


@given(
    body=st.binary() | BUNDLES.map(lambda value: json.dumps(value).encode()),
    content_type=st.none() | st.text() | st.just(FHIR_JSON),
)
def test_any_answer_gives_an_allowed_verdict(body: bytes, content_type: str | None) -> None:
    verdict, page = judge_page(content_type, body, "Slot")
    assert verdict.outcome.value in MEANINGS[verdict.reason][0]
    assert (page is None) or page.count >= len(page.matches)
