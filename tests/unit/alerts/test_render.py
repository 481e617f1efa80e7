"""What leaves the house, byte by byte, and to whom."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from alerts.events import Cause, Family, Incident, Priority
from alerts.people import CategoryReason
from alerts.render import event_type, render
from alerts.routing import receivers
from alerts.transitions import TransitionKind
from probes.config import Config, Route

START = 1_767_225_600_000
CONFIG = Config.model_validate(
    {
        "version": "1",
        "organization": {"id": "st-elsewhere", "name": "St Elsewhere", "timezone": "UTC"},
        "sites": {"north": {"name": "North Campus"}},
        "agents": {"north-1": {"site": "north"}},
        "systems": {
            "ehr": {
                "name": "EHR",
                "impact": {
                    "class": "clinical",
                    "workaround": {"name": "Downtime binder", "valid_for": "4h"},
                },
                "runbook": "https://intranet.example.org/rb/ehr",
            },
            "portal": {"name": "Portal", "impact": {"class": "administrative"}},
        },
        "checks": {},
        "channels": {"desk": {"kind": "webhook"}, "pager": {"kind": "webhook"}},
        "routes": [
            {"families": ["availability", "access"], "min_priority": "P3", "to": ["desk"]},
            {"families": ["availability"], "min_priority": "P1", "to": ["pager", "desk"]},
        ],
    }
)
INCIDENT = Incident(
    key=f"ehr.availability.{START}",
    system="ehr",
    family=Family.AVAILABILITY,
    causes=(Cause.DOWN, Cause.DEGRADED),
    category=2,
    priority=Priority.P2,
    started_at=START,
    due_at=START,
    recovered_at=None,
    attached_to=None,
    quiet=False,
    reopened=0,
    flapping=False,
    sites=("north",),
)


def body(
    kind: TransitionKind = TransitionKind.OPENED, incident: Incident = INCIDENT
) -> dict[str, Any]:
    text = render(
        CONFIG,
        kind,
        incident,
        message_id="st-elsewhere_ehr_availability_1767225600000_desk_3",
        receiver="desk",
        sequence=3,
        at=START + 65_000,
        detected_at=START + 60_012,
    )
    found: dict[str, Any] = json.loads(text)
    return found


def test_the_whole_event_is_as_documented() -> None:
    assert body() == {
        "specversion": "1.0",
        "id": "st-elsewhere_ehr_availability_1767225600000_desk_3",
        "source": "urn:wardwatch:st-elsewhere",
        "type": "org.wardwatch.incident.opened.v1",
        "subject": "ehr.availability.1767225600000",
        "time": "2026-01-01T00:01:05.000Z",
        "datacontenttype": "application/json",
        "data": {
            "organization": {"id": "st-elsewhere", "name": "St Elsewhere", "timezone": "UTC"},
            "system": {"id": "ehr", "name": "EHR"},
            "key": "st-elsewhere.ehr.availability.1767225600000.desk",
            "sequence": 3,
            "step": "opened",
            "state": "open",
            "family": "availability",
            "causes": ["down", "degraded"],
            "category": 2,
            "category_meaning": (
                "Care is affected; a workaround is usable or the service is only impaired."
            ),
            "category_why": "workaround",
            "priority": "P2",
            "impact": {"class": "clinical", "service": "general"},
            "sites": [{"id": "north", "name": "North Campus"}],
            "users": None,
            "started_at": "2026-01-01T00:00:00.000Z",
            "detected_at": "2026-01-01T00:01:00.012Z",
            "recovered_at": None,
            "deadline": None,
            "attached_to": None,
            "reopened": 0,
            "flapping": False,
            "workaround": {"name": "Downtime binder", "until": "2026-01-01T04:00:00.000Z"},
            "runbook": "https://intranet.example.org/rb/ehr",
            "link": None,
            "minimal": [],
        },
    }


def test_users_are_those_of_the_sites_named_else_of_all_where_each_has_a_number() -> None:
    def users(sites: tuple[str, ...], **counts: int | None) -> int | None:
        written = CONFIG.model_dump(mode="json", by_alias=True, exclude_unset=True)
        written["sites"] = {name: {"name": name, "users": n} for name, n in counts.items()}
        event = render(
            Config.model_validate(written),
            TransitionKind.OPENED,
            replace(INCIDENT, sites=sites),
            message_id="m",
            receiver="desk",
            sequence=1,
            at=START,
            detected_at=START,
        )
        found: int | None = json.loads(event)["data"]["users"]
        return found

    assert users(("north",), north=1_200, south=300) == 1_200
    assert users((), north=1_200, south=300) == 1_500
    assert users((), north=1_200, south=None) is None
    assert users(("gone",), north=1_200) is None


def test_what_comes_due_next_and_a_persons_reason_are_told_as_given() -> None:
    event = render(
        CONFIG,
        TransitionKind.RAISED,
        replace(INCIDENT, category=4),
        message_id="m",
        receiver="desk",
        sequence=1,
        at=START,
        detected_at=START,
        deadline=("review_due", START + 7_200_000),
        category_reason=CategoryReason.PATIENT_AT_RISK,
    )
    data = json.loads(event)["data"]
    assert data["deadline"] == {"kind": "review_due", "at": "2026-01-01T02:00:00.000Z"}
    assert data["category_why"] == "patient_at_risk"


@pytest.mark.parametrize(
    ("kind", "recovered_at", "name", "state"),
    [
        (TransitionKind.OPENED, None, "opened", "open"),
        (TransitionKind.PAGED, None, "opened", "open"),
        (TransitionKind.REOPENED, None, "updated", "open"),
        (TransitionKind.CAUSE_ADDED, None, "updated", "open"),
        (TransitionKind.SITE_ADDED, None, "updated", "open"),
        (TransitionKind.RAISED, None, "updated", "open"),
        (TransitionKind.ATTACHED, None, "updated", "open"),
        (TransitionKind.PARTED, None, "updated", "open"),
        (TransitionKind.RECOVERED, START + 1, "recovered", "recovered"),
        (TransitionKind.CORRECTED, START + 1, "recovered", "recovered"),
        (TransitionKind.RESOLVED, START + 1, "resolved", "resolved"),
        (TransitionKind.FOUND_LATE, START + 1, "resolved", "resolved"),
    ],
)
def test_each_step_has_its_type_and_state(
    kind: TransitionKind, recovered_at: int | None, name: str, state: str
) -> None:
    assert event_type(kind) == f"org.wardwatch.incident.{name}.v1"
    event = body(kind, replace(INCIDENT, recovered_at=recovered_at))
    assert (event["type"], event["data"]["state"]) == (event_type(kind), state)


def test_a_workaround_without_a_limit_and_none_at_all() -> None:
    unknown = body(incident=replace(INCIDENT, system="gone", sites=("south",)))["data"]
    assert (unknown["system"], unknown["workaround"], unknown["runbook"]) == (
        {"id": "gone", "name": "gone"},
        None,
        None,
    )
    assert unknown["sites"] == [{"id": "south", "name": "south"}]
    assert body(incident=replace(INCIDENT, system="portal"))["data"]["workaround"] is None


@pytest.mark.parametrize(
    ("family", "priority", "expected"),
    [
        (Family.AVAILABILITY, Priority.P1, ("desk", "pager")),
        (Family.AVAILABILITY, Priority.P3, ("desk",)),
        (Family.AVAILABILITY, Priority.P4, ()),
        (Family.ACCESS, Priority.P1, ("desk",)),
        (Family.BLIND, Priority.P1, ()),
    ],
)
def test_routes_choose_by_family_and_least_priority(
    family: Family, priority: Priority, expected: tuple[str, ...]
) -> None:
    assert receivers(CONFIG.routes, family, priority) == expected


def test_a_route_without_a_least_priority_takes_all() -> None:
    route = Route.model_validate({"families": ["blind"], "to": ["desk"]})
    assert receivers([route], Family.BLIND, Priority.P4) == ("desk",)


def test_every_message_of_an_incident_has_the_same_subject_and_key() -> None:
    events = [body(kind) for kind in TransitionKind]
    assert {event["subject"] for event in events} == {INCIDENT.key}
    assert len({event["data"]["key"] for event in events}) == 1
