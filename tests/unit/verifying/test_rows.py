"""Disclosed rows against the log: each at its place, none kept back, and what they tell of chains."""

from __future__ import annotations

import pytest

from collector.attest.entries import LogStart, RowEntry
from collector.bundle.rowsfile import ShownRow
from collector.facts import Row, canonical
from collector.verifying import rows
from collector.verifying.failures import Failure, VerifyError
from collector.verifying.rows import InRange


def shown(index: int, state: int, kind: str = "window.approved") -> ShownRow:
    return ShownRow(index, RowEntry(index, 7, state, kind, bytes(32)), None, {})


def counted(*states: int) -> tuple[Failure, str | None] | int:
    try:
        return rows.counted(shown(10 + n, state) for n, state in enumerate(states))
    except VerifyError as error:
        return error.code, error.place


def test_state_rows_are_the_first_ones_of_the_log_in_order() -> None:
    assert counted() == 0
    assert counted(1, 2, 3) == 3
    assert counted(2, 3) == (Failure.ROWS_WITHHELD, "state row 1")
    assert counted(1, 3) == (Failure.ROWS_WITHHELD, "state row 2")
    assert counted(1, 1) == (Failure.ROWS_ORDER, "11")
    assert counted(1, 2, 1) == (Failure.ROWS_ORDER, "12")


def test_other_rows_are_not_counted() -> None:
    found = [shown(1, 1), shown(2, 1, "incident.opened"), shown(3, 2)]
    assert rows.counted(found) == 2


def test_the_last_ones_may_not_be_missing_either() -> None:
    rows.complete(3, 3)
    with pytest.raises(VerifyError) as error:
        rows.complete(2, 3)
    assert (error.value.code, error.value.place) == (Failure.ROWS_WITHHELD, "state row 3")


def test_rows_of_the_range_are_compared_and_all_are_counted_by_kind() -> None:
    found = InRange([shown(3, 1), shown(10, 2), shown(12, 3)], 10)
    found.take(10, shown(10, 2).entry)
    found.take(11, shown(11, 2, "incident.opened").entry)
    found.take(12, shown(12, 3).entry)
    found.take(13, LogStart("st-elsewhere", 7))
    found.end()
    assert found.kinds == {"window.approved": 2, "incident.opened": 1}


def test_a_row_that_is_another_in_the_log_is_named() -> None:
    found = InRange([shown(10, 2)], 10)
    with pytest.raises(VerifyError) as error:
        found.take(10, shown(10, 3).entry)
    assert (error.value.code, error.value.place) == (Failure.ROWS_DIFFER, "10")


def test_a_row_behind_the_last_entry_is_named() -> None:
    found = InRange([shown(12, 2), shown(11, 2)], 10)
    with pytest.raises(VerifyError) as error:
        found.end()
    assert (error.value.code, error.value.place) == (Failure.ROWS_DIFFER, "11")


def told(kind: str, data: bytes) -> set[tuple[str, str]]:
    return rows.told([Row(4, kind, 7, 7, "system", data)])


def test_chains_that_a_row_tells_of() -> None:
    data = canonical({"agent": "north-1", "epoch": "e1", "seq": 9})
    assert told("evidence.chain_broken", data) == {("north-1", "e1")}
    assert told("agent.equivocation", data) == {("north-1", "e1")}
    assert told("agent.settled", data) == set()


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"agent":"a"}', b'{"agent":1,"epoch":"e"}'])
def test_a_row_of_a_chain_that_says_nothing_is_named(data: bytes) -> None:
    with pytest.raises(VerifyError) as error:
        told("evidence.chain_broken", data)
    assert (error.value.code, error.value.place) == (Failure.ROWS_ACT, "row 4")
