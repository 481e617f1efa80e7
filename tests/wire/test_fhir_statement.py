from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire.fhir_statement import Statement, judge_statement

FHIR_JSON = "application/fhir+json"


def statement(**changes: Any) -> bytes:
    whole = {
        "resourceType": "CapabilityStatement",
        "fhirVersion": "4.0.1",
        "rest": [
            {
                "mode": "server",
                "resource": [
                    {
                        "type": "Patient",
                        "interaction": [{"code": "read"}, {"code": "search-type"}],
                        "searchParam": [{"name": "_id", "type": "token"}],
                    },
                    {"type": "Binary"},
                ],
            }
        ],
    }
    return json.dumps({**whole, **changes}).encode()


def judged_statement(body: bytes) -> tuple[str, str]:
    verdict, _ = judge_statement(FHIR_JSON, body, "4.0", [("Patient", "read")])
    return verdict.outcome.value, verdict.reason.value


@pytest.mark.parametrize(
    ("version", "prefix", "expected"),
    [
        ("4.0.1", "4.0", "ok"),
        ("4.0.1", "4", "ok"),
        ("4.0.1", "4.0.1", "ok"),
        ("4.0.1", "4.0.0", "fhir.version"),
        ("4.01", "4.0", "fhir.version"),
        ("4.0", "4.0.1", "fhir.version"),
        ("4.3.0", "4.0", "fhir.version"),
        ("5.0.0", "4.0", "fhir.version"),
        ("3.0.2", "4.0", "fhir.version"),
        ("", "4.0", "fhir.version"),
        (None, "4.0", "fhir.version"),
    ],
)
def test_the_version_is_compared_in_whole_components(
    version: str | None, prefix: str, expected: str
) -> None:
    verdict, _ = judge_statement(FHIR_JSON, statement(fhirVersion=version), prefix, ())
    assert verdict.reason.value == expected


def test_a_dstu2_conformance_is_another_version() -> None:
    body = b'{"resourceType":"Conformance","fhirVersion":"1.0.2"}'
    assert judged_statement(body) == ("misconfigured", "fhir.version")


def test_a_removed_interaction_is_drift_and_an_added_one_is_not() -> None:
    def offering(*codes: str) -> bytes:
        resource = {"type": "Patient", "interaction": [{"code": code} for code in codes]}
        return statement(rest=[{"mode": "server", "resource": [resource]}])

    assert judged_statement(offering("read")) == ("up", "ok")
    assert judged_statement(offering("read", "update", "vread")) == ("up", "ok")
    assert judged_statement(offering("search-type")) == ("degraded", "fhir.drift")
    assert judged_statement(offering()) == ("degraded", "fhir.drift")
    assert judged_statement(statement(rest=None)) == ("degraded", "fhir.drift")


def test_an_interaction_of_client_mode_does_not_count() -> None:
    resource = {"type": "Patient", "interaction": [{"code": "read"}]}
    body = statement(rest=[{"mode": "client", "resource": [resource]}])
    assert judged_statement(body) == ("degraded", "fhir.drift")


def test_another_version_outranks_drift() -> None:
    body = statement(fhirVersion="5.0.0", rest=[])
    assert judged_statement(body) == ("misconfigured", "fhir.version")


def test_the_canonical_statement_holds_types_interactions_and_parameters() -> None:
    _, seen = judge_statement(FHIR_JSON, statement(), "4.0", ())
    assert seen == Statement(
        fhir_version="4.0.1",
        types=frozenset({"Patient", "Binary"}),
        interactions=frozenset({("Patient", "read"), ("Patient", "search-type")}),
        search_params=frozenset({("Patient", "_id")}),
    )
    assert seen.missing([("Patient", "read"), ("Patient", "update"), ("Slot", "read")]) == 2


def digest(**changes: Any) -> bytes:
    _, seen = judge_statement(FHIR_JSON, statement(**changes), "4.0", ())
    assert seen is not None
    return seen.digest()


def test_the_digest_ignores_date_text_and_order() -> None:
    turned = [
        {"mode": "client"},
        {
            "mode": "server",
            "documentation": "new words",
            "resource": [
                {"type": "Binary"},
                {
                    "type": "Patient",
                    "interaction": [{"code": "search-type"}, {"code": "read"}],
                    "searchParam": [{"name": "_id", "type": "string"}],
                },
            ],
        },
    ]
    assert digest(date="2026-01-01", software={"version": "2"}) == digest(date="2026-02-02")
    assert digest(rest=turned) == digest()


@pytest.mark.parametrize(
    "resource",
    [
        {"type": "Patient", "interaction": [{"code": "read"}], "searchParam": [{"name": "_id"}]},
        {"type": "Patient", "interaction": [{"code": "read"}, {"code": "search-type"}]},
        {
            "type": "Person",
            "interaction": [{"code": "read"}, {"code": "search-type"}],
            "searchParam": [{"name": "_id"}],
        },
    ],
)
def test_the_digest_changes_with_an_interaction_a_parameter_or_a_type(
    resource: dict[str, Any],
) -> None:
    assert digest(rest=[{"mode": "server", "resource": [resource]}]) != digest()


def test_the_digest_changes_with_the_version() -> None:
    assert digest(fhirVersion="4.0.2") != digest()


@given(st.lists(st.sampled_from(["read", "update", "vread", "delete"])), st.randoms())
def test_drift_does_not_depend_on_order_or_repetition(codes: list[str], rng: Any) -> None:
    shuffled = [*codes, *codes]
    rng.shuffle(shuffled)

    def offering(chosen: list[str]) -> list[dict[str, Any]]:
        resource = {"type": "Patient", "interaction": [{"code": code} for code in chosen]}
        return [{"mode": "server", "resource": [resource]}]

    assert digest(rest=offering(codes)) == digest(rest=offering(shuffled))


def test_no_verdict_comes_from_a_truncated_statement() -> None:
    whole = statement()
    for length in range(len(whole)):
        assert judged_statement(whole[:length]) == ("down", "fhir.not_fhir")
