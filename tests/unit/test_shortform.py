"""What is kept of an envelope gives back its exact bytes, whatever stands in its header."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.store import shortform
from collector.store.shortform import Row
from probes import batch, envelope, tombstone
from probes.batch import Anchors, Batch, Place
from probes.contract import Outcome
from probes.tombstone import Why
from tests.support.chains import ANCHORS, KEY, NOW, PUBLIC, a_chain, a_run
from tests.unit.test_batch import runs


def row(opened: Batch) -> Row:
    header = opened.header
    offset = header.clock_offset_ms
    place = (header.org, header.agent, header.epoch, header.seq)
    return Row(*place, header.first_at + offset, header.last_at + offset)


def there_and_back(data: bytes) -> bytes:
    """The form it is kept in; what comes back is what came."""
    opened = batch.open_batch(data)
    batch.tables_of(opened)
    form = shortform.shortened(opened, data)
    assert shortform.exact(form, row(opened)) == data
    assert shortform.prev_of(form) == opened.header.prev
    assert shortform.clock_of(form) == batch.clock_of(opened.header)
    assert shortform.count(form) == opened.header.results
    assert shortform.results_of(form, opened.header.agent, 7) == batch.results_of(opened, 7)
    return form


ids = st.from_regex(r"[a-z0-9][a-z0-9-]{0,10}", fullmatch=True)
hexes = st.binary(min_size=32, max_size=32).map(bytes.hex)


@given(
    st.lists(runs, min_size=1, max_size=12),
    ids,
    ids,
    st.integers(1, 2**53 - 1),
    hexes,
    st.one_of(st.none(), hexes),
    st.builds(
        Anchors,
        st.integers(0, 2**46),
        st.integers(0, 2**63 - 1),
        st.integers(-(2**40), 2**40),
        st.integers(0, 2**40),
        st.sampled_from(["host", "ntp_1.a"]),
    ),
)
def test_every_batch_comes_back_byte_for_byte_and_shorter(
    some: list[Any],
    agent: str,
    epoch: str,
    seq: int,
    prev: str,
    beacon: str | None,
    clocks: Anchors,
) -> None:
    place = Place("st-elsewhere", agent, epoch, seq, prev, "0123456789abcdef", beacon)
    data = batch.seal(KEY, place, clocks, some, b"sixteen secrets.")
    assert len(there_and_back(data)) < len(data) - 350


(ONE,) = a_chain([[a_run(NOW, Outcome.UP), a_run(NOW + 1, Outcome.DOWN)]])
HEADER: dict[str, Any] = msgspec.json.decode(ONE.header_bytes)


def with_header(header_bytes: bytes) -> bytes:
    return envelope.close(batch.MAGIC, KEY, header_bytes, ONE.body)


@pytest.mark.parametrize(
    "header_bytes",
    [
        pytest.param(msgspec.json.encode(HEADER | {"more": 1}), id="a field of a newer agent"),
        pytest.param(msgspec.json.encode(HEADER).replace(b",", b", "), id="spaces"),
        pytest.param(msgspec.json.encode(dict(reversed(HEADER.items()))), id="another order"),
        pytest.param(msgspec.json.encode(HEADER)[:-1] + b',"seq":1}', id="a field twice"),
        pytest.param(
            msgspec.json.encode(HEADER).replace(b"north-1", b"\\u006eorth-1"), id="escapes"
        ),
    ],
)
def test_what_cannot_be_put_together_again_is_kept_as_it_came(header_bytes: bytes) -> None:
    data = with_header(header_bytes)
    assert there_and_back(data) == b"\x00" + data


def test_a_tombstone_is_kept_as_it_came() -> None:
    data = tombstone.seal(KEY, ANCHORS, tombstone.of_batches([ONE], Why.FULL_AGE))
    form = shortform.whole(data)
    assert shortform.exact(form, row(ONE)) == data
    assert shortform.prev_of(form) == batch.NO_PREVIOUS
    found = shortform.results_of(form, "north-1", 7)
    assert [(r.outcome, r.t) for r in found] == [("up", NOW), ("down", NOW + 1)]
    assert shortform.count(form) == 2


@pytest.mark.parametrize("form", [b"", b"\x02anything"])
def test_a_form_of_a_newer_program_is_refused(form: bytes) -> None:
    with pytest.raises(ValueError, match="does not know"):
        shortform.exact(form, row(ONE))


KEPT = base64.b64decode(
    "AZzEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAxAgBI0VniavN780D6AAAAKRob3N0wAIBxEDzPCP/"
    "OwlZimqcxisZX2Hj0myQgocESQMfUK9Hb1wm5e+hZvPgSFwrC3FAy15z9DSWBY4y5L28oCEUVrJ+ZGcKxI8otS/9"
    "IIYxBACSxBBzaXh0ZWVuIHNlY3JldHMugaNlaHLEbIqhb5KidXCkZG93bqFykqJva6t0Y3AucmVmdXNlZKFwkadj"
    "b25uZWN0oWaQoWunMDEwMTEyMqFuAqFizwAAAZt22qgAoWORqGVoci1yZWFkoWTEDgABAAEAAYiIExOBgRMToWyn"
    "Y29ubmVjdA=="
)
"""As a collector of today keeps a batch of two results."""


def test_what_is_kept_today_gives_the_same_bytes_under_every_later_program() -> None:
    data = shortform.exact(KEPT, Row("st-elsewhere", "north-1", "e1", 1, NOW, NOW + 1))
    assert hashlib.sha256(data).hexdigest() == (
        "71435cf6da39e3f92eb10345a5575a7fd4f5c8b8ea57c25d5ba04e26d8d794d9"
    )
    opened = batch.open_batch(data)
    batch.verify(opened, PUBLIC)
    assert [(r.outcome, r.t) for r in shortform.results_of(KEPT, "north-1", 7)] == [
        ("up", NOW),
        ("down", NOW + 1),
    ]
