"""Segments as the script reads them against those that agents write, and against our own reader."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.verifyscript.columns import Segment, msgpack_in, segment_in
from collector.verifyscript.failing import Failure
from probes import segmentforms, segments
from probes.columns import FAR, pack
from probes.contract import Outcome
from probes.segmentforms import Arrays, SegmentError
from probes.segments import Run
from tests.support.soak import longer

NAMES = st.sampled_from(["a", "b-1", "c"])
CODES = st.sampled_from(["ok", "tcp.refused", "tls.expired", "x"])
TIMES = st.integers(10_000_000, 2**44)
VALUES = st.integers(0, 300) | st.integers(0, 2**52)


@st.composite
def runs(draw: st.DrawFn) -> Run:
    at = draw(TIMES)
    return Run(
        "s",
        draw(NAMES),
        at - draw(st.integers(-500, 5_000_000)),
        at,
        draw(st.sampled_from(Outcome)),
        draw(CODES),
        draw(VALUES),
        draw(st.dictionaries(CODES, VALUES, max_size=2)),
        draw(st.dictionaries(CODES, st.integers(-(2**50), 2**50), max_size=2)),
    )


def told(found: list[Run]) -> Segment:
    return Segment(
        [run.check for run in found],
        [run.at_ms for run in found],
        [run.slot_ms for run in found],
        [str(run.outcome) for run in found],
        [run.reason for run in found],
        [run.duration_us for run in found],
    )


@settings(max_examples=longer(120), deadline=None)
@given(found=st.lists(runs(), min_size=1, max_size=12))
def test_what_agents_write_is_read_alike(found: list[Run]) -> None:
    data = segments.encode(found)
    assert segment_in(data, "") == told(segments.decode("s", data)) == told(found)


@settings(max_examples=longer(120), deadline=None)
@given(
    found=st.lists(runs(), min_size=1, max_size=4),
    place=st.integers(0, 10_000),
    byte=st.integers(0, 255),
    cut=st.integers(0, 40),
)
def test_what_our_reader_refuses_the_script_refuses(
    found: list[Run], place: int, byte: int, cut: int
) -> None:
    """But for phases, facts and steps, which it passes over: no number depends on them."""
    codes: set[str] = set()
    data = bytearray(segments.encode(found))
    data[place % len(data)] = byte
    changed = bytes(data[: len(data) - cut])
    try:
        ours = told(segments.decode("s", changed))
    except SegmentError:
        ours = None
    try:
        theirs = segment_in(changed, "")
    except Failure as failure:
        codes.add(failure.code)
        theirs = None
    assert codes <= {"segment.malformed"}
    if ours is not None:
        assert theirs == ours


def test_the_older_form_is_read_alike() -> None:
    form = Arrays(
        checks=["a", "b"],
        outcomes=[Outcome.UP, Outcome.DOWN],
        reasons=["ok", "tcp.refused"],
        base=1_000_000,
        check=[0, 1, 0],
        at=[0, 5, 70_000],
        slot=[0, -3, 400],
        outcome=[0, 1, 0],
        reason=[0, 1, 0],
        duration_us=[7, 8, 2**40],
        phases={},
        facts={},
    )
    data = segmentforms.pack(form)
    assert segment_in(data, "") == told(segments.decode("s", data))
    assert segment_in(data, "").slot == [1_000_000, 1_000_008, 1_069_600]


@pytest.mark.parametrize(
    "numbers",
    [[0, 0], [1, 255], [256, 0], [-1, 1], [FAR - 1, 0], [-(FAR - 1), FAR - 1], [2**32, -(2**40)]],
)
def test_every_width_of_a_column_is_read(numbers: list[int]) -> None:
    data = segments.encode(
        [Run("s", "a", 2**52 + n % 2, 2**52, Outcome.UP, "ok", 5) for n in range(len(numbers))]
    )
    found = msgspec.msgpack.decode(data)
    code, column = pack(numbers)
    plain = [pack(c) for c in ([0, 0], [0, 0], [0, 0], [0, 0], [0, 0])]
    found |= {"b": FAR // 2, "k": "", "d": b""}
    for place, (one, packed) in enumerate([*plain[:5], (code, column)]):
        found["k"] += one
        found["d"] += packed if place < 5 else column
    if min(numbers) < 0:
        with pytest.raises(Failure):  # no duration is negative
            segment_in(msgspec.msgpack.encode(found), "")
    else:
        assert segment_in(msgspec.msgpack.encode(found), "").duration == numbers


@settings(max_examples=longer(100), deadline=None)
@given(
    value=st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.text(max_size=40)
        | st.binary(max_size=300),
        lambda inner: (
            st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=5), inner, max_size=20)
        ),
        max_leaves=15,
    )
)
def test_messagepack_is_read_alike(value: object) -> None:
    data = msgspec.msgpack.encode(value)
    assert msgpack_in(data) == value
    with pytest.raises(ValueError, match="behind the end"):
        msgpack_in(data + b"\xc0")
    for size in range(len(data)):
        with pytest.raises(ValueError):  # cut short anywhere
            msgpack_in(data[:size])
