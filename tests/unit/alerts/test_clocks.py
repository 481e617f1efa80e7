"""The response clocks: which of the two is due first, when to warn, what a rise leaves."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alerts.category import INFORMATION, PRIORITY
from alerts.clocks import Response, clocks, earliest, is_overdue
from alerts.events import Family, Incident, Priority
from alerts.hours import Hours
from alerts.terms import Terms
from probes.config_hours import OFFICE
from probes.config_policy import Policy, Respond
from probes.config_systems import Impact
from probes.times import parse_datetime, rfc3339, to_ms
from tests.support.outages import an_outage

UTC = ZoneInfo("UTC")
CHICAGO = Hours(OFFICE.rule, ZoneInfo("America/Chicago"))
PRIORITIES = {"P1": Priority.P1, "P2": Priority.P2, "P3": Priority.P3, "P4": Priority.P4}
# A Friday in January: 16:00 in Chicago, an hour before the weekend.
FRIDAY = "2026-01-09T22:00"


def at(text: str) -> int:
    return to_ms(parse_datetime(text), UTC)


def incident(priority: Priority, **changes: Any) -> Incident:
    made: dict[str, Any] = {"key": "ehr.availability.1", "category": 3, "priority": priority}
    return an_outage(at("2026-01-09T21:59"), **made | changes)


def terms(service: str, impact: str = "clinical", **respond: Any) -> Terms:
    policy = Policy(respond=Respond.model_validate(respond))
    return Terms(policy, Impact.model_validate({"class": impact, "service": service}), ())


def answer(
    priority: Priority,
    service: str,
    *reached: Priority,
    detected: str = FRIDAY,
    **respond: Any,
) -> tuple[str | None, str, str]:
    found = clocks(incident(priority), terms(service, **respond), CHICAGO, at(detected), reached)
    assert found is not None
    warn = None if found.warn_at is None else rfc3339(found.warn_at)[:16]
    return warn, rfc3339(found.due_at)[:16], found.by


TABLE = """\
# class          service            category  warn              due               by
clinical         critical_clinical  4         2026-01-09T23:00  2026-01-10T00:00  service
clinical         critical_clinical  3         2026-01-09T23:00  2026-01-10T00:00  service
clinical         critical_clinical  2         -                 2026-01-10T00:00  service
clinical         critical_clinical  1         -                 2026-01-10T00:00  service
clinical         billing            4         2026-01-09T23:00  2026-01-10T02:00  service
clinical         billing            3         2026-01-09T23:00  2026-01-10T02:00  service
clinical         billing            2         -                 2026-01-10T02:00  service
clinical         billing            1         -                 2026-01-10T02:00  service
clinical         general            4         2026-01-09T23:00  2026-01-10T02:00  priority
clinical         general            3         2026-01-09T23:00  2026-01-10T02:00  priority
clinical         general            2         2026-01-12T18:00  2026-01-12T22:00  service
clinical         general            1         -                 2026-01-10T22:00  priority
point_of_care    critical_clinical  3         2026-01-09T23:00  2026-01-10T00:00  service
point_of_care    critical_clinical  2         -                 2026-01-10T00:00  service
point_of_care    billing            3         2026-01-09T23:00  2026-01-10T02:00  service
point_of_care    billing            2         -                 2026-01-10T02:00  service
point_of_care    general            3         2026-01-09T23:00  2026-01-10T02:00  priority
point_of_care    general            2         2026-01-12T18:00  2026-01-12T22:00  service
administrative   critical_clinical  1         -                 2026-01-10T00:00  service
administrative   billing            1         -                 2026-01-10T02:00  service
administrative   general            1         -                 2026-01-10T22:00  priority
"""
ROWS = [row.split() for row in TABLE.splitlines() if not row.startswith("#")]


@pytest.mark.parametrize(("impact", "service", "category", "warn", "due", "by"), ROWS)
def test_the_earlier_of_the_two_clocks_is_due(
    impact: str, service: str, category: str, warn: str, due: str, by: str
) -> None:
    one = incident(PRIORITY[int(category)], category=int(category))
    found = clocks(one, terms(service, impact), CHICAGO, at(FRIDAY))
    assert found == Response(None if warn == "-" else at(warn), at(due), by)  # type: ignore[arg-type]  # a table of text


@pytest.mark.parametrize(
    ("priority", "detected", "expected"),
    [
        # 10:00 on Wednesday: 8 business hours are until 10:00 on Thursday, as one business day is
        ("P2", "2026-01-07T16:00", ("2026-01-07T20:00", "2026-01-08T16:00", "service")),
        ("P4", "2026-01-07T16:00", (None, "2026-01-08T16:00", "service")),
        # From Friday 20:00 the business day ends before 72 hours, from 17:00 together with them
        ("P4", "2026-01-10T02:00", (None, "2026-01-12T23:00", "service")),
        ("P4", "2026-01-09T23:00", (None, "2026-01-12T23:00", "service")),
    ],
)
def test_priorities_by_business_hours_and_information(
    priority: str, detected: str, expected: tuple[str | None, str, str]
) -> None:
    assert answer(PRIORITIES[priority], "general", detected=detected) == expected


@pytest.mark.parametrize("family", INFORMATION)
def test_what_is_information_is_answered_by_its_priority_alone(family: Family) -> None:
    one = incident(Priority.P4, family=family)
    found = clocks(one, terms("critical_clinical"), CHICAGO, at(FRIDAY))
    assert found == Response(warn_at=None, due_at=at("2026-01-12T22:00"), by="priority")


def test_the_settings_move_both_clocks() -> None:
    assert answer(Priority.P1, "general", P1={"breach": "30m"}) == (
        None,
        "2026-01-09T22:30",
        "priority",
    )
    assert answer(Priority.P3, "billing", billing="15m") == (None, "2026-01-09T22:15", "service")
    assert answer(Priority.P3, "general", P3={"warn": "20m", "breach": "40m"}) == (
        "2026-01-09T22:20",
        "2026-01-09T22:40",
        "priority",
    )


def test_a_warning_that_would_come_when_it_is_due_already_is_none() -> None:
    assert answer(Priority.P1, "billing", billing="1h") == (None, "2026-01-09T23:00", "service")
    assert answer(Priority.P1, "billing", billing="61m") == (
        "2026-01-09T23:00",
        "2026-01-09T23:01",
        "service",
    )


def test_a_rise_runs_from_the_same_detection() -> None:
    assert answer(Priority.P1, "general", Priority.P2) == answer(Priority.P1, "general")
    assert answer(Priority.P1, "general", Priority.P2)[1] == "2026-01-10T02:00"


def test_after_a_rise_the_earlier_due_stays() -> None:
    # 8 business hours from Friday 16:00 end on Monday; the 24 hours of P3 ended on Saturday
    assert answer(Priority.P2, "general")[1] == "2026-01-12T22:00"
    assert answer(Priority.P2, "general", Priority.P3) == (None, "2026-01-10T22:00", "priority")


def test_a_quiet_incident_has_no_clock_until_it_pages() -> None:
    quiet, paged = incident(Priority.P1, quiet=True), incident(Priority.P1)
    assert clocks(quiet, terms("billing"), CHICAGO, at(FRIDAY)) is None
    found = clocks(paged, terms("billing"), CHICAGO, at(FRIDAY))
    assert found == Response(at("2026-01-09T23:00"), at("2026-01-10T02:00"), "service")


def test_what_was_over_before_it_was_detected_has_no_clock() -> None:
    over = incident(Priority.P1, recovered_at=at(FRIDAY))
    assert clocks(over, terms("billing"), CHICAGO, at(FRIDAY)) is None
    seen = incident(Priority.P1, recovered_at=at(FRIDAY) + 1)
    assert clocks(seen, terms("billing"), CHICAGO, at(FRIDAY)) is not None


def test_an_answer_is_overdue_after_it_was_due_and_the_clock_stops_at_recovery() -> None:
    response = Response(None, at("2026-01-10T02:00"), "priority")
    due = response.due_at
    lasting = incident(Priority.P1)
    assert [is_overdue(response, lasting, due + n) for n in (-1, 0, 1)] == [False, False, True]
    in_time = incident(Priority.P1, recovered_at=due)
    late = incident(Priority.P1, recovered_at=due + 1)
    assert is_overdue(response, in_time, due + 86_400_000) is False
    assert is_overdue(response, late, due + 86_400_000) is True


def test_a_parents_clocks_are_the_earliest_of_its_own_and_of_all_attached() -> None:
    own = Response(None, 100, "priority")
    sooner, warned = Response(20, 60, "service"), Response(10, 90, "priority")
    assert earliest(own, ()) == own
    assert earliest(own, (None, Response(None, 200, "service"))) == own
    assert earliest(own, (warned, sooner)) == Response(10, 60, "service")
    assert earliest(own, (Response(None, 100, "service"),)) == own


def test_a_warning_that_would_come_when_a_child_is_due_already_is_none() -> None:
    late = Response(60, 100, "priority")
    assert earliest(late, (Response(None, 60, "service"),)) == Response(None, 60, "service")


def test_a_parent_whose_clock_does_not_run_has_none_of_its_children_either() -> None:
    assert earliest(None, (Response(20, 60, "service"),)) is None
