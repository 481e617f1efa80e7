"""Chains of agents in a log: places, links, and few signatures for many batches."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collector.verifying.chains import Chains, Counts
from collector.verifying.failures import Failure, VerifyError
from probes import batch, tombstone
from tests.unit.verifying.headers import (
    DAY,
    Judged,
    batch_header,
    hash_of,
    sealed,
    tombstone_header,
)

CHAIN = ("north-1", "e1")


def chained(count: int, wall: int = 1_000) -> list[batch.Header]:
    """Headers that follow each other from number 1 on."""
    made: list[batch.Header] = []
    for seq in range(1, count + 1):
        prev = hash_of(made[-1]) if made else batch.NO_PREVIOUS
        made.append(batch_header(seq, prev, wall_ms=seq * wall))
    return made


def taken(
    headers: list[batch.Header], tombs: list[tombstone.Header] | None = None
) -> tuple[Chains, Judged]:
    """At the indexes of their order, from 10 on, tombstones behind."""
    judged = Judged()
    chains = Chains(judged)
    for place, header in enumerate(headers, 10):
        chains.batch(sealed(place, header), header, bytes.fromhex(hash_of(header)))
    for place, tomb in enumerate(tombs or [], 10 + len(headers)):
        chains.tombstone(sealed(place, tomb), tomb)
    return chains, judged


def refused(chains: Chains, told: set[tuple[str, str]] | None = None) -> tuple[Failure, str | None]:
    with pytest.raises(VerifyError) as error:
        chains.end(told or set())
    return error.value.code, error.value.place


def test_a_whole_chain_of_one_day_costs_one_signature() -> None:
    chains, judged = taken(chained(5))
    assert chains.end(set()) == Counts(
        batches=5, tombstones=0, chains=1, signatures=1, holes=0, broken=0
    )
    assert judged.places == [14]


def test_the_last_batch_of_each_day_is_judged_by_its_signature() -> None:
    chains, judged = taken(chained(5, wall=DAY // 2))
    assert chains.end(set()).signatures == 3
    assert judged.places == [10, 12, 14]


def test_a_batch_behind_a_hole_vouches_for_nothing_before_it() -> None:
    headers = chained(6)
    del headers[2:4]
    chains, judged = taken(headers)
    assert chains.end(set()) == Counts(
        batches=4, tombstones=0, chains=1, signatures=2, holes=2, broken=0
    )
    assert judged.places == [11, 13]


def test_two_entries_at_one_place_of_a_chain_are_named() -> None:
    headers = chained(2)
    chains, _ = taken([*headers, headers[1]])
    assert refused(chains) == (Failure.CHAIN_DOUBLE, "12")
    chains, _ = taken([*headers, batch_header(1, results=2)])
    assert refused(chains) == (Failure.CHAIN_DOUBLE, "12")


def test_a_link_that_does_not_hold_is_named_unless_the_log_tells_of_it() -> None:
    headers = chained(3)
    headers[1] = batch_header(2, hash_of(headers[0]), results=9)
    chains, judged = taken(headers)
    assert judged.places == [11]
    assert refused(chains) == (Failure.CHAIN_BROKEN, "12")
    assert refused(chains, {("north-1", "e2")}) == (Failure.CHAIN_BROKEN, "12")
    assert taken(headers)[0].end({CHAIN}).broken == 1


def test_the_first_batch_of_an_epoch_has_none_before_it() -> None:
    chains, _ = taken([batch_header(1, "ab" * 32)])
    assert refused(chains) == (Failure.CHAIN_BROKEN, "10")
    assert taken([batch_header(7, "ab" * 32)])[0].end(set()).broken == 0


def test_a_tombstone_stands_in_the_chain_for_what_it_replaced() -> None:
    headers = chained(6)
    tomb = tombstone_header(3, 4, hash_of(headers[1]), hash_of(headers[3]))
    chains, judged = taken([*headers[:2], *headers[4:]], [tomb])
    counts = chains.end(set())
    assert (counts.holes, counts.tombstones, counts.batches) == (0, 1, 4)
    assert judged.places == [11, 14, 13]


@pytest.mark.parametrize(("wrong", "place"), [("after", "12"), ("prev", "14")])
def test_a_tombstone_that_does_not_fit_the_chain_is_named(wrong: str, place: str) -> None:
    headers = chained(6)
    ends = {"prev": hash_of(headers[1]), "after": hash_of(headers[3]), wrong: "ab" * 32}
    tomb = tombstone_header(3, 4, ends["prev"], ends["after"])
    chains, _ = taken([*headers[:2], *headers[4:]], [tomb])
    assert refused(chains) == (Failure.CHAIN_BROKEN, place)


def test_tombstones_that_follow_each_other_are_linked() -> None:
    headers = chained(7)
    first = tombstone_header(2, 3, hash_of(headers[0]), hash_of(headers[2]))
    second = tombstone_header(4, 5, hash_of(headers[2]), hash_of(headers[4]))
    kept = [headers[0], *headers[5:]]
    assert taken(kept, [first, second])[0].end(set()).holes == 0
    wrong = tombstone_header(4, 5, "ab" * 32, hash_of(headers[4]))
    assert refused(taken(kept, [first, wrong])[0]) == (Failure.CHAIN_BROKEN, "14")


@example([0, 2, 1, 3, 4, 5])
@example([0, 1, 2, 3, 5, 4])
@given(st.permutations(range(6)))
def test_the_order_of_arrival_changes_signatures_and_nothing_else(order: list[int]) -> None:
    headers = chained(6)
    chains, judged = taken([headers[n] for n in order])
    counts = chains.end(set())
    assert (counts.batches, counts.holes, counts.broken) == (6, 0, 0)
    last = order.index(5)
    assert 10 + last in judged.places
    assert counts.signatures == len(judged.places) <= 6


def test_a_batch_that_a_tombstone_stands_for_too_leaves_no_hole() -> None:
    headers = chained(7)
    tomb = tombstone_header(3, 5, hash_of(headers[1]), hash_of(headers[4]))
    for stored in (2, 3, 4):
        kept = [*headers[:2], headers[stored], *headers[5:]]
        assert taken(kept, [tomb])[0].end(set()).holes == 0


def test_holes_of_any_width_in_any_chain_are_counted() -> None:
    headers, other = chained(9), batch_header(1, epoch="e2")
    kept = [headers[0], *headers[2:4], *headers[6:]]
    chains, _ = taken([*kept, other, batch_header(4, "ab" * 32, epoch="e2")])
    assert chains.end(set()).holes == 1 + 2 + 2


def test_links_that_do_not_hold_are_counted_in_every_chain() -> None:
    first = [batch_header(n, "ab" * 32, epoch=epoch) for epoch in ("e1", "e2") for n in (1, 2)]
    assert taken(first)[0].end({CHAIN, ("north-1", "e2")}).broken == 4


def test_each_epoch_is_a_chain_of_its_own() -> None:
    chains, judged = taken([*chained(2), batch_header(1, epoch="e2")])
    assert chains.end(set()).chains == 2
    assert sorted(judged.places) == [11, 12]
