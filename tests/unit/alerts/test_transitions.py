"""Steps from what is recorded to what the truth shows; instants in minutes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from alerts import transitions as difference
from alerts.events import Cause, Incident, Priority, SystemView
from alerts.policy import incidents
from alerts.transitions import Transition
from tests.unit.alerts.views import MIN, config, history, times, view, views, window

ADMIN = history(config({"ehr": {"class": "administrative"}}))
CLINICAL = history(config({"ehr": {}, "net": {}}))


def transitions(recorded: Mapping[str, Incident], derived: Sequence[Incident]) -> list[Transition]:
    """Every config here has the policies of the default one."""
    return difference.transitions(recorded, derived, ADMIN)


def truth(now: float, *shown: SystemView, clinical: bool = False) -> list[Incident]:
    return incidents(views(*shown), CLINICAL if clinical else ADMIN, round(now * MIN))


def after(
    steps: Sequence[Transition], before: dict[str, Incident] | None = None
) -> dict[str, Incident]:
    return (before or {}) | {step.incident.key: step.incident for step in steps}


def kinds(steps: Sequence[Transition]) -> list[str]:
    return [step.kind.value for step in steps]


def test_an_incident_opens_once_and_carries_all_it_is() -> None:
    derived = truth(12, view("up:5 degraded:2 down:30"))
    steps = transitions({}, derived)
    assert kinds(steps) == ["opened"]
    assert steps[0].incident == derived[0]
    assert transitions(after(steps), derived) == []


def test_categories_1_and_2_resolve_by_themselves_after_recovery() -> None:
    shown = view("up:5 down:5 up:30")
    recorded = after(transitions({}, truth(8, shown)))
    assert kinds(transitions(recorded, truth(16, shown))) == ["recovered", "resolved"]


def test_category_3_waits_for_a_person() -> None:
    shown = view("up:5 down:5 up:30")
    recorded = after(transitions({}, truth(8, shown, clinical=True)))
    assert kinds(transitions(recorded, truth(16, shown, clinical=True))) == ["recovered"]


def test_what_an_incident_gathers_is_one_step_each() -> None:
    shown = view("up:5 degraded:60 down:10", sites={"north": "up:65 down:10"})
    recorded = after(transitions({}, truth(16, shown, clinical=True)))
    steps = transitions(recorded, truth(70, shown, clinical=True))
    assert kinds(steps) == ["cause_added", "site_added", "raised"]
    assert steps[0].incident.causes == (Cause.DEGRADED, Cause.DOWN)
    assert steps[0].incident.category == 2
    assert (steps[-1].incident.category, steps[-1].incident.priority) == (3, Priority.P1)


def test_an_overrun_is_a_cause_and_then_a_page() -> None:
    shown = view("up:20 down:60", windows=(window(10, 70),))
    quiet = transitions({}, truth(30, shown))
    assert [step.incident.quiet for step in quiet] == [True]
    steps = transitions(after(quiet), truth(75, shown))
    assert [(step.kind.value, step.incident.quiet) for step in steps] == [
        ("cause_added", True),
        ("paged", False),
    ]


def test_a_reopened_incident_keeps_its_key() -> None:
    shown = view("down:5 up:10 down:5")
    recorded = after(transitions({}, truth(14, shown)))
    assert [i.recovered_at for i in recorded.values()] == [5 * MIN]
    steps = transitions(recorded, truth(16, shown))
    assert kinds(steps) == ["reopened"]
    assert (steps[0].incident.key, steps[0].incident.reopened) == ("ehr.availability.0", 1)
    assert steps[0].incident.recovered_at is None


def test_attachment_and_parting_are_steps() -> None:
    versions = history(config({"ehr": {"depends_on": ["net"]}, "net": {}}))
    shown = views(view("up:10 down:30"), view("up:12 down:8 up:30", system="net"))
    recorded = after(transitions({}, incidents(shown, versions, 11 * MIN)))
    steps = transitions(recorded, incidents(shown, versions, 13 * MIN))
    assert [(s.kind.value, s.incident.system) for s in steps] == [
        ("attached", "ehr"),
        ("opened", "net"),
    ]
    recorded = after(steps, recorded)
    steps = transitions(recorded, incidents(shown, versions, 26 * MIN))
    assert [(s.kind.value, s.incident.system) for s in steps] == [
        ("recovered", "net"),
        ("parted", "ehr"),
    ]


def test_a_past_outage_found_late_is_recorded_as_resolved_whatever_its_category() -> None:
    derived = truth(60, view("up:5 down:5 up:50"), clinical=True)
    assert derived[0].category == 3
    steps = transitions({}, derived)
    assert kinds(steps) == ["found_late", "resolved"]
    assert transitions(after(steps), derived) == []


def test_a_start_found_to_be_earlier_keeps_the_recorded_key_and_start() -> None:
    recorded = after(transitions({}, truth(30, view("up:20 down:10"))))
    earlier = truth(31, view("up:12 down:19"))
    assert transitions(recorded, earlier) == []
    steps = transitions(recorded, truth(60, view("up:12 down:19 up:29")))
    assert kinds(steps) == ["recovered", "resolved"]
    assert {s.incident.key for s in steps} == {"ehr.availability.1200000"}
    assert {s.incident.started_at for s in steps} == {20 * MIN}


def test_a_start_found_to_be_later_keeps_the_recorded_incident() -> None:
    recorded = after(transitions({}, truth(30, view("up:20 down:10"))))
    assert transitions(recorded, truth(31, view("up:25 down:6"))) == []


def test_what_the_truth_no_longer_shows_is_recovered_as_corrected() -> None:
    recorded = after(transitions({}, truth(30, view("up:20 down:10"))))
    steps = transitions(recorded, truth(31, view("up:31")))
    assert [(s.kind.value, s.incident.recovered_at) for s in steps] == [
        ("corrected", 20 * MIN),
        ("resolved", 20 * MIN),
    ]
    recorded = after(steps, recorded)
    assert transitions(recorded, truth(31, view("up:31"))) == []


@pytest.mark.parametrize(
    ("shown", "steps", "key"),
    [
        ("up:50 down:20", ["reopened"], "ehr.availability.1200000"),
        ("up:51 down:20", ["opened"], "ehr.availability.3060000"),
    ],
)
def test_after_a_correction_a_start_at_most_reopen_within_later_is_the_same_incident(
    shown: str, steps: list[str], key: str
) -> None:
    recorded = after(transitions({}, truth(30, view("up:20 down:10"))))
    recorded = after(transitions(recorded, truth(31, view("up:31"))), recorded)
    derived = truth(55, view(shown))
    found = transitions(recorded, derived)
    assert kinds(found) == steps
    assert (found[-1].incident.key, found[-1].incident.recovered_at) == (key, None)
    assert transitions(after(found, recorded), derived) == []


def test_what_the_truth_keeps_apart_is_not_joined_by_a_corrected_incident_between() -> None:
    recorded = after(transitions({}, truth(70, view("down:5 up:55 down:10"))))
    recorded = after(transitions(recorded, truth(71, view("down:5 up:66"))), recorded)
    found = transitions(recorded, truth(90, view("down:5 up:75 down:10")))
    assert [(s.kind.value, s.incident.key) for s in found] == [
        ("reopened", "ehr.availability.3600000")
    ]
    assert sorted(after(found, recorded)) == ["ehr.availability.0", "ehr.availability.3600000"]


def test_a_reopening_found_late_beside_an_open_incident_is_a_correction() -> None:
    recorded = after(transitions({}, truth(95, view("down:5 up:80 down:10"))))
    found = transitions(recorded, truth(95, view("down:5 up:10 down:5 up:65 down:10")))
    assert [(s.kind.value, s.incident.reopened, s.incident.recovered_at) for s in found] == [
        ("corrected", 1, 20 * MIN)
    ]


def test_an_end_found_to_be_another_is_corrected() -> None:
    recorded = after(transitions({}, truth(60, view("up:20 down:10 up:30"))))
    steps = transitions(recorded, truth(61, view("up:20 down:12 up:29")))
    assert [(s.kind.value, s.incident.recovered_at) for s in steps] == [("corrected", 32 * MIN)]


def test_two_recorded_incidents_that_turn_out_to_be_one_go_on_as_the_open_one() -> None:
    shown = view("down:5 up:40 down:10")
    recorded = after(transitions({}, truth(30, shown)))
    recorded = after(transitions(recorded, truth(55, shown)), recorded)
    assert sorted(recorded) == ["ehr.availability.0", "ehr.availability.2700000"]
    merged = truth(56, view("down:56"))
    assert transitions(recorded, merged) == []
    steps = transitions(recorded, truth(90, view("down:56 up:34")))
    assert {s.incident.key for s in steps} == {"ehr.availability.2700000"}
    recorded = after(steps, recorded)
    assert transitions(recorded, truth(90, view("down:56 up:34"))) == []


def test_the_old_one_ends_before_the_next_one_opens() -> None:
    shown = view("down:5 up:40 down:10")
    recorded = after(transitions({}, truth(3, shown)))
    steps = transitions(recorded, truth(55, shown))
    assert [(s.kind.value, s.incident.started_at) for s in steps] == [
        ("recovered", 0),
        ("resolved", 0),
        ("opened", 45 * MIN),
    ]


def test_causes_and_categories_of_the_record_are_never_taken_back() -> None:
    recorded = after(transitions({}, truth(20, view("up:5 down:15"), clinical=True)))
    softer = truth(21, view("up:5 degraded:16"), clinical=True)
    assert softer[0].category == 2
    steps = transitions(recorded, softer)
    assert kinds(steps) == ["cause_added"]
    assert steps[0].incident.causes == (Cause.DOWN, Cause.DEGRADED)
    assert steps[0].incident.category == 3


def test_families_are_kept_apart() -> None:
    shown = view("up:5 unknown:20", access=times((5, 25)))
    recorded = after(transitions({}, truth(20, shown)))
    steps = transitions(recorded, truth(30, view("up:5 unknown:25")))
    assert [(s.kind.value, s.incident.family.value) for s in steps] == [
        ("corrected", "access"),
        ("resolved", "access"),
        ("opened", "blind"),
    ]
