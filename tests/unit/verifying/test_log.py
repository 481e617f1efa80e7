"""A stretch of a log: it leads from checkpoint to checkpoint, and counts the rows numbers depend on."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.attest import entries
from collector.attest.entries import LogStart, RowEntry
from collector.attest.merkle import CompactRange
from collector.verifying import log
from collector.verifying.failures import Failure, VerifyError
from collector.verifying.log import Anchor, Walk
from probes.wire.merkle import leaf_hash, root
from tests.unit.verifying.headers import batch_header, entry

ROOT, FORKED = Failure.LOG_ROOT, Failure.SINCE_FORKED


def row(number: int, state: int, kind: str) -> bytes:
    return entries.write(RowEntry(number, 1_000 + number, state, kind, bytes([number]) * 32))


LOG = [
    entries.write(LogStart("st-elsewhere", 1_000)),
    row(1, 1, "config.version"),
    row(2, 1, "incident.opened"),
    entry(batch_header(1), state=1),
    row(3, 2, "window.approved"),
    entry(batch_header(2), state=2),
    entry(batch_header(3), state=2),
]


def tree(size: int, log: Sequence[bytes] = LOG) -> CompactRange:
    return CompactRange().extended(map(leaf_hash, log[:size]))[0]


def anchor(size: int, failure: Failure = ROOT, log: Sequence[bytes] = LOG) -> Anchor:
    return Anchor(size, root(log[:size]), failure, f"size {size}")


def walked(framed: Sequence[bytes], anchors: Sequence[Anchor] = (), first: int = 0) -> int:
    walk = Walk(tree(first), "st-elsewhere", anchors)
    for index, data in enumerate(framed, first):
        walk.take(index, data, entries.parse(data))
    return walk.end()


def refused(
    framed: Sequence[bytes], anchors: Sequence[Anchor] = (), first: int = 0
) -> tuple[Failure, str | None]:
    with pytest.raises(VerifyError) as error:
        walked(framed, anchors, first)
    return error.value.code, error.value.place


@pytest.mark.parametrize("first", range(len(LOG)))
def test_every_stretch_leads_to_every_checkpoint_of_it(first: int) -> None:
    anchors = [anchor(size) for size in range(len(LOG) + 1)]
    assert walked(LOG[first:], anchors, first) == 2


@given(st.data())
def test_a_changed_entry_is_named_by_the_next_checkpoint(data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(LOG) - 1))
    changed = [*LOG]
    changed[place] = entry(batch_header(9), state=entries.parse(LOG[place]).state)  # type: ignore[union-attr]
    sizes = data.draw(st.sets(st.integers(0, len(LOG))))
    anchors = [anchor(size) for size in {*sizes, len(LOG)}]
    code, named = refused(changed, anchors)
    if code is Failure.LOG_ROOT:
        assert named == f"size {min(s for s in {*sizes, len(LOG)} if s > place)}"
    else:
        assert code is Failure.LOG_STATE


def test_long_stretches_are_hashed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_AT_ONCE", 2)
    assert walked(LOG, [anchor(3), anchor(7)]) == 2
    assert refused([*LOG[:5], LOG[6], LOG[5]], [anchor(3), anchor(7)]) == (ROOT, "size 7")


def test_the_failure_is_that_of_whose_root_it_is_not() -> None:
    other = Anchor(5, bytes(32), FORKED, "since")
    assert refused(LOG, [anchor(5), other]) == (FORKED, "since")
    assert refused(LOG[5:], [other], first=5) == (FORKED, "since")
    assert walked(LOG[6:], [other], first=6) == 2


def test_entries_that_are_too_few_are_named() -> None:
    assert refused(LOG[:-1], [anchor(7)]) == (Failure.LOG_LENGTH, "6")
    assert refused([], first=7) == (Failure.LOG_LENGTH, "7")


def test_a_log_begins_with_its_start_and_has_it_once() -> None:
    assert refused(LOG[1:]) == (Failure.LOG_START, "0")
    assert refused([*LOG[:3], LOG[0], *LOG[4:]]) == (Failure.LOG_START, "3")
    other = entries.write(LogStart("st-other", 1_000))
    assert refused([other, *LOG[1:]]) == (Failure.LOG_START, "st-other")


@pytest.mark.parametrize(
    ("place", "other"),
    [
        (1, row(1, 2, "config.version")),
        (2, row(2, 2, "incident.opened")),
        (3, entry(batch_header(1), state=0)),
        (4, row(3, 1, "window.approved")),
    ],
)
def test_rows_that_are_not_counted_as_they_come_are_named(place: int, other: bytes) -> None:
    assert refused([*LOG[:place], other, *LOG[place + 1 :]]) == (Failure.LOG_STATE, str(place))


def test_the_first_entry_of_a_range_says_what_was_before() -> None:
    assert refused([LOG[4], entry(batch_header(2), state=3)], first=4) == (Failure.LOG_STATE, "5")
