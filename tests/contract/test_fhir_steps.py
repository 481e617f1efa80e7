"""Search, what is asked for on demand, budgets, and servers that say when to come again."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agent.blame import blame
from agent.pulse import Pulse
from probes.attempts import Attempts
from probes.budgets import Budgets
from probes.clock import Clock, SystemClock
from probes.config_checks import Check
from probes.contract import Env, Fact, Outcome, Slot, StepName
from probes.fhiroptional import Optionals
from probes.fhirsteps import FhirSteps, Judge, Layer, Special
from probes.kinds.fhir import KIND, FhirSpec
from probes.net import Deadline
from probes.reasons import Reason
from probes.testing.fhir_server import FhirServer
from probes.wire.fhir import Verdict
from probes.wire.http1 import Request
from tests.contract.conformance import (
    conforms,
    environment,
    expect,
    steps,
)

CANARIES = ("CANARY^ZZQUILL^ODETTE", "MRN-88442117")
IDENTIFIER = "Patient?identifier=urn:oid:1.2.3|zz-uptime-1"


@asynccontextmanager
async def serving(profile: str = "generic", host: str = "127.0.0.1") -> AsyncIterator[FhirServer]:
    simulator = FhirServer(CANARIES, profile=profile)
    await simulator.start(host)
    try:
        yield simulator
    finally:
        await simulator.stop()


@pytest.fixture
async def server() -> AsyncIterator[FhirServer]:
    async with serving() as simulator:
        yield simulator


class Later(SystemClock):
    """The host's clock, some time ahead."""

    ahead_ns = 0

    def monotonic_ns(self) -> int:
        return super().monotonic_ns() + self.ahead_ns


def searching(server: FhirServer, search: str = IDENTIFIER, **more: Any) -> dict[str, Any]:
    return {"base_url": server.base_url, "metadata": "false", "search": search, **more}


async def test_an_identifier_is_searched_for_in_a_body_and_never_in_a_url(
    server: FhirServer,
) -> None:
    seen = await expect(KIND, searching(server), Outcome.UP, Reason.OK)
    assert steps(seen) == [("connect", "up", "ok"), ("search", "up", "ok")]
    assert (seen.facts[Fact.MATCHES], seen.facts[Fact.REQUESTS]) == (1, 1)
    await expect(KIND, searching(server, search_by="get"), Outcome.UP, Reason.OK)
    await expect(KIND, searching(server, "Patient?_id=zz-uptime-1"), Outcome.UP, Reason.OK)
    body = "identifier=urn%3Aoid%3A1.2.3%7Czz-uptime-1&_count=1&_elements=id"
    assert server.asked == [
        ("POST", "/fhir/R4/Patient/_search", body),
        ("GET", f"/fhir/R4/Patient?{body}", ""),
        ("GET", "/fhir/R4/Patient?_id=zz-uptime-1&_count=1&_elements=id", ""),
    ]


SEARCH_FAULTS = [
    ("no_match", "misconfigured", "fhir.no_match"),
    ("partial", "degraded", "fhir.outcome"),
    ("note", "up", "ok"),
    ("broken_entry", "down", "fhir.wrong_resource"),
    ("wrong_resource", "down", "fhir.wrong_resource"),
    ("outcome200_error", "down", "fhir.outcome"),
    ("html200", "down", "fhir.not_fhir"),
    ("403", "misconfigured", "fhir.auth"),
    ("500", "down", "http.status"),
]


@pytest.mark.parametrize(("fault", "outcome", "reason"), SEARCH_FAULTS)
async def test_a_search_that_fails_beside_a_good_read_decides(
    server: FhirServer, fault: str, outcome: str, reason: str
) -> None:
    server.set_fault(fault, at="search")
    spec = searching(server, metadata="true", read="Patient/zz-uptime-1")
    seen = await expect(KIND, spec, Outcome(outcome), Reason(reason), connections=3)
    assert steps(seen)[1:] == [
        ("metadata", "up", "ok"),
        ("read", "up", "ok"),
        ("search", outcome, reason),
    ]


async def test_a_record_that_is_not_there_is_no_match(server: FhirServer) -> None:
    other = searching(server, "Patient?identifier=urn:oid:1.2.3|zz-other")
    seen = await expect(KIND, other, Outcome.MISCONFIGURED, Reason.FHIR_NO_MATCH)
    assert seen.facts[Fact.MATCHES] == 0
    assert Fact.VENDOR_CODE not in seen.facts


# --- vendors, simulated ---


async def test_epic_says_4101_when_it_found_nothing_and_a_code_instead_of_429() -> None:
    async with serving("epic") as server:
        server.set_fault("no_match")
        epic = searching(server, profile="epic")
        seen = await expect(KIND, epic, Outcome.MISCONFIGURED, Reason.FHIR_NO_MATCH)
        assert seen.facts[Fact.VENDOR_CODE] == 4101
        server.set_fault("429")
        seen = await expect(KIND, epic, Outcome.DEGRADED, Reason.HTTP_THROTTLED)
        assert (seen.facts[Fact.VENDOR_CODE], seen.facts[Fact.HTTP_STATUS]) == (59133, 400)
        unread = searching(server)
        await expect(KIND, unread, Outcome.MISCONFIGURED, Reason.HTTP_STATUS)


async def test_oracle_has_no_software_and_a_500_about_a_record_is_no_outage() -> None:
    async with serving("oracle") as server:
        spec = {
            "base_url": server.base_url,
            "read": "Patient/zz-uptime-1",
            "profile": "oracle",
            "budget": {"requests": "100", "per": "1m"},
        }
        seen = await expect(KIND, spec, Outcome.UP, Reason.OK, connections=2)
        assert Fact.STATEMENT_DIGEST in seen.facts
        assert Fact.SOFTWARE_DIGEST not in seen.facts
        server.vendor_status, server.issue_code, server.vendor_severity = 500, "required", "fatal"
        server.set_fault("vendor", at="read")
        seen = await expect(KIND, spec, Outcome.MISCONFIGURED, Reason.FHIR_OUTCOME, connections=2)
        assert Fact.VENDOR_CODE not in seen.facts
        server.set_fault("vendor", at="metadata")
        await expect(KIND, spec, Outcome.DOWN, Reason.FHIR_OUTCOME, connections=2)


async def test_veradigm_answers_in_an_older_spelling() -> None:
    async with serving("veradigm") as server:
        spec = {"base_url": server.base_url, "read": "Patient/zz-uptime-1", "profile": "veradigm"}
        await expect(KIND, spec, Outcome.UP, Reason.OK, connections=2)


# --- break-the-glass ---


def opened(spec: dict[str, Any], env: Env, name: str = "ehr-read", every: str = "30s") -> Attempts:
    """As an agent opens it, in what the agent shares."""
    check = Check.model_validate(
        {"system": "ehr", "kind": "fhir", "every": every, "timeout": "5s", "spec": spec}
    )
    return Attempts(name, check, KIND, env, blame(Pulse(env.clock)))


async def ran(attempts: Attempts, clock: Clock) -> tuple[str, str, int]:
    """Outcome, reason and requests of one run."""
    run = await attempts.run(Slot(attempts.name, clock.now_ms()))
    return run.outcome.value, run.reason, run.facts.get("requests", 0)


GLASS = ("misconfigured", "fhir.break_glass", 0)


@pytest.mark.parametrize(("status", "severity"), [(403, "error"), (200, "warning")])
async def test_behind_break_the_glass_a_check_asks_nothing_until_its_spec_changes(
    status: int, severity: str
) -> None:
    async with serving("epic") as server:
        server.vendor_status, server.vendor_severity = status, severity
        server.vendor_code = "4131"
        server.set_fault("vendor", at="read")
        env, budget = environment(), {"requests": "100", "per": "1m"}
        spec = searching(
            server, metadata="true", read="Patient/zz-uptime-1", profile="epic", budget=budget
        )
        one = opened(spec, env)
        assert await ran(one, env.clock) == ("misconfigured", "fhir.break_glass", 2)
        assert dict(server.requests) == {"metadata": 1, "read": 1}  # no search after it
        assert [await ran(one, env.clock) for _ in range(3)] == [GLASS] * 3
        await one.close()
        again = opened(spec, env)  # its interval changed, or the probe crashed: the same spec
        assert await ran(again, env.clock) == GLASS
        assert dict(server.requests) == {"metadata": 1, "read": 1}
        server.set_fault("none")
        other = opened({**spec, "search": "Patient?_id=zz-uptime-1"}, env)
        assert await ran(other, env.clock) == ("up", "ok", 3)
        restarted = opened(spec, environment())
        assert await ran(restarted, env.clock) == ("up", "ok", 3)
        for each in (again, other, restarted):
            await each.close()


# --- budgets ---


async def test_checks_of_one_target_share_its_budget_and_a_run_is_begun_whole_or_not(
    server: FhirServer,
) -> None:
    clock = Later()
    env = dataclasses.replace(environment(), clock=clock)
    budget = {"requests": "5", "per": "50s"}
    one = opened(
        {"base_url": server.base_url, "read": "Patient/zz-uptime-1", "budget": budget}, env
    )
    two = opened(searching(server, budget=budget, read="Patient/zz-uptime-1"), env, "ehr-search")
    assert await ran(one, clock) == ("up", "ok", 2)
    assert await ran(two, clock) == ("up", "ok", 2)
    assert await ran(one, clock) == ("unknown", "agent.budget", 0)
    assert sum(server.requests.values()) == 4
    clock.ahead_ns = 11 * 10**9
    assert await ran(one, clock) == ("up", "ok", 2)
    assert await ran(two, clock) == ("unknown", "agent.budget", 0)
    await one.close()
    await two.close()


# --- Retry-After ---


@pytest.mark.parametrize("status", ["429"])
async def test_after_a_429_nothing_is_asked_by_any_check_until_it_has_passed(
    server: FhirServer, status: str
) -> None:
    clock = Later()
    env = dataclasses.replace(environment(), clock=clock)
    server.retry_after = "600"
    one = opened({"base_url": server.base_url, "read": "Patient/zz-uptime-1"}, env)
    two = opened(searching(server), env, "ehr-search")
    server.set_fault(status, at="metadata")
    assert await ran(one, clock) == ("degraded", "http.throttled", 1)
    server.set_fault("none")
    waiting = ("unknown", "agent.retry_after", 0)
    assert [await ran(one, clock), await ran(two, clock)] == [waiting] * 2
    clock.ahead_ns = 590 * 10**9
    assert [await ran(one, clock), await ran(two, clock)] == [waiting] * 2
    assert sum(server.requests.values()) == 1
    clock.ahead_ns = 601 * 10**9
    assert [await ran(two, clock), await ran(one, clock)] == [("up", "ok", 1), ("up", "ok", 2)]
    await one.close()
    await two.close()


@pytest.mark.parametrize(
    ("text", "waits"), [("0", False), ("soon", False), ("999999999", True), ("1.5", False)]
)
async def test_a_retry_after_that_says_nothing_stops_nothing(
    server: FhirServer,
    text: str,
    waits: bool,  # noqa: FBT001
) -> None:
    clock = Later()
    env = dataclasses.replace(environment(), clock=clock)
    server.retry_after = text
    server.set_fault("429")
    one = opened(searching(server), env)
    await ran(one, clock)
    found = await ran(one, clock)
    assert found[1] == ("agent.retry_after" if waits else "http.throttled")
    clock.ahead_ns = 86_401 * 10**9  # a day at most
    assert (await ran(one, clock))[1] == "http.throttled"
    await one.close()


@pytest.mark.parametrize(("retry_after", "requests"), [("3600", 1), ("", 2)])
async def test_after_a_503_no_slot_is_left_out_and_its_run_asks_no_more(
    server: FhirServer, retry_after: str, requests: int
) -> None:
    server.retry_after = retry_after
    server.set_fault("503", at="metadata")
    env = environment()
    one = opened({"base_url": server.base_url, "read": "Patient/zz-uptime-1"}, env)
    told = [await ran(one, env.clock) for _ in range(3)]
    assert told == [("down", "http.status", requests)] * 3
    server.set_fault("none")
    assert await ran(one, env.clock) == ("up", "ok", 2)
    await one.close()


# --- what is asked for on demand ---


@pytest.mark.parametrize(
    ("fault", "outcome", "reason"),
    [
        ("none", "up", "ok"),
        ("404", "up", "ok"),
        ("501", "up", "ok"),
        ("500", "degraded", "fhir.optional"),
        ("html200", "degraded", "fhir.optional"),
        ("wrong_resource", "degraded", "fhir.optional"),
        ("403", "misconfigured", "fhir.auth"),
        ("429", "degraded", "http.throttled"),
    ],
)
async def test_versions_need_not_be_offered(
    server: FhirServer, fault: str, outcome: str, reason: str
) -> None:
    server.set_fault(fault, at="versions")
    spec = searching(server, versions="true")
    seen = await expect(KIND, spec, Outcome(outcome), Reason(reason), connections=2)
    assert steps(seen)[-1] == ("versions", outcome, reason)


@pytest.mark.parametrize(
    ("status", "outcome", "reason"),
    [
        ("active", "up", "ok"),
        ("requested", "degraded", "fhir.subscription"),
        ("off", "misconfigured", "fhir.subscription"),
        ("error", "down", "fhir.subscription"),
    ],
)
async def test_the_status_of_a_subscription_is_read(
    server: FhirServer, status: str, outcome: str, reason: str
) -> None:
    server.subscription_status = status
    spec = searching(server, subscription="Subscription/zz-uptime-s")
    seen = await expect(KIND, spec, Outcome(outcome), Reason(reason), connections=2)
    assert steps(seen)[-1] == ("subscription", outcome, reason)


async def test_versions_that_hang_take_no_time_of_what_users_depend_on(
    server: FhirServer,
) -> None:
    server.set_fault("hang", at="versions")
    spec = searching(server, versions="true", subscription="Subscription/zz-uptime-s")
    seen = await expect(
        KIND, spec, Outcome.DEGRADED, Reason.FHIR_OPTIONAL, connections=3, timeout_ms=400
    )
    assert steps(seen)[1:] == [
        ("search", "up", "ok"),
        ("subscription", "up", "ok"),
        ("versions", "degraded", "fhir.optional"),
    ]


async def test_an_export_is_begun_and_cancelled_at_once(server: FhirServer) -> None:
    spec = searching(server, export="Group/zz-uptime-g")
    seen = await expect(KIND, spec, Outcome.UP, Reason.OK, connections=3)
    assert steps(seen)[2:] == [("export", "up", "ok"), ("export_cancel", "up", "ok")]
    assert server.exports == set()
    assert [asked[:2] for asked in server.asked[1:]] == [
        ("GET", "/fhir/R4/Group/zz-uptime-g/$export"),
        ("DELETE", "/bulk/job-1"),
    ]


async def test_no_export_is_begun_on_a_server_that_is_not_well(server: FhirServer) -> None:
    server.set_fault("500", at="search")
    spec = searching(server, export="Group/zz-uptime-g")
    await expect(KIND, spec, Outcome.DOWN, Reason.HTTP_STATUS)
    assert server.requests["export"] == 0


@pytest.mark.parametrize(
    ("where", "fault", "deletes"),
    [
        ("http://elsewhere.example.org", "none", 0),
        ("", "none", 0),
        (None, "500", 1),
        (None, "429", 1),
        (None, "403", 1),
        (None, "404", 1),
        (None, "hang", 1),
    ],
)
async def test_an_export_that_cannot_be_cancelled_is_the_last(
    server: FhirServer, where: str | None, fault: str, deletes: int
) -> None:
    server.status_base = where
    server.set_fault(fault, at="cancel")
    env = environment(timeout_ms=400 if fault == "hang" else 5_000)
    one = opened(searching(server, export="Group/zz-uptime-g"), env)
    found = await ran(one, env.clock)
    assert found[:2] == ("misconfigured", "fhir.export")
    if fault == "429":  # it said when to come again
        await one.close()
        later = Later()
        later.ahead_ns = 3_600 * 10**9
        env = dataclasses.replace(env, clock=later)
        one = opened(searching(server, export="Group/zz-uptime-g"), env)
    assert [(await ran(one, env.clock))[:2] for _ in range(2)] == [found[:2]] * 2
    assert (server.requests["export"], server.requests["cancel"]) == (1, deletes)
    # an outage is seen all the same
    server.set_fault("500", at="search")
    assert (await ran(one, env.clock))[:2] == ("down", "http.status")
    await one.close()


async def test_an_export_whose_beginning_was_never_answered_is_the_last(
    server: FhirServer,
) -> None:
    server.set_fault("hang", at="export")
    env = environment(timeout_ms=400)
    one = opened(searching(server, export="Group/zz-uptime-g"), env)
    assert (await ran(one, env.clock))[:2] == ("down", "http.timeout")
    server.set_fault("none")
    assert (await ran(one, env.clock))[:2] == ("misconfigured", "fhir.export")
    assert (server.requests["export"], server.requests["search"]) == (1, 2)
    await one.close()


@pytest.mark.parametrize(
    ("fault", "outcome", "reason"),
    [
        ("404", "misconfigured", "http.status"),
        ("429", "degraded", "http.throttled"),
        ("500", "down", "http.status"),
        ("chunked", "down", "fhir.wrong_resource"),
    ],
)
async def test_an_export_that_is_not_accepted_is_judged_and_nothing_is_cancelled(
    server: FhirServer, fault: str, outcome: str, reason: str
) -> None:
    server.set_fault(fault, at="export")
    spec = searching(server, export="Group/zz-uptime-g")
    await expect(KIND, spec, Outcome(outcome), Reason(reason), connections=2)
    assert server.requests["cancel"] == 0


class NoToken(FhirSteps):
    """Of a server that refuses our client, which says so with 400."""

    async def step(
        self,
        name: StepName,
        request: Request,
        deadline: Deadline,
        judge: Judge,
        special: Special = lambda _status, _body: None,
    ) -> Layer:
        refused = Verdict(Outcome.MISCONFIGURED, Reason.FHIR_AUTH)
        return Layer(StepName.TOKEN, refused, http={Fact.HTTP_STATUS: 400})


async def test_a_token_that_is_refused_is_not_taken_for_an_operation_that_is_not_offered() -> None:
    spec = FhirSpec.model_validate({"base_url": "http://127.0.0.1:1/r4", "versions": "true"})
    env = environment()
    deadline = Deadline(env.clock, 1_000)
    (layer,) = await Optionals(NoToken(spec, env), spec).versions({}, deadline)
    assert (layer.name, layer.verdict.outcome) == (StepName.TOKEN, Outcome.MISCONFIGURED)


# --- states of the server, told as numbers ---


async def test_states_are_told_when_first_seen_when_changed_and_once_an_hour(
    server: FhirServer,
) -> None:
    clock = Later()
    env = dataclasses.replace(environment(), clock=clock)
    told: list[tuple[int | None, int | None]] = []
    async with KIND.open(KIND.parse({"base_url": server.base_url}), env) as probe:

        async def run() -> None:
            seen = await probe.run(Slot("ehr-read", clock.now_ms()))
            conforms(KIND, seen)
            told.append(
                (seen.facts.get(Fact.STATEMENT_DIGEST), seen.facts.get(Fact.SOFTWARE_DIGEST))
            )

        await run()
        await run()
        server.software = ("Simulated EHR", "1.4.3")
        await run()
        server.set_fault("drift")
        await run()
        await run()
        clock.ahead_ns = 3_600 * 10**9
        await run()
    (first, old), nothing, (same, new), (other, still), again, hourly = told
    assert None not in (first, old, new, other)
    assert (nothing, again) == ((None, None), (None, None))
    assert (same, still, hourly) == (first, new, (other, new))
    assert len({first, other, old, new}) == 4
    assert all(0 <= number < 2**48 for pair in told for number in pair if number is not None)


def test_budgets_of_two_agents_are_apart() -> None:
    assert environment().budgets is not environment().budgets
    assert isinstance(environment().budgets, Budgets)
