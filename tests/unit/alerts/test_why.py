"""Why an incident has its category, row by row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alerts.events import Cause, Family, Priority
from alerts.why import CategoryWhy, why
from probes.config_policy import Policy
from probes.config_systems import Impact
from tests.unit.alerts.test_render import INCIDENT, START

W = CategoryWhy
HOUR = 3_600_000
DOWN, DEGRADED, REFUSED, UNKNOWN = (
    (Cause.DOWN,),
    (Cause.DEGRADED,),
    (Cause.MISCONFIGURED,),
    (Cause.UNKNOWN,),
)
BINDER = {"name": "Binder"}
FOUR_HOURS = BINDER | {"valid_for": "4h"}
NEEDY = BINDER | {"requires": ["portal"]}
A, X, B = Family.AVAILABILITY, Family.ACCESS, Family.BLIND


def impact(class_: str, workaround: dict[str, Any] | None) -> Impact:
    return Impact.model_validate({"class": class_, "workaround": workaround})


@pytest.mark.parametrize(
    ("class_", "workaround", "family", "causes", "category", "after", "expected"),
    [
        ("administrative", None, A, DOWN, 1, 0, W.ADMINISTRATIVE),
        ("administrative", BINDER, A, DOWN, 3, 0, W.CARRIED),
        ("clinical", None, X, REFUSED, 1, 0, W.MONITORING_ONLY),
        ("clinical", None, X, REFUSED, 2, 0, W.REJECTED_BY_ALL),
        ("clinical", None, B, UNKNOWN, 2, 0, W.UNOBSERVED),
        ("clinical", None, A, DEGRADED, 2, 0, W.IMPAIRED),
        ("clinical", BINDER, A, DOWN, 2, HOUR, W.WORKAROUND),
        ("point_of_care", FOUR_HOURS, A, (Cause.OVERRUN,), 2, HOUR, W.WORKAROUND),
        ("clinical", None, A, DOWN, 3, 0, W.NO_WORKAROUND),
        ("clinical", None, A, (Cause.DEGRADED, Cause.DOWN), 3, 0, W.NO_WORKAROUND),
        ("clinical", FOUR_HOURS, A, DOWN, 3, 3 * HOUR, W.CARRIED),
        # raised by a start that is known better by now: ten minutes earlier at most
        ("clinical", FOUR_HOURS, A, DOWN, 3, 4 * HOUR - 599_999, W.WORKAROUND_ENDED),
        ("clinical", FOUR_HOURS, A, DOWN, 3, 4 * HOUR + 1, W.WORKAROUND_ENDED),
        ("clinical", NEEDY, A, DOWN, 3, HOUR, W.WORKAROUND_UNUSABLE),
        ("clinical", None, A, DEGRADED, 3, HOUR // 2 - 1, W.CARRIED),
        ("clinical", None, A, DEGRADED, 3, HOUR // 2, W.LASTED),
        ("clinical", FOUR_HOURS, B, UNKNOWN, 3, 5 * HOUR, W.WORKAROUND_ENDED),
        ("clinical", BINDER, A, DEGRADED, 3, HOUR, W.CARRIED),
        ("clinical", None, A, DOWN, 4, 0, None),
        ("clinical", None, A, DOWN, 1, 0, None),
    ],
)
def test_the_reason_follows_from_what_is_configured(
    class_: str,
    workaround: dict[str, Any] | None,
    family: Family,
    causes: tuple[Cause, ...],
    category: int,
    after: int,
    expected: CategoryWhy | None,
) -> None:
    one = replace(INCIDENT, family=family, causes=causes, category=category, priority=Priority.P1)
    assert why(impact(class_, workaround), Policy(), one, START + after) is expected


def test_after_a_recovery_the_reason_is_the_one_it_had() -> None:
    over = replace(INCIDENT, causes=DOWN, category=3, recovered_at=START + HOUR)
    said = why(impact("clinical", FOUR_HOURS), Policy(), over, START + 9 * HOUR)
    assert said is CategoryWhy.CARRIED
