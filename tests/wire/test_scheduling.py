from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.reasons import MEANINGS
from probes.wire.fhir import Verdict, judge_status
from probes.wire.scheduling import (
    MARK_SYSTEM,
    FreeSlot,
    appointments_path,
    booking,
    is_gone,
    judge_appointments,
    judge_booked,
    judge_free_slot,
    judge_schedule,
    judge_slots,
    judge_standing,
    judge_undone,
    mark,
    schedule_path,
    slots_path,
    standing_path,
)

FHIR_JSON = "application/fhir+json"
NOW = 1_767_225_600_000  # 2026-01-01T00:00:00Z
OURS = "1767225600000-0000002a"


def told(verdict: Verdict) -> tuple[str, str]:
    return verdict.outcome.value, verdict.reason.value


def found(*resources: dict[str, Any], **more: Any) -> bytes:
    entries = [{"resource": resource} for resource in resources]
    return json.dumps(
        {"resourceType": "Bundle", "type": "searchset", "entry": entries, **more}
    ).encode()


def slot(**changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Slot",
        "id": "s1",
        "status": "free",
        "start": "2026-01-02T09:00:00Z",
        "end": "2026-01-02T09:15:00.000-06:00",
        "schedule": {"reference": "Schedule/test"},
        **changes,
    }


def appointment(**changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Appointment",
        "id": "a1",
        "status": "booked",
        "identifier": [{"system": MARK_SYSTEM, "value": OURS}],
        "participant": [{"actor": {"reference": "Patient/zz-1"}}],
        **changes,
    }


def shown(**changes: Any) -> bytes:
    return json.dumps(appointment(**changes)).encode()


def test_the_questions_are_encoded() -> None:
    assert schedule_path("s.1") == "Schedule?_id=s.1&_count=1"
    assert slots_path({"schedule": "Schedule/1"}, NOW, 3_600_000, 20) == (
        "Slot?schedule=Schedule%2F1&status=free&start=ge2026-01-01T00%3A00%3A00Z"
        "&start=lt2026-01-01T01%3A00%3A00Z&_count=20"
    )
    assert slots_path({}, NOW, None, 1) == (
        "Slot?status=free&start=ge2026-01-01T00%3A00%3A00Z&_count=1"
    )
    assert appointments_path("zz-1", NOW) == ("Appointment?patient=zz-1&date=ge2026-01-01&_count=1")
    assert standing_path("zz-1", NOW) == (
        "Appointment?patient=zz-1&date=ge2025-12-02&status=booked%2Cpending%2Cproposed&_count=50"
    )
    assert mark(NOW, 42) == OURS


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (found({"resourceType": "Schedule", "id": "1"}), ("up", "ok")),
        (found({"resourceType": "Schedule", "id": "2"}), ("down", "fhir.wrong_resource")),
        (found({"resourceType": "Schedule"}), ("down", "fhir.wrong_resource")),
        (found(), ("misconfigured", "fhir.no_match")),
        (found(slot()), ("down", "fhir.wrong_resource")),
    ],
)
def test_a_schedule_is_the_one_asked_for(body: bytes, expected: tuple[str, str]) -> None:
    assert told(judge_schedule(FHIR_JSON, body, "1")) == expected


@pytest.mark.parametrize(
    ("body", "expect_free", "expected", "free"),
    [
        (found(slot(), slot()), None, ("up", "ok"), 2),
        (found(slot(), total=9), 9, ("up", "ok"), 9),
        (found(slot(), total=9), 10, ("degraded", "scheduling.few_slots"), 9),
        (found(), None, ("up", "ok"), 0),
        (found(), 1, ("degraded", "scheduling.few_slots"), 0),
        (found(slot(), slot(status="busy")), None, ("down", "fhir.wrong_resource"), None),
        (found(slot(status=None)), None, ("down", "fhir.wrong_resource"), None),
        (b"{}", 1, ("down", "fhir.not_fhir"), None),
    ],
)
def test_free_slots_are_counted(
    body: bytes, expect_free: int | None, expected: tuple[str, str], free: int | None
) -> None:
    verdict, count = judge_slots(FHIR_JSON, body, expect_free)
    assert (told(verdict), count) == (expected, free)


def test_a_free_slot_is_taken_as_it_is() -> None:
    _, free = judge_free_slot(FHIR_JSON, found(slot()), "test")
    assert free == FreeSlot("s1", "2026-01-02T09:00:00Z", "2026-01-02T09:15:00.000-06:00")
    absolute = slot(schedule={"reference": "https://x.example.org/r4/Schedule/test"})
    assert judge_free_slot(FHIR_JSON, found(absolute), "test")[1] is not None
    assert judge_free_slot(FHIR_JSON, found(), "test")[1] is None


@pytest.mark.parametrize(
    "changes",
    [
        {"schedule": {"reference": "Schedule/testing"}},
        {"schedule": {"reference": "Schedule/mytest"}},
        {"schedule": {"display": "test"}},
        {"schedule": None},
        {"status": "busy"},
        {"id": "a/../b"},
        {"id": None},
        {"start": "tomorrow"},
        {"end": "2026-01-02T09:00:00"},
        {"end": '2026-01-02T09:00:00Z"'},
    ],
)
def test_a_slot_that_is_not_surely_free_and_of_the_test_schedule_is_never_booked(
    changes: dict[str, Any],
) -> None:
    verdict, free = judge_free_slot(FHIR_JSON, found(slot(**changes)), "test")
    assert (told(verdict), free) == (("down", "fhir.wrong_resource"), None)


@pytest.mark.parametrize(
    ("participants", "expected"),
    [
        (["Patient/zz-1", "Practitioner/9"], ("up", "ok")),
        (["https://x/r4/Patient/zz-1"], ("up", "ok")),
        (["Location/1"], ("up", "ok")),
        ([], ("up", "ok")),
        (["Patient/zz-2"], ("down", "fhir.wrong_resource")),
        (["Patient/zz-12", "Location/1"], ("down", "fhir.wrong_resource")),
    ],
)
def test_an_appointment_of_another_patient_is_a_crossed_answer(
    participants: list[str], expected: tuple[str, str]
) -> None:
    named = [{"actor": {"reference": reference}} for reference in participants]
    body = found(appointment(participant=named))
    assert told(judge_appointments(FHIR_JSON, body, "zz-1")) == expected
    assert told(judge_appointments(FHIR_JSON, found(), "zz-1")) == ("up", "ok")


@pytest.mark.parametrize(
    ("changes", "ours"),
    [
        ({}, {OURS: "a1"}),
        ({"status": "pending"}, {OURS: "a1"}),
        ({"status": "cancelled"}, {}),
        ({"status": None}, {}),
        ({"identifier": None}, {}),
        ({"identifier": [{"system": "urn:other", "value": OURS}]}, {}),
        ({"identifier": [{"system": MARK_SYSTEM, "value": f"{OURS}0"}]}, {}),
        ({"identifier": [{"value": OURS}, {"system": MARK_SYSTEM}]}, {}),
        ({"id": "x/y"}, {}),
        ({"id": None}, {}),
    ],
)
def test_only_what_bears_our_mark_and_stands_is_ours(
    changes: dict[str, Any], ours: dict[str, str]
) -> None:
    verdict, seen = judge_standing(FHIR_JSON, found(appointment(**changes)))
    assert (told(verdict), seen) == (("up", "ok"), ours)


OUTCOME = b'{"resourceType":"OperationOutcome","issue":[]}'


@pytest.mark.parametrize(
    ("body", "expected", "id_", "made"),
    [
        (b"", ("up", "ok"), None, True),
        (OUTCOME, ("up", "ok"), None, True),
        (shown(), ("up", "ok"), "a1", True),
        (shown(status="pending"), ("up", "ok"), "a1", True),
        (shown(status="noshow"), ("down", "fhir.wrong_resource"), "a1", True),
        (shown(identifier=None), ("down", "fhir.wrong_resource"), None, True),
        (
            shown(identifier=[{"system": MARK_SYSTEM, "value": mark(NOW, 43)}]),
            ("down", "fhir.wrong_resource"),
            None,
            True,
        ),
        (json.dumps(slot()).encode(), ("down", "fhir.wrong_resource"), None, False),
        (b"<html>", ("down", "fhir.not_fhir"), None, False),
        (shown()[:-1], ("down", "fhir.not_fhir"), None, False),
        (shown() + b"x", ("down", "fhir.not_fhir"), None, False),
    ],
)
def test_a_booking_has_an_id_only_where_the_answer_shows_our_mark(
    body: bytes, expected: tuple[str, str], id_: str | None, *, made: bool
) -> None:
    booked = judge_booked(FHIR_JSON, body, OURS)
    assert (told(booked.verdict), booked.id, booked.made) == (expected, id_, made)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (404, b"", ("up", "ok")),
        (410, b"", ("up", "ok")),
        (204, b"", ("up", "ok")),
        (200, OUTCOME, ("up", "ok")),
        (200, shown(status="cancelled"), ("up", "ok")),
        (200, shown(), ("down", "fhir.wrong_resource")),
        (200, b"<html>", ("down", "fhir.not_fhir")),
        (403, b"", ("misconfigured", "fhir.auth")),
        (409, b"", ("misconfigured", "http.status")),
        (500, b"", ("down", "http.status")),
    ],
)
def test_what_is_gone_or_cancelled_is_undone(
    status: int, body: bytes, expected: tuple[str, str]
) -> None:
    verdict = is_gone(status, body) or judge_status(status, body) or judge_undone(FHIR_JSON, body)
    assert told(verdict) == expected


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
RESOURCES = st.fixed_dictionaries(
    {"resourceType": st.sampled_from(["Appointment", "Schedule", "Slot", "OperationOutcome"])},
    optional={
        "id": st.text() | JSON_VALUES,
        "status": st.sampled_from(["free", "busy", "booked", "cancelled"]) | JSON_VALUES,
        "start": st.text(),
        "end": st.text(),
        "schedule": st.just({"reference": "Schedule/test"}) | JSON_VALUES,
        "identifier": st.just([{"system": MARK_SYSTEM, "value": OURS}]) | JSON_VALUES,
        "participant": JSON_VALUES,
    },
)
BUNDLES = st.lists(RESOURCES).map(
    lambda resources: {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": r} for r in resources],
    }
)
BODIES = st.binary() | (JSON_VALUES | RESOURCES | BUNDLES).map(lambda v: json.dumps(v).encode())


@given(body=BODIES, content_type=st.none() | st.text() | st.just(FHIR_JSON))
def test_any_answer_gives_an_allowed_verdict(body: bytes, content_type: str | None) -> None:
    free_verdict, free = judge_free_slot(content_type, body, "test")
    assert free is None or json.loads(booking(free, "zz-1", OURS))["start"] == free.start
    slots_verdict, count = judge_slots(content_type, body, 1)
    assert count is None or count >= 0
    standing_verdict, ours = judge_standing(content_type, body)
    assert set(ours or {}) <= {OURS}
    for verdict in (
        free_verdict,
        slots_verdict,
        standing_verdict,
        judge_schedule(content_type, body, "1"),
        judge_appointments(content_type, body, "zz-1"),
        judge_booked(content_type, body, OURS).verdict,
        judge_undone(content_type, body),
    ):
        assert verdict.outcome.value in MEANINGS[verdict.reason][0]
