"""Edges of an outage and of its uncertainty (semantics 3)."""

from __future__ import annotations

from collector.core.outages import Outage
from tests.support.stories import T0, check, config, fold


def test_an_outage_covers_its_first_instant_and_not_its_end() -> None:
    closed, still_open = Outage(10, 20, 0, None), Outage(10, None, None, None)
    assert [closed.covers(t) for t in (9, 10, 19, 20)] == [False, True, True, False]
    assert [still_open.covers(t) for t in (9, 10, 20)] == [False, True, True]


TWO = config(checks={"c": check(), "e": check(confirm={"down": 1})})


def test_an_agent_that_was_down_before_but_not_at_the_start_bounds_nothing() -> None:
    # `e` was down to 1:00 and is up since; `c` was last seen good at 1:00 and fails from 3:00 on.
    lines = {("e", "a"): "duuuuu", ("c", "a"): "uu.ddu"}
    first, second = fold(lines, until=360, used=TWO).outages
    assert (first.start, first.end) == (T0, T0 + 60_000)
    assert (second.start, second.end) == (T0 + 180_000, T0 + 300_000)
    assert second.max_ms == 240_000


def test_the_first_failure_of_an_agent_may_be_the_last_of_the_outage() -> None:
    lines = {("c", "a"): "udd.u", ("e", "a"): "uuuduu"}
    (one,) = fold(lines, until=360, used=TWO).outages
    assert (one.start, one.end) == (T0 + 60_000, T0 + 240_000)
    assert one.min_ms == 120_000
