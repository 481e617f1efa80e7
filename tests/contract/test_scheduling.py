"""The kind `scheduling` against a server that fails on command and keeps what is booked."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp
import pytest
from fhir.resources.R4B.appointment import Appointment
from fhir.resources.R4B.bundle import Bundle
from pydantic import ValidationError

from probes.contract import Fact, Observation, Outcome, Slot
from probes.kinds.scheduling import KIND
from probes.reasons import Reason
from probes.testing.scheduling_server import SchedulingServer
from tests.contract.conformance import (
    CountingNetwork,
    conforms,
    environment,
    expect,
    observe,
    steps,
)
from tests.contract.fhir_faults import COMMON

CANARIES = ("CANARY^ZZQUILL^ODETTE", "MRN-88442117")
MINUTES = 60_000


@pytest.fixture
async def server() -> AsyncIterator[SchedulingServer]:
    simulator = SchedulingServer(CANARIES)
    await simulator.start()
    yield simulator
    await simulator.stop()


def spec(server: SchedulingServer, **more: Any) -> dict[str, Any]:
    """As a file gives it: every scalar is text."""
    whole = {
        "base_url": server.base_url,
        "schedule": "zz-clinic",
        "slots": {"within": "7d"},
        "appointments": {"patient": "zz-uptime-1"},
        **more,
    }
    return {key: value for key, value in whole.items() if value is not None}


def booking(server: SchedulingServer, **more: Any) -> dict[str, Any]:
    terms = {"allow_writes": "true", "schedule": "zz-test", "patient": "zz-uptime-1", **more}
    return {"base_url": server.base_url, "booking": terms}


async def rounds(
    server: SchedulingServer,
    faults: Sequence[tuple[str, str]],
    given: dict[str, Any] | None = None,
    timeout_ms: int = 2000,
) -> list[Observation]:
    """One opened check, a run every ten minutes, each with its fault; ended as by a power cut."""
    env = environment(CountingNetwork(), timeout_ms=timeout_ms)
    opened = KIND.open(KIND.parse(given or booking(server)), env)
    probe = await opened.__aenter__()
    seen = []
    for n, (fault, at) in enumerate(faults):
        server.set_fault(fault, at)
        seen.append(await probe.run(Slot("check-1", n * 10 * MINUTES)))
        conforms(KIND, seen[-1])
    return seen


HEALTHY = ("none", "all")


async def test_a_healthy_system_is_up_and_tells_how_many_slots_are_free(
    server: SchedulingServer,
) -> None:
    seen = await expect(KIND, spec(server), Outcome.UP, Reason.OK, connections=3)
    assert steps(seen) == [
        ("connect", "up", "ok"),
        ("schedule", "up", "ok"),
        ("slot", "up", "ok"),
        ("appointment", "up", "ok"),
    ]
    # the fourth free slot is later than `within`
    assert seen.facts[Fact.FREE_SLOTS] == 3
    assert server.requests["book"] == 0
    server.tells_total = False
    seen = await expect(KIND, spec(server), Outcome.UP, Reason.OK, connections=3)
    assert seen.facts[Fact.FREE_SLOTS] == 3


FAULTS = [
    *COMMON,
    ("no_schedule", "misconfigured", "fhir.no_match"),
    ("busy_slots", "down", "fhir.wrong_resource"),
    ("other_patient", "down", "fhir.wrong_resource"),
]
OF_BOOKING = {
    "says_undone",
    "no_slots",
    "other_schedule",
    "conflict",
    "stays_booked",
    "already_gone",
    "drops_mark",
    "other_status",
}


def test_every_fault_of_the_simulator_is_tested() -> None:
    tested = {fault for fault, _, _ in FAULTS} | OF_BOOKING | {"none", "slow"}
    assert tested == set(SchedulingServer.FAULTS)


@pytest.mark.parametrize(("fault", "outcome", "reason"), FAULTS)
async def test_a_fault_gives_its_outcome_and_reason(
    server: SchedulingServer, fault: str, outcome: str, reason: str
) -> None:
    server.set_fault(fault)
    silent = fault in ("hang", "lost")
    seen = await expect(
        KIND,
        spec(server),
        Outcome(outcome),
        Reason(reason),
        connections=3,
        timeout_ms=150 if silent else 5000,
    )
    # a server that hangs leaves no time for another step, one that says when to come again no leave
    steps_made = {"refuse": 1, "hang": 2, "lost": 2, "429": 2}
    assert len(seen.steps) == steps_made.get(fault, 4)
    server.set_fault("none")
    await expect(KIND, spec(server), Outcome.UP, Reason.OK, connections=3)


async def test_no_free_slot_is_business_unless_some_are_expected(server: SchedulingServer) -> None:
    server.set_fault("no_slots")
    seen = await expect(KIND, spec(server), Outcome.UP, Reason.OK, connections=3)
    assert seen.facts[Fact.FREE_SLOTS] == 0
    few = spec(server, slots={"within": "7d", "expect_free": "4"})
    await expect(KIND, few, Outcome.DEGRADED, Reason.SCHEDULING_FEW_SLOTS, connections=3)
    server.set_fault("none")
    seen = await expect(KIND, few, Outcome.DEGRADED, Reason.SCHEDULING_FEW_SLOTS, connections=3)
    assert seen.facts[Fact.FREE_SLOTS] == 3
    enough = spec(server, slots={"within": "30d", "expect_free": "4"})
    await expect(KIND, enough, Outcome.UP, Reason.OK, connections=3)


async def test_slots_are_searched_as_the_file_says(server: SchedulingServer) -> None:
    where = {"where": {"schedule": "zz-test", "service-type": "http://x|57"}}
    alone = spec(server, schedule=None, appointments=None, slots=where)
    seen = await expect(KIND, alone, Outcome.UP, Reason.OK)
    assert seen.facts[Fact.FREE_SLOTS] == 2


async def test_a_right_answer_after_slow_after_is_degraded(server: SchedulingServer) -> None:
    server.slow_ms = 60
    server.set_fault("slow", at="slot")
    late = spec(server, slow_after="50ms")
    seen = await expect(KIND, late, Outcome.DEGRADED, Reason.SLOW, connections=3)
    assert steps(seen)[2] == ("slot", "degraded", "slow")


@pytest.mark.parametrize("answers", ["resource", "nothing", "outcome"])
@pytest.mark.parametrize("undo", ["cancel", "delete"])
async def test_a_booking_is_made_and_undone_in_the_same_run(
    server: SchedulingServer, undo: str, answers: str
) -> None:
    server.answers = answers
    given = booking(server, undo=undo)
    seen = await expect(KIND, given, Outcome.UP, Reason.OK, connections=5)
    assert steps(seen) == [("book", "up", "ok"), ("cancel", "up", "ok")]
    assert seen.facts[Fact.NOT_UNDONE] == 0
    assert (server.requests["book"], server.requests["cancel"]) == (1, 1)
    assert server.standing == 0
    assert len(server.appointments) == (1 if undo == "cancel" else 0)


async def test_what_is_booked_is_a_valid_appointment_with_our_mark(
    server: SchedulingServer,
) -> None:
    await expect(KIND, booking(server), Outcome.UP, Reason.OK, connections=5)
    (made,) = server.appointments.values()
    Appointment.model_validate({**made, "status": "booked"})
    assert made["identifier"][0]["system"] == "urn:wardwatch:booking"
    assert made["meta"]["tag"][0]["system"] == "urn:wardwatch:booking"
    assert made["slot"] == [{"reference": "Slot/zz-test-30"}]
    assert made["participant"][0]["actor"]["reference"] == "Patient/zz-uptime-1"


async def test_everything_in_one_check_makes_eight_connections_at_most(
    server: SchedulingServer,
) -> None:
    server.answers = "nothing"
    whole = {**spec(server), **booking(server)}
    run = await observe(KIND, whole, connections=8)
    assert (run.connections, run.observation.facts[Fact.REQUESTS]) == (8, 8)
    assert [step.name.value for step in run.observation.steps] == [
        "connect",
        "schedule",
        "slot",
        "appointment",
        "book",
        "cancel",
    ]


async def test_a_booking_whose_answer_never_comes_is_not_sent_again_and_undone_by_the_next_run(
    server: SchedulingServer,
) -> None:
    first, second = await rounds(server, [("lost", "book"), HEALTHY], timeout_ms=900)
    assert steps(first) == [("book", "down", "http.timeout"), ("cancel", "up", "ok")]
    assert first.facts[Fact.NOT_UNDONE] == 1
    # the next run undoes it, and only then books another
    assert steps(second) == [("book", "up", "ok"), ("cancel", "up", "ok")]
    assert second.facts[Fact.NOT_UNDONE] == 0
    assert (server.requests["book"], server.requests["cancel"]) == (2, 2)
    assert server.standing == 0


@pytest.mark.parametrize("fault", ["500", "hang", "html200", "outcome200_error", "422"])
async def test_a_booking_that_was_never_made_is_not_looked_for_twice(
    server: SchedulingServer, fault: str
) -> None:
    first, second = await rounds(
        server, [(fault, "book"), HEALTHY], timeout_ms=900 if fault == "hang" else 5000
    )
    assert first.outcome is not Outcome.UP
    assert second.outcome is Outcome.UP
    assert second.facts[Fact.NOT_UNDONE] == 0
    assert len(server.appointments) == 1


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("500", "down"),
        ("403", "misconfigured"),
        ("404", "misconfigured"),  # no such route: the booking stands
        ("stays_booked", "down"),
    ],
)
async def test_a_booking_that_cannot_be_undone_is_told_until_it_is_and_nothing_else_is_booked(
    server: SchedulingServer, fault: str, outcome: str
) -> None:
    first, second, third = await rounds(server, [(fault, "cancel"), (fault, "cancel"), HEALTHY])
    assert steps(first) == [("book", "up", "ok"), ("cancel", outcome, "scheduling.not_undone")]
    assert first.facts[Fact.NOT_UNDONE] == 1
    assert steps(second) == [("cancel", outcome, "scheduling.not_undone")]
    assert second.facts[Fact.NOT_UNDONE] == 1
    assert steps(third) == [("book", "up", "ok"), ("cancel", "up", "ok")]
    assert third.facts[Fact.NOT_UNDONE] == 0
    assert (server.requests["book"], server.standing) == (2, 0)


async def test_a_booking_that_stands_though_the_server_said_it_was_undone_is_told_and_the_last(
    server: SchedulingServer,
) -> None:
    lying = ("says_undone", "cancel")
    first, second, third, fourth = await rounds(server, [lying, lying, lying, HEALTHY])
    assert steps(first) == [("book", "up", "ok"), ("cancel", "up", "ok")]
    assert steps(second) == steps(third) == [("cancel", "down", "scheduling.not_undone")]
    assert third.facts[Fact.NOT_UNDONE] == 1
    assert (server.requests["book"], server.standing) == (1, 0)
    # it says the same as before, so only the next search can tell that it is true
    assert steps(fourth) == [("cancel", "down", "scheduling.not_undone")]


async def test_a_server_that_says_when_to_come_again_is_left_alone_and_what_stands_is_told(
    server: SchedulingServer,
) -> None:
    first, second = await rounds(server, [("429", "cancel"), HEALTHY])
    assert steps(first) == [("book", "up", "ok"), ("cancel", "degraded", "scheduling.not_undone")]
    assert (second.outcome, second.reason) == (Outcome.UNKNOWN, Reason.AGENT_RETRY_AFTER)
    assert second.facts == {Fact.NOT_UNDONE: 1}
    assert server.standing == 1


async def test_after_a_crash_between_booking_and_cancel_the_next_agent_undoes_first(
    server: SchedulingServer,
) -> None:
    await rounds(server, [("hang", "cancel")], timeout_ms=900)
    assert server.standing == 1
    (seen,) = await rounds(server, [HEALTHY])
    assert steps(seen) == [("book", "up", "ok"), ("cancel", "up", "ok")]
    assert (server.standing, len(server.appointments)) == (0, 2)


async def test_while_it_cannot_look_for_what_it_left_it_books_nothing(
    server: SchedulingServer,
) -> None:
    (seen,) = await rounds(server, [("500", "appointment")])
    assert steps(seen) == [("cancel", "down", "http.status")]
    assert server.requests["book"] == 0
    _, blind = await rounds(server, [("lost", "book"), ("500", "appointment")], timeout_ms=900)
    assert steps(blind) == [("cancel", "down", "scheduling.not_undone")]
    assert blind.facts[Fact.NOT_UNDONE] == 1


async def test_a_booking_that_is_gone_already_is_undone(server: SchedulingServer) -> None:
    (seen,) = await rounds(server, [("already_gone", "cancel")])
    assert steps(seen) == [("book", "up", "ok"), ("cancel", "up", "ok")]
    assert seen.facts[Fact.NOT_UNDONE] == 0


async def test_a_server_that_drops_our_mark_gets_one_booking_and_no_more(
    server: SchedulingServer,
) -> None:
    first, second = await rounds(server, [("drops_mark", "book"), HEALTHY])
    assert steps(first) == [
        ("book", "down", "fhir.wrong_resource"),
        ("cancel", "misconfigured", "scheduling.not_undone"),
    ]
    assert steps(second) == [("cancel", "misconfigured", "scheduling.not_undone")]
    assert (server.requests["book"], server.requests["cancel"]) == (1, 0)


async def test_a_booking_of_another_status_is_wrong_and_undone_all_the_same(
    server: SchedulingServer,
) -> None:
    (seen,) = await rounds(server, [("other_status", "book")])
    assert steps(seen) == [("book", "down", "fhir.wrong_resource"), ("cancel", "up", "ok")]
    assert server.standing == 0


async def test_nothing_without_our_mark_is_ever_touched(server: SchedulingServer) -> None:
    stranger = {
        "resourceType": "Appointment",
        "id": "zz-stranger",
        "status": "booked",
        "identifier": [{"system": "urn:other", "value": "1767225600000-0000002a"}],
        "slot": [{"reference": "Slot/zz-test-31"}],
        "participant": [{"actor": {"reference": "Patient/zz-uptime-1"}}],
    }
    server.appointments["zz-stranger"] = stranger
    await expect(KIND, booking(server), Outcome.UP, Reason.OK, connections=5)
    assert server.appointments["zz-stranger"]["status"] == "booked"


async def test_only_a_slot_of_the_test_schedule_is_booked(server: SchedulingServer) -> None:
    seen = await rounds(
        server, [("other_schedule", "slot"), ("no_slots", "slot"), ("busy_slots", "slot")]
    )
    assert [steps(one)[0] for one in seen] == [
        ("book", "down", "fhir.wrong_resource"),
        ("book", "misconfigured", "scheduling.no_test_slot"),
        ("book", "down", "fhir.wrong_resource"),
    ]
    assert server.requests["book"] == 0


async def test_a_refused_booking_is_misconfigured_and_leaves_nothing(
    server: SchedulingServer,
) -> None:
    (seen,) = await rounds(server, [("conflict", "book")])
    assert steps(seen) == [("book", "misconfigured", "http.status"), ("cancel", "up", "ok")]
    assert seen.facts[Fact.NOT_UNDONE] == 0


async def test_two_bookings_are_never_closer_than_the_interval(server: SchedulingServer) -> None:
    env = environment()
    async with KIND.open(KIND.parse(booking(server, min_interval="15m")), env) as probe:
        made = []
        for minute in (0, 5, 14, 15, 29, 31):
            seen = await probe.run(Slot("check-1", minute * MINUTES))
            made.append(len(steps(seen)))
    assert made == [2, 1, 1, 2, 1, 2]
    assert server.requests["book"] == 3


async def test_a_clock_that_was_set_back_does_not_put_off_the_next_booking(
    server: SchedulingServer,
) -> None:
    env = environment()
    async with KIND.open(KIND.parse(booking(server)), env) as probe:
        for minute in (60 * 24 * 365, 0, 4, 5):
            await probe.run(Slot("check-1", minute * MINUTES))
    assert server.requests["book"] == 3


@pytest.mark.parametrize("runs", [1, 2])
async def test_a_check_that_is_closed_while_it_is_told_to_wait_asks_nothing(
    server: SchedulingServer, runs: int
) -> None:
    env = environment()
    async with KIND.open(KIND.parse(booking(server)), env) as probe:
        server.set_fault("429", at="cancel")
        for minute in range(runs):
            await probe.run(Slot("check-1", minute * MINUTES))
        server.set_fault("none", at="all")
        asked = dict(server.requests)
    assert dict(server.requests) == asked


async def test_a_check_that_is_closed_undoes_what_it_knows_to_stand(
    server: SchedulingServer,
) -> None:
    env = environment()
    async with KIND.open(KIND.parse(booking(server)), env) as probe:
        server.set_fault("500", at="cancel")
        await probe.run(Slot("check-1", 0))
        assert server.standing == 1
        server.set_fault("none")
    assert server.standing == 0


async def test_a_check_that_is_closed_looks_for_a_booking_whose_answer_never_came(
    server: SchedulingServer,
) -> None:
    env = environment(timeout_ms=900)
    async with KIND.open(KIND.parse(booking(server)), env) as probe:
        server.set_fault("lost", at="book")
        await probe.run(Slot("check-1", 0))
        assert server.standing == 1
        server.set_fault("none", at="all")
    assert server.standing == 0


async def test_without_its_secret_nothing_is_asked_or_booked(server: SchedulingServer) -> None:
    base_url = server.base_url.replace("http:", "https:")
    given = {**booking(server), "base_url": base_url, "auth": {"bearer": "file:/run/t"}}
    await expect(KIND, given, Outcome.UNKNOWN, Reason.AGENT_SECRET, connections=0)


async def test_the_simulator_speaks_valid_fhir_and_plants_its_canaries(
    server: SchedulingServer,
) -> None:
    async with aiohttp.ClientSession() as session:
        for path in ("Schedule?_id=zz-clinic", "Slot?schedule=zz-clinic", "Appointment?patient=x"):
            async with session.get(f"{server.base_url}/{path}") as answer:
                text = await answer.text()
                assert all(canary in text for canary in CANARIES)
                assert all(canary in answer.headers["X-Patient"] for canary in CANARIES)
                Bundle.model_validate_json(text)


async def test_nothing_a_server_sends_reaches_observation_or_log(
    server: SchedulingServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    whole = {**spec(server), **booking(server)}
    told = []
    for fault in SchedulingServer.FAULTS:
        silent = fault in ("hang", "lost")
        faults = [(fault, "all")]
        told += await rounds(server, faults, whole, timeout_ms=150 if silent else 5000)
    kept = "\n".join([*map(repr, told), caplog.text])
    assert [canary for canary in CANARIES if canary in kept] == []
    assert "ZZQUILL" not in kept


@pytest.mark.parametrize(
    ("wrong", "places"),
    [
        ({"base_url": "sched.example.org"}, ["base_url"]),
        ({"schedule": "Schedule/1"}, ["schedule"]),
        ({"slots": {"within": "7"}}, ["slots.within"]),
        ({"slots": {"expect_free": "0"}}, ["slots.expect_free"]),
        ({"slots": {"where": {"status": "free"}}}, ["slots.where"]),
        ({"slots": {}}, [""]),
        ({"slots": {"where": {"a": "b"}}, "appointments": {}}, ["appointments.patient"]),
        ({}, [""]),
        (
            {"booking": {"allow_writes": "false", "undo": "forget", "min_interval": "30s"}},
            [
                "booking.allow_writes",
                "booking.schedule",
                "booking.patient",
                "booking.undo",
                "booking.min_interval",
            ],
        ),
        ({"booking": {"schedule": "1", "patient": "2"}}, ["booking.allow_writes"]),
        ({"read": "Patient/1", "schedule": "1"}, ["read"]),
    ],
)
def test_a_wrong_spec_names_every_place(wrong: dict[str, Any], places: list[str]) -> None:
    with pytest.raises(ValidationError) as caught:
        KIND.parse({"base_url": "http://sched.example.org/r4", **wrong})
    assert [".".join(map(str, e["loc"])) for e in caught.value.errors()] == places
