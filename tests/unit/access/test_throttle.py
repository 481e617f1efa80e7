"""Waiting after failures, and token buckets."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.access import throttle
from collector.access.throttle import Buckets, Strangers

NOW = 1_767_225_600_000


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [
        (0, 0),
        (1, 0),
        (4, 0),
        (5, 2),
        (6, 4),
        (7, 8),
        (12, 256),
        (13, 512),
        (14, 900),
        (15, 900),
        (1_000_000, 900),
    ],
)
def test_four_failures_are_free_and_waiting_doubles_to_a_quarter_hour(
    failures: int, seconds: int
) -> None:
    assert throttle.retry_at(failures, NOW) == NOW + seconds * 1_000


@pytest.mark.parametrize(
    ("until", "wait"),
    [(0, 0), (NOW, 0), (NOW + 1, 1), (NOW + 900_000, 900_000), (NOW + 900_001, 0)],
)
def test_nobody_waits_longer_than_the_longest(until: int, wait: int) -> None:
    """More than that is left when the host's clock was ahead and has been put right."""
    assert throttle.wait_ms(until, NOW) == wait


def test_names_nobody_has_are_throttled_like_accounts() -> None:
    strangers = Strangers(100)
    waits = []
    for _ in range(6):
        strangers.failed("a", NOW)
        waits.append(throttle.wait_ms(strangers.retry_at("a"), NOW))
    assert waits == [0, 0, 0, 0, 2_000, 4_000]
    assert strangers.retry_at("b") == 0


def test_the_name_longest_unheard_of_is_forgotten() -> None:
    strangers = Strangers(2)
    for key in ("a", "b", "a", "c"):
        strangers.failed(key, NOW)
    assert len(strangers) == 2
    assert [strangers.retry_at(key) for key in "abc"] == [NOW, 0, NOW]


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    buckets = Buckets(rate_per_s=2, burst=3, most_keys=10)
    assert [buckets.take("a", NOW) for _ in range(4)] == [0, 0, 0, 500]
    assert buckets.take("a", NOW + 499) == 1
    assert buckets.take("a", NOW + 500) == 0
    assert buckets.take("a", NOW + 500) == 500
    assert buckets.take("b", NOW + 500) == 0


def test_a_wait_is_never_told_too_short() -> None:
    buckets = Buckets(rate_per_s=3, burst=1, most_keys=10)
    assert [buckets.take("a", NOW), buckets.take("a", NOW)] == [0, 334]
    assert [buckets.take("a", NOW + 333), buckets.take("a", NOW + 334)] == [1, 0]


def test_a_bucket_holds_no_more_than_its_burst() -> None:
    buckets = Buckets(rate_per_s=1, burst=2, most_keys=10)
    buckets.take("a", NOW)
    assert [buckets.take("a", NOW + 3_600_000) for _ in range(3)] == [0, 0, 1_000]


def test_a_clock_set_back_grants_nothing_and_goes_on_from_there() -> None:
    buckets = Buckets(rate_per_s=1, burst=1, most_keys=10)
    assert buckets.take("a", NOW) == 0
    assert buckets.take("a", NOW - 3_600_000) == 1_000
    assert buckets.take("a", NOW - 3_600_000 + 1_000) == 0


@given(
    rate=st.integers(1, 50),
    burst=st.integers(1, 20),
    most=st.integers(1, 4),
    asked=st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 400)), max_size=80),
)
def test_no_key_is_granted_more_than_burst_and_rate_and_memory_is_bounded(
    rate: int, burst: int, most: int, asked: list[tuple[str, int]]
) -> None:
    buckets, now = Buckets(rate, burst, most), NOW
    granted: dict[str, list[int]] = defaultdict(list)
    known = set("abcdef"[:most])
    for key, later in asked:
        now += later
        wait = buckets.take(key, now)
        assert len(buckets) <= most
        if wait == 0:
            granted[key].append(now)
        elif key in known:
            # what it was told to wait is neither too short nor too long
            assert 1 <= wait <= -(-1_000 // rate)
        if {k for k, _ in asked} <= known:
            for first in range(len(granted[key])):
                window = granted[key][first:]
                assert len(window) * 1_000 <= burst * 1_000 + rate * (now - window[0])
