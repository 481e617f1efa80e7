"""The kind `terminology` against a server that fails on command."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome
from fhir.resources.R4B.parameters import Parameters
from fhir.resources.R4B.valueset import ValueSet
from pydantic import ValidationError

from probes.clock import SystemClock
from probes.contract import Fact, Outcome
from probes.kinds.terminology import KIND
from probes.reasons import Reason
from probes.testing.certificates import Authority
from probes.testing.terminology_server import TerminologyServer
from probes.wire.fhir import Verdict
from probes.wire.terminology import judge_lookup
from tests.contract.conformance import (
    expect,
    observe,
    steps,
)
from tests.contract.fhir_faults import COMMON

CANARIES = ("CANARY^ZZQUILL^ODETTE", "MRN-88442117")


@pytest.fixture
async def server() -> AsyncIterator[TerminologyServer]:
    simulator = TerminologyServer(CANARIES)
    await simulator.start()
    yield simulator
    await simulator.stop()


def spec(server: TerminologyServer, **more: Any) -> dict[str, Any]:
    """As a file gives it: every scalar is text."""
    whole = {
        "base_url": server.base_url,
        "system": "icd-10-cm",
        "codes": [{"code": "E11.9", "display": "DIABETES"}, {"code": "I10"}],
        "release": "2026",
        "value_set": "https://example.org/vs/icd-10-cm",
        **more,
    }
    return {key: value for key, value in whole.items() if value is not None}


async def test_a_healthy_server_is_up_with_three_steps(server: TerminologyServer) -> None:
    seen = await expect(KIND, spec(server), Outcome.UP, Reason.OK, connections=6)
    assert steps(seen) == [
        (name, "up", "ok") for name in ("connect", "lookup", "validate", "expand")
    ]
    assert server.requests == {"lookup": 2, "validate": 3, "expand": 1}
    assert Fact.CODES_MISSING not in seen.facts
    assert (seen.facts[Fact.EXPANSION_TOTAL], seen.facts[Fact.REQUESTS]) == (2, 6)
    icd = "http://hl7.org/fhir/sid/icd-10-cm"
    assert server.asked == [
        {"system": icd, "code": "E11.9"},
        {"system": icd, "code": "I10"},
        {"url": icd, "code": "E11.9"},
        {"url": icd, "code": "I10"},
        {"url": icd, "code": "ZZZ.999"},
        {"url": "https://example.org/vs/icd-10-cm", "count": "1"},
    ]


async def test_a_release_in_a_snomed_version_is_found(server: TerminologyServer) -> None:
    snomed = spec(
        server,
        system="snomed-ct",
        codes=[{"code": "73211009", "display": "diabetes"}],
        release="20250901",
        value_set="http://snomed.info/sct?fhir_vs=ecl/<404684003",
        filter="diabetes mellitus",
        unknown_code="1",
    )
    await expect(KIND, snomed, Outcome.UP, Reason.OK, connections=4)
    assert server.asked[-1] == {
        "url": "http://snomed.info/sct?fhir_vs=ecl/<404684003",
        "filter": "diabetes mellitus",
        "count": "1",
    }


FAULTS = COMMON
OWN = [
    ("no_content", "down", "terminology.not_loaded"),
    ("one_missing", "degraded", "terminology.code_missing"),
    ("accepts", "down", "terminology.accepts_unknown"),
    ("old_release", "degraded", "terminology.release"),
    ("no_release", "misconfigured", "terminology.release"),
    ("other_meaning", "down", "terminology.wrong_display"),
    ("no_display", "down", "fhir.wrong_resource"),
    ("no_result", "down", "fhir.wrong_resource"),
]


def test_every_fault_of_the_simulator_is_tested() -> None:
    tested = {fault for fault, _, _ in FAULTS + OWN} | {"none", "slow"}
    assert tested == set(TerminologyServer.FAULTS)


@pytest.mark.parametrize(("fault", "outcome", "reason"), FAULTS + OWN)
async def test_a_fault_gives_its_outcome_and_reason(
    server: TerminologyServer, fault: str, outcome: str, reason: str
) -> None:
    server.set_fault(fault)
    silent = fault in ("hang", "lost")
    seen = await expect(
        KIND,
        spec(server),
        Outcome(outcome),
        Reason(reason),
        connections=6,
        timeout_ms=150 if silent else 5000,
    )
    # a server that hangs leaves no time for another step, one that says when to come again no leave
    steps_made = {"refuse": 1, "hang": 2, "lost": 2, "429": 2}
    assert len(seen.steps) == steps_made.get(fault, 4)
    server.set_fault("none")
    await expect(KIND, spec(server), Outcome.UP, Reason.OK, connections=6)


@pytest.mark.parametrize("at", ["lookup", "validate", "expand"])
async def test_a_fault_of_one_step_leaves_the_others_theirs(
    server: TerminologyServer, at: str
) -> None:
    server.set_fault("500", at=at)
    seen = await expect(KIND, spec(server), Outcome.DOWN, Reason.HTTP_STATUS, connections=6)
    expected = dict.fromkeys(("connect", "lookup", "validate", "expand"), ("up", "ok"))
    expected[at] = ("down", "http.status")
    assert {name: (o, r) for name, o, r in steps(seen)} == expected


@pytest.mark.parametrize("refuses", ["false", "404", "400", "422"])
async def test_however_a_server_refuses_an_unknown_code_the_judgement_is_the_same(
    server: TerminologyServer, refuses: str
) -> None:
    server.refuses = refuses
    await expect(KIND, spec(server), Outcome.UP, Reason.OK, connections=6)
    server.set_fault("one_missing")
    seen = await expect(
        KIND, spec(server), Outcome.DEGRADED, Reason.TERMINOLOGY_CODE_MISSING, connections=6
    )
    assert seen.facts[Fact.CODES_MISSING] == 1
    server.set_fault("no_content")
    seen = await expect(
        KIND, spec(server), Outcome.DOWN, Reason.TERMINOLOGY_NOT_LOADED, connections=6
    )
    assert seen.facts[Fact.CODES_MISSING] == 2
    assert {(o, r) for _, o, r in steps(seen)[1:]} == {("down", "terminology.not_loaded")}


async def test_the_only_code_that_is_not_found_is_content_that_is_not_there(
    server: TerminologyServer,
) -> None:
    server.set_fault("one_missing")
    alone = spec(server, codes=[{"code": "I10"}], value_set=None)
    await expect(KIND, alone, Outcome.DOWN, Reason.TERMINOLOGY_NOT_LOADED, connections=3)


async def test_a_release_is_only_asked_about_where_one_is_expected(
    server: TerminologyServer,
) -> None:
    for fault in ("old_release", "no_release"):
        server.set_fault(fault)
        await expect(KIND, spec(server, release=None), Outcome.UP, Reason.OK, connections=6)
    server.set_fault("old_release", at="expand")
    seen = await expect(
        KIND, spec(server), Outcome.DEGRADED, Reason.TERMINOLOGY_RELEASE, connections=6
    )
    assert steps(seen)[1] == ("lookup", "up", "ok")


async def test_every_step_can_be_asked_alone(server: TerminologyServer) -> None:
    for step, more in (
        ("lookup", {"validate_code": "false", "value_set": None}),
        ("validate", {"lookup": "false", "value_set": None, "release": None}),
        ("expand", {"lookup": "false", "validate_code": "false"}),
    ):
        seen = await expect(KIND, spec(server, **more), Outcome.UP, Reason.OK, connections=3)
        assert [name for name, _, _ in steps(seen)] == ["connect", step]


async def test_three_codes_are_the_most_a_run_asks_for(server: TerminologyServer) -> None:
    codes = [{"code": "E11.9"}, {"code": "I10"}, {"code": "E10.9"}]
    most = spec(server, codes=codes)
    run = await observe(KIND, most, connections=8)
    assert run.connections == 8
    assert run.observation.reason is Reason.TERMINOLOGY_CODE_MISSING


async def test_a_right_answer_after_slow_after_is_degraded(server: TerminologyServer) -> None:
    server.slow_ms = 60
    server.set_fault("slow", at="expand")
    late = spec(server, slow_after="50ms")
    seen = await expect(KIND, late, Outcome.DEGRADED, Reason.SLOW, connections=6)
    assert steps(seen)[-1] == ("expand", "degraded", "slow")


async def test_a_run_that_has_no_time_left_for_all_it_asks_is_not_up(
    server: TerminologyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*arguments: Any, **more: Any) -> Verdict:
        time.sleep(0.25)
        return judge_lookup(*arguments, **more)

    monkeypatch.setattr("probes.kinds.terminology.judge_lookup", late)
    seen = await expect(
        KIND, spec(server), Outcome.DOWN, Reason.HTTP_TIMEOUT, connections=6, timeout_ms=240
    )
    assert steps(seen) == [("connect", "up", "ok"), ("lookup", "down", "http.timeout")]


async def test_credentials_are_shown_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path, SystemClock().now_ms())
    server = TerminologyServer(CANARIES)
    await server.start(tls=authority.server().server_context())
    try:
        given = spec(server, ca=authority.ca, auth={"bearer": "file:/run/t"})
        secrets = {"file:/run/t": b"abc"}
        seen = await expect(KIND, given, Outcome.UP, Reason.OK, connections=6, secrets=secrets)
        assert seen.facts[Fact.CERT_DAYS_LEFT] in (89, 90)
        await expect(KIND, given, Outcome.UNKNOWN, Reason.AGENT_SECRET, connections=0)
    finally:
        await server.stop()


async def test_the_simulator_speaks_valid_fhir_and_plants_its_canaries(
    server: TerminologyServer,
) -> None:
    async with aiohttp.ClientSession() as session:

        async def asked(path: str) -> str:
            async with session.get(f"{server.base_url}/{path}") as answer:
                assert answer.headers["Content-Type"] == "application/fhir+json"
                return await answer.text()

        icd = "http://hl7.org/fhir/sid/icd-10-cm"
        known = await asked(f"CodeSystem/$lookup?system={icd}&code=I10")
        valid = await asked(f"CodeSystem/$validate-code?url={icd}&code=I10")
        expanded = await asked(f"ValueSet/$expand?url={icd}?fhir_vs&count=1")
        refused = await asked(f"CodeSystem/$lookup?system={icd}&code=ZZZ.999")
    Parameters.model_validate_json(known)
    Parameters.model_validate_json(valid)
    ValueSet.model_validate_json(expanded)
    assert len(json.loads(expanded)["expansion"]["contains"]) == 1
    OperationOutcome.model_validate_json(refused)
    for canary in CANARIES:
        assert all(canary in text for text in (known, valid, expanded, refused))


async def test_nothing_a_server_sends_reaches_observation_or_log(
    server: TerminologyServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = []
    for fault in TerminologyServer.FAULTS:
        server.set_fault(fault)
        silent = fault in ("hang", "lost")
        run = await observe(KIND, spec(server), connections=6, timeout_ms=150 if silent else 5000)
        told.append(repr(run.observation))
    kept = "\n".join([*told, caplog.text])
    assert [canary for canary in CANARIES if canary in kept] == []
    assert "ZZQUILL" not in kept


@pytest.mark.parametrize(
    ("wrong", "places"),
    [
        ({"base_url": "tx.example.org"}, ["base_url"]),
        ({"system": "icd10"}, ["system"]),
        ({"codes": []}, [""]),
        ({"codes": [{"code": "a b"}, {"display": "x"}]}, ["codes.0.code", "codes.1.code"]),
        ({"codes": [{"code": "1"}, {"code": "2"}, {"code": "3"}, {"code": "4"}]}, [""]),
        ({"release": "http://x/y"}, ["release"]),
        ({"value_set": "icd"}, ["value_set"]),
        ({"read": "Patient/1"}, ["read"]),
        ({"ca": "/ca.pem"}, [""]),
    ],
)
def test_a_wrong_spec_names_every_place(wrong: dict[str, Any], places: list[str]) -> None:
    base = {"base_url": "http://tx.example.org/r4", "system": "loinc", "codes": [{"code": "1-8"}]}
    with pytest.raises(ValidationError) as caught:
        KIND.parse({**base, **wrong})
    assert [".".join(map(str, e["loc"])) for e in caught.value.errors()] == places


def test_contradictions_are_told_together() -> None:
    with pytest.raises(ValidationError) as caught:
        KIND.parse(
            {
                "base_url": "http://tx.example.org/r4",
                "system": "loinc",
                "codes": [{"code": "ZZZ.999"}, {"code": "ZZZ.999"}],
                "release": "2.81",
                "lookup": "false",
                "validate_code": "false",
                "filter": "x",
                "ca": "/ca.pem",
            }
        )
    assert caught.value.errors()[0]["msg"] == (
        "Value error, with lookup and validate_code false, value_set is needed; "
        "filter needs value_set; release needs lookup or value_set; unknown_code is among codes; "
        "a code is listed twice; ca needs an https base_url"
    )
