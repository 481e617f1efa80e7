"""Sets of numbers as ranges, against sets."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agent import ranges

pairs = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=8)


def members(some: ranges.Ranges) -> set[int]:
    return {n for first, last in some for n in range(first, last + 1)}


@given(pairs, st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_ranges_are_the_sets_they_stand_for(
    some: list[tuple[int, int]], first: int, last: int, least: int
) -> None:
    united = ranges.united(some)
    assert members(united) == members(some)
    assert all(a[1] + 1 < b[0] for a, b in pairwise(united))
    wanted = set(range(first, last + 1))
    if wanted:
        assert ranges.holds(united, first, last) == (wanted <= members(some))
    assert members(ranges.from_on(united, least)) == {n for n in members(some) if n >= least}
    assert ranges.of_numbers(members(some)) == united
