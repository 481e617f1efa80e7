"""Verdicts at equality, and the number each scope of a contract is judged by (semantics 3)."""

from __future__ import annotations

import pytest

from collector.core.amounts import Sums
from collector.core.budget import budget
from collector.core.verdict import Scopes, lowest, verdict, verdicts
from probes.config_systems import Slo


def seen(up: int, down: int, unknown: int = 0, whole: int = 100) -> Sums:
    return Sums(up, down, unknown, up + down + unknown, up + down, whole)


def contract(scope: str) -> Slo:
    return Slo.model_validate({"target": "90", "minimum": "50", "scope": scope})


@pytest.mark.parametrize(
    ("judged", "finished", "expected"),
    [
        (seen(90, 10), True, "met"),
        (seen(89, 10, 1), True, "indeterminate"),
        (seen(89, 11), True, "breached"),
        (seen(0, 0, 100), True, "no_data"),
        (seen(80, 10), False, "open"),
        (seen(80, 11), False, "breached"),
    ],
)
def test_a_target_that_is_just_reached_is_met(
    judged: Sums, *, finished: bool, expected: str
) -> None:
    assert verdict(judged, "90", finished=finished) == expected


NORTH, SOUTH = seen(95, 5), seen(40, 50, 10)
SCOPES = Scopes(seen(85, 15), {"north": NORTH, "south": SOUTH}, seen(92, 7, 1))


@pytest.mark.parametrize(
    ("scope", "target", "minimum", "numbers"),
    [
        ("organization", "breached", "met", ("85.0000", "85.0000", "85.0000")),
        ("user_weighted", "met", "met", ("92.9292", "92.0000", "93.0000")),
        ("worst_site", "breached", "indeterminate", ("44.4444", "40.0000", "50.0000")),
    ],
)
def test_a_scope_is_judged_by_its_own_number(
    scope: str, target: str, minimum: str, numbers: tuple[str, str, str]
) -> None:
    found = verdicts(contract(scope), SCOPES, finished=True)
    assert (found.target, found.minimum) == (target, minimum)
    known, least, most = numbers
    site = {"site": "south"} if scope == "worst_site" else {}
    assert found.behind == {"scope": scope, "known": known, "min": least, "max": most} | site


def test_the_worst_of_open_sites_is_open() -> None:
    scopes = Scopes(NORTH, {"north": NORTH, "south": seen(70, 3)}, NORTH)
    found = verdicts(contract("worst_site"), scopes, finished=False)
    assert (found.target, found.minimum) == ("open", "open")


@pytest.mark.parametrize(("finished", "expected"), [(True, "no_data"), (False, "open")])
def test_without_a_monitored_site_there_is_no_worst_one(*, finished: bool, expected: str) -> None:
    found = verdicts(contract("worst_site"), Scopes(NORTH, {}, NORTH), finished=finished)
    assert (found.target, found.minimum) == (expected, expected)
    nothing = {"known": None, "min": None, "max": None}
    assert found.behind == {"scope": "worst_site", "site": None} | nothing


def test_the_lowest_site_is_so_by_share_and_one_without_eligible_time_comes_last() -> None:
    assert lowest({"a": seen(50, 50), "b": seen(30, 20)}) == "a"
    assert lowest({"a": seen(0, 0), "b": seen(30, 0)}) == "b"


def test_the_site_that_spent_most_did_so_by_share_of_its_own_whole() -> None:
    sites = {"a": seen(0, 10, whole=1000), "b": seen(0, 5, whole=100)}
    found = budget(contract("worst_site"), Scopes(NORTH, sites, NORTH))
    assert (found.site, found.spent, found.total) == ("b", 5, 10)
