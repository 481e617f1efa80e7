"""Traps of the field, by name, and bodies that are not what they should be; no canary gets out."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from probes.contract import Outcome, StepName
from probes.fhir_validation import validation_errors
from probes.kinds.fhir import KIND
from probes.reasons import Reason
from probes.testing.fhir_server import FhirServer
from tests.contract.conformance import expect, observe

CANARIES = ("CANARY^ZZQUILL^ODETTE", "MRN-88442117")


@pytest.fixture
async def server() -> AsyncIterator[FhirServer]:
    simulator = FhirServer(CANARIES)
    await simulator.start()
    yield simulator
    await simulator.stop()


def spec(server: FhirServer, **more: Any) -> dict[str, Any]:
    return {
        "base_url": server.base_url,
        "read": "Patient/zz-uptime-1",
        "search": "Patient?identifier=a|zz-uptime-1",
        **more,
    }


@pytest.mark.parametrize("at", ["read", "search"])
@pytest.mark.parametrize("fault", ["500", "503_outcome", "hang", "outcome200_error"])
async def test_trap_1_metadata_is_200_while_the_database_is_dead(
    server: FhirServer, fault: str, at: str
) -> None:
    server.set_fault(fault, at=at)
    timeout_ms = 300 if fault == "hang" else 5_000
    seen = await observe(KIND, spec(server), connections=3, timeout_ms=timeout_ms)
    assert seen.observation.outcome is Outcome.DOWN
    outcomes = {step.name: step.outcome for step in seen.observation.steps}
    assert outcomes[StepName.METADATA] is Outcome.UP
    assert outcomes[StepName(at)] is Outcome.DOWN
    alone = {"base_url": server.base_url}
    await expect(KIND, alone, Outcome.UP, Reason.OK)  # what metadata alone would have said


@pytest.mark.parametrize("at", ["metadata", "read", "search", "both"])
async def test_trap_2_a_page_with_200_is_no_answer(server: FhirServer, at: str) -> None:
    server.set_fault("html200", at=at)
    await expect(KIND, spec(server), Outcome.DOWN, Reason.FHIR_NOT_FHIR, connections=3)


async def test_trap_12_no_exception_of_a_library_says_what_it_read(
    server: FhirServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "ZZQUILL"  # what pydantic would quote as input_value
    for body in (
        f'{{"resourceType":"CapabilityStatement","status":["{secret}"]}}',
        f'{{"resourceType":"CapabilityStatement","{secret}":1}}',
        f'{{"resourceType":"CapabilityStatement","contained":[{{"resourceType":"{secret}"}}]}}',
        f"{{{secret}",
    ):
        for release in ("3.0.2", "4.0.1", "5.0.0"):
            errors = validation_errors(body.encode(), release)
            assert errors is not None
            assert errors >= 1
    for fault in ("not_json", "html200", "broken_entry", "truncated", "gzip"):
        server.set_fault(fault)
        run = await observe(KIND, spec(server), connections=3)
        assert secret not in repr(run.observation)
    assert secret not in caplog.text


@pytest.mark.parametrize(
    ("fault", "outcome", "reason"),
    [
        ("truncated", "down", "http.truncated"),
        ("gzip", "down", "fhir.not_fhir"),
        ("chunked", "up", "ok"),
        ("redirect", "misconfigured", "http.status"),
        ("drip", "down", "http.timeout"),
    ],
)
async def test_a_body_that_comes_otherwise(
    server: FhirServer, fault: str, outcome: str, reason: str
) -> None:
    server.set_fault(fault)
    timeout_ms = 400 if fault == "drip" else 5_000
    seen = await expect(
        KIND, spec(server), Outcome(outcome), Reason(reason), connections=3, timeout_ms=timeout_ms
    )
    # a slow-loris server has the time of one run and no more
    assert len(seen.steps) == (2 if fault == "drip" else 4)
    if fault == "redirect":
        assert [asked[1] for asked in server.asked] == [
            "/fhir/R4/metadata",
            "/fhir/R4/Patient/zz-uptime-1",
            "/fhir/R4/Patient/_search",
        ]


async def test_a_body_of_two_megabytes_is_read_and_one_above_the_cap_is_not(
    server: FhirServer,
) -> None:
    server.set_fault("huge", at="search")
    server.huge_bytes = 2_000_000
    await expect(KIND, spec(server), Outcome.UP, Reason.OK, connections=3)
    server.huge_bytes = 2_097_152
    await expect(KIND, spec(server), Outcome.MISCONFIGURED, Reason.HTTP_TOO_LARGE, connections=3)


async def test_over_ipv6_it_is_the_same() -> None:
    server = FhirServer(CANARIES)
    await server.start("::1")
    try:
        assert server.base_url.startswith("http://[::1]:")
        export = spec(server, export="Group/zz-uptime-g")
        await expect(KIND, export, Outcome.UP, Reason.OK, connections=5)
        assert server.exports == set()
    finally:
        await server.stop()


async def test_no_canary_gets_out_of_any_step_whatever_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    profile = "epic"
    server = FhirServer(CANARIES, profile=profile)
    await server.start()
    told = []
    try:
        for fault in FhirServer.FAULTS:
            server.set_fault(fault)
            whole = spec(
                server,
                profile=profile,
                budget={"requests": "1000", "per": "1m"},
                versions="true",
                subscription="Subscription/zz-uptime-s",
                export="Group/zz-uptime-g",
                requires=["Slot.read"],
                max_age="1h",
            )
            timeout_ms = 200 if fault in ("hang", "drip") else 5_000
            run = await observe(KIND, whole, connections=7, timeout_ms=timeout_ms)
            told.append(repr(run.observation))
    finally:
        await server.stop()
    kept = "\n".join([*told, caplog.text])
    assert [canary for canary in CANARIES if canary in kept] == []
    assert "ZZQUILL" not in kept
