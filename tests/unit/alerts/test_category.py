"""Clinical risk category and priority by the table of semantics 5; instants in minutes."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.events import Family, Priority, SystemView
from alerts.policy import incidents
from tests.unit.alerts.views import MIN, config, history, only, times, view, views

BINDER: dict[str, Any] = {}
SHORT = {"valid_for": "40m"}


def category(
    shown: SystemView, now: float, impact: str, workaround: dict[str, Any] | None, **policy: str
) -> tuple[int, Priority]:
    system = {"class": impact} | ({} if workaround is None else {"workaround": workaround})
    found = incidents(views(shown), history(config({"ehr": system}, **policy)), round(now * MIN))
    one = only(found)
    return one.category, one.priority


DOWN = view("down:60")
DEGRADED = view("degraded:60")
BLIND = view("unknown:60")
ACCESS = view("unknown:60", access=times((0, 60)))
REJECTED = view("unknown:60", access=times((0, 60)), rejected=times((0, 60)))


@pytest.mark.parametrize("impact", ["clinical", "point_of_care"])
@pytest.mark.parametrize(
    ("shown", "workaround", "at_20", "at_60"),
    [
        pytest.param(DOWN, BINDER, 2, 2, id="down, workaround"),
        pytest.param(DOWN, None, 3, 3, id="down, none"),
        pytest.param(DEGRADED, BINDER, 2, 2, id="degraded, workaround"),
        pytest.param(DEGRADED, None, 2, 3, id="degraded, none: raised after 30 min"),
        pytest.param(BLIND, BINDER, 2, 2, id="blind, workaround"),
        pytest.param(BLIND, None, 2, 3, id="blind, none"),
        pytest.param(ACCESS, None, 1, 1, id="access"),
        pytest.param(REJECTED, BINDER, 2, 2, id="rejected by all, workaround"),
        pytest.param(REJECTED, None, 2, 3, id="rejected by all, none"),
    ],
)
def test_the_category_follows_the_table(
    impact: str, shown: SystemView, workaround: dict[str, Any] | None, at_20: int, at_60: int
) -> None:
    priorities = {1: Priority.P3, 2: Priority.P2, 3: Priority.P1}
    assert category(shown, 20, impact, workaround) == (at_20, priorities[at_20])
    assert category(shown, 60, impact, workaround) == (at_60, priorities[at_60])


@pytest.mark.parametrize("shown", [DOWN, DEGRADED, BLIND, ACCESS, REJECTED])
def test_an_administrative_system_stays_in_category_1(shown: SystemView) -> None:
    assert category(shown, 60, "administrative", None) == (1, Priority.P3)


def test_raise_after_runs_from_the_start_and_due_exactly_at_now_has_not_fired() -> None:
    assert category(DEGRADED, 30, "clinical", None) == (2, Priority.P2)
    assert category(DEGRADED, 30 + 1 / MIN, "clinical", None) == (3, Priority.P1)
    ends = view("degraded:30 up:30")
    assert category(ends, 60, "clinical", None) == (2, Priority.P2)


def test_time_that_may_turn_out_to_be_recovery_raises_nothing() -> None:
    shown = view("degraded:28 up:4 degraded:4 up:30")
    assert category(shown, 32, "clinical", None)[0] == 2
    assert category(shown, 33, "clinical", None)[0] == 3
    recovers = view("degraded:28 up:40 degraded:1 up:30")
    assert category(recovers, 68, "clinical", None)[0] == 2


def test_raise_after_counts_from_the_first_start_when_an_incident_reopens() -> None:
    shown = view("degraded:12 up:20 degraded:12")
    assert category(shown, 42, "clinical", None)[0] == 2
    assert category(shown, 43, "clinical", None)[0] == 3


def test_a_workaround_is_still_usable_at_exactly_valid_for() -> None:
    assert category(DOWN, 40, "clinical", SHORT)[0] == 2
    assert category(view("down:40 up:9"), 49, "clinical", SHORT)[0] == 2
    assert category(DOWN, 40 + 2 / MIN, "clinical", SHORT)[0] == 3


def test_an_expired_workaround_raises_a_degraded_incident_only_after_raise_after() -> None:
    workaround = {"valid_for": "15m"}
    assert category(DEGRADED, 20, "clinical", workaround)[0] == 2
    assert category(DEGRADED, 31, "clinical", workaround)[0] == 3


@pytest.mark.parametrize(
    ("other", "now", "expected"),
    [
        pytest.param("up:60", 60, 2, id="up"),
        pytest.param("degraded:60", 60, 2, id="degraded is good enough"),
        pytest.param("up:5 unknown:55", 5, 2, id="not yet"),
        pytest.param("up:5 unknown:55", 6, 3, id="unknown is not"),
        pytest.param("up:5 down:1 up:54", 60, 3, id="automation never lowers"),
        pytest.param("up:5 not_monitored:55", 60, 3, id="removed"),
    ],
)
def test_a_workaround_needs_every_system_it_requires(other: str, now: float, expected: int) -> None:
    versions = history(
        config({"ehr": {"workaround": {"requires": ["paging"]}}, "paging": {"class": "clinical"}})
    )
    shown = views(view("down:60"), view(other, system="paging"))
    found = incidents(shown, versions, round(now * MIN))
    ehr = only([i for i in found if i.system == "ehr"])
    assert ehr.category == expected


def test_a_required_system_we_know_nothing_of_makes_the_workaround_unusable() -> None:
    assert category(DOWN, 60, "clinical", {"requires": ["paging"]})[0] == 3


def test_access_rises_when_a_critical_check_is_rejected_by_all() -> None:
    shown = view("unknown:60", access=times((0, 60)), rejected=times((20, 60)))
    assert category(shown, 20, "clinical", None)[0] == 1
    assert category(shown, 21, "clinical", None)[0] == 2
    assert category(shown, 60, "clinical", None)[0] == 3
    late = view("unknown:60", access=times((0, 60)), rejected=times((45, 60)))
    assert category(late, 46, "clinical", None)[0] == 3


def test_impact_in_force_at_the_start_decides() -> None:
    versions = history((0, config({"ehr": {"class": "administrative"}})), (30, config()))
    shown = views(view("up:10 degraded:100"))
    assert only(incidents(shown, versions, 110 * MIN)).category == 1


def test_all_families_keep_their_own_category() -> None:
    shown = views(view("down:60", rejected=times((0, 60))))
    found = incidents(shown, history(), 20 * MIN)
    assert [(i.family, i.category) for i in found] == [
        (Family.ACCESS, 2),
        (Family.AVAILABILITY, 3),
    ]
