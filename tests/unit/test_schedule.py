"""The schedule: every slot once, due or missed, on the same instants after every restart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probes.contract import Slot
from probes.schedule import MISSED_LIMIT, Look, Schedule, first_slot_ms, offset_ms


def test_the_offset_is_the_same_on_every_host() -> None:
    assert offset_ms("north-1", "ehr-read", 30_000) == 2_663
    assert offset_ms("south-1", "ehr-read", 30_000) == 24_702


def test_the_first_slot_is_at_or_after_the_start() -> None:
    assert first_slot_ms(7, 10, 97) == 97
    assert first_slot_ms(7, 10, 98) == 107


def test_a_late_look_attempts_the_newest_slot_and_names_the_missed_ones() -> None:
    schedule = Schedule("a", {"c": 10}, 0)
    first = schedule.next_ms()
    assert first is not None
    assert schedule.take(first - 1) == Look((), ())
    assert schedule.take(first + 25) == Look(
        (Slot("c", first + 20),), (Slot("c", first), Slot("c", first + 10))
    )
    assert schedule.next_ms() == first + 30


def test_a_long_hole_names_its_newest_thousand_slots() -> None:
    schedule = Schedule("a", {"c": 10}, 0)
    assert len(schedule.take(10_000_000).missed) == MISSED_LIMIT


def test_no_checks_means_no_slots() -> None:
    assert Schedule("a", {}, 0).next_ms() is None


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 5_000), min_size=1),
    st.integers(0, 2**41),
    st.lists(st.integers(0, 20_000), max_size=20),
)
def test_each_slot_is_exactly_once_due_or_missed(
    every: dict[str, int], start: int, waits: list[int]
) -> None:
    # Below the bound of named slots a look can be as late as it likes.
    every = {check: max(ms, 20_000 // MISSED_LIMIT + 1) for check, ms in every.items()}
    schedule, now = Schedule("north-1", every, start), start
    seen: list[Slot] = []
    for wait in waits:
        now += wait
        look = schedule.take(now)
        assert len({slot.check for slot in look.due}) == len(look.due)
        assert all(now - every[slot.check] < slot.at_ms <= now for slot in look.due)
        seen += [*look.due, *look.missed]
    expected = {
        Slot(check, at)
        for check, ms in every.items()
        for at in range(first_slot_ms(offset_ms("north-1", check, ms), ms, start), now + 1, ms)
    }
    if not waits:
        expected = set()
    assert len(seen) == len(set(seen))
    assert set(seen) == expected


def test_after_the_clock_was_set_counting_starts_anew() -> None:
    schedule = Schedule("a", {"c": 10}, 1_000_000)
    schedule.take(1_000_100)
    schedule.restart(500)
    after = schedule.next_ms()
    assert after is not None
    assert 500 <= after < 510
