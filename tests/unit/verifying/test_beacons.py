"""Beacons: what agents were shown of the log."""

from __future__ import annotations

import hashlib

import pytest

from collector.verifying.beacons import Beacons, Counts
from collector.verifying.failures import Failure, VerifyError

TEXTS = [f"log.example\n{size}\nroot\n" for size in (10, 20, 30, 40)]
CHAIN = ("north-1", "e1")


def shown(place: int) -> str:
    return hashlib.sha256(TEXTS[place].encode()).hexdigest()


def test_known_earlier_and_no_checkpoints_are_counted() -> None:
    beacons, earlier = Beacons(TEXTS), ("ab" * 32, "cd" * 32)
    for seq, beacon in enumerate((None, None, *earlier, shown(0), shown(1), shown(2)), 1):
        beacons.take(CHAIN, seq, 30 + seq, beacon)
    assert beacons.end() == Counts(known=3, before=2, none=2)


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_an_unknown_checkpoint_behind_a_known_one_is_of_another_log(order: tuple[int, int]) -> None:
    beacons = Beacons(TEXTS)
    for seq in order:
        beacons.take(CHAIN, seq, 50 + seq, shown(2) if seq == 1 else "ab" * 32)
    with pytest.raises(VerifyError) as error:
        beacons.end()
    assert (error.value.code, error.value.place) == (Failure.BEACON_UNKNOWN, "52")


def test_at_the_start_of_the_range_two_answers_may_be_heard_in_the_other_order() -> None:
    beacons = Beacons(TEXTS)
    beacons.take(CHAIN, 1, 51, shown(1))
    beacons.take(CHAIN, 2, 52, "ab" * 32)
    assert beacons.end() == Counts(known=1, before=1, none=0)


def test_each_chain_is_judged_by_itself() -> None:
    beacons = Beacons(TEXTS)
    beacons.take(CHAIN, 1, 51, shown(3))
    beacons.take(("north-1", "e2"), 2, 52, "ab" * 32)
    assert beacons.end() == Counts(known=1, before=1, none=0)
