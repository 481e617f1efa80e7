"""Token buckets of targets, and servers that want to be left alone."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from probes.budgets import Budget, Budgets, Demand, agreed, asked_per

EHR, LAB = ("ehr.example.org", 443), ("lab.example.org", 443)
SECOND = 1_000_000_000
SIX_A_MINUTE = Budget(requests=6, per_ms=60_000)


def test_a_full_bucket_gives_all_at_once_and_then_one_every_so_often() -> None:
    budgets = Budgets()
    assert [budgets.take(EHR, SIX_A_MINUTE, 2, 0) for _ in range(4)] == [True, True, True, False]
    assert budgets.take(LAB, SIX_A_MINUTE, 6, 0)
    assert not budgets.take(EHR, SIX_A_MINUTE, 2, 20 * SECOND - 1)
    assert budgets.take(EHR, SIX_A_MINUTE, 2, 20 * SECOND)
    assert not budgets.take(EHR, SIX_A_MINUTE, 1, 20 * SECOND)
    assert budgets.take(EHR, SIX_A_MINUTE, 6, 600 * SECOND)


def test_a_run_takes_all_or_nothing() -> None:
    budgets = Budgets()
    assert budgets.take(EHR, SIX_A_MINUTE, 5, 0)
    assert not budgets.take(EHR, SIX_A_MINUTE, 2, 0)
    assert budgets.take(EHR, SIX_A_MINUTE, 1, 0)
    assert not budgets.take(EHR, SIX_A_MINUTE, 7, 10_000 * SECOND)


def test_a_larger_budget_holds_at_once() -> None:
    budgets = Budgets()
    assert budgets.take(EHR, SIX_A_MINUTE, 6, 0)
    assert budgets.take(EHR, Budget(60, 60_000), 0, 0)
    assert not budgets.take(EHR, SIX_A_MINUTE, 1, 0)
    assert budgets.take(EHR, Budget(120, 60_000), 1, SECOND)


@given(
    st.integers(1, 50),
    st.integers(1, 100_000),
    st.lists(st.tuples(st.integers(0, 5_000), st.integers(1, 5)), max_size=60),
)
def test_in_any_time_no_more_than_the_bucket_and_what_runs_in(
    requests: int, per_ms: int, asked: list[tuple[int, int]]
) -> None:
    budgets, budget = Budgets(), Budget(requests, per_ms)
    now, taken = 0, []
    for wait_ms, wanted in asked:
        now += wait_ms * 1_000_000
        if budgets.take(EHR, budget, wanted, now):
            taken.append((now, wanted))
    each_ns = per_ms * 1_000_000 // requests
    for start, (begun, _) in enumerate(taken):
        for end in range(start, len(taken)):
            length = taken[end][0] - begun
            used = sum(n for _, n in taken[start : end + 1])
            assert used <= requests + length // each_ns + 1


def test_what_one_check_names_holds_for_all_of_its_target() -> None:
    budgets = Budgets()
    assert budgets.take(EHR, None, 1_000, 0)
    budgets.agree([Demand(EHR, 2, None), Demand(EHR, 2, SIX_A_MINUTE, written=True)])
    assert [budgets.take(EHR, None, 3, 0) for _ in range(3)] == [True, True, False]
    assert budgets.take(LAB, None, 1_000, 0)
    budgets.agree([Demand(EHR, 2, None)])
    assert budgets.take(EHR, None, 1_000, 0)


def test_what_is_written_comes_before_profiles_and_the_strictest_holds() -> None:
    slow, fast = Budget(6, 60_000), Budget(60, 60_000)
    mine = [Demand(EHR, 1, slow), Demand(EHR, 1, fast, written=True), Demand(EHR, 1, None)]
    assert agreed(mine) == fast
    assert agreed([Demand(EHR, 1, fast), Demand(EHR, 1, slow)]) == slow
    assert agreed([Demand(EHR, 1, Budget(12, 120_000)), Demand(EHR, 1, slow)]) == slow
    assert agreed([Demand(EHR, 1, None)]) is None


def test_a_target_that_said_when_is_left_alone_wholly() -> None:
    budgets = Budgets()
    budgets.quiet(EHR, 100)
    budgets.quiet(EHR, 50)
    assert [budgets.waits(EHR, now) for now in (0, 99, 100)] == [True, True, False]
    assert not budgets.waits(LAB, 0)


def test_what_a_schedule_asks_is_counted_exactly() -> None:
    demand = Demand(EHR, 3, SIX_A_MINUTE)
    assert asked_per(60_000, [(demand, 30_000), (demand, 90_000)]) == Fraction(8)
    assert asked_per(60_000, []) == 0
