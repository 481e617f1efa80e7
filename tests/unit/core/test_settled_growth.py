"""What is settled stays small as time goes by: marks of good results, and what is undecided."""

from __future__ import annotations

from collector.core.settled import NOTHING
from collector.core.settling import settle
from collector.core.truth import fold_system
from probes.history import History, Version
from tests.support.stories import T0, at, check, config

MINUTE = 60_000


def test_a_year_that_is_good_keeps_no_mark_of_each_quarter_of_an_hour() -> None:
    history = History([Version(T0, config()), Version(T0 + 90_000, config())])
    settled = NOTHING
    for n in range(1, 31):
        now = T0 + n * 20 * MINUTE
        tail = {("c", "a"): [r for r in at("u" * 20 * n) if r.t >= settled.upto(("c", "a"))]}
        settled = settle(
            fold_system("ehr", history, tail, now, None, settled), tail, settled, now - MINUTE
        )
    # The first under each version, and the newest.
    assert [t - T0 for t in settled.voices["c", "a"].good] == [0, 2 * MINUTE, 598 * MINUTE]


def test_an_agent_that_fell_silent_in_the_middle_of_a_row_keeps_nothing_waiting() -> None:
    """Its last word was one `misconfigured` of two; then a version was recorded."""
    days = 3 * 24 * 60
    used = config(checks={"c": check(**{"from": ["a", "s"]})})
    history = History([Version(T0, used), Version(T0 + 60 * MINUTE, config())])
    lines = {("c", "a"): at("u" * days), ("c", "s"): at("uum", agent="s")}
    settled = NOTHING
    for n in range(1, 13):
        now = T0 + n * days // 12 * MINUTE
        tail = {s: [r for r in line if settled.upto(s) <= r.t < now] for s, line in lines.items()}
        truth = fold_system("ehr", history, tail, now, None, settled)
        settled = settle(truth, tail, settled, now - 15 * MINUTE)
    assert settled.until == T0 + (days - 15) * MINUTE
    assert settled.upto(("c", "a")) == T0 + (days - 15) * MINUTE


def test_one_failure_before_days_of_rejection_keeps_no_result_and_is_judged_in_the_end() -> None:
    days = 3 * 24 * 60
    line = at("uuud" + "m" * days)
    history = History([Version(T0, config())])
    settled = NOTHING
    for n in range(1, 13):
        now = T0 + n * days // 12 * MINUTE
        tail = {("c", "a"): [r for r in line if settled.upto(("c", "a")) <= r.t < now]}
        truth = fold_system("ehr", history, tail, now, None, settled)
        assert truth.mended is None
        settled = settle(truth, tail, settled, now - 15 * MINUTE)
    assert settled.until == T0 + (days - 15) * MINUTE
    assert len(settled.voices["c", "a"].fold.segments) <= 11
    (up,) = at("." * (4 + days) + "u")
    tail = {("c", "a"): [*(r for r in line if r.t >= settled.until), up]}
    truth = fold_system("ehr", history, tail, up.t + MINUTE, None, settled)
    # The failing run is a blip after all: whoever settled it as unknown starts before it.
    assert truth.mended == T0 + 3 * MINUTE
