"""The log's members: one spelling each, cut short or longer refused."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.attest.merkle import CompactRange
from collector.bundle import logfile
from collector.bundle.faults import BundleError, BundleFault
from collector.bundle.logfile import Head, Start
from tests.support import bundles
from tests.unit.bundle.refusing import fault, refused

ORIGIN = "log.example/evidence"
START = Start(ORIGIN, CompactRange(3, (b"a" * 32, b"b" * 32)))
WRITTEN = (
    b'{"origin":"log.example/evidence","peaks":["YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=",'
    b'"YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI="],"size":3}'
)


def test_the_tree_before_the_range_is_written_as_the_format_says() -> None:
    assert logfile.write_start(START) == WRITTEN
    assert logfile.read_start(WRITTEN) == START
    empty = Start(ORIGIN, CompactRange())
    assert logfile.read_start(logfile.write_start(empty)) == empty


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        WRITTEN + b"\n",
        WRITTEN.replace(b'"size":3', b'"size":2'),
        WRITTEN.replace(b'"size":3', b'"size":-1'),
        WRITTEN.replace(b'"size":3', b'"size":true'),
        WRITTEN.replace(b'"size":3', b'"size":"3"'),
        WRITTEN.replace(b'"size":3', b'"size":3,"more":1'),
        WRITTEN.replace(b"YmI=", b"YmJ="),
        WRITTEN.replace(b"log.example", b"log example"),
        WRITTEN.replace(b'"origin":', b'"origin": '),
        WRITTEN.replace(b'"YWFh', b'1,"YWFh'),
    ],
)
def test_any_other_spelling_of_it_is_refused(data: bytes) -> None:
    assert fault(logfile.read_start, data) is BundleFault.LOG_START


@given(st.binary(max_size=120))
def test_any_bytes_are_a_start_or_refused(data: bytes) -> None:
    try:
        found = logfile.read_start(data)
    except BundleError:
        return
    assert logfile.write_start(found) == data


@given(st.lists(st.binary(max_size=300), max_size=9))
def test_entries_are_read_as_they_were_framed(entries: list[bytes]) -> None:
    data = b"".join(map(logfile.frame, entries))
    assert list(logfile.read_entries(io.BytesIO(data))) == entries
    for end in range(len(data)):
        try:
            found = list(logfile.read_entries(io.BytesIO(data[:end])))
        except BundleError:
            continue
        assert found == entries[: len(found)]
        assert len(found) < len(entries)


def test_an_entry_says_its_length_in_two_bytes() -> None:
    assert logfile.frame(b"entry") == b"\x00\x05entry"
    assert logfile.frame(bytes(65_535))[:2] == b"\xff\xff"
    with pytest.raises(ValueError, match="65535"):
        logfile.frame(bytes(65_536))


HEADS = [head.note for head in bundles.disclosed()[0].log.heads]
LOG = bundles.disclosed()[0].log.origin


def checkpoints(data: bytes, origin: str = LOG) -> list[Head]:
    return list(logfile.read_checkpoints(io.BytesIO(data), origin))


def test_checkpoints_are_the_notes_that_were_published() -> None:
    data = b"".join(logfile.write_checkpoints(HEADS))
    found = checkpoints(data)
    assert [logfile.note_bytes(one) for one in found] == HEADS
    sizes = [one.checkpoint.size for one in found]
    assert sizes == sorted(set(sizes))
    assert json.loads(data.splitlines()[0]) == {"note": HEADS[0].decode()}


def test_checkpoints_of_another_log_or_not_growing_are_refused() -> None:
    first, second = (b"".join(logfile.write_checkpoints([note])) for note in HEADS[:2])
    assert fault(checkpoints, first, "other.example/evidence") is BundleFault.LOG_CHECKPOINT
    for data in (first + first, second + first):
        error = refused(checkpoints, data)
        assert (error.code, error.place) == (
            BundleFault.LOG_CHECKPOINT,
            "log/checkpoints.jsonl:2",
        )


@pytest.mark.parametrize(
    "data",
    [b"\n", b"{}\n", b'{"note":1}\n', b'{"note":"x"}\n', b'{"note":"x"}', b'{"note" :"x"}\n', b"x"],
)
def test_a_line_that_is_no_checkpoint_is_refused(data: bytes) -> None:
    assert fault(checkpoints, data) is BundleFault.LOG_CHECKPOINT
