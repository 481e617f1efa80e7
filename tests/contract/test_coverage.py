"""The kind `coverage` against a payer that fails on command."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.coverage import Coverage
from fhir.resources.R4B.coverageeligibilityrequest import CoverageEligibilityRequest
from fhir.resources.R4B.coverageeligibilityresponse import CoverageEligibilityResponse
from pydantic import ValidationError

from probes.contract import Fact, Outcome
from probes.kinds.coverage import KIND
from probes.reasons import Reason
from probes.testing.coverage_server import CoverageServer
from tests.contract.conformance import (
    expect,
    observe,
    steps,
)
from tests.contract.fhir_faults import COMMON

CANARIES = ("CANARY^ZZQUILL^ODETTE", "MRN-88442117")


@pytest.fixture
async def server() -> AsyncIterator[CoverageServer]:
    simulator = CoverageServer(CANARIES)
    await simulator.start()
    yield simulator
    await simulator.stop()


def spec(server: CoverageServer, **more: Any) -> dict[str, Any]:
    """As a file gives it: every scalar is text."""
    whole = {
        "base_url": server.base_url,
        "patient": "zz-uptime-1",
        "search_by": "patient",
        **more,
    }
    return {key: value for key, value in whole.items() if value is not None}


def eligibility(**more: Any) -> dict[str, Any]:
    terms = {
        "allow_writes": "true",
        "coverage": "zz-cover-1",
        "insurer": "Organization/zz-payer",
        **more,
    }
    return {"eligibility": terms}


@pytest.mark.parametrize(
    "how",
    [
        {"search_by": "patient"},
        {"search_by": "beneficiary"},
        {"search_by": None, "coverage": "zz-cover-1"},
    ],
)
async def test_the_coverage_of_the_member_is_searched_for_or_read(
    server: CoverageServer, how: dict[str, Any]
) -> None:
    seen = await expect(KIND, spec(server, **how), Outcome.UP, Reason.OK)
    assert steps(seen) == [("connect", "up", "ok"), ("coverage", "up", "ok")]
    assert server.submitted == []


FAULTS = [
    *COMMON,
    ("other_member", "down", "fhir.wrong_resource"),
]
OF_A_REQUEST = [
    ("error", "down", "coverage.error"),
    ("queued", "degraded", "coverage.queued"),
    ("partial", "degraded", "coverage.partial"),
]


def test_every_fault_of_the_simulator_is_tested() -> None:
    alone = {"none", "slow", "no_coverage", "unanswered", "other_request"}
    tested = {fault for fault, _, _ in FAULTS + OF_A_REQUEST} | alone
    assert tested == set(CoverageServer.FAULTS)


@pytest.mark.parametrize(("fault", "outcome", "reason"), FAULTS)
async def test_a_fault_gives_its_outcome_and_reason(
    server: CoverageServer, fault: str, outcome: str, reason: str
) -> None:
    server.set_fault(fault)
    silent = fault in ("hang", "lost")
    for given in (spec(server), spec(server, search_by=None, **eligibility())):
        seen = await expect(
            KIND,
            given,
            Outcome(outcome),
            Reason(reason),
            timeout_ms=150 if silent else 5000,
        )
        assert len(seen.steps) == (1 if fault == "refuse" else 2)
    assert server.requests["eligibility"] <= 1
    server.set_fault("none")
    await expect(KIND, spec(server), Outcome.UP, Reason.OK)


@pytest.mark.parametrize(("fault", "outcome", "reason"), OF_A_REQUEST)
@pytest.mark.parametrize("by", ["create", "submit"])
async def test_the_outcome_of_a_request_is_judged(
    server: CoverageServer, by: str, fault: str, outcome: str, reason: str
) -> None:
    whole = spec(server, **eligibility(by=by))
    seen = await expect(KIND, whole, Outcome.UP, Reason.OK, connections=2)
    assert steps(seen)[1:] == [("coverage", "up", "ok"), ("eligibility", "up", "ok")]
    server.set_fault(fault)
    seen = await expect(KIND, whole, Outcome(outcome), Reason(reason), connections=2)
    assert steps(seen)[1] == ("coverage", "up", "ok")


async def test_a_member_without_coverage_is_our_own_data(server: CoverageServer) -> None:
    server.set_fault("no_coverage")
    await expect(KIND, spec(server), Outcome.MISCONFIGURED, Reason.FHIR_NO_MATCH)
    read = spec(server, search_by=None, coverage="zz-cover-1")
    await expect(KIND, read, Outcome.MISCONFIGURED, Reason.HTTP_STATUS)


@pytest.mark.parametrize("answers", ["request", "location"])
async def test_a_request_that_is_only_stored_is_looked_up_once(
    server: CoverageServer, answers: str
) -> None:
    server.answers = answers
    whole = spec(server, **eligibility())
    run = await observe(KIND, whole, connections=3)
    assert (run.connections, run.observation.outcome) == (3, Outcome.UP)
    assert run.observation.facts[Fact.REQUESTS] == 3
    assert len(server.submitted) == 1
    for fault, outcome, reason in (
        ("unanswered", "degraded", "coverage.queued"),
        ("other_request", "down", "fhir.wrong_resource"),
        ("error", "down", "coverage.error"),
        ("500", "down", "http.status"),
    ):
        server.set_fault(fault, at="response")
        seen = await expect(KIND, whole, Outcome(outcome), Reason(reason), connections=3)
        assert steps(seen)[-1] == ("eligibility", outcome, reason)


async def test_an_answer_that_never_comes_is_not_asked_for_again(server: CoverageServer) -> None:
    server.set_fault("lost", at="eligibility")
    whole = spec(server, **eligibility())
    await expect(KIND, whole, Outcome.DOWN, Reason.HTTP_TIMEOUT, connections=2, timeout_ms=300)
    assert len(server.submitted) == 1


async def test_a_rejection_is_up_where_it_is_expected_and_nothing_else_is(
    server: CoverageServer,
) -> None:
    whole = spec(server, **eligibility(expect_errors=["a001", "a002"]))
    server.set_fault("error")
    await expect(KIND, whole, Outcome.UP, Reason.OK, connections=2)
    server.error_code = "z999"
    await expect(KIND, whole, Outcome.DOWN, Reason.COVERAGE_ERROR, connections=2)
    server.set_fault("none")
    await expect(KIND, whole, Outcome.DOWN, Reason.COVERAGE_ACCEPTED, connections=2)


async def test_a_right_answer_after_slow_after_is_degraded(server: CoverageServer) -> None:
    server.slow_ms = 60
    server.set_fault("slow", at="eligibility")
    late = spec(server, slow_after="50ms", **eligibility())
    seen = await expect(KIND, late, Outcome.DEGRADED, Reason.SLOW, connections=2)
    assert steps(seen)[-1] == ("eligibility", "degraded", "slow")


async def test_what_is_submitted_is_a_valid_request(server: CoverageServer) -> None:
    given = spec(server, search_by=None, **eligibility(purpose="benefits"))
    await expect(KIND, given, Outcome.UP, Reason.OK)
    (sent,) = server.submitted
    CoverageEligibilityRequest.model_validate(sent)
    assert sent["patient"] == {"reference": "Patient/zz-uptime-1"}
    assert sent["insurer"] == {"reference": "Organization/zz-payer"}
    assert sent["purpose"] == ["benefits"]
    assert sent["insurance"][0]["coverage"] == {"reference": "Coverage/zz-cover-1"}


async def test_without_its_secret_nothing_is_asked(server: CoverageServer) -> None:
    base_url = server.base_url.replace("http:", "https:")
    given = {**spec(server, **eligibility()), "base_url": base_url, "auth": {"bearer": "env:T"}}
    await expect(KIND, given, Outcome.UNKNOWN, Reason.AGENT_SECRET, connections=0)


async def test_the_simulator_speaks_valid_fhir_and_plants_its_canaries(
    server: CoverageServer,
) -> None:
    async with aiohttp.ClientSession() as session:

        async def asked(path: str) -> str:
            async with session.get(f"{server.base_url}/{path}") as answer:
                assert all(canary in answer.headers["X-Patient"] for canary in CANARIES)
                return await answer.text()

        read = await asked("Coverage/zz-cover-1")
        found = await asked("CoverageEligibilityResponse?request=zz-1")
        url = f"{server.base_url}/CoverageEligibilityRequest/$submit"
        server.set_fault("error")
        async with session.post(url, json={"resourceType": "x"}) as answer:
            submitted = await answer.text()
    Coverage.model_validate_json(read)
    Bundle.model_validate_json(found)
    CoverageEligibilityResponse.model_validate_json(submitted)
    for canary in CANARIES:
        assert all(canary in text for text in (read, found, submitted))


async def test_nothing_a_server_sends_reaches_observation_or_log(
    server: CoverageServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = []
    for fault in CoverageServer.FAULTS:
        server.set_fault(fault)
        silent = fault in ("hang", "lost")
        run = await observe(
            KIND,
            spec(server, **eligibility()),
            connections=3,
            timeout_ms=150 if silent else 5000,
        )
        told.append(repr(run.observation))
    kept = "\n".join([*told, caplog.text])
    assert [canary for canary in CANARIES if canary in kept] == []
    assert "ZZQUILL" not in kept


@pytest.mark.parametrize(
    ("wrong", "places"),
    [
        ({"base_url": "payer.example.org"}, ["base_url"]),
        ({"patient": "Patient/1"}, ["patient"]),
        ({"search_by": "name"}, ["search_by"]),
        ({}, [""]),
        ({"search_by": "patient", "coverage": "1"}, [""]),
        (
            {"eligibility": {"allow_writes": "false", "insurer": "payer", "purpose": "x"}},
            [
                "eligibility.allow_writes",
                "eligibility.coverage",
                "eligibility.insurer",
                "eligibility.purpose",
            ],
        ),
        (
            {"eligibility": {"coverage": "1", "insurer": "Organization/1"}},
            ["eligibility.allow_writes"],
        ),
        ({"search_by": "patient", "read": "Patient/1"}, ["read"]),
    ],
)
def test_a_wrong_spec_names_every_place(wrong: dict[str, Any], places: list[str]) -> None:
    with pytest.raises(ValidationError) as caught:
        KIND.parse({"base_url": "http://payer.example.org/r4", "patient": "zz-1", **wrong})
    assert [".".join(map(str, e["loc"])) for e in caught.value.errors()] == places
