from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from probes.spans import (
    Interval,
    Span,
    clip,
    combine,
    intersect,
    merge,
    subtract,
    total,
    unite,
    where,
)

intervals = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 12)).map(lambda p: Interval(p[0], p[0] + p[1])),
    max_size=8,
)


def instants(parts: tuple[Interval, ...] | list[Interval]) -> set[int]:
    return {t for part in parts for t in range(part.start, part.end)}


@given(intervals)
def test_uniting_keeps_every_instant_and_leaves_no_touching_pair(parts: list[Interval]) -> None:
    united = unite(parts)
    assert instants(united) == instants(parts)
    assert all(a.end < b.start for a, b in itertools.pairwise(united))
    assert total(united) == len(instants(parts))


@given(intervals, intervals)
def test_intersection_and_difference_agree_with_sets_of_instants(
    left: list[Interval], right: list[Interval]
) -> None:
    a, b = unite(left), unite(right)
    assert instants(intersect(a, b)) == instants(a) & instants(b)
    assert instants(subtract(a, b)) == instants(a) - instants(b)


def test_subtracting_a_middle_leaves_both_ends() -> None:
    assert subtract([Interval(0, 10)], [Interval(3, 5)]) == (Interval(0, 3), Interval(5, 10))


def test_merging_joins_equal_neighbours_and_drops_empty_spans() -> None:
    spans = [Span(0, 2, "a"), Span(2, 2, "b"), Span(2, 5, "a"), Span(5, 6, "b"), Span(7, 8, "b")]
    assert merge(spans) == (Span(0, 5, "a"), Span(5, 6, "b"), Span(7, 8, "b"))


def test_clipping_cuts_spans_at_both_edges() -> None:
    line = (Span(0, 5, "a"), Span(5, 9, "b"))
    assert clip(line, 3, 6) == (Span(3, 5, "a"), Span(5, 6, "b"))
    assert clip(line, 9, 12) == ()


def test_where_unites_the_spans_that_pass() -> None:
    line = (Span(0, 2, 1), Span(2, 4, 2), Span(4, 6, 3))
    assert where(line, lambda v: v >= 2) == (Interval(2, 6),)


def test_combining_sweeps_every_change_once() -> None:
    one = (Span(0, 4, 1), Span(4, 10, 2))
    two = (Span(0, 6, 10), Span(6, 10, 20))
    assert combine([one, two], sum, 0, 10) == (Span(0, 4, 11), Span(4, 6, 12), Span(6, 10, 22))
