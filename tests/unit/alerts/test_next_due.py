"""When time alone changes the answer next; a timer due at d shows at d + 1 ms."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.events import SystemView
from alerts.policy import incidents, next_due
from tests.unit.alerts.views import MIN, config, history, times, view, views, window

NO_WORKAROUND: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("shown", "now", "system", "expected"),
    [
        pytest.param(view("up:60"), 60, NO_WORKAROUND, None, id="all is well"),
        pytest.param(view("up:10 degraded:2"), 12, NO_WORKAROUND, 20 * MIN + 1, id="degraded"),
        pytest.param(
            view("up:10 degraded:10"), 20, NO_WORKAROUND, 20 * MIN + 1, id="due exactly now"
        ),
        pytest.param(view("up:10 unknown:2"), 12, NO_WORKAROUND, 20 * MIN + 1, id="blind"),
        pytest.param(view("up:10 degraded:15"), 25, NO_WORKAROUND, 40 * MIN + 1, id="raise"),
        pytest.param(view("up:10 degraded:31"), 41, NO_WORKAROUND, None, id="nothing left"),
        pytest.param(view("up:10 down:2"), 12, NO_WORKAROUND, None, id="at its highest"),
        pytest.param(view("down:5 up:1"), 6, NO_WORKAROUND, 10 * MIN + 1, id="recovery"),
        pytest.param(
            view("down:5"), 5, {"workaround": {"valid_for": "1h"}}, 60 * MIN + 2, id="expiry"
        ),
        pytest.param(
            view("up:10 down:2", windows=(window(5, 30),)),
            12,
            NO_WORKAROUND,
            30 * MIN + 1,
            id="overrun",
        ),
        pytest.param(
            view("up:10 down:2", windows=(window(5, 30, expect_down=7),)),
            12,
            NO_WORKAROUND,
            17 * MIN + 1,
            id="expect_down",
        ),
        pytest.param(
            view("degraded:12", windows=(window(8, 30), window(35, 50))),
            12,
            NO_WORKAROUND,
            60 * MIN + 1,
            id="the timer starts anew at the end of windows",
        ),
        pytest.param(view("unknown:5", access=times((0, 5))), 5, NO_WORKAROUND, None, id="access"),
        pytest.param(
            view("unknown:5", access=times((0, 5)), rejected=times((0, 5))),
            5,
            NO_WORKAROUND,
            30 * MIN + 1,
            id="rejected by all",
        ),
    ],
)
def test_the_next_timer_is_known(
    shown: SystemView, now: int, system: dict[str, Any], expected: int | None
) -> None:
    versions = history(config({"ehr": system}))
    assert next_due(views(shown), versions, now * MIN) == expected


def test_a_child_parts_five_minutes_after_its_parent_recovered() -> None:
    versions = history(config({"ehr": {"depends_on": ["net"]}, "net": {}}, recover_for="1m"))
    shown = views(view("up:10 down:20"), view("up:5 down:20 up:5", system="net"))
    assert next_due(shown, versions, 26 * MIN) == 26 * MIN + 1
    assert next_due(shown, versions, 26 * MIN + 1) == 30 * MIN + 1
    assert [i.attached_to for i in incidents(shown, versions, 30 * MIN) if i.system == "ehr"] == [
        "net"
    ]


def test_a_clean_slate_has_nothing_due() -> None:
    assert next_due({}, history(), 0) is None
