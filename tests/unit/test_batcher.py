"""When a batch closes."""

from __future__ import annotations

from probes.batcher import Batcher
from probes.contract import Outcome
from probes.segments import Run


def run(check: str = "c", outcome: Outcome = Outcome.UP) -> Run:
    return Run("ehr", check, 0, 0, outcome, "ok", 1)


def settled() -> Batcher:
    """Has seen `c` and `d` up; holds nothing."""
    batcher = Batcher()
    batcher.add(run("c"), 0)
    batcher.add(run("d"), 0)
    batcher.take()
    return batcher


def test_an_empty_batch_never_closes() -> None:
    assert Batcher().due_ms() is None
    assert settled().due_ms() is None


def test_a_check_seen_for_the_first_time_is_news() -> None:
    batcher = Batcher()
    batcher.add(run(), 1_000)
    assert batcher.due_ms() == 1_250


def test_more_of_the_same_waits_ten_seconds_from_the_first() -> None:
    batcher = settled()
    batcher.add(run("c"), 1_000)
    batcher.add(run("d"), 5_000)
    assert batcher.due_ms() == 11_000


def test_a_change_closes_after_a_quarter_of_a_second_but_not_later_than_it_would() -> None:
    batcher = settled()
    batcher.add(run("c"), 1_000)
    batcher.add(run("d", Outcome.DOWN), 2_000)
    batcher.add(run("c", Outcome.DOWN), 2_100)
    assert batcher.due_ms() == 2_250
    assert [r.check for r in batcher.take()] == ["c", "d", "c"]
    batcher.add(run("d", Outcome.DOWN), 3_000)
    assert batcher.due_ms() == 13_000


def test_a_thousand_results_close_at_once_and_the_rest_follows() -> None:
    batcher = settled()
    for _ in range(1_001):
        batcher.add(run("c"), 500)
    assert batcher.due_ms() == 500
    assert len(batcher.take()) == 1_000
    assert batcher.due_ms() == 500
    assert len(batcher.take()) == 1
    assert batcher.due_ms() is None
