"""Counting judged results of long ago in five minutes each is exact."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.core.tally import Tally
from probes.spans import Interval

MINUTE = 60_000
BUCKET = 5 * MINUTE


def packed() -> Tally:
    """Ten a bucket in the first three, none in two, three in the sixth; packed to the seventh."""
    tens = [n * 30_000 for n in range(30)]
    tally = Tally().extended([*tens, *(5 * BUCKET + n * MINUTE for n in range(3))])
    tally.pack(6 * BUCKET + 1)
    return tally


def test_equal_neighbours_are_kept_once() -> None:
    tally = packed()
    assert tally.starts == [0, 3 * BUCKET, 5 * BUCKET]
    assert tally.counts == [10, 0, 3]
    assert tally.before == [0, 30, 30]
    assert (tally.since, tally.fine) == (6 * BUCKET, [])


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 15, 30), (5, 10, 10), (10, 25, 10), (15, 25, 0), (0, 30, 33), (25, 99, 3), (30, 99, 0)],
)
def test_whole_buckets_are_counted(start: int, end: int, expected: int) -> None:
    assert packed().count(Interval(start * MINUTE, end * MINUTE)) == expected


def test_an_edge_inside_a_bucket_asks_for_its_results() -> None:
    tally = packed()
    assert tally.cut((7 * MINUTE, 10 * MINUTE, 16 * MINUTE, 26 * MINUTE)) == {BUCKET, 5 * BUCKET}
    with pytest.raises(KeyError):
        tally.count(Interval(7 * MINUTE, 10 * MINUTE))
    tally.exact[BUCKET] = [BUCKET + n * 30_000 for n in range(10)]
    assert tally.count(Interval(7 * MINUTE, 10 * MINUTE)) == 6
    assert tally.cut((7 * MINUTE,)) == set()


def test_what_is_packed_in_steps_holds_its_empty_stretches_once() -> None:
    tally = Tally().extended([10 * BUCKET, 12 * BUCKET + 7, 14 * BUCKET + 1])
    tally.pack(12 * BUCKET)
    assert (tally.starts, tally.counts) == ([10 * BUCKET, 11 * BUCKET], [1, 0])
    assert (tally.since, tally.fine) == (12 * BUCKET, [12 * BUCKET + 7, 14 * BUCKET + 1])
    tally.pack(13 * BUCKET)
    tally.pack(16 * BUCKET)
    assert tally.starts == [n * BUCKET for n in (10, 11, 12, 13, 14, 15)]
    assert tally.counts == [1, 0, 1, 0, 1, 0]
    assert tally.count(Interval(0, 20 * BUCKET)) == 3


def test_empty_time_between_two_packs_is_empty() -> None:
    tally = Tally().extended([0])
    tally.pack(BUCKET)
    tally = tally.extended([3 * BUCKET])
    tally.pack(4 * BUCKET)
    assert (tally.starts, tally.counts) == ([0, BUCKET, 3 * BUCKET], [1, 0, 1])


def test_an_edge_in_empty_time_needs_no_results() -> None:
    tally = Tally().extended([10 * BUCKET, 12 * BUCKET])
    tally.pack(13 * BUCKET)
    assert tally.cut((3 * BUCKET + 1, 11 * BUCKET + 1)) == set()
    assert tally.count(Interval(3 * BUCKET + 1, 11 * BUCKET + 1)) == 1


def test_an_edge_in_a_bucket_of_one_needs_that_one() -> None:
    tally = Tally(exact={10 * BUCKET: [10 * BUCKET + 9]}).extended([10 * BUCKET + 9])
    tally.pack(11 * BUCKET)
    assert tally.count(Interval(10 * BUCKET + 5, 11 * BUCKET)) == 1
    assert tally.count(Interval(10 * BUCKET + 10, 11 * BUCKET)) == 0


def test_a_count_is_a_whole_number() -> None:
    assert repr(packed().count(Interval(BUCKET, 2 * BUCKET))) == "10"


instants = st.lists(st.integers(0, 40 * BUCKET), unique=True, max_size=120).map(sorted)


@settings(deadline=None)
@given(instants, st.lists(st.integers(0, 40 * BUCKET), max_size=5).map(sorted), instants)
def test_a_tally_counts_what_is_there(
    given_: list[int], packs: list[int], edges: list[int]
) -> None:
    tally, done = Tally(), 0
    for until in packs:
        fresh = [t for t in given_ if done <= t < until]
        tally, done = tally.extended(fresh), until
        tally.pack(until)
    tally = tally.extended([t for t in given_ if t >= done])
    for bucket in tally.cut(edges):
        tally.exact[bucket] = [t for t in given_ if bucket <= t < bucket + BUCKET]
    for start, end in pairwise(edges):
        assert tally.count(Interval(start, end)) == sum(start <= t < end for t in given_)
