"""Ranges against plain sets."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from collector.store import ranges
from collector.store.ranges import Ranges

numbers = st.sets(st.integers(0, 30))


def made(members: Iterable[int]) -> Ranges:
    out: Ranges = ()
    for number in members:
        out = ranges.add(out, number)
    return out


def members(value: Ranges) -> set[int]:
    return {n for first, last in value for n in range(first, last + 1)}


def test_neighbours_become_one_range() -> None:
    assert made({1, 2, 3, 7, 9, 8}) == ((1, 3), (7, 9))


@given(numbers, numbers)
def test_ranges_behave_as_sets_do(left: set[int], right: set[int]) -> None:
    one, two = made(left), made(right)
    assert members(one) == left
    assert members(ranges.union(one, two)) == left | right
    assert members(ranges.missing(one, two)) == right - left
    assert {n for n in range(31) if ranges.contains(one, n)} == left
    assert ranges.load(ranges.dump(one)) == one


@given(st.permutations(range(8)).map(lambda order: order[:5]))
def test_equal_sets_have_equal_ranges(order: list[int]) -> None:
    assert made(order) == made(sorted(order)) == ranges.union(made(order), ())
