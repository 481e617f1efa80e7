from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from probes.clock import SystemClock
from probes.contract import Fact, Outcome, Phase, Slot, StepName
from probes.fhir_validation import validation_errors
from probes.kinds.fhir import KIND
from probes.reasons import Reason
from probes.testing.certificates import Authority
from probes.testing.fhir_server import FhirServer
from probes.wire.fhir import Verdict
from probes.wire.fhir_statement import Statement, judge_statement
from tests.contract.conformance import (
    environment,
    expect,
    observe,
    steps,
)

CANARIES = ("CANARY^ZZQUILL^ODETTE", "MRN-88442117")


@pytest.fixture
async def server() -> AsyncIterator[FhirServer]:
    simulator = FhirServer(CANARIES)
    await simulator.start()
    yield simulator
    await simulator.stop()


def spec(server: FhirServer, **more: Any) -> dict[str, Any]:
    """As a file gives it: every scalar is text."""
    return {"base_url": server.base_url, "read": "Patient/zz-uptime-1", **more}


async def test_a_healthy_server_is_up_with_both_steps_and_phases_apart(server: FhirServer) -> None:
    seen = await expect(KIND, spec(server), Outcome.UP, Reason.OK, connections=2)
    assert steps(seen) == [("connect", "up", "ok"), ("metadata", "up", "ok"), ("read", "up", "ok")]
    assert (seen.facts[Fact.REQUESTS], seen.facts[Fact.ANSWER_BYTES] > 8_000) == (2, True)
    assert set(seen.phases) == {
        Phase.CONNECT,
        Phase.SEND,
        Phase.FIRST_BYTE,
        Phase.BODY,
        Phase.PARSE,
    }
    target = sum(took for phase, took in seen.phases.items() if phase is not Phase.PARSE)
    assert sum(step.duration_us for step in seen.steps) == target
    assert seen.facts[Fact.HTTP_STATUS] == 200
    assert seen.facts[Fact.RESOURCE_TYPES] == 26
    assert seen.facts[Fact.VALIDATION_ERRORS] == 0
    assert Fact.STATEMENT_CHANGED not in seen.facts
    assert server.requests == {"metadata": 1, "read": 1}


FAULTS = [
    ("refuse", "down", "tcp.refused"),
    ("hang", "down", "http.timeout"),
    ("html200", "down", "fhir.not_fhir"),
    ("wrong_resource", "down", "fhir.wrong_resource"),
    ("401", "misconfigured", "fhir.auth"),
    ("403", "misconfigured", "fhir.auth"),
    ("404", "misconfigured", "http.status"),
    ("410", "misconfigured", "http.status"),
    ("429", "degraded", "http.throttled"),
    ("500", "down", "http.status"),
    ("503_outcome", "down", "fhir.outcome"),
    ("outcome200_error", "down", "fhir.outcome"),
    ("truncated", "down", "http.truncated"),
    ("not_json", "down", "fhir.not_fhir"),
    ("huge", "misconfigured", "http.too_large"),
]
TIMEOUT_MS = (5000, 250)
"""Of a run that should end by itself, and of one that should not."""
OTHERWISE_TESTED = {"none", "slow", "drift", "version"} | {
    *("501", "503", "vendor", "no_match", "partial", "note", "broken_entry"),  # test_fhir_steps.py
    *("redirect", "gzip", "chunked", "drip"),  # test_fhir_traps.py
}


@pytest.mark.parametrize(("fault", "outcome", "reason"), FAULTS)
async def test_a_fault_of_the_whole_server_gives_its_outcome_and_reason(
    server: FhirServer, fault: str, outcome: str, reason: str
) -> None:
    server.set_fault(fault)
    seen = await expect(
        KIND,
        spec(server),
        Outcome(outcome),
        Reason(reason),
        connections=2,
        timeout_ms=TIMEOUT_MS[fault == "hang"],
    )
    expected = [
        ("connect", "up", "ok"),
        ("metadata", outcome, reason),
        ("read", outcome, reason),
    ]
    if fault == "refuse":  # nothing else is tried where there is no connection
        expected = [("connect", outcome, reason)]
    elif fault in ("hang", "429", "503_outcome"):  # no time, or told to ask no more
        del expected[2]
    assert steps(seen) == expected


@pytest.mark.parametrize(("fault", "outcome", "reason"), FAULTS[1:])
@pytest.mark.parametrize("at", ["metadata", "read"])
async def test_a_fault_of_one_step_decides_and_leaves_the_other_step_its_own(
    server: FhirServer, at: str, fault: str, outcome: str, reason: str
) -> None:
    server.set_fault(fault, at=at)
    seen = await expect(
        KIND,
        spec(server),
        Outcome(outcome),
        Reason(reason),
        connections=2,
        timeout_ms=TIMEOUT_MS[fault == "hang"],
    )
    expected = {"connect": ("up", "ok"), "metadata": ("up", "ok"), "read": ("up", "ok")}
    expected[at] = (outcome, reason)
    if fault in ("hang", "429", "503_outcome") and at == "metadata":
        del expected["read"]
    assert {name: (o, r) for name, o, r in steps(seen)} == expected


def test_every_fault_of_the_simulator_is_tested() -> None:
    assert {fault for fault, _, _ in FAULTS} | OTHERWISE_TESTED == set(FhirServer.FAULTS)


async def test_after_a_fault_the_same_server_is_up_again(server: FhirServer) -> None:
    server.set_fault("refuse")
    await expect(KIND, spec(server), Outcome.DOWN, Reason.TCP_REFUSED)
    server.set_fault("none")
    await expect(KIND, spec(server), Outcome.UP, Reason.OK, connections=2)


async def test_a_right_answer_after_slow_after_is_degraded(server: FhirServer) -> None:
    server.slow_ms = 60
    server.set_fault("slow", at="read")
    late = spec(server, slow_after="50ms")
    seen = await expect(KIND, late, Outcome.DEGRADED, Reason.SLOW, connections=2)
    assert steps(seen)[1:] == [("metadata", "up", "ok"), ("read", "degraded", "slow")]
    await expect(KIND, spec(server), Outcome.UP, Reason.OK, connections=2)
    server.set_fault("500", at="read")
    await expect(KIND, late, Outcome.DOWN, Reason.HTTP_STATUS, connections=2)


async def test_parsing_and_validating_never_make_a_target_slow(
    server: FhirServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(_body: bytes, _release: str) -> int:
        time.sleep(0.25)
        return 0

    monkeypatch.setattr("probes.fhir_validation.validation_errors", slow)
    quick = spec(server, slow_after="200ms")
    seen = await expect(KIND, quick, Outcome.UP, Reason.OK, connections=2)
    assert seen.phases[Phase.PARSE] >= 250_000
    assert sum(step.duration_us for step in seen.steps) < 200_000


async def test_a_removed_interaction_is_degraded_only_where_it_is_required(
    server: FhirServer,
) -> None:
    server.set_fault("drift")
    requires = ["Patient.read", "Patient.search-type", "Slot.search-type"]
    seen = await expect(
        KIND, spec(server, requires=requires), Outcome.DEGRADED, Reason.FHIR_DRIFT, connections=2
    )
    assert steps(seen)[1:] == [("metadata", "degraded", "fhir.drift"), ("read", "up", "ok")]
    assert seen.facts[Fact.DRIFT] == 2
    kept = spec(server, requires=["Patient.read", "Appointment.search-type"])
    seen = await expect(KIND, kept, Outcome.UP, Reason.OK, connections=2)
    assert seen.facts[Fact.DRIFT] == 0
    seen = await expect(KIND, spec(server), Outcome.UP, Reason.OK, connections=2)
    assert Fact.DRIFT not in seen.facts


async def test_a_run_that_has_no_time_left_for_its_read_is_not_up(
    server: FhirServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*arguments: Any) -> tuple[Verdict, Statement | None]:
        time.sleep(0.25)
        return judge_statement(*arguments)

    monkeypatch.setattr("probes.kinds.fhir.judge_statement", late)
    seen = await expect(KIND, spec(server), Outcome.DOWN, Reason.HTTP_TIMEOUT, timeout_ms=240)
    assert steps(seen)[1:] == [("metadata", "up", "ok"), ("read", "down", "http.timeout")]
    asked = {"base_url": server.base_url, "versions": "true"}  # which nobody depends on
    seen = await expect(KIND, asked, Outcome.DEGRADED, Reason.FHIR_OPTIONAL, timeout_ms=240)
    assert steps(seen)[1:] == [("metadata", "up", "ok"), ("versions", "degraded", "fhir.optional")]
    server.set_fault("version")
    wrong = await expect(
        KIND, spec(server), Outcome.MISCONFIGURED, Reason.FHIR_VERSION, timeout_ms=240
    )
    assert steps(wrong)[1:] == [("metadata", "misconfigured", "fhir.version")]


async def test_another_fhir_version_is_misconfigured(server: FhirServer) -> None:
    server.set_fault("version")
    await expect(KIND, spec(server), Outcome.MISCONFIGURED, Reason.FHIR_VERSION, connections=2)
    await expect(KIND, spec(server, fhir_version="5.0"), Outcome.UP, Reason.OK, connections=2)


@pytest.mark.parametrize(
    ("says", "expects"), [("3.0.2", "3.0"), ("4.0.1", "4.0"), ("4.3.0", "4.3"), ("5.0.0", "5.0")]
)
async def test_each_release_is_validated_by_its_own_classes(
    server: FhirServer, says: str, expects: str
) -> None:
    server.fhir_version = says
    right = spec(server, fhir_version=expects)
    seen = await expect(KIND, right, Outcome.UP, Reason.OK, connections=2)
    assert seen.facts[Fact.VALIDATION_ERRORS] == 0
    wrong = spec(server, fhir_version="4.1")
    await expect(KIND, wrong, Outcome.MISCONFIGURED, Reason.FHIR_VERSION, connections=2)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [("exception", "down"), ("login", "misconfigured"), ("throttled", "degraded")],
)
async def test_an_operation_outcome_in_a_200_is_judged_by_its_issue_code(
    server: FhirServer, code: str, outcome: str
) -> None:
    server.issue_code = code
    server.set_fault("outcome200_error", at="read")
    await expect(KIND, spec(server), Outcome(outcome), Reason.FHIR_OUTCOME, connections=2)


async def test_a_throttled_step_decides_and_brings_its_facts(server: FhirServer) -> None:
    server.set_fault("429", at="metadata")
    seen = await expect(KIND, spec(server), Outcome.DEGRADED, Reason.HTTP_THROTTLED, connections=2)
    assert steps(seen)[1:] == [("metadata", "degraded", "http.throttled")]
    assert seen.facts[Fact.HTTP_STATUS] == 429
    assert seen.facts[Fact.RETRY_AFTER_S] == 7


async def test_a_status_of_one_step_is_never_shown_with_the_reason_of_another(
    server: FhirServer,
) -> None:
    server.set_fault("truncated", at="read")
    seen = await expect(KIND, spec(server), Outcome.DOWN, Reason.HTTP_TRUNCATED, connections=2)
    assert Fact.HTTP_STATUS not in seen.facts
    assert seen.facts[Fact.RESOURCE_TYPES] == 26


@pytest.mark.parametrize(
    ("last_updated", "outcome", "reason"),
    [
        ("2020-01-01T00:00:00Z", "down", "fhir.stale"),
        ("2999-01-01T00:00:00Z", "up", "ok"),
        (None, "misconfigured", "fhir.stale"),
    ],
)
async def test_a_resource_older_than_max_age_is_down(
    server: FhirServer, last_updated: str | None, outcome: str, reason: str
) -> None:
    server.last_updated = last_updated
    old = spec(server, max_age="1h")
    seen = await expect(KIND, old, Outcome(outcome), Reason(reason), connections=2)
    assert (Fact.AGE_S in seen.facts) == (last_updated is not None)


async def test_metadata_and_read_can_be_asked_alone(server: FhirServer) -> None:
    server.set_fault("500", at="read")
    only_metadata = {"base_url": server.base_url + "/"}
    seen = await expect(KIND, only_metadata, Outcome.UP, Reason.OK)
    assert [step.name for step in seen.steps] == [StepName.CONNECT, StepName.METADATA]
    server.set_fault("500", at="metadata")
    only_read = spec(server, metadata="false")
    seen = await expect(KIND, only_read, Outcome.UP, Reason.OK)
    assert [step.name for step in seen.steps] == [StepName.CONNECT, StepName.READ]
    assert seen.facts[Fact.HTTP_STATUS] == 200
    assert Fact.VALIDATION_ERRORS not in seen.facts


async def test_a_resource_the_server_does_not_have_is_misconfigured(server: FhirServer) -> None:
    other = spec(server, read="Patient/zz-uptime-9")
    await expect(KIND, other, Outcome.MISCONFIGURED, Reason.HTTP_STATUS, connections=2)


async def test_a_body_at_the_cap_is_read_and_one_byte_more_is_not(server: FhirServer) -> None:
    alone = spec(server, metadata="false")
    server.huge_bytes = 3000
    server.set_fault("huge")
    size = (await observe(KIND, alone)).observation.facts[Fact.BODY_BYTES]
    exact = {**alone, "max_body": str(size)}
    await expect(KIND, exact, Outcome.UP, Reason.OK)
    below = {**alone, "max_body": str(size - 1)}
    await expect(KIND, below, Outcome.MISCONFIGURED, Reason.HTTP_TOO_LARGE)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), SystemClock().now_ms())


@pytest.mark.parametrize(
    ("auth", "secret", "header"),
    [
        ({"bearer": "file:/run/t"}, b"abc.DEF-1\n", "Bearer abc.DEF-1"),
        (
            {"basic": {"user": "probe", "password": "file:/run/t"}},
            b"open:sesame\n",
            "Basic cHJvYmU6b3BlbjpzZXNhbWU=",
        ),
    ],
)
async def test_credentials_are_shown_over_tls_and_judged_when_refused(
    authority: Authority, auth: dict[str, Any], secret: bytes, header: str
) -> None:
    server = FhirServer(CANARIES, authorization=header)
    await server.start(tls=authority.server().server_context())
    try:
        given = spec(server, ca=authority.ca, auth=auth)
        seen = await expect(
            KIND, given, Outcome.UP, Reason.OK, connections=2, secrets={"file:/run/t": secret}
        )
        assert Phase.TLS in seen.phases
        assert seen.facts[Fact.CERT_DAYS_LEFT] in (89, 90)
        wrong = {"file:/run/t": b"another"}
        await expect(
            KIND, given, Outcome.MISCONFIGURED, Reason.FHIR_AUTH, connections=2, secrets=wrong
        )
        for unusable in ({}, {"file:/run/t": b""}, {"file:/run/t": b"a\x00b"}):
            before = dict(server.requests)
            await expect(
                KIND, given, Outcome.UNKNOWN, Reason.AGENT_SECRET, connections=0, secrets=unusable
            )
            assert server.requests == before
    finally:
        await server.stop()


async def test_an_expired_certificate_is_down_and_an_unknown_ca_is_misconfigured(
    authority: Authority, tmp_path: Path
) -> None:
    server = FhirServer(CANARIES)
    await server.start(tls=authority.server(days_left=-1).server_context())
    other = Authority(tmp_path, SystemClock().now_ms())
    try:
        expired = spec(server, ca=authority.ca)
        await expect(KIND, expired, Outcome.DOWN, Reason.TLS_EXPIRED, connections=2)
        untrusted = spec(server, ca=other.ca)
        await expect(KIND, untrusted, Outcome.MISCONFIGURED, Reason.TLS_UNTRUSTED, connections=2)
    finally:
        await server.stop()


async def test_full_validation_runs_once_for_each_change_of_the_statement(
    server: FhirServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    validated: list[bytes] = []

    def counting(body: bytes, release: str) -> int | None:
        validated.append(body)
        return validation_errors(body, release)

    monkeypatch.setattr("probes.fhir_validation.validation_errors", counting)
    env = environment()
    slot = Slot(check="check-1", at_ms=env.clock.now_ms())
    changes: list[tuple[int | None, int | None, int]] = []
    async with KIND.open(KIND.parse(spec(server)), env) as probe:
        for fault in ("none", "none", "drift", "drift", "500", "none"):
            server.set_fault(fault)
            facts = (await probe.run(slot)).facts
            seen = facts.get(Fact.STATEMENT_CHANGED), facts.get(Fact.VALIDATION_ERRORS)
            changes.append((*seen, len(validated)))
    assert changes == [
        (None, 0, 1),
        (0, 0, 1),
        (1, 0, 2),
        (0, 0, 2),
        (None, None, 2),
        (1, 0, 3),
    ]


async def test_schema_errors_are_a_fact_and_no_outcome(
    server: FhirServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probes.fhir_validation.validation_errors", lambda _body, _release: 3)
    seen = await expect(KIND, spec(server), Outcome.UP, Reason.OK, connections=2)
    assert seen.facts[Fact.VALIDATION_ERRORS] == 3


async def test_nothing_a_server_sends_reaches_observation_or_log(
    server: FhirServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = []
    for fault in FhirServer.FAULTS:
        server.set_fault(fault)
        strict = spec(server, requires=["Slot.read"], max_age="1h", slow_after="100ms")
        timeout_ms = TIMEOUT_MS[fault in ("hang", "drip")]
        run = await observe(KIND, strict, connections=2, timeout_ms=timeout_ms)
        told.append(repr(run.observation))
    kept = "\n".join([*told, caplog.text])
    assert [canary for canary in CANARIES if canary in kept] == []
    assert "ZZQUILL" not in kept
