"""The kind `smart` against a simulated server that verifies assertions with another library."""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from probes.assertion import assertion, load_key
from probes.clock import SystemClock
from probes.contract import Env, Fact, Observation, Outcome, Slot
from probes.httpclient import ask
from probes.kinds.smart import KIND
from probes.net import Deadline, TlsOptions
from probes.reasons import Reason
from probes.testing.certificates import Authority
from probes.testing.smart_server import Client, SmartServer
from probes.wire.http1 import Request, parse_url
from tests.contract.conformance import (
    conforms,
    environment,
    expect,
    observe,
    steps,
)
from tests.support.client_keys import ec_pem, jwk, rsa_pem

CANARIES = ("CANARY^ZZQUILL^ODETTE", "MRN-88442117")
CLIENT, SECRET = "wardwatch-north", "open:se same+1"
SECRETS = {
    "file:/run/rsa.pem": rsa_pem(),
    "file:/run/ec.pem": ec_pem(),
    "file:/run/other.pem": rsa_pem(1),
    "file:/run/secret": SECRET.encode() + b"\n",
}
BACKEND = {"client_id": CLIENT, "key": "file:/run/rsa.pem", "scope": "system/*.rs"}
TIMEOUT_MS = (5000, 250)
"""Of a run that should end by itself, and of one that should not."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), SystemClock().now_ms())


@pytest.fixture(scope="module")
def context(authority: Authority) -> ssl.SSLContext:
    return authority.server().server_context()


@pytest.fixture
async def server(context: ssl.SSLContext) -> AsyncIterator[SmartServer]:
    simulator = SmartServer(CANARIES)
    keys = [jwk(rsa_pem()), jwk(ec_pem())]
    simulator.clients = {
        CLIENT: Client(keys=keys, scopes="system/*.rs system/Location.rs"),
        "classic:1": Client(secret=SECRET, scopes="system/Patient.read"),
    }
    simulator.published = list(keys)
    await simulator.start(context)
    yield simulator
    await simulator.stop()


@pytest.fixture
def spec(server: SmartServer, authority: Authority) -> dict[str, Any]:
    return {
        "base_url": server.base_url,
        "ca": authority.ca,
        "auth": {"smart_backend": BACKEND},
        "jwks_url": server.jwks_url,
    }


async def seen(spec: dict[str, Any], outcome: str, reason: str, **more: Any) -> Observation:
    given: dict[str, Any] = {"connections": 3, "secrets": SECRETS, "timeout_ms": 5000, **more}
    return await expect(KIND, spec, Outcome(outcome), Reason(reason), **given)


async def test_a_healthy_server_is_up_with_all_three_steps(
    server: SmartServer, spec: dict[str, Any]
) -> None:
    found = await seen(spec, "up", "ok")
    assert steps(found) == [("discovery", "up", "ok"), ("token", "up", "ok"), ("jwks", "up", "ok")]
    assert server.asked == {"discovery": 1, "token": 1, "jwks": 1}
    facts = {fact.value: value for fact, value in found.facts.items()}
    assert facts.pop("cert_days_left") in (89, 90)
    assert facts.pop("body_bytes") > 100
    assert facts.pop("answer_bytes") > 1_000
    assert facts == {
        "http_status": 200,
        "deviations": 0,
        "token_expires_s": 300,
        "keys_unpublished": 0,
        "requests": 3,
    }


@pytest.mark.parametrize("reference", ["file:/run/rsa.pem", "file:/run/ec.pem"])
async def test_both_algorithms_are_verified_by_the_server(
    server: SmartServer, spec: dict[str, Any], reference: str
) -> None:
    auth = {"smart_backend": {**BACKEND, "key": reference}}
    await seen({**spec, "auth": auth}, "up", "ok")
    wrong = {"smart_backend": {**BACKEND, "key": "file:/run/other.pem"}}
    found = await seen(
        {**spec, "auth": wrong, "discovery": "true"}, "misconfigured", "smart.key_unpublished"
    )
    assert steps(found)[1] == ("token", "misconfigured", "smart.token_rejected")


@pytest.mark.parametrize("style", ["basic", "post"])
async def test_a_client_secret_is_shown_in_the_header_or_in_the_form(
    server: SmartServer, spec: dict[str, Any], style: str
) -> None:
    way = {
        "client_id": "classic:1",
        "secret": "file:/run/secret",
        "token_url": server.token_url,
        "scope": "system/Patient.read",
        "style": style,
    }
    given = {"base_url": spec["base_url"], "ca": spec["ca"], "auth": {"client_secret": way}}
    await seen(given, "up", "ok")
    wrong = {**SECRETS, "file:/run/secret": b"another"}
    found = await seen(given, "misconfigured", "smart.token_rejected", secrets=wrong)
    assert found.facts[Fact.OAUTH_ERROR] == 2


FAULTS = {
    "discovery": [
        ("hang", "down", "http.timeout"),
        ("html200", "down", "smart.discovery"),
        ("not_json", "down", "smart.discovery"),
        ("no_token_endpoint", "down", "smart.discovery"),
        ("http_token_endpoint", "down", "smart.discovery"),
        ("404", "misconfigured", "http.status"),
        ("429", "degraded", "http.throttled"),
        ("500", "down", "http.status"),
        ("truncated", "down", "http.truncated"),
    ],
    "token": [
        ("hang", "down", "http.timeout"),
        ("html200", "down", "smart.not_token"),
        ("not_json", "down", "smart.not_token"),
        ("no_token", "down", "smart.not_token"),
        ("not_bearer", "down", "smart.not_token"),
        ("crlf_token", "down", "smart.not_token"),
        ("error200", "misconfigured", "smart.token_rejected"),
        ("400_html", "misconfigured", "smart.token_rejected"),
        ("401_null", "misconfigured", "smart.token_rejected"),
        *((error, "misconfigured", "smart.token_rejected") for error in SmartServer.ERRORS),
        ("reduced", "misconfigured", "smart.scope_reduced"),
        ("404", "misconfigured", "http.status"),
        ("429", "degraded", "http.throttled"),
        ("500", "down", "http.status"),
        ("server_error", "down", "http.status"),
        ("truncated", "down", "http.truncated"),
    ],
    "jwks": [
        ("hang", "misconfigured", "smart.jwks"),
        ("html200", "misconfigured", "smart.jwks"),
        ("not_json", "misconfigured", "smart.jwks"),
        ("no_keys", "misconfigured", "smart.jwks"),
        ("404", "misconfigured", "smart.jwks"),
        ("429", "misconfigured", "smart.jwks"),
        ("500", "misconfigured", "smart.jwks"),
        ("truncated", "misconfigured", "smart.jwks"),
        ("exposed", "misconfigured", "smart.key_exposed"),
    ],
}
HARMLESS = ["none", "deviant", "scope_untold", "wordy"]
OTHERWISE_TESTED = {"refuse", "slow", "moved"}
CASES = [(at, *case) for at, cases in FAULTS.items() for case in cases]


@pytest.mark.parametrize(("at", "fault", "outcome", "reason"), CASES)
async def test_a_fault_of_one_step_is_that_steps_own(
    server: SmartServer, spec: dict[str, Any], at: str, fault: str, outcome: str, reason: str
) -> None:
    server.set_fault(fault, at=at)
    found = await seen(spec, outcome, reason, timeout_ms=TIMEOUT_MS[fault == "hang"])
    expected = {"discovery": ("up", "ok"), "token": ("up", "ok"), "jwks": ("up", "ok")}
    expected[at] = (outcome, reason)
    if at == "discovery":
        del expected["token"]  # nobody said where to ask
    if fault == "hang" and at != "jwks":
        del expected["jwks"]
    assert {name: (o, r) for name, o, r in steps(found)} == expected


@pytest.mark.parametrize("fault", HARMLESS)
async def test_what_is_right_in_its_own_way_is_up(
    server: SmartServer, spec: dict[str, Any], fault: str
) -> None:
    server.set_fault(fault)
    found = await seen(spec, "up", "ok")
    assert found.facts[Fact.DEVIATIONS] == (4 if fault == "deviant" else 0)


def test_every_fault_of_the_simulator_is_tested() -> None:
    tested = {fault for _, fault, _, _ in CASES} | {*HARMLESS} | OTHERWISE_TESTED
    assert tested == {*SmartServer.FAULTS, *SmartServer.ERRORS}


async def test_a_closed_port_is_down_and_our_own_is_misconfigured(
    server: SmartServer, spec: dict[str, Any]
) -> None:
    server.set_fault("refuse")
    found = await seen(spec, "down", "tcp.refused")
    assert steps(found) == [
        ("discovery", "down", "tcp.refused"),
        ("jwks", "misconfigured", "smart.jwks"),
    ]
    server.set_fault("none")
    await seen(spec, "up", "ok")


async def test_slow_steps_are_degraded(server: SmartServer, spec: dict[str, Any]) -> None:
    server.slow_ms = 120
    server.set_fault("slow", at="token")
    found = await seen({**spec, "slow_after": "100ms"}, "degraded", "slow")
    assert steps(found)[1] == ("token", "degraded", "slow")


async def test_the_error_of_the_token_endpoint_is_a_number(
    server: SmartServer, spec: dict[str, Any]
) -> None:
    for number, error in enumerate(SmartServer.ERRORS, 1):
        server.set_fault(error, at="token")
        found = await seen(spec, "misconfigured", "smart.token_rejected")
        assert found.facts[Fact.OAUTH_ERROR] == number


async def test_a_changed_document_is_told_once(server: SmartServer, spec: dict[str, Any]) -> None:
    env = environment(secrets=SECRETS)
    told = []
    given = {name: value for name, value in spec.items() if name not in ("auth", "jwks_url")}
    async with KIND.open(KIND.parse(given), env) as probe:
        for fault in ("none", "none", "moved", "moved", "500", "none"):
            server.set_fault(fault)
            found = await probe.run(Slot("check-1", env.clock.now_ms()))
            told.append(found.facts.get(Fact.DISCOVERY_CHANGED))
    assert told == [None, 0, 1, 0, None, 1]


async def test_each_part_can_be_asked_alone(
    server: SmartServer, spec: dict[str, Any], authority: Authority
) -> None:
    only = {"base_url": server.base_url, "ca": authority.ca}
    assert steps(await seen(only, "up", "ok")) == [("discovery", "up", "ok")]
    published = {**spec, "discovery": "false", "token": "false"}
    assert steps(await seen(published, "up", "ok")) == [("jwks", "up", "ok")]
    before = server.asked["discovery"]
    direct = {**BACKEND, "token_url": server.token_url}
    token = {**only, "discovery": "false", "auth": {"smart_backend": direct}}
    assert steps(await seen(token, "up", "ok")) == [("token", "up", "ok")]
    assert server.asked["discovery"] == before
    token = {**only, "discovery": "false", "auth": {"smart_backend": BACKEND}}
    assert steps(await seen(token, "up", "ok")) == [
        ("discovery", "up", "ok"),
        ("token", "up", "ok"),
    ]


@pytest.mark.parametrize(
    "secrets",
    [{}, {"file:/run/rsa.pem": b""}, {"file:/run/rsa.pem": b"-----BEGIN"},
     {"file:/run/rsa.pem": rsa_pem(bits=1024)}],
)  # fmt: skip
async def test_a_key_that_is_missing_or_none_is_our_own_trouble(
    server: SmartServer, spec: dict[str, Any], secrets: dict[str, bytes]
) -> None:
    found = await seen(spec, "unknown", "agent.secret", secrets=secrets)
    assert steps(found) == []
    assert server.asked == {"discovery": 0, "token": 0, "jwks": 0}


async def test_a_second_key_that_is_missing_leaves_sign_in_as_it_is(
    server: SmartServer, spec: dict[str, Any]
) -> None:
    keys = {"smart_backend": {**BACKEND, "key": ["file:/run/rsa.pem", "file:/run/absent.pem"]}}
    found = await seen({**spec, "auth": keys}, "unknown", "agent.secret")
    assert steps(found) == [
        ("discovery", "up", "ok"),
        ("token", "up", "ok"),
        ("jwks", "unknown", "agent.secret"),
    ]


async def test_a_key_rotates_with_overlap(server: SmartServer, spec: dict[str, Any]) -> None:
    old, new = "file:/run/rsa.pem", "file:/run/ec.pem"

    def signing_with(*keys: str) -> dict[str, Any]:
        return {**spec, "auth": {"smart_backend": {**BACKEND, "key": list(keys)}}}

    server.published = server.clients[CLIENT].keys = [jwk(rsa_pem())]
    await seen(signing_with(old), "up", "ok")
    # 1. the new key is at hand and nobody knows it yet
    found = await seen(signing_with(old, new), "misconfigured", "smart.key_unpublished")
    assert steps(found)[1] == ("token", "up", "ok")
    assert found.facts[Fact.KEYS_UNPUBLISHED] == 1
    # 2. published beside the old one, which still signs; then the new one signs
    server.published = server.clients[CLIENT].keys = [jwk(rsa_pem()), jwk(ec_pem())]
    await seen(signing_with(old, new), "up", "ok")
    await seen(signing_with(new, old), "up", "ok")
    # 3. the old one is taken back: first from the check, then from the key set
    await seen(signing_with(new), "up", "ok")
    server.published = server.clients[CLIENT].keys = [jwk(ec_pem())]
    await seen(signing_with(new), "up", "ok")
    # too early: what still signs is no longer published, and no longer accepted
    found = await seen(signing_with(old, new), "misconfigured", "smart.key_unpublished")
    assert steps(found)[1] == ("token", "misconfigured", "smart.token_rejected")


async def test_a_key_of_the_same_name_is_not_the_same_key(
    server: SmartServer, spec: dict[str, Any]
) -> None:
    named = {"smart_backend": {**BACKEND, "kid": "2026"}}
    server.clients[CLIENT].keys = [jwk(rsa_pem(), "2026")]
    server.published = [jwk(rsa_pem(), "2026")]
    await seen({**spec, "auth": named}, "up", "ok")
    server.published = [jwk(rsa_pem(1), "2026")]
    await seen({**spec, "auth": named}, "misconfigured", "smart.key_unpublished")


@pytest.mark.parametrize(
    ("skew_s", "reason"),
    [
        (-70, "smart.token_rejected"),
        (-50, "ok"),
        (0, "ok"),
        (200, "ok"),
        (250, "smart.token_rejected"),
    ],
)
async def test_a_clock_that_is_off_is_a_rejection_with_the_skew_beside_it(
    server: SmartServer, spec: dict[str, Any], skew_s: int, reason: str
) -> None:
    server.skew_s = skew_s
    if reason == "ok":
        found = await seen(spec, "up", "ok")
        assert Fact.CLOCK_SKEW_S not in found.facts
        return
    found = await seen(spec, "misconfigured", "smart.token_rejected")
    assert found.facts[Fact.OAUTH_ERROR] == 2
    assert abs(found.facts[Fact.CLOCK_SKEW_S] - skew_s) <= 5


async def test_an_assertion_is_good_for_one_request(
    server: SmartServer, spec: dict[str, Any], authority: Authority
) -> None:
    """The simulator's promise: it would notice a probe that uses an assertion twice."""
    now_ms = SystemClock().now_ms()
    key, env = load_key(rsa_pem()), environment()

    async def asked(text: str) -> int:
        form = {
            "grant_type": "client_credentials",
            "scope": "system/*.rs",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": text,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        request = Request("POST", parse_url(server.token_url), headers, urlencode(form).encode())
        deadline = Deadline(env.clock, 5000)
        return (await ask(env, request, TlsOptions(ca=authority.ca), 65_536, deadline)).status

    good = assertion(key, CLIENT, server.token_url, now_ms, "one")
    assert [await asked(good), await asked(good)] == [200, 401]
    other = assertion(key, CLIENT, server.token_url + "/", now_ms, "two")
    late = assertion(key, CLIENT, server.token_url, now_ms - 241_000, "three")
    early = assertion(key, CLIENT, server.token_url, now_ms + 120_000, "four")
    foreign = assertion(key, "somebody", server.token_url, now_ms, "five")
    forged = assertion(load_key(rsa_pem(1), key.kid), CLIENT, server.token_url, now_ms, "six")
    for wrong in (other, late, early, foreign, forged, good[:-4] + "AAAA", "", "a.b.c"):
        assert await asked(wrong) == 401
    # and every run brings a new one
    for _ in range(3):
        await seen(spec, "up", "ok")
    assert len(server.seen) == 4


async def test_a_check_asks_no_more_than_its_budget(
    server: SmartServer, spec: dict[str, Any]
) -> None:
    env = replace(environment(secrets=SECRETS), timeout_ms=5000)
    told = []
    for _ in range(2):
        limited = {**spec, "budget": {"requests": "3", "per": "1h"}}
        async with KIND.open(KIND.parse(limited), env) as probe:
            found = await probe.run(Slot("check-1", env.clock.now_ms()))
            told.append((found.outcome.value, found.reason.value))
    assert told == [("up", "ok"), ("unknown", "agent.budget")]
    assert server.asked == {"discovery": 1, "token": 1, "jwks": 1}


async def test_a_client_certificate_is_shown_at_the_token_endpoint_and_not_to_our_own_host(
    authority: Authority, spec: dict[str, Any], server: SmartServer
) -> None:
    guarded = SmartServer(CANARIES)
    guarded.clients = server.clients
    await guarded.start(authority.server().server_context(client_ca=authority.ca))
    try:
        pair = authority.client()
        shown = {"client_cert": pair.cert, "client_key": pair.key}
        given = {**spec, "base_url": guarded.base_url}
        await seen({**given, **shown}, "up", "ok")
        bare = await observe(KIND, given, connections=3, secrets=SECRETS)
        assert not bare.observation.outcome.good
        assert guarded.asked == {"discovery": 1, "token": 1, "jwks": 0}
        gone = {**shown, "client_key": "/nowhere/key.pem"}
        await seen({**given, **gone}, "unknown", "agent.secret")
    finally:
        await guarded.stop()


async def test_what_a_check_of_its_own_is_granted_serves_the_others(
    server: SmartServer, spec: dict[str, Any]
) -> None:
    env: Env = replace(environment(secrets=SECRETS), timeout_ms=5000)
    async with KIND.open(KIND.parse(spec), env) as probe:
        for _ in range(2):
            found = await probe.run(Slot("check-1", env.clock.now_ms()))
            conforms(KIND, found)
    assert server.asked["token"] == 2  # each run asks: that is its evidence
    kept = [token.text for token in env.tokens.held._kept.values()]
    assert kept == [list(server.granted)[1]]


async def test_nothing_a_server_sends_and_no_secret_reaches_observation_or_log(
    server: SmartServer, spec: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, "asyncio")
    told = []
    for fault in (*SmartServer.FAULTS, *SmartServer.ERRORS):
        server.set_fault(fault)
        run = await observe(
            KIND, spec, connections=3, secrets=SECRETS, timeout_ms=TIMEOUT_MS[fault == "hang"]
        )
        told.append(repr(run.observation))
    kept = "\n".join([*told, caplog.text])
    pem = rsa_pem().decode().splitlines()[1:-1]
    hidden = [*CANARIES, "ZZQUILL", CLIENT, *pem, *server.granted, *server.seen]
    assert [text for text in hidden if text in kept] == []
