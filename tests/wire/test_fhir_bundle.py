"""What a search found, entry by entry."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.profiles.table import PROFILES
from probes.reasons import MEANINGS
from probes.wire.fhir_bundle import judge_search

FHIR_JSON = "application/fhir+json"
EPIC = PROFILES["epic"].codes


def match(**changes: Any) -> dict[str, Any]:
    found = {"resourceType": "Patient", "id": "zz-1", **changes}
    return {"resource": found, "search": {"mode": "match"}}


def told(severity: str, code: str = "processing", vendor: str = "1") -> dict[str, Any]:
    issue = {"severity": severity, "code": code, "details": {"coding": [{"code": vendor}]}}
    return {
        "resource": {"resourceType": "OperationOutcome", "issue": [issue]},
        "search": {"mode": "outcome"},
    }


def bundle(*entries: Any, **changes: Any) -> bytes:
    whole: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset"}
    if entries:
        whole["entry"] = list(entries)
    return json.dumps({**whole, **changes}).encode()


INCLUDED = {"resource": {"resourceType": "Practitioner", "id": "a"}, "search": {"mode": "include"}}
PLAIN = {"resource": {"resourceType": "Patient", "id": "zz-1"}}


@pytest.mark.parametrize(
    ("body", "expected", "matches"),
    [
        (bundle(match(), total=1), ("up", "ok"), 1),
        (bundle(match(), total=40), ("up", "ok"), 40),
        # no number FHIR may tell, and more than the spool can hold
        (bundle(match(), total=10**30), ("up", "ok"), 1),
        (bundle(match(), total=-1), ("up", "ok"), 1),
        (bundle(match()), ("up", "ok"), 1),
        (bundle(PLAIN), ("up", "ok"), 1),
        (bundle(match(), INCLUDED), ("up", "ok"), 1),
        (bundle(match(), told("warning")), ("up", "ok"), 1),
        (bundle(match(), told("information", vendor="4119")), ("up", "ok"), 1),
        (bundle(match(), told("error")), ("degraded", "fhir.outcome"), 1),
        (bundle(match(), told("fatal")), ("degraded", "fhir.outcome"), 1),
        (bundle(total=0), ("misconfigured", "fhir.no_match"), 0),
        (bundle(), ("misconfigured", "fhir.no_match"), 0),
        (bundle(told("warning", vendor="4101"), total=0), ("misconfigured", "fhir.no_match"), 0),
        (bundle(INCLUDED, total=0), ("misconfigured", "fhir.no_match"), 0),
        (bundle(told("error", "exception"), total=0), ("down", "fhir.outcome"), 0),
        (bundle(told("error", "forbidden"), total=0), ("misconfigured", "fhir.outcome"), 0),
        (bundle(told("error", vendor="4135"), total=0), ("degraded", "http.throttled"), 0),
        (bundle(told("warning", vendor="4131")), ("misconfigured", "fhir.break_glass"), 0),
        (bundle(match(), told("error", vendor="4131")), ("misconfigured", "fhir.break_glass"), 1),
        (bundle(total=3), ("down", "fhir.wrong_resource"), 3),
        (bundle(match(resourceType="Location")), ("down", "fhir.wrong_resource"), 0),
        (bundle(match(id=None)), ("down", "fhir.wrong_resource"), 0),
        (bundle(match(), "no entry"), ("down", "fhir.wrong_resource"), 1),
        (bundle({"search": {"mode": "match"}}), ("down", "fhir.wrong_resource"), 0),
        (bundle(match(), type="collection"), ("down", "fhir.wrong_resource"), None),
        (b'{"resourceType":"Patient","id":"zz-1"}', ("down", "fhir.wrong_resource"), None),
        (bundle(total="many"), ("down", "fhir.not_fhir"), None),
        (bundle(match())[:-1], ("down", "fhir.not_fhir"), None),
        (b"<html>", ("down", "fhir.not_fhir"), None),
    ],
)
def test_a_bundle_is_judged_by_what_is_in_it(
    body: bytes, expected: tuple[str, str], matches: int | None
) -> None:
    verdict, found = judge_search(FHIR_JSON, body, "Patient", EPIC)
    assert (verdict.outcome.value, verdict.reason.value) == expected
    assert (None if found is None else found.matches) == matches


def test_an_operation_outcome_instead_of_a_bundle_is_judged_by_its_codes() -> None:
    body = json.dumps(told("error", vendor="4118")["resource"]).encode()
    verdict, found = judge_search(FHIR_JSON, body, "Patient", EPIC)
    assert (verdict.outcome.value, verdict.reason.value, found) == (
        "misconfigured",
        "fhir.auth",
        None,
    )


def test_the_vendors_code_of_a_note_is_told() -> None:
    _, found = judge_search(
        FHIR_JSON, bundle(match(), told("warning", vendor="4119")), "Patient", EPIC
    )
    assert found is not None
    assert found.code == 4119


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda deeper: (
        st.lists(deeper, max_size=3)
        | st.dictionaries(
            st.sampled_from(["resource", "search", "mode", "id", "resourceType", "issue", "x"]),
            deeper,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=3), st.none() | st.integers(-1, 5))
def test_any_entries_give_a_verdict_its_reason_may_have(
    entries: list[Any], total: int | None
) -> None:
    verdict, _ = judge_search(FHIR_JSON, bundle(*entries, total=total), "Patient", EPIC)
    assert verdict.outcome.value in MEANINGS[verdict.reason][0]
