"""Whose evidence bounds an outage: of what can put the system down, by the version in force then."""

from __future__ import annotations

from tests.support.stories import T0, check, config, fold, system

SUPPORTING = {"c": check(), "t": check(role="supporting", confirm={"down": 1})}
OWN = {"ehr": system(), "lab": system()}
FIRST = {"c": check(), "l": check(system="lab"), "t": check(system="lab", confirm={"down": 1})}


def test_a_supporting_check_proves_nothing_of_an_outage() -> None:
    lines = {("c", "a"): "uudduuuu", ("t", "a"): "uuuddddd"}
    (one,) = fold(lines, until=480, used=config(checks=SUPPORTING)).outages
    assert (one.start, one.end) == (T0 + 120_000, T0 + 240_000)
    # The last failing result of `c` was at 3:00; `t` failed on, and was good to the end at 2:00.
    assert (one.min_ms, one.max_ms) == (60_000, 180_000)


def test_a_supporting_check_that_is_down_at_the_start_bounds_no_outage() -> None:
    lines = {("c", "a"): "u.xdduuu", ("t", "a"): "uuuddddd"}
    (one,) = fold(lines, until=480, used=config(checks=SUPPORTING)).outages
    assert (one.start, one.end) == (T0 + 180_000, T0 + 300_000)
    # `t` was good at 2:00, `c` for the last time at 0:00.
    assert (one.min_ms, one.max_ms) == (60_000, 300_000)


def test_a_check_that_is_supporting_now_and_was_critical_elsewhere_bounds_no_outage() -> None:
    history = [
        (T0, config(systems=OWN, checks=FIRST)),
        (
            T0 + 60_000,
            config(systems=OWN, checks=SUPPORTING | {"l": check(system="lab")}),
        ),
    ]
    lines = {("c", "a"): "u.xdduuu", ("t", "a"): "uuuddddd"}
    (one,) = fold(lines, until=480, history=history).outages
    assert (one.min_ms, one.max_ms) == (60_000, 300_000)
