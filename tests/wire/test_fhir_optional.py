"""What a server need not offer: its answers, and where an export may be cancelled."""

from __future__ import annotations

import json

import pytest

from probes.contract import Outcome
from probes.reasons import Reason
from probes.wire.fhir import UP, Verdict
from probes.wire.fhir_optional import (
    at_most_partial,
    is_cancelled,
    judge_subscription,
    judge_versions,
    status_address,
)
from probes.wire.http1 import parse_url

FHIR_JSON = "application/fhir+json"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("active", ("up", "ok")),
        ("requested", ("degraded", "fhir.subscription")),
        ("off", ("misconfigured", "fhir.subscription")),
        ("error", ("down", "fhir.subscription")),
        ("entered-in-error", ("down", "fhir.wrong_resource")),
        ("", ("down", "fhir.wrong_resource")),
    ],
)
def test_a_subscription_is_judged_by_its_status(status: str, expected: tuple[str, str]) -> None:
    body = json.dumps({"resourceType": "Subscription", "id": "zz", "status": status}).encode()
    verdict = judge_subscription(FHIR_JSON, body, "zz", {})
    assert (verdict.outcome.value, verdict.reason.value) == expected
    other = judge_subscription(FHIR_JSON, body, "other", {})
    assert other.reason is Reason.FHIR_WRONG_RESOURCE


def test_versions_are_parameters() -> None:
    assert judge_versions(FHIR_JSON, b'{"resourceType":"Parameters"}', {}) == UP
    other = judge_versions(FHIR_JSON, b'{"resourceType":"Bundle"}', {})
    assert at_most_partial(other) == Verdict(Outcome.DEGRADED, Reason.FHIR_OPTIONAL)
    refused = Verdict(Outcome.MISCONFIGURED, Reason.FHIR_AUTH)
    assert at_most_partial(refused) == refused


@pytest.mark.parametrize(
    "where",
    [
        None,
        "",
        "/bulk/1",
        "http://ehr.example.org/bulk/1",
        "https://ehr.example.org:444/bulk/1",
        "https://ehr.example.org.evil.example/bulk/1",
        "https://user@ehr.example.org/bulk/1",
        "https://ehr.example.org/bulk/1#x",
        "https://ehr.example.org/bulk/1\r\nX: y",
        "file:///etc/passwd",
    ],
)
def test_nothing_is_asked_of_another_origin(where: str | None) -> None:
    assert status_address(where, parse_url("https://ehr.example.org/fhir/R4")) is None


def test_the_status_of_an_export_is_asked_where_it_is() -> None:
    base = parse_url("https://ehr.example.org/fhir/R4")
    for where in ("https://ehr.example.org/bulk/1?x=2", "https://EHR.example.org:443/bulk/1?x=2"):
        found = status_address(where, base)
        assert found is not None
        assert (found.host, found.port, found.target) == ("ehr.example.org", 443, "/bulk/1?x=2")


def test_gone_is_cancelled() -> None:
    said = [status for status in (200, 202, 204, 302, 400, 404, 410, 500) if is_cancelled(status)]
    assert said == [200, 202, 204, 404, 410]
    assert not is_cancelled(None)
