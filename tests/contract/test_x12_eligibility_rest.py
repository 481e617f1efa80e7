"""Both X12 kinds over the interfaces of Stedi, Optum and Availity, simulated, over real sockets."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets as chance
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from probes import x12exchange
from probes.clock import SystemClock
from probes.contract import Env, Fact, Kind, Observation, Outcome, Slot
from probes.kinds.x12_eligibility import KIND
from probes.reasons import Reason
from probes.testing.certificates import Authority
from probes.testing.clearinghouse import Clearinghouse
from tests.contract.conformance import CountingNetwork, conforms, environment, observe, steps
from tests.support.clearinghouses import BY_TOKEN, WAYS, asking, connect, secrets, spec
from tests.support.payers import member

UP, DEGRADED, DOWN = Outcome.UP, Outcome.DEGRADED, Outcome.DOWN
MISCONFIGURED, UNKNOWN = Outcome.MISCONFIGURED, Outcome.UNKNOWN
AT_THE_WAY: dict[str, tuple[Outcome, Reason]] = {
    "refuse": (DOWN, Reason.TCP_REFUSED),
    "hang": (DOWN, Reason.HTTP_TIMEOUT),
    "400": (MISCONFIGURED, Reason.X12_REQUEST),
    "401": (MISCONFIGURED, Reason.X12_CREDENTIALS),
    "403": (MISCONFIGURED, Reason.HTTP_STATUS),
    "404": (MISCONFIGURED, Reason.HTTP_STATUS),
    "409": (DEGRADED, Reason.HTTP_THROTTLED),
    "422": (MISCONFIGURED, Reason.X12_REQUEST),
    "429": (DEGRADED, Reason.HTTP_THROTTLED),
    "500": (DOWN, Reason.HTTP_STATUS),
    "html200": (DOWN, Reason.X12_NOT_JSON),
    "not_json": (DOWN, Reason.X12_NOT_JSON),
    "truncated": (DOWN, Reason.HTTP_TRUNCATED),
}
OF_THE_ANSWER: dict[str, tuple[Outcome, Reason]] = {
    "slow": (DEGRADED, Reason.SLOW),
    "foreign": (DEGRADED, Reason.X12_FOREIGN_ANSWER),
    "wrong_mode": (MISCONFIGURED, Reason.X12_WRONG_MODE),
    "api_error": (DOWN, Reason.X12_API_ERROR),
    "aaa_42_clearinghouse": (DOWN, Reason.X12_AAA_42_CLEARINGHOUSE),
    "aaa_42_payer": (DOWN, Reason.X12_AAA_42_PAYER),
    "aaa_80_payer": (DOWN, Reason.X12_AAA_80_PAYER),
    "aaa_42_subscriber": (DEGRADED, Reason.X12_AAA_42_SUBSCRIBER),
    "no_benefits": (DOWN, Reason.X12_NO_BENEFITS),
}
OF_AVAILITY: dict[str, tuple[Outcome, Reason]] = {
    "payer_unreachable": (DOWN, Reason.X12_UNREACHABLE_PAYER),
    "pending": (DOWN, Reason.X12_ONLY_ACKNOWLEDGED),
}
OF_THE_TOKEN: dict[str, tuple[Outcome, Reason]] = {
    "refuse": (DOWN, Reason.TCP_REFUSED),
    "hang": (DOWN, Reason.HTTP_TIMEOUT),
    "401": (MISCONFIGURED, Reason.X12_CREDENTIALS),
    "429": (DEGRADED, Reason.HTTP_THROTTLED),
    "500": (DOWN, Reason.HTTP_STATUS),
    "html200": (DOWN, Reason.X12_NOT_TOKEN),
    "truncated": (DOWN, Reason.HTTP_TRUNCATED),
    "invalid_client": (MISCONFIGURED, Reason.X12_CREDENTIALS),
    "no_token": (DOWN, Reason.X12_NOT_TOKEN),
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), SystemClock().now_ms())


@pytest.fixture
def ca(authority: Authority) -> str:
    return authority.ca


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other in no time; the wait between them is `test_looks...`'s to see."""
    monkeypatch.setattr(x12exchange, "FIRST_LOOK_MS", 1)
    monkeypatch.setattr(x12exchange, "LOOK_MS", 2)


@pytest.fixture
async def house(authority: Authority) -> AsyncIterator[Clearinghouse]:
    simulator = Clearinghouse()
    await simulator.start(authority.server().server_context())
    yield simulator
    await simulator.stop()


async def ran(
    house: Clearinghouse, given: Mapping[str, Any], kind: Kind[Any] = KIND, timeout_ms: int = 5_000
) -> Observation:
    run = await observe(kind, given, connections=17, secrets=secrets(house), timeout_ms=timeout_ms)
    return run.observation


def said(seen: Observation) -> tuple[Outcome, Reason]:
    return seen.outcome, seen.reason


def test_every_fault_of_the_simulator_has_an_expected_end() -> None:
    tested = {*AT_THE_WAY, *OF_THE_ANSWER, *OF_AVAILITY, *OF_THE_TOKEN, "reduced", "unwell", "none"}
    assert tested == set(Clearinghouse.FAULTS)


@pytest.mark.parametrize("way", WAYS)
async def test_each_way_to_fail_has_its_outcome_and_reason_and_is_asked_once(
    house: Clearinghouse, ca: str, way: str
) -> None:
    expected = {**AT_THE_WAY, **OF_THE_ANSWER}
    if way == "stedi_x12":  # X12 has neither: ISA15 goes back as it came
        del expected["wrong_mode"], expected["api_error"]
    given, found, asked = spec(house, way, ca, slow_after="190ms"), {}, {}
    for fault in expected:
        house.set_fault(fault)
        house.looks = int(fault == "foreign")  # Availity gives back the id it was looked for by
        before = house.requests["question"]
        found[fault] = said(await ran(house, given, timeout_ms=400 if fault == "hang" else 5_000))
        asked[fault] = house.requests["question"] - before
    assert found == expected
    assert asked == {fault: int(fault != "refuse") for fault in expected}
    house.set_fault("none")
    assert said(await ran(house, spec(house, way, ca))) == (UP, Reason.OK)


@pytest.mark.parametrize("way", WAYS)
async def test_both_kinds_are_asked_and_answered(house: Clearinghouse, ca: str, way: str) -> None:
    for kind, given in asking(house, way, ca):
        house.live = given.get("production") == "true"
        assert said(await ran(house, given, kind)) == (UP, Reason.OK)
    assert len(house.questions) == 2


@pytest.mark.parametrize("way", WAYS)
async def test_our_provider_and_our_member_are_ours(
    house: Clearinghouse, ca: str, way: str
) -> None:
    other = spec(house, way, ca, provider={"npi": "1234567893", "name": "ZZTEST OTHER"})
    seen = await ran(house, other)
    assert said(seen) == (MISCONFIGURED, Reason.X12_ENROLMENT)
    assert seen.facts[Fact.AAA_CODE] == 51
    nobody = spec(house, way, ca, member=member(id="ZZNOBODY1"), expect_rejection=["72", "75"])
    seen = await ran(house, nobody)
    assert said(seen) == (UP, Reason.OK)
    assert (seen.facts[Fact.AAA_CODE], seen.facts[Fact.BENEFITS]) == (75, 0)


@pytest.mark.parametrize("way", WAYS)
async def test_who_failed_is_told_by_the_steps(house: Clearinghouse, ca: str, way: str) -> None:
    token = [("token", "up", "ok")] if way in BY_TOKEN else []
    house.set_fault("aaa_42_clearinghouse")
    assert steps(await ran(house, spec(house, way, ca))) == [
        *token,
        ("connect", "up", "ok"),
        ("clearinghouse", "down", "x12.aaa_42_clearinghouse"),
    ]
    house.set_fault("aaa_42_payer")
    assert steps(await ran(house, spec(house, way, ca))) == [
        *token,
        ("connect", "up", "ok"),
        ("clearinghouse", "up", "ok"),
        ("payer", "down", "x12.aaa_42_payer"),
    ]


@pytest.mark.parametrize("way", BY_TOKEN)
async def test_without_a_token_nothing_is_asked(house: Clearinghouse, ca: str, way: str) -> None:
    found = {}
    for fault, (outcome, reason) in OF_THE_TOKEN.items():
        house.set_fault(fault, at="token")
        timeout_ms = 300 if fault == "hang" else 5_000
        seen = await ran(house, spec(house, way, ca), timeout_ms=timeout_ms)
        found[fault] = said(seen)
        assert steps(seen) == [("token", outcome.value, reason.value)]
    assert found == OF_THE_TOKEN
    assert (house.requests["question"], house.questions) == (0, [])


async def several(
    env: Env, given: Mapping[str, Any], runs: int, kind: Kind[Any] = KIND
) -> list[Observation]:
    """One check, so often, with the tokens of its agent."""
    found = []
    async with kind.open(kind.parse(given), env) as probe:
        for _ in range(runs):
            found.append(await probe.run(Slot("check-1", env.clock.now_ms())))
            conforms(kind, found[-1])
    return found


@pytest.mark.parametrize("way", BY_TOKEN)
async def test_checks_of_an_agent_share_a_token_and_ask_for_it_once(
    house: Clearinghouse, ca: str, way: str
) -> None:
    env = environment(secrets=secrets(house), timeout_ms=5_000)
    both = [several(env, given, 2, kind) for kind, given in asking(house, way, ca)]
    for runs in await asyncio.gather(*both):
        assert [said(one) for one in runs] == [(UP, Reason.OK)] * 2
    assert house.requests["token"] == 1
    scope = {
        "optum": None,
        "availity": "healthcare-hipaa-transactions healthcare-hipaa-transactions-demo",
    }
    assert [form.get("scope") for form in house.forms] == [scope[way]]


@pytest.mark.parametrize("way", BY_TOKEN)
async def test_a_refused_client_is_left_alone_until_its_secret_is_another(
    house: Clearinghouse, ca: str, way: str
) -> None:
    known = {"env:SECRET": b"old"}
    env = replace(environment(timeout_ms=5_000), read_secret=known.__getitem__)
    given = spec(house, way, ca)
    found = await several(env, given, 3)
    assert [said(one) for one in found] == [(MISCONFIGURED, Reason.X12_CREDENTIALS)] * 3
    assert house.requests == {"token": 1, "health": 0, "question": 0, "look": 0}
    known["env:SECRET"] = house.client[1].encode()
    assert said((await several(env, given, 1))[0]) == (UP, Reason.OK)
    assert house.requests["token"] == 2


@pytest.mark.parametrize("way", BY_TOKEN)
async def test_a_token_that_is_refused_is_given_up_and_the_question_never_sent_again(
    house: Clearinghouse, ca: str, way: str
) -> None:
    env = environment(secrets=secrets(house), timeout_ms=5_000)
    given = spec(house, way, ca)
    await several(env, given, 1)
    house.revoke()
    found = await several(env, given, 2)
    assert [said(one) for one in found] == [
        (MISCONFIGURED, Reason.X12_CREDENTIALS),
        (UP, Reason.OK),
    ]
    assert (house.requests["question"], house.requests["token"]) == (3, 2)


async def test_less_than_was_asked_for_is_no_token(house: Clearinghouse, ca: str) -> None:
    house.set_fault("reduced", at="token")
    seen = await ran(house, spec(house, "availity", ca))
    assert said(seen) == (MISCONFIGURED, Reason.X12_CREDENTIALS)
    assert seen.facts[Fact.SCOPES_MISSING] == 1


async def test_a_client_that_is_told_to_wait_asks_for_nothing_before(
    house: Clearinghouse, ca: str
) -> None:
    for at in ("token", "question"):
        house.set_fault("429", at=at)
        before = sum(house.requests.values())
        env = environment(secrets=secrets(house), timeout_ms=5_000)
        found = await several(env, spec(house, "optum", ca), 2)
        assert [said(one) for one in found] == [
            (DEGRADED, Reason.HTTP_THROTTLED),
            (UNKNOWN, Reason.AGENT_RETRY_AFTER),
        ]
        assert found[0].facts[Fact.RETRY_AFTER_S] == 7
        assert sum(house.requests.values()) - before == (1 if at == "token" else 2)


async def test_optums_health_check_is_a_step_and_decides_nothing(
    house: Clearinghouse, ca: str
) -> None:
    given = {**spec(house, "optum", ca), "connect": connect(house, "optum", ca, healthcheck="true")}
    seen = await ran(house, given)
    assert [name for name, _, _ in steps(seen)] == [
        *("token", "health", "connect", "clearinghouse", "payer"),
    ]
    assert seen.facts[Fact.REQUESTS] == 3
    for fault, reason in (("unwell", "x12.api_error"), ("500", "http.status")):
        house.set_fault(fault, at="health")
        seen = await ran(house, given)
        assert said(seen) == (UP, Reason.OK)
        assert steps(seen)[1] == ("health", "down", reason)
    house.set_fault("aaa_42_payer")
    seen = await ran(house, given)
    assert said(seen) == (DOWN, Reason.X12_AAA_42_PAYER)
    assert steps(seen)[1] == ("health", "up", "ok")


async def test_optum_is_told_a_trace_that_is_of_the_run_alone(
    house: Clearinghouse, ca: str
) -> None:
    await several(environment(secrets=secrets(house)), spec(house, "optum", ca), 2)
    traces = [fields["x-chng-trace-id"] for fields in house.fields]
    assert len(set(traces)) == 2
    assert [fields["x-optum-correlation-id"] for fields in house.fields] == traces
    numbers = [question["controlNumber"] for question in house.questions]
    assert all(number.isdigit() and len(number) == 9 for number in numbers)


async def test_availity_is_asked_once_and_looked_at_until_it_has_the_answer(
    house: Clearinghouse, ca: str
) -> None:
    for looks in (0, 1, 4):
        house.looks = looks
        house.requests = dict.fromkeys(house.requests, 0)
        seen = await ran(house, spec(house, "availity", ca))
        assert said(seen) == (UP, Reason.OK)
        assert house.requests == {"token": 1, "health": 0, "question": 1, "look": looks}
        assert seen.facts[Fact.REQUESTS] == 2 + looks


async def test_what_availity_says_of_a_payer_that_does_not_answer(
    house: Clearinghouse, ca: str
) -> None:
    for fault, looks in (("pending", x12exchange.LOOKS), ("payer_unreachable", 1)):
        house.set_fault(fault, at="look")
        house.requests = dict.fromkeys(house.requests, 0)
        seen = await ran(house, spec(house, "availity", ca))
        assert said(seen) == OF_AVAILITY[fault]
        by = "payer" if fault == "payer_unreachable" else "clearinghouse"
        assert steps(seen)[-1] == (by, *OF_AVAILITY[fault])
        assert (house.requests["question"], house.requests["look"]) == (1, looks)


async def test_a_look_that_fails_ends_the_run(house: Clearinghouse, ca: str) -> None:
    for fault in ("500", "hang", "404", "html200", "truncated"):
        house.set_fault(fault, at="look")
        house.requests = dict.fromkeys(house.requests, 0)
        timeout_ms = 600 if fault == "hang" else 5_000
        seen = await ran(house, spec(house, "availity", ca), timeout_ms=timeout_ms)
        assert said(seen) == AT_THE_WAY[fault]
        assert (house.requests["question"], house.requests["look"]) == (1, 1)
        assert [name for name, _, _ in steps(seen)] == ["token", "connect", "clearinghouse"]


async def test_looks_wait_a_second_and_then_two_and_no_longer_than_there_is_time(
    house: Clearinghouse, ca: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[int] = []

    class Noted(SystemClock):
        async def sleep_ms(self, duration_ms: int) -> None:
            waits.append(duration_ms)

    monkeypatch.undo()
    house.looks = 3
    env = replace(environment(secrets=secrets(house), timeout_ms=9_000), clock=Noted())
    (seen,) = await several(env, spec(house, "availity", ca), 1)
    assert (said(seen), waits) == ((UP, Reason.OK), [1_000, 2_000, 2_000])
    waits.clear()
    env = replace(environment(secrets=secrets(house), timeout_ms=900), clock=Noted())
    (seen,) = await several(env, spec(house, "availity", ca), 1)
    assert (said(seen), waits) == ((DOWN, Reason.X12_ONLY_ACKNOWLEDGED), [])


async def test_the_time_of_looking_counts_and_that_of_signing_in_does_not(
    house: Clearinghouse, ca: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = spec(house, "availity", ca, slow_after="190ms")
    house.set_fault("slow", at="token")
    assert said(await ran(house, given)) == (UP, Reason.OK)
    house.set_fault("none")
    monkeypatch.setattr(x12exchange, "FIRST_LOOK_MS", 200)
    seen = await ran(house, given)
    assert said(seen) == (DEGRADED, Reason.SLOW)
    assert seen.steps[-1].duration_us > 200_000


async def test_availitys_scope_and_scenario_are_those_of_the_mode(
    house: Clearinghouse, ca: str
) -> None:
    chosen = connect(house, "availity", ca, scenario="Coverages-Complete-i")
    await ran(house, {**spec(house, "availity", ca), "connect": chosen})
    assert house.fields[-1]["x-api-mock-scenario-id"] == "Coverages-Complete-i"
    house.live = True
    live = spec(house, "availity", ca, production="true", agreement="CHG0031")
    assert said(await ran(house, live)) == (UP, Reason.OK)
    assert house.forms[-1]["scope"].split() == [
        "healthcare-hipaa-transactions",
        "healthcare-hipaa-transactions-standard",
    ]
    assert "x-api-mock-scenario-id" not in house.fields[-1]


async def test_a_secret_that_cannot_be_read_asks_nothing(house: Clearinghouse, ca: str) -> None:
    for way in WAYS:
        run = await observe(KIND, spec(house, way, ca), connections=0)
        assert said(run.observation) == (UNKNOWN, Reason.AGENT_SECRET)


@pytest.mark.parametrize("way", WAYS)
async def test_nothing_of_an_answer_is_in_observation_log_or_exception(
    authority: Authority, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    canaries = tuple(f"ZZ{chance.token_hex(6).upper()}" for _ in range(3))
    house = Clearinghouse(canaries)
    await house.start(authority.server().server_context())
    house.looks, house.retry_after = 0, None
    env = environment(secrets=secrets(house), timeout_ms=5_000)
    told: list[str] = []
    for fault in Clearinghouse.FAULTS:
        at = "token" if fault in ("invalid_client", "no_token", "reduced") else "question"
        if fault in ("hang", "slow", "refuse", "404", "422"):
            continue  # they say nothing, or what others say
        house.set_fault(fault, at=at)
        for kind, given in asking(house, way, authority.ca):
            house.live = given.get("production") == "true"
            fresh = environment(secrets=secrets(house), timeout_ms=5_000)
            told += map(repr, await several(fresh if at == "token" else env, given, 1, kind))
    await house.stop()
    kept = "\n".join([*told, caplog.text])
    hidden = [*canaries, house.api_key, house.client[1], *house.granted]
    assert [one for one in hidden if one in kept] == []
    assert len(told) > 40


async def test_the_simulator_plants_its_canaries(authority: Authority) -> None:
    house = Clearinghouse(("ZZCANARY",))
    assert "ZZCANARY" in json.dumps(house.sample())


@pytest.mark.parametrize(
    ("way", "changes", "more", "problem"),
    [
        ("stedi", {"base_url": "http://healthcare.example.org"}, {}, "write an https address"),
        ("stedi", {"format": "x12"}, {}, "needs sender and receiver"),
        ("stedi", {"sender": {"id": "A"}}, {}, "belong to format: x12"),
        ("optum", {"base_url": "https://apigw.optum.com"}, {}, "this base_url asks live payers"),
        (
            "optum",
            {"base_url": "https://sandbox-apigw.optum.com"},
            {"production": "true", "agreement": "CHG1"},
            "base_url is that of the sandbox",
        ),
        ("availity", {"scope": "hipaa hipaa-standard"}, {}, "this scope asks live payers"),
        (
            "availity",
            {"scope": "hipaa hipaa-demo"},
            {"production": "true", "agreement": "CHG1"},
            "the scope is that of the demo",
        ),
        (
            "availity",
            {"scenario": "Coverages-Complete-i"},
            {"production": "true", "agreement": "CHG1"},
            "a scenario belongs to the demo",
        ),
        ("optum", {}, {"production": "true"}, "name its owner's agreement"),
    ],
)
def test_a_test_cannot_ask_production_nor_production_a_test(
    way: str, changes: dict[str, Any], more: dict[str, Any], problem: str
) -> None:
    house = Clearinghouse()
    house.origin = "https://example.org"
    given = {**spec(house, way, "/ca.pem", **more)}
    given["connect"] = connect(house, way, "/ca.pem", **changes)
    with pytest.raises(ValidationError) as caught:
        KIND.parse(given)
    assert problem in str(caught.value.errors()[0]["msg"])


async def test_the_network_is_asked_only_as_often_as_the_run_says(
    house: Clearinghouse, ca: str
) -> None:
    network = CountingNetwork()
    env = replace(environment(network, secrets(house)), timeout_ms=5_000)
    await several(env, spec(house, "availity", ca), 1)
    assert len(network.attempts) == 3
