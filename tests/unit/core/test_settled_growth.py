"""What is settled stays small as time goes by: marks of good results, and what is undecided."""

from __future__ import annotations

from collector.core.agent_state import Heard
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


def settled_in_steps(words: str, steps: int, *recorded: int) -> Heard:
    """The voice of `a` after `words`, settled a minute short of every twenty."""
    history = History([Version(T0 + s * 1000, config()) for s in recorded])
    settled = NOTHING
    line = at(words)
    for n in range(1, steps + 1):
        now = T0 + n * 20 * MINUTE
        tail = {("c", "a"): [r for r in line if settled.upto(("c", "a")) <= r.t < now]}
        settled = settle(
            fold_system("ehr", history, tail, now, None, settled), tail, settled, now - MINUTE
        )
    return settled.voices["c", "a"]


def test_under_one_version_the_first_good_result_and_the_newest_are_kept() -> None:
    heard = settled_in_steps("u" * 120, 6, 0)
    assert [t - T0 for t in heard.good] == [0, 118 * MINUTE]


def test_a_single_good_result_is_kept_once() -> None:
    heard = settled_in_steps("u", 3, 0)
    assert [t - T0 for t in heard.good] == [0]


def test_good_results_about_an_outage_are_kept_once_each() -> None:
    heard = settled_in_steps("u" * 5 + "dd" + "u" * 113, 6, 0)
    # The first of all, the last before the outage, and the newest.
    assert [t - T0 for t in heard.good] == [0, 4 * MINUTE, 118 * MINUTE]
    assert [t - T0 for t in heard.failing] == [5 * MINUTE, 6 * MINUTE]


def test_the_newest_good_result_settled_is_kept_when_an_outage_follows_it() -> None:
    heard = settled_in_steps("u" * 19 + "dd" + "u" * 99, 6, 0)
    assert [t - T0 for t in heard.good] == [0, 18 * MINUTE, 118 * MINUTE]


def test_what_is_settled_is_kept_once() -> None:
    heard = settled_in_steps("uuud" + "u" * 16, 1, 0)
    assert [b.start - T0 for b in heard.blips] == [3 * MINUTE]
    assert [t - T0 for t in heard.failing] == [3 * MINUTE]
    assert (heard.fold.blips, heard.fold.failing) == ([], [])
    assert (heard.fold.judged, heard.fold.good) == ([], [])


def test_judged_results_of_settled_time_are_counted_by_five_minutes() -> None:
    judged = settled_in_steps("u" * 120, 6, 0).judged
    assert (judged.since - T0, len(judged.fine)) == (115 * MINUTE, 4)
    assert (judged.starts, judged.counts) == ([T0], [5])


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
