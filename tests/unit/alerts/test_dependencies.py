"""Attachment to a parent (semantics 5); instants in minutes."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.dependencies import Link, carried
from alerts.events import Family, Incident, Priority, SystemView
from alerts.lifecycle import Spell
from alerts.policy import incidents
from tests.unit.alerts.views import MIN, config, history, view, views, window

BINDER: dict[str, Any] = {"workaround": {}}


def tree(**systems: dict[str, Any]) -> Any:
    return history(config(systems))


PAIR = tree(ehr={"depends_on": ["net"]}, net={"class": "administrative"})


def shown(now: float, versions: Any, *each: SystemView) -> dict[str, Incident]:
    found = incidents(views(*each), versions, round(now * MIN))
    return {i.system: i for i in found if i.family is Family.AVAILABILITY}


def parent_of_ehr(now: float, ehr: str, net: str, **more: Any) -> str | None:
    each = (view(ehr, system="ehr"), view(net, system="net", **more))
    return shown(now, PAIR, *each)["ehr"].attached_to


@pytest.mark.parametrize(
    ("ehr", "net", "now", "expected"),
    [
        pytest.param("up:10 down:30", "up:5 down:30", 11, "net", id="the parent was down before"),
        pytest.param("up:10 down:30", "up:15 down:30", 15, None, id="not yet known"),
        pytest.param("up:10 down:30", "up:15 down:30", 16, "net", id="5 min later"),
        pytest.param(
            "up:10 down:30", f"up:{15 + 1 / MIN} down:30", 30, None, id="more than 5 min later"
        ),
        pytest.param(
            "up:10 down:3 up:30", "up:14 down:30", 30, None, id="the child was up by then"
        ),
        pytest.param("up:10 down:30", "down:9 up:30", 30, None, id="the parent was up again"),
        pytest.param("up:10 down:30", "down:5 degraded:40", 30, "net", id="open, down before"),
        pytest.param("up:10 down:30", "down:5 unknown:40", 30, None, id="the parent is unknown"),
        pytest.param(
            "up:13 down:30", "degraded:14 down:40", 30, None, id="an incident not yet down"
        ),
        pytest.param(
            "degraded:12 down:30", "up:5 down:40", 40, None, id="a child that opened as degraded"
        ),
        pytest.param(
            "up:10 down:5 degraded:30", "up:5 down:40", 40, "net", id="degraded after the opening"
        ),
    ],
)
def test_a_down_incident_attaches_to_the_open_down_incident_of_its_parent(
    ehr: str, net: str, now: float, expected: str | None
) -> None:
    assert parent_of_ehr(now, ehr, net) == expected


def test_a_parent_in_maintenance_absorbs_nothing() -> None:
    inside = (window(4, 40),)
    assert parent_of_ehr(30, "up:10 down:30", "up:5 down:30", windows=inside) is None
    over = (window(4, 10),)
    assert parent_of_ehr(30, "up:10 down:30", "up:5 down:30", windows=over) == "net"


@pytest.mark.parametrize(
    ("now", "expected"),
    [(25, "net"), (25 + 1 / MIN, None)],
)
def test_five_minutes_after_the_parent_recovered_a_child_still_down_stands_alone(
    now: float, expected: str | None
) -> None:
    assert parent_of_ehr(now, "up:10 down:30", "up:5 down:15 up:60") == expected


@pytest.mark.parametrize(
    ("ehr", "expected"),
    [
        pytest.param("up:10 down:15 up:60", "net", id="up at that very instant"),
        pytest.param("up:10 down:12 degraded:60", "net", id="degraded is not down"),
        pytest.param("up:10 down:12 degraded:8 down:9", None, id="down again later"),
        pytest.param("up:10 down:12 unknown:60", None, id="an outage gone silent still lasts"),
    ],
)
def test_parting_asks_whether_the_child_is_still_down(ehr: str, expected: str | None) -> None:
    assert parent_of_ehr(39, ehr, "up:5 down:15 up:60") == expected


def test_a_parent_that_reopens_in_time_does_not_let_go() -> None:
    versions = history(config({"ehr": {"depends_on": ["net"]}, "net": {}}, recover_for="1m"))
    ehr, net = view("up:10 down:50", system="ehr"), view("up:5 down:10 up:4 down:9", system="net")
    found = shown(28, versions, ehr, net)
    assert found["ehr"].attached_to == "net"
    assert found["net"].reopened == 1


def test_a_reopened_child_is_judged_again() -> None:
    ehr = "up:10 down:2 up:8 down:20"
    assert parent_of_ehr(19, ehr, "up:9 down:2 up:60") == "net"
    assert parent_of_ehr(30, ehr, "up:9 down:2 up:60") is None
    assert parent_of_ehr(30, ehr, "up:9 down:2 up:8 down:60") == "net"


def test_the_first_listed_parent_that_fits_is_taken() -> None:
    versions = tree(ehr={"depends_on": ["net", "power"]}, net={}, power={})
    ehr, power = view("up:10 down:30", system="ehr"), view("up:10 down:30", system="power")
    net = view("up:12 down:28", system="net")
    assert shown(11, versions, ehr, net, power)["ehr"].attached_to == "power"
    assert shown(30, versions, ehr, net, power)["ehr"].attached_to == "net"


def test_parents_are_direct() -> None:
    versions = tree(ehr={"depends_on": ["app"]}, app={"depends_on": ["net"]}, net={})
    ehr, net = view("up:10 down:30", system="ehr"), view("up:5 down:30", system="net")
    app = view("up:40", system="app")
    assert shown(30, versions, ehr, app, net)["ehr"].attached_to is None


def test_the_parent_carries_the_highest_category_and_priority_of_all_attached() -> None:
    ehr, net = view("up:10 down:30", system="ehr"), view("up:5 down:35", system="net")
    assert shown(10, PAIR, ehr, net)["net"].category == 1
    net_now = shown(11, PAIR, ehr, net)["net"]
    assert (net_now.category, net_now.priority) == (3, Priority.P1)


def test_a_parent_carries_through_every_depth() -> None:
    versions = tree(
        ehr={"depends_on": ["app"]},
        app={"depends_on": ["net"], "class": "administrative"},
        net={"class": "administrative"},
    )
    each = [view("up:10 down:30", system=name) for name in ("ehr", "app", "net")]
    found = shown(30, versions, *each)
    assert {name: i.category for name, i in found.items()} == {"ehr": 3, "app": 3, "net": 3}


def test_a_rise_after_parting_is_the_childs_alone() -> None:
    versions = tree(
        ehr={"depends_on": ["net"], "workaround": {"valid_for": "18m"}},
        net={"class": "administrative"},
    )
    ehr, net = view("up:10 down:60", system="ehr"), view("up:5 down:15 up:60", system="net")
    found = shown(60, versions, ehr, net)
    assert (found["ehr"].category, found["net"].category) == (3, 2)
    quick = tree(
        ehr={"depends_on": ["net"], "workaround": {"valid_for": "14m"}},
        net={"class": "administrative"},
    )
    found = shown(60, quick, ehr, net)
    assert (found["ehr"].category, found["net"].category) == (3, 3)


def test_a_quiet_child_attaches_like_any_other() -> None:
    ehr = view("up:10 down:30", system="ehr", windows=(window(5, 60),))
    net = view("up:5 down:35", system="net")
    found = shown(30, PAIR, ehr, net)
    assert (found["ehr"].attached_to, found["ehr"].quiet) == ("net", True)


def spell(start: int, end: int | None, known: int | None) -> Spell:
    return Spell(start, start, sudden=True, end=end, known=known)


@pytest.mark.parametrize(
    ("spells", "raised", "expected"),
    [
        ([spell(0, 40, 45)], 30, ((0, 2), (30, 3))),
        ([spell(0, 40, 45)], 44, ((0, 2), (44, 3))),  # nobody knew yet that it was over
        ([spell(0, 40, 45)], 45, ((0, 2),)),
        ([spell(0, 40, 45), spell(80, None, None)], 75, ((0, 2), (80, 3))),
        ([spell(0, None, None)], 75, ((0, 2), (75, 3))),
    ],
)
def test_a_parent_that_is_known_to_be_over_carries_nothing_more(
    spells: list[Spell], raised: int, expected: tuple[tuple[int, int], ...]
) -> None:
    net, ehr = ("net", 0), ("ehr", 0)
    lasting = spell(0, None, None)
    found = carried(
        {net: ((0, 2),), ehr: ((0, 2), (raised, 3))},
        {ehr: [(lasting, Link(net, 0, None))]},
        {net: spells, ehr: [lasting]},
    )
    assert found == {net: expected, ehr: ((0, 2), (raised, 3))}
