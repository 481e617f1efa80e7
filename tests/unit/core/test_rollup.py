"""Rollups: what stands counts once, bounds are inclusive, the same bytes for the same content."""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.agent_state import distinct
from collector.core.rollup import (
    BOUNDS,
    EMPTY,
    HOUR_MS,
    Rollup,
    added,
    decode,
    encode,
    put,
    rollups,
)
from collector.core.tally import BUCKET_MS
from probes.contract import Outcome
from probes.results import Result
from tests.support.stories import T0

UP, DEGRADED, DOWN = Outcome.UP, Outcome.DEGRADED, Outcome.DOWN
UNKNOWN, MISCONFIGURED = Outcome.UNKNOWN, Outcome.MISCONFIGURED


def run(ms: int, outcome: Outcome = UP, duration: int = 40, reason: str = "ok") -> Result:
    return Result("c", "a", T0 + ms, outcome, reason, duration, T0 + ms + duration)


def one(*results: Result) -> Rollup:
    (found,) = rollups(results).values()
    return found


def places(rollup: Rollup) -> dict[int | None, int]:
    """Runs by the upper bound of their place; None is what took longer than all."""
    bounds: list[int | None] = [*BOUNDS, None]
    return {b: n for b, n in zip(bounds, rollup.answered, strict=True) if n}


def test_bounds_are_part_of_the_stored_form_and_never_change() -> None:
    assert BOUNDS == (
        1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1_000, 1_500, 2_000,
        3_000, 5_000, 7_000, 10_000, 15_000, 20_000, 30_000, 50_000, 70_000, 100_000, 150_000,
        200_000, 300_000,
    )  # fmt: skip
    assert all(left < right <= 2 * left for left, right in pairwise(BOUNDS))


def test_a_bucket_is_five_minutes_from_a_multiple_of_them() -> None:
    found = rollups([run(0), run(299_999), run(300_000), run(-1)])
    assert list(found) == [T0 - 300_000, T0, T0 + 300_000]
    assert [r.responses for r in found.values()] == [1, 2, 1]
    assert all(bucket % 300_000 == 0 for bucket in found)


@pytest.mark.parametrize(
    ("duration", "bound"),
    [(0, 1), (1, 1), (2, 2), (4, 5), (10, 10), (11, 15), (20_000, 20_000), (20_001, 30_000),
     (300_000, 300_000), (300_001, None), (10**12, None)],
)  # fmt: skip
def test_a_duration_counts_at_the_first_bound_it_does_not_exceed(
    duration: int, bound: int | None
) -> None:
    assert places(one(run(0, duration=duration))) == {bound: 1}


def test_runs_are_counted_by_outcome_and_reason() -> None:
    found = one(
        run(1), run(2), run(3, DEGRADED, reason="http.slow"), run(4, DOWN, reason="tcp.refused"),
        run(5, DOWN, reason="tcp.timeout"), run(6, UNKNOWN, reason="agent.network"),
        run(7, MISCONFIGURED, reason="http.status"), run(8, DOWN, reason="tcp.refused"),
    )  # fmt: skip
    assert found.counts == (
        (DEGRADED, "http.slow", 1),
        (DOWN, "tcp.refused", 2),
        (DOWN, "tcp.timeout", 1),
        (MISCONFIGURED, "http.status", 1),
        (UNKNOWN, "agent.network", 1),
        (UP, "ok", 2),
    )


def test_only_answers_have_a_place_in_the_histogram() -> None:
    found = one(
        run(1, UP, 100), run(2, DEGRADED, 25_000), run(3, DOWN, 10_000), run(4, UNKNOWN, 7),
        run(5, MISCONFIGURED, 70),
    )  # fmt: skip
    assert places(found) == {100: 1, 30_000: 1}
    assert (found.responses, found.within(20_000), found.within(30_000)) == (2, 1, 2)


def test_a_limit_that_is_no_bound_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        one(run(0)).within(25_000)


def test_duplicates_count_once_and_of_two_the_worse_stands() -> None:
    assert one(run(0), run(0)).counts == ((UP, "ok", 1),)
    assert one(run(0), run(0, DOWN, reason="tcp.refused")).counts == ((DOWN, "tcp.refused", 1),)
    assert places(one(run(0, duration=5), run(0, duration=9), run(0, duration=7))) == {10: 1}


RESULTS = st.lists(
    st.builds(
        run,
        st.integers(0, 20).map(lambda n: n * 50_000),
        st.sampled_from(Outcome),
        st.sampled_from([3, 40, 19_999, 20_000, 20_001, 400_000]),
        st.sampled_from(["ok", "tcp.refused", "http.slow"]),
    ),
    max_size=40,
)


@given(RESULTS, st.randoms(use_true_random=False))
def test_order_and_duplicates_change_no_byte(results: list[Result], chance: random.Random) -> None:
    mixed = [*results, *results[::2]]
    chance.shuffle(mixed)
    plain, other = rollups(results), rollups(mixed)
    assert list(map(encode, hours(plain))) == list(map(encode, hours(other)))


@given(RESULTS)
def test_every_standing_result_is_counted_once(results: list[Result]) -> None:
    kept, _ = distinct(results)
    whole = added(rollups(results).values())
    assert sum(n for _, _, n in whole.counts) == len(kept)
    assert whole.responses == sum(r.outcome.good for r in kept)
    assert whole.responses == sum(n for outcome, _, n in whole.counts if outcome.good)


@given(RESULTS, st.integers(0, 20))
def test_rollups_of_disjoint_instants_add_up(results: list[Result], cut: int) -> None:
    early = [r for r in results if r.t < T0 + cut * 50_000]
    late = [r for r in results if r.t >= T0 + cut * 50_000]
    parts = [*rollups(early).values(), *rollups(late).values()]
    assert added(parts) == added(reversed(parts)) == added(rollups(results).values())


@given(RESULTS)
def test_what_is_encoded_decodes_to_the_same(results: list[Result]) -> None:
    for hour in hours(rollups(results)):
        assert decode(encode(hour)) == hour


def hours(found: Mapping[int, Rollup]) -> list[dict[int, Rollup]]:
    """By the hour, as a store keeps them."""
    out: dict[int, dict[int, Rollup]] = {}
    for bucket, one in found.items():
        out.setdefault(bucket // HOUR_MS, {})[bucket % HOUR_MS // BUCKET_MS] = one
    return list(out.values())


HOURS = st.dictionaries(
    st.integers(0, 11),
    st.lists(
        st.tuples(st.integers(0, 299), st.sampled_from([UP, UP, DOWN]), st.integers(0, 400_000)),
        max_size=4,
    ).map(lambda runs: rolled(*(run(t * 1_000, o, ms) for t, o, ms in runs))),
    max_size=3,
)


def rolled(*results: Result) -> Rollup:
    return next(iter(rollups(results).values()), EMPTY)


@given(before=HOURS, fresh=HOURS)
def test_what_is_put_into_an_hour_takes_the_place_of_what_was_there(
    before: dict[int, Rollup], fresh: dict[int, Rollup]
) -> None:
    assert put(encode(before), fresh) == encode({**before, **fresh})


def test_nothing_adds_up_to_nothing() -> None:
    assert added([]) == EMPTY
    assert decode(encode({0: EMPTY})) == {0: EMPTY}
    assert decode(encode({})) == {}


def test_the_stored_form_is_a_few_bytes_and_never_changes() -> None:
    found = one(*(run(n * 10_000, duration=40) for n in range(30)))
    # [2, [["up", "ok"]], [[7, [30], [9, 30]]]]: 40 ms are counted at 50, the tenth bound
    assert encode({7: found}).hex() == "93029192a27570a26f6b919307911e92091e"


@pytest.mark.parametrize(
    "stored",
    [
        [1, [], []],
        [2, [["sideways", "ok"]], [[0, [1], []]]],
        [2, [["up", "ok"]], [[0, [0], []]]],
        [2, [["up", "ok"]], [[0, [1, 1], []]]],
        [2, [["up", "ok"]], [[12, [1], []]]],
        [2, [["up", "ok"], ["down", "no"]], [[0, [1, 1], []]]],
        [2, [], [[0, [], [34, 1]]]],
        [2, [], [[0, [], [3, 0]]]],
        [2, [], [[0, [], [3]]]],
        [2, [], [[0, [], [3, 1, 3, 1]]]],
        [2, [], [[0, [], [4, 1, 3, 1]]]],
        [2, [], [[1, [], []], [0, [], []]]],
        [2, []],
        [2, [], [], []],
        {"format": 2},
    ],
)
def test_what_was_not_encoded_here_is_refused(stored: object) -> None:
    with pytest.raises(ValueError, match="no rollup of a format known here"):
        decode(msgspec.msgpack.encode(stored))


@pytest.mark.parametrize(
    "data", [b"", b"\xc1", encode({0: EMPTY}) + b"\x00", encode({0: EMPTY})[:-1]]
)
def test_broken_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no rollup of a format known here"):
        decode(data)
    with pytest.raises(ValueError, match="no rollup of a format known here"):
        put(data, {0: EMPTY})


def test_equal_outcomes_of_two_parts_are_counted_together() -> None:
    two = added([one(run(0), run(1)), one(run(2))])
    assert two.counts == ((UP, "ok", 3),)


def counting(ms: int, outcome: Outcome = UP, **facts: int) -> Result:
    told = tuple(sorted(facts.items()))
    return Result("c", "a", T0 + ms, outcome, "ok", 40, T0 + ms + 40, None, told)


def test_facts_that_add_up_are_summed_with_how_many_runs_have_them() -> None:
    found = rollups(
        [
            counting(0, messages=3, messages_adt=2, messages_oru=1),
            counting(60_000, messages=0, age_s=60),
            counting(120_000, DOWN, messages=4, messages_adt=4, feed_low=9),
            run(180_000),
            counting(300_000, messages=7),
        ]
    )
    assert found[T0].counted == (("messages", 3, 7), ("messages_adt", 2, 6), ("messages_oru", 1, 1))
    assert found[T0 + 300_000].counted == (("messages", 1, 7),)
    whole = added(found.values())
    assert whole.counted == (("messages", 4, 14), ("messages_adt", 2, 6), ("messages_oru", 1, 1))


def test_a_result_that_came_twice_is_counted_once_whichever_came_first() -> None:
    twice = [counting(0, messages=3), counting(0, messages=5), counting(60_000, messages=1)]
    assert one(*twice).counted == one(*twice[::-1]).counted == (("messages", 2, 4),)


def test_an_hour_without_counts_keeps_the_form_it_always_had() -> None:
    hour = {0: one(run(0)), 3: one(run(0, DOWN, reason="tcp.refused"))}
    assert encode(hour)[1] == 2
    assert encode({**hour, 4: one(counting(0, messages=0))})[1] == 3


@given(st.dictionaries(st.integers(0, 11), st.lists(st.integers(0, 10**12), max_size=3)), st.data())
def test_counted_hours_are_written_read_and_put_together(
    sums: dict[int, list[int]], data: st.DataObject
) -> None:
    hour = {
        place: one(run(1), *(counting(n * 9, messages=v) for n, v in enumerate(values)))
        for place, values in sums.items()
    }
    assert decode(encode(hour)) == hour
    some = data.draw(st.sets(st.sampled_from(sorted(hour)))) if hour else set()
    before = {place: one(run(5)) for place in hour} | {11: one(counting(0, messages=1))}
    fresh = {place: hour[place] for place in some}
    if fresh:
        assert put(encode(before), fresh) == encode({**before, **fresh})


@pytest.mark.parametrize("cut", [1, 5, -1])
def test_a_counted_hour_that_is_cut_or_names_no_bucket_is_refused(cut: int) -> None:
    data = encode({0: one(counting(0, messages=2))})
    with pytest.raises(ValueError, match="no rollup of a format known here"):
        decode(data[:cut])
    kind, hour, sums = msgspec.msgpack.decode(data)
    for wrong in ([[5, sums[0][1]]], [[0, []]], [], [[0, [["messages", 0, 2]]]]):
        with pytest.raises(ValueError, match="no rollup of a format known here"):
            decode(msgspec.msgpack.encode([kind, hour, wrong]))
