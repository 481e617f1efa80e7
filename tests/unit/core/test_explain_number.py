"""All that the steps of an explanation hold about windows, the class and the number."""

from __future__ import annotations

from typing import Any

import pytest

from collector.core.explain import explain
from collector.core.steps import Subject
from collector.core.truth import fold_system
from probes.config import Config
from probes.history import History, Version
from tests.support.stories import T0, at, config, system
from tests.unit.core.told import PERIOD, explained, lines

WINDOW: dict[str, Any] = {
    "id": "w",
    "systems": ["ehr"],
    "start": "2026-01-01T00:01:00",
    "end": "2026-01-01T00:05:00",
    "timezone": "UTC",
    "proposed": {"by": "change-1", "at": "2025-12-30T00:00:00Z"},
}
APPROVED = WINDOW | {"approval": {"by": "approver-1", "at": "2025-12-31T00:00:00Z"}}


def numbers(words: str, **of: Any) -> list[str]:
    return lines(explained(words, **of), Subject.NUMBER)


def windows(words: str, **of: Any) -> list[str]:
    found = lines(explained(words, **of), Subject.SYSTEM)
    return [line for line in found if line.startswith("4 ")]


def test_every_step_of_an_excluded_instant() -> None:
    used = config(maintenance=[APPROVED])
    found = explained("udddd", second=60, used=used)
    assert (found.verdict, found.column) == ("excluded", "none")
    assert lines(found, Subject.SYSTEM, Subject.NUMBER)[2:] == [
        (
            "4 window_excludes system excluded 60-300 id=w proposed_by=change-1 "
            "approved_by=approver-1 approved_at=-86400"
        ),
        "3 excluded system excluded",
        (
            "3 counts number none 0-86400 formula=contract-v1 class=excluded raw=D known=leaves "
            "min=leaves max=leaves scope=organization sites=north:none,south:none"
        ),
        (
            "3 numbers number open 0-86400 known=46.1538 min=16.6666 max=80.5555 u_ms=60000 "
            "d_ms=70000 k_ms=230000 excluded_ms=240000 target=99.9 scope=organization"
        ),
    ]


@pytest.mark.parametrize(
    ("history", "second", "window"),
    [
        (
            [(0, config(maintenance=[WINDOW]))],
            60,
            (
                "does_not system - 60-300 id=w proposed_by=change-1 approved_by=None approved_at=None "
                "why=unapproved"
            ),
        ),
        # live, an approval in a file counts from when it was recorded
        (
            [(0, config(maintenance=[APPROVED]))],
            60,
            (
                "excludes system excluded 60-300 id=w proposed_by=change-1 approved_by=approver-1 "
                "approved_at=0"
            ),
        ),
        (
            [(0, config(maintenance=[WINDOW])), (120, config(maintenance=[APPROVED]))],
            119,
            (
                "does_not system - 60-300 id=w proposed_by=change-1 approved_by=None approved_at=None "
                "why=unapproved"
            ),
        ),
        (
            [(0, config(maintenance=[WINDOW])), (120, config(maintenance=[APPROVED]))],
            120,
            (
                "does_not system - 60-300 id=w proposed_by=change-1 approved_by=approver-1 "
                "approved_at=120 why=approved_late"
            ),
        ),
    ],
)
def test_a_window_is_told_as_it_stands_in_the_version_of_the_instant(
    history: list[tuple[int, Config]], second: int, window: str
) -> None:
    assert windows("uuuuu", second=second, history=history) == [f"4 window_{window}"]


def test_nothing_is_known_before_the_first_version() -> None:
    found = explained("uuu", second=30, until=50, history=[(100, config())])
    assert lines(found) == [
        "3 before_recorded system not_monitored",
        (
            "3 counts number none 0-86400 formula=contract-v1 class=not_monitored raw=none "
            "known=leaves min=leaves max=leaves scope=organization sites=north:none,south:none"
        ),
        (
            "3 numbers number open 0-86400 known=None min=None max=None u_ms=0 d_ms=0 k_ms=0 "
            "excluded_ms=0 target=99.9 scope=organization"
        ),
    ]


def test_without_a_target_there_is_nothing_to_judge() -> None:
    bare = {"name": "EHR", "impact": {"class": "clinical"}}
    assert numbers("uu", second=30, used=config(systems={"ehr": bare})) == [
        (
            "3 counts number U 0-86400 formula=contract-v1 class=up raw=U known=raises min=raises "
            "max=raises scope=None sites=north:U,south:none"
        ),
        (
            "3 numbers number - 0-86400 known=100.0000 min=31.6666 max=100.0000 u_ms=190000 d_ms=0 "
            "k_ms=410000 excluded_ms=0 target=None scope=None"
        ),
    ]


def test_where_nothing_was_judged_there_is_no_number() -> None:
    assert numbers("", second=30) == [
        (
            "3 counts number K 0-86400 formula=contract-v1 class=unknown raw=K known=leaves min=lowers "
            "max=raises scope=organization sites=north:K,south:none"
        ),
        (
            "3 numbers number open 0-86400 known=None min=None max=None u_ms=0 d_ms=0 k_ms=600000 "
            "excluded_ms=0 target=99.9 scope=organization"
        ),
    ]


def test_a_single_judged_millisecond_is_a_number() -> None:
    results = {("c", "a"): at("u")}
    truth = fold_system("ehr", History([Version(None, config())]), results, T0 + 1, T0)
    found = explain(truth, results, T0, PERIOD)
    assert lines(found, Subject.NUMBER)[1] == (
        "3 numbers number open 0-86400 known=100.0000 min=100.0000 max=100.0000 u_ms=1 d_ms=0 "
        "k_ms=0 excluded_ms=0 target=99.9 scope=organization"
    )


def test_a_site_that_a_waiting_version_adds_is_in_no_column_yet() -> None:
    sites = {name: {"name": name} for name in ("north", "south", "west")}
    found = numbers("uddddu", second=200, history=[(0, config()), (150, config(sites=sites))])
    assert found[0].endswith("sites=north:D,south:none,west:none")


def test_a_site_that_is_down_in_a_window_counts_as_kept_by_whole_period_v1() -> None:
    slo = {"target": "99.9", "scope": "worst_site", "formula": "whole-period-v1"}
    used = config(systems={"ehr": system(slo=slo)}, maintenance=[APPROVED])
    assert numbers("dddd", second=130, used=used)[0] == (
        "3 counts number U 0-86400 formula=whole-period-v1 class=excluded raw=D known=raises "
        "min=raises max=raises scope=worst_site sites=north:U,south:none"
    )
