"""What leaves the house, byte by byte, and to whom."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from alerts.deadlines import Deadline, DeadlineKind, Which
from alerts.events import Cause, Family, Incident, Priority
from alerts.grouping import GroupStep
from alerts.people import ActKind, CategoryReason, IncidentState
from alerts.render import event_type, render
from alerts.routing import receivers
from alerts.telling import Step
from alerts.transitions import TransitionKind
from probes.config import Config
from probes.config_channels import Route
from tests.support.outages import an_outage

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
INCIDENT = an_outage(START, causes=(Cause.DOWN, Cause.DEGRADED), sites=("north",))


def body(
    step: Step = TransitionKind.OPENED,
    incident: Incident = INCIDENT,
    *,
    state: IncidentState = IncidentState.OPEN,
    due: Deadline | None = None,
    attached: Sequence[Incident] = (),
) -> dict[str, Any]:
    text = render(
        CONFIG,
        step,
        incident,
        message_id="st-elsewhere_ehr_availability_1767225600000_desk_3",
        receiver="desk",
        sequence=3,
        at=START + 65_000,
        detected_at=START + 60_012,
        state=state,
        due=due,
        attached=attached,
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
            "ruling": None,
            "impact": {"class": "clinical", "service": "general"},
            "sites": [{"id": "north", "name": "North Campus"}],
            "users": None,
            "started_at": "2026-01-01T00:00:00.000Z",
            "detected_at": "2026-01-01T00:01:00.012Z",
            "recovered_at": None,
            "deadline": None,
            "attached_to": None,
            "attached": [],
            "attached_count": 0,
            "reopened": 0,
            "flapping": False,
            "workaround": {"name": "Downtime binder", "until": "2026-01-01T04:00:00.000Z"},
            "runbook": "https://intranet.example.org/rb/ehr",
            "due": None,
            "rung": None,
            "link": None,
            "minimal": [],
        },
    }


_T, _A, _D = TransitionKind, ActKind, DeadlineKind
TYPES: dict[Step, str] = {
    _T.OPENED: "opened",
    _T.PAGED: "opened",
    _T.REOPENED: "updated",
    _T.CAUSE_ADDED: "updated",
    _T.SITE_ADDED: "updated",
    _T.RAISED: "updated",
    _T.ATTACHED: "updated",
    _T.PARTED: "updated",
    _T.RECOVERED: "recovered",
    _T.CORRECTED: "recovered",
    _T.RESOLVED: "resolved",
    _T.FOUND_LATE: "resolved",
    GroupStep.GATHERED: "updated",
    _A.ACKNOWLEDGED: "updated",
    _A.RAISED: "updated",
    _A.MERGED: "resolved",
    _A.FALSE_POSITIVE: "resolved",
    _A.CLOSED: "updated",
    _D.RESPONSE_WARNED: "updated",
    _D.RESPONSE_BREACHED: "updated",
    _D.ACKNOWLEDGEMENT_EXPIRED: "updated",
    _D.REVIEW_DUE: "updated",
    _D.REPORT_DUE: "updated",
    _D.REPORT_OVERDUE: "updated",
    _D.NOTICE_BREACHED: "updated",
    _D.MDR_SOON: "notice",
    _D.MDR_DUE: "notice",
    _D.LIAISON_NOTICE: "notice",
    _D.WORKAROUND_NOTICE: "notice",
    _D.LEADERSHIP_NOTICE: "notice",
    _D.LEGAL_NOTICE: "notice",
}


@pytest.mark.parametrize(("step", "name"), TYPES.items())
def test_each_step_has_its_type(step: Step, name: str) -> None:
    assert event_type(step) == f"org.wardwatch.incident.{name}.v1"
    event = body(step, state=IncidentState.ACKNOWLEDGED)
    assert (event["type"], event["data"]["state"]) == (event_type(step), "acknowledged")
    assert event["data"]["step"] == step.value


def test_what_came_due_says_of_what_and_by_when() -> None:
    which = Which(DeadlineKind.NOTICE_BREACHED, "liaison_notice", 0)
    late = body(which.kind, due=Deadline(which, START + 3_660_000))
    assert late["data"]["due"] == {
        "of": "liaison_notice",
        "at": "2026-01-01T01:01:00.000Z",
        "by": None,
    }
    notice = Deadline(Which(DeadlineKind.LIAISON_NOTICE), START + 60_000, START + 3_660_000)
    assert body(notice.which.kind, due=notice)["data"]["due"] == {
        "of": None,
        "at": "2026-01-01T00:01:00.000Z",
        "by": "2026-01-01T01:01:00.000Z",
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
            state=IncidentState.OPEN,
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
        state=IncidentState.OPEN,
        deadline=("review_due", START + 7_200_000),
        category_reason=CategoryReason.PATIENT_AT_RISK,
    )
    data = json.loads(event)["data"]
    assert data["deadline"] == {"kind": "review_due", "at": "2026-01-01T02:00:00.000Z"}
    assert data["category_why"] == "patient_at_risk"


def test_a_workaround_without_a_limit_and_none_at_all() -> None:
    unknown = body(incident=replace(INCIDENT, system="gone", sites=("south",)))["data"]
    assert (unknown["system"], unknown["workaround"], unknown["runbook"]) == (
        {"id": "gone", "name": "gone"},
        None,
        None,
    )
    assert unknown["sites"] == [{"id": "south", "name": "south"}]
    assert body(incident=replace(INCIDENT, system="portal"))["data"]["workaround"] is None


def test_what_hangs_on_it_is_named_up_to_two_hundred_and_the_rest_counted() -> None:
    portal = replace(INCIDENT, key="portal.availability.1", system="portal", category=3)
    named = body(attached=[portal, replace(portal, system="gone", category=1)])["data"]
    assert (named["attached"], named["attached_count"]) == (
        [
            {"id": "portal", "name": "Portal", "category": 3},
            {"id": "gone", "name": "gone", "category": 1},
        ],
        2,
    )
    many = [replace(portal, system=f"s-{n}") for n in range(2_000)]
    named = body(GroupStep.GATHERED, attached=many)["data"]
    assert (len(named["attached"]), named["attached_count"]) == (200, 2_000)
    assert named["attached"][-1]["id"] == "s-199"


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


def test_rejected_by_all_goes_to_the_routes_of_access_and_of_availability() -> None:
    def told(priority: Priority, *causes: Cause) -> tuple[str, ...]:
        routes = [
            Route.model_validate(
                {"families": ["availability"], "min_priority": "P2", "to": ["on"]}
            ),
            Route.model_validate({"families": ["access"], "to": ["integration", "on"]}),
            Route.model_validate({"families": ["blind"], "to": ["monitoring"]}),
            Route.model_validate({"families": ["availability"], "to": ["desk"]}),
        ]
        return receivers(routes, Family.ACCESS, priority, causes)

    both = (Cause.MISCONFIGURED, Cause.REJECTED_BY_ALL)
    assert told(Priority.P3, Cause.MISCONFIGURED) == ("integration", "on")
    assert told(Priority.P2, *both) == ("on", "integration", "desk")
    assert told(Priority.P3, *both) == ("integration", "on", "desk")


def test_a_route_without_a_least_priority_takes_all() -> None:
    route = Route.model_validate({"families": ["blind"], "to": ["desk"]})
    assert receivers([route], Family.BLIND, Priority.P4) == ("desk",)


def test_every_message_of_an_incident_has_the_same_subject_and_key() -> None:
    events = [body(kind) for kind in TransitionKind]
    assert {event["subject"] for event in events} == {INCIDENT.key}
    assert len({event["data"]["key"] for event in events}) == 1
