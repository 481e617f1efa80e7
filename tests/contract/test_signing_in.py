"""FHIR checks that sign in: the simulated server gives its records only for its own tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from probes.clock import ManualClock, SystemClock
from probes.contract import Env, Fact, Observation, Outcome, Slot
from probes.kinds.fhir import KIND
from probes.kinds.terminology import KIND as TERMINOLOGY
from probes.reasons import Reason
from probes.testing.certificates import Authority
from probes.testing.fhir_server import FhirServer
from probes.testing.smart_server import Client, SmartServer
from probes.tokens import Flights
from tests.contract.conformance import (
    CountingNetwork,
    conforms,
    environment,
    expect,
    steps,
)
from tests.support.client_keys import jwk, rsa_pem

CLIENT = "wardwatch-north"
SECRETS = {"file:/run/rsa.pem": rsa_pem()}
BACKEND = {"client_id": CLIENT, "key": "file:/run/rsa.pem"}


@dataclass
class Ehr:
    fhir: FhirServer
    smart: SmartServer
    spec: dict[str, Any]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), SystemClock().now_ms())


@pytest.fixture
async def ehr(authority: Authority) -> AsyncIterator[Ehr]:
    smart = SmartServer(("CANARY^ZZQUILL",))
    smart.clients = {CLIENT: Client(keys=[jwk(rsa_pem())])}
    fhir = FhirServer(("CANARY^ZZQUILL",), smart=smart)
    await fhir.start(tls=authority.server().server_context())
    spec = {
        "base_url": fhir.base_url,
        "read": "Patient/zz-uptime-1",
        "ca": authority.ca,
        "auth": {"smart_backend": BACKEND},
    }
    yield Ehr(fhir, smart, spec)
    await fhir.stop()


class Clocked(ManualClock):
    """Moves with the host's monotonic time, and by hand."""

    def __init__(self) -> None:
        super().__init__(SystemClock().now_ms())
        self._system = SystemClock()
        self._began_ns = self._system.monotonic_ns()

    def monotonic_ns(self) -> int:
        return super().monotonic_ns() + self._system.monotonic_ns() - self._began_ns


def world(secrets: dict[str, bytes] | None = None, timeout_ms: int = 5000) -> Env:
    return environment(secrets=SECRETS if secrets is None else secrets, timeout_ms=timeout_ms)


async def run(env: Env, spec: dict[str, Any], times: int = 1) -> list[Observation]:
    """One check, so often."""
    found = []
    async with KIND.open(KIND.parse(spec), env) as probe:
        for _ in range(times):
            found.append(await probe.run(Slot("check-1", env.clock.now_ms())))
            conforms(KIND, found[-1])
    return found


def up(*names: str) -> list[tuple[str, str, str]]:
    return [(name, "up", "ok") for name in names]


async def test_a_run_signs_in_and_the_next_uses_the_same_token(ehr: Ehr) -> None:
    first, second = await run(world(), ehr.spec, 2)
    assert steps(first) == up("connect", "metadata", "discovery", "token", "read")
    assert steps(second) == up("connect", "metadata", "read")
    assert first.facts[Fact.TOKEN_EXPIRES_S] == 300
    assert ehr.smart.asked == {"discovery": 1, "token": 1, "jwks": 0}
    assert (first.outcome, second.outcome) == (Outcome.UP, Outcome.UP)
    target = sum(step.duration_us for step in first.steps)
    assert target == sum(took for phase, took in first.phases.items() if phase != "parse")


async def test_fifty_checks_at_once_ask_for_one_token(ehr: Ehr) -> None:
    env = world(timeout_ms=20_000)
    only = {**ehr.spec, "metadata": "false"}
    found = [
        each for runs in await asyncio.gather(*(run(env, only) for _ in range(50))) for each in runs
    ]
    assert [each.outcome.value for each in found] == ["up"] * 50
    assert ehr.smart.asked == {"discovery": 1, "token": 1, "jwks": 0}
    told = sorted(len(each.steps) for each in found)
    assert told == [2] * 49 + [4]  # only the run that asked has the steps of asking
    assert ehr.fhir.requests["read"] == 50


async def test_trap_9_a_token_of_300_s_is_used_for_270_s_and_not_an_hour(
    ehr: Ehr, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clocked()
    env = Env(clock, world().rng, CountingNetwork(), 5000, SECRETS.__getitem__)
    asked = []
    async with KIND.open(KIND.parse({**ehr.spec, "metadata": "false"}), env) as probe:
        for wait_s in (0, 260, 15, 200):
            await clock.advance(wait_s * 1000)
            ehr.smart.skew_s += wait_s
            found = await probe.run(Slot("check-1", clock.now_ms()))
            assert found.outcome is Outcome.UP
            asked.append(ehr.smart.asked["token"])
    assert asked == [1, 1, 2, 2]


async def test_trap_9_less_scope_than_asked_for_is_misconfigured_at_every_run(ehr: Ehr) -> None:
    ehr.smart.set_fault("reduced", at="token")
    for found in await run(world(), ehr.spec, 2):
        assert (found.outcome, found.reason) == (
            Outcome.MISCONFIGURED, Reason.SMART_SCOPE_REDUCED,
        )  # fmt: skip
        assert found.facts[Fact.SCOPES_MISSING] == 1
        assert "read" not in [step.name.value for step in found.steps]
    assert ehr.fhir.requests["read"] == 0


async def test_a_refused_token_is_replaced_once_and_the_run_goes_on(ehr: Ehr) -> None:
    env = world()
    await run(env, ehr.spec)
    ehr.smart.revoke()
    (found,) = await run(env, ehr.spec)
    assert steps(found) == up("connect", "metadata", "token", "read")
    assert found.facts[Fact.TOKEN_REFRESHED] == 1
    assert ehr.smart.asked["token"] == 2
    assert ehr.fhir.requests["read"] == 3


async def test_a_new_token_that_is_refused_too_is_misconfigured(ehr: Ehr) -> None:
    env = world()
    await run(env, ehr.spec)
    ehr.fhir.set_fault("401", at="read")
    (found,) = await run(env, ehr.spec)
    assert steps(found) == [
        *up("connect", "metadata", "token"),
        ("read", "misconfigured", "fhir.auth"),
    ]
    assert (ehr.smart.asked["token"], ehr.fhir.requests["read"]) == (2, 3)


async def test_a_token_of_this_very_run_is_not_asked_for_again(ehr: Ehr) -> None:
    ehr.fhir.set_fault("401", at="read")
    (found,) = await run(world(), ehr.spec)
    assert (found.outcome, found.reason) == (Outcome.MISCONFIGURED, Reason.FHIR_AUTH)
    assert (ehr.smart.asked["token"], ehr.fhir.requests["read"]) == (1, 1)


async def test_a_token_that_ends_at_once_serves_the_run_that_asked(ehr: Ehr) -> None:
    ehr.smart.lifetime_s = 20
    spec = {
        "base_url": ehr.spec["base_url"],
        "ca": ehr.spec["ca"],
        "auth": ehr.spec["auth"],
        "system": "http://loinc.org",
        "codes": [{"code": "718-7"}, {"code": "2345-7"}],
    }
    env = world()
    for asked in (1, 2):
        async with TERMINOLOGY.open(TERMINOLOGY.parse(spec), env) as probe:
            found = await probe.run(Slot("check-1", env.clock.now_ms()))
        # The simulator knows no codes: what counts is that it was asked with one token.
        names = [step.name.value for step in found.steps]
        assert names[-4:] == ["token", "connect", "lookup", "validate"]
        assert ehr.smart.asked["token"] == asked


async def test_forbidden_is_no_reason_for_another_token(ehr: Ehr) -> None:
    env = world()
    await run(env, ehr.spec)
    ehr.fhir.set_fault("403", at="read")
    (found,) = await run(env, ehr.spec)
    assert steps(found) == [*up("connect", "metadata"), ("read", "misconfigured", "fhir.auth")]
    assert ehr.smart.asked["token"] == 1


async def test_a_token_refused_to_many_is_replaced_once_for_all(ehr: Ehr) -> None:
    env = world(timeout_ms=20_000)
    only = {**ehr.spec, "metadata": "false"}
    await run(env, only)
    ehr.smart.revoke()
    found = await asyncio.gather(*(run(env, only) for _ in range(20)))
    assert {each.outcome.value for runs in found for each in runs} == {"up"}
    assert ehr.smart.asked["token"] == 2


@pytest.mark.parametrize(
    ("at", "fault", "outcome", "reason"),
    [
        ("token", "500", "down", "http.status"),
        ("token", "invalid_client", "misconfigured", "smart.token_rejected"),
        ("token", "429", "degraded", "http.throttled"),
        ("token", "html200", "down", "smart.not_token"),
        ("discovery", "html200", "down", "smart.discovery"),
        ("discovery", "404", "misconfigured", "http.status"),
    ],
)
async def test_without_a_token_the_step_that_had_none_decides_and_nothing_is_read(
    ehr: Ehr, at: str, fault: str, outcome: str, reason: str
) -> None:
    ehr.smart.set_fault(fault, at=at)
    found = await expect(
        KIND, ehr.spec, Outcome(outcome), Reason(reason),
        connections=3, secrets=SECRETS, timeout_ms=5000,
    )  # fmt: skip
    before = up("connect", "metadata", "discovery") if at == "token" else up("connect", "metadata")
    assert steps(found) == [*before, (at, outcome, reason)]
    assert (ehr.fhir.requests["metadata"], ehr.fhir.requests["read"]) == (1, 0)


async def test_a_refusal_is_told_by_every_check_that_waited_for_it(ehr: Ehr) -> None:
    env = world(timeout_ms=20_000)
    ehr.smart.slow_ms = 200
    only = {**ehr.spec, "metadata": "false"}
    ehr.smart.set_fault("invalid_client", at="token")
    found = [runs[0] for runs in await asyncio.gather(*(run(env, only) for _ in range(10)))]
    assert {(each.outcome.value, each.reason.value) for each in found} == {
        ("misconfigured", "smart.token_rejected")
    }
    assert ehr.smart.asked["token"] == 1
    durations = sorted(
        step.duration_us for each in found for step in each.steps if step.name == "token"
    )
    assert durations[:9] == [0] * 9  # they asked nobody
    assert durations[9] > 0


async def test_a_server_that_never_answers_costs_each_check_its_own_time_only(ehr: Ehr) -> None:
    shared = world()
    only = {**ehr.spec, "metadata": "false"}
    await run(shared, only)
    shared.tokens.held = Flights()
    ehr.smart.set_fault("hang", at="token")
    short = replace(shared, timeout_ms=500)
    long = shared
    async with asyncio.TaskGroup() as group:
        first = group.create_task(run(short, only))
        while ehr.smart.asked["token"] < 2:
            await asyncio.sleep(0.01)
        second = group.create_task(run(long, only))
        ehr.smart.set_fault("none")
    assert steps(first.result()[0])[-1] == ("token", "down", "http.timeout")
    assert steps(second.result()[0]) == up("token", "connect", "read")


@pytest.mark.parametrize("key", [None, b"", b"-----BEGIN PRIVATE KEY-----"])
async def test_a_missing_key_is_unknown_and_nothing_is_asked(ehr: Ehr, key: bytes | None) -> None:
    secrets = {} if key is None else {"file:/run/rsa.pem": key}
    (found,) = await run(world(secrets), ehr.spec)
    assert (found.outcome, found.reason) == (Outcome.UNKNOWN, Reason.AGENT_SECRET)
    assert steps(found) == []
    assert not ehr.fhir.requests
    assert ehr.smart.asked["discovery"] == 0


async def test_a_key_that_vanishes_in_a_run_is_unknown(ehr: Ehr) -> None:
    left = [rsa_pem()]

    def read_secret(reference: str) -> bytes:
        if not left:
            raise KeyError(reference)
        return left.pop()

    (found,) = await run(replace(world(), read_secret=read_secret), ehr.spec)
    assert (found.outcome, found.reason) == (Outcome.UNKNOWN, Reason.AGENT_SECRET)
    assert steps(found) == [
        *up("connect", "metadata", "discovery"),
        ("token", "unknown", "agent.secret"),
    ]
    assert (ehr.smart.asked["token"], ehr.fhir.requests["read"]) == (0, 0)


async def test_a_token_endpoint_that_says_when_to_come_again_is_left_alone_until_then(
    ehr: Ehr, tmp_path: Path
) -> None:
    clock = Clocked()
    env = replace(world(), clock=clock)
    apart = SmartServer()
    apart.clients = ehr.smart.clients
    ca = Authority(tmp_path, clock.now_ms(), "Another test CA")
    await apart.start(ca.server().server_context())
    apart.retry_after = "30"
    trusted = tmp_path / "both.pem"
    trusted.write_bytes(Path(ehr.spec["ca"]).read_bytes() + Path(ca.ca).read_bytes())
    way = {**BACKEND, "token_url": apart.token_url}
    spec = {**ehr.spec, "ca": str(trusted), "auth": {"smart_backend": way}, "metadata": "false"}
    told, asked = [], []
    try:
        async with KIND.open(KIND.parse(spec), env) as probe:
            for fault, wait_s in (("429", 0), ("none", 20), ("none", 11)):
                apart.set_fault(fault, at="token")
                await clock.advance(wait_s * 1000)
                apart.skew_s += wait_s
                seen = await probe.run(Slot("check-1", clock.now_ms()))
                told.append((seen.outcome.value, steps(seen)[0][2]))
                asked.append(apart.asked["token"])
    finally:
        await apart.stop()
    assert told == [
        ("degraded", "http.throttled"),
        ("unknown", "agent.retry_after"),
        ("misconfigured", "ok"),  # granted; the simulated EHR takes only its own tokens
    ]
    assert asked == [1, 1, 2]


async def test_a_token_endpoint_that_moved_is_found_again_after_a_refusal(ehr: Ehr) -> None:
    env = world()
    ehr.smart.set_fault("moved", at="discovery")
    (found,) = await run(env, ehr.spec)
    assert steps(found)[-1] == ("token", "misconfigured", "http.status")
    ehr.smart.set_fault("none")
    (found,) = await run(env, ehr.spec)
    assert steps(found) == up("connect", "metadata", "discovery", "token", "read")


async def test_a_client_secret_and_a_client_certificate_sign_in_together(
    authority: Authority,
) -> None:
    smart = SmartServer()
    smart.clients = {"classic": Client(secret="s3 cret", scopes="system/Patient.read")}
    fhir = FhirServer(smart=smart)
    await fhir.start(tls=authority.server().server_context(client_ca=authority.ca))
    pair = authority.client()
    way = {
        "client_id": "classic",
        "secret": "env:S",
        "token_url": smart.token_url,
        "scope": "system/Patient.read",
    }
    spec = {
        "base_url": fhir.base_url,
        "read": "Patient/zz-uptime-1",
        "ca": authority.ca,
        "client_cert": pair.cert,
        "client_key": pair.key,
        "auth": {"client_secret": way},
    }
    try:
        (found,) = await run(world({"env:S": b"s3 cret\n"}), spec)
        assert steps(found) == up("connect", "metadata", "token", "read")
        bare = {name: value for name, value in spec.items() if not name.startswith("client_")}
        (found,) = await run(world({"env:S": b"s3 cret\n"}), bare)
        assert not found.outcome.good
        assert smart.asked["token"] == 1
    finally:
        await fhir.stop()
