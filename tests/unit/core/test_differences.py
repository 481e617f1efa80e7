"""What differs between a calendar's windows and those that are known, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from collector.core.differences import Difference, Differs, differences

GONE, NEW, CHANGED, SAME = Differs.GONE, Differs.NEW, Differs.CHANGED, Differs.SAME


def content(**changes: Any) -> dict[str, Any]:
    return {
        "systems": ["ehr"],
        "start": "2026-01-02T02:00:00",
        "end": "2026-01-02T04:00:00",
        "timezone": "America/Chicago",
        "rrule": None,
        "exdate": [],
        "expect_down": None,
        "cancelled": False,
    } | changes


ENDED = content(cancelled=True)


@pytest.mark.parametrize(
    ("calendar", "known", "found"),
    [
        ({}, {}, []),
        ({"a": content()}, {}, [Difference("a", NEW)]),
        ({}, {"a": content()}, [Difference("a", GONE)]),
        ({"a": ENDED}, {}, [Difference("a", SAME)]),
        ({}, {"a": ENDED}, [Difference("a", SAME)]),
        ({"a": content()}, {"a": content()}, [Difference("a", SAME)]),
        ({"a": ENDED}, {"a": content()}, [Difference("a", CHANGED, (("cancelled", False, True),))]),
        (
            {"c": content(), "a": content()},
            {"b": content(), "c": content(end="2026-01-02T05:00:00")},
            [
                Difference("a", NEW),
                Difference("b", GONE),
                Difference("c", CHANGED, (("end", "2026-01-02T05:00:00", "2026-01-02T04:00:00"),)),
            ],
        ),
    ],
)
def test_each_id_is_new_gone_changed_or_the_same(
    calendar: dict[str, Any], known: dict[str, Any], found: list[Difference]
) -> None:
    assert differences(calendar, known) == found


@pytest.mark.parametrize(
    ("field", "here", "there"),
    [
        ("systems", ["ehr"], ["ehr", "lab"]),
        ("start", "2026-01-02T02:00:00", "2026-01-02T03:00:00"),
        ("timezone", "America/Chicago", "UTC"),
        ("rrule", None, "FREQ=DAILY"),
        ("rrule", "FREQ=DAILY", None),
        ("rrule", "FREQ=DAILY", "FREQ=DAILY;COUNT=2"),
        ("exdate", [], ["2026-01-03T02:00:00"]),
        ("expect_down", None, 60_000),
    ],
)
def test_a_field_that_differs_is_told_as_known_and_as_in_the_calendar(
    field: str, here: Any, there: Any
) -> None:
    (one,) = differences({"a": content(**{field: there})}, {"a": content(**{field: here})})
    assert one == Difference("a", CHANGED, ((field, here, there),))


def test_all_fields_that_differ_are_told_in_one_order() -> None:
    there = content(end="2026-01-02T05:00:00", start="2026-01-02T03:00:00", expect_down=1)
    (one,) = differences({"a": there}, {"a": content()})
    assert [field for field, _, _ in one.fields] == ["start", "end", "expect_down"]


def test_what_one_side_does_not_write_is_none_and_what_else_it_writes_does_not_matter() -> None:
    less = content(colour="red")
    del less["rrule"]
    assert differences({"a": less}, {"a": content()}) == [Difference("a", SAME)]
    assert differences({"a": content(rrule="FREQ=DAILY")}, {"a": less}) == [
        Difference("a", CHANGED, (("rrule", None, "FREQ=DAILY"),))
    ]


def test_the_order_of_the_parts_of_a_rule_means_nothing() -> None:
    one, two = "FREQ=WEEKLY;BYDAY=SA;COUNT=3", "COUNT=3;FREQ=WEEKLY;BYDAY=SA"
    assert differences({"a": content(rrule=one)}, {"a": content(rrule=two)}) == [
        Difference("a", SAME)
    ]
    # Only in a rule: elsewhere the text is the value.
    named = differences({"a": content(timezone=one)}, {"a": content(timezone=two)})
    assert [d.how for d in named] == [CHANGED]
