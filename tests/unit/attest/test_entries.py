"""Entries of a log: written in one spelling, and read in no other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.attest import entries
from collector.attest.entries import BatchEntry, Entry, LogStart, Previous, RowEntry
from collector.attest.faults import AttestError, Fault
from collector.audit.kinds import KINDS
from tests.unit.attest.refusing import fault

NUMBERS = st.integers(0, 2**63 - 1)
ORGS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)
ORIGINS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1).filter(
    entries.is_origin
)
HASHES = st.binary(min_size=32, max_size=32)
KINDS_OF_ROWS = st.sampled_from([*KINDS, "a.b", "a_1.b.c"])
ENTRIES: st.SearchStrategy[Entry] = st.one_of(
    st.builds(LogStart, ORGS, NUMBERS, st.none() | st.builds(Previous, ORIGINS, NUMBERS, HASHES)),
    st.builds(
        BatchEntry,
        NUMBERS,
        NUMBERS,
        st.binary(min_size=64, max_size=64),
        st.binary(min_size=1, max_size=200),
        st.booleans(),
    ),
    st.builds(RowEntry, NUMBERS, NUMBERS, NUMBERS, KINDS_OF_ROWS, HASHES),
)
START = LogStart("st-elsewhere", 1_800_000_000_000)
BATCH = BatchEntry(1_800_000_000_123, 4, bytes(range(64)), b'{"version":1}\nmore')
ROW = RowEntry(17, 1_800_000_000_456, 5, "window.approved", bytes(32))


def test_each_entry_is_written_as_its_line_says() -> None:
    went_on = replace(START, previous=Previous("log.example/evidence", 9, bytes(32)))
    assert entries.write(START) == b"wardwatch/1 log st-elsewhere 1800000000000 -\n"
    assert entries.write(went_on) == (
        b"wardwatch/1 log st-elsewhere 1800000000000 log.example/evidence@9@" + b"A" * 43 + b"=\n"
    )
    assert entries.write(BATCH) == (
        b"wardwatch/1 batch 1800000000123 4 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUm"
        b'JygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==\n{"version":1}\nmore'
    )
    assert entries.write(replace(BATCH, tombstone=True)).startswith(b"wardwatch/1 tombstone 18000")
    assert entries.write(ROW) == (
        b"wardwatch/1 row 17 1800000000456 5 window.approved " + b"0" * 64 + b"\n"
    )


@given(ENTRIES)
def test_any_entry_is_read_as_it_was_written(entry: Entry) -> None:
    assert entries.parse(entries.write(entry)) == entry


@given(st.binary(max_size=300))
def test_any_bytes_are_read_and_written_again_or_refused(data: bytes) -> None:
    try:
        found = entries.parse(data)
    except AttestError:
        return
    assert entries.write(found) == data


@given(ENTRIES, st.data())
def test_an_entry_that_is_changed_a_little_is_another_one_or_none(
    entry: Entry, data: st.DataObject
) -> None:
    written = entries.write(entry)
    place = data.draw(st.integers(0, len(written) - 1))
    changed = bytearray(written)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = entries.parse(bytes(changed))
    except AttestError:
        return
    assert found != entry
    assert entries.write(found) == bytes(changed)


@pytest.mark.parametrize("entry", [START, ROW])
def test_a_line_cut_short_or_with_anything_behind_it_is_refused(entry: Entry) -> None:
    written = entries.write(entry)
    for end in range(len(written)):
        with pytest.raises(AttestError):
            entries.parse(written[:end])
    for more in (b"\n", b" ", b"x", written):
        assert fault(entries.parse, written + more) is Fault.ENTRY_SHAPE


def test_a_batch_without_its_whole_line_or_its_header_is_refused() -> None:
    written = entries.write(BATCH)
    for end in range(written.index(b"\n") + 2):
        with pytest.raises(AttestError):
            entries.parse(written[:end])
    assert entries.parse(written[:-1]) == replace(BATCH, header=BATCH.header[:-1])


SIGNATURE = "A" * 86 + "=="
HEX = "ab" * 32


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("wardwatch/2 row 1 2 3 a.b " + HEX, Fault.ENTRY_SHAPE),
        ("wardwatch/1 note 1 2 3", Fault.ENTRY_SHAPE),
        ("wardwatch/1  row 1 2 3 a.b " + HEX, Fault.ENTRY_SHAPE),
        ("wardwatch/1 row 1 2 3 a.b " + HEX + " ", Fault.ENTRY_SHAPE),
        ("wardwatch/1 row 1 2 3 a.b", Fault.ENTRY_SHAPE),
        ("wardwatch/1 row 01 2 3 a.b " + HEX, Fault.ENTRY_NUMBER),
        ("wardwatch/1 row 1 -2 3 a.b " + HEX, Fault.ENTRY_NUMBER),
        ("wardwatch/1 row 1 2 +3 a.b " + HEX, Fault.ENTRY_NUMBER),
        (f"wardwatch/1 row {1 << 63} 2 3 a.b {HEX}", Fault.ENTRY_NUMBER),
        ("wardwatch/1 row 1 2 3 A.b " + HEX, Fault.ENTRY_NAME),
        ("wardwatch/1 row 1 2 3 ab " + HEX, Fault.ENTRY_NAME),
        ("wardwatch/1 row 1 2 3 a.b " + HEX.upper(), Fault.ENTRY_COMMITMENT),
        ("wardwatch/1 row 1 2 3 a.b " + HEX[:-1], Fault.ENTRY_COMMITMENT),
        ("wardwatch/1 row 1 2 3 a.b " + HEX + "00", Fault.ENTRY_COMMITMENT),
        ("wardwatch/1 log a-b 1 -\r", Fault.ENTRY_NAME),
        ("wardwatch/1 log A 1 -", Fault.ENTRY_NAME),
        ("wardwatch/1 log a 1 x", Fault.ENTRY_NAME),
        ("wardwatch/1 log a 1 x@1@" + "A" * 44, Fault.ENTRY_NAME),
        ("wardwatch/1 log a 1 x+y@1@" + "A" * 43 + "=", Fault.ENTRY_NAME),
        ("wardwatch/1 log a 1 x@01@" + "A" * 43 + "=", Fault.ENTRY_NUMBER),
        ("wardwatch/1 log a 1 x@1@" + "A" * 42 + "B=", Fault.ENTRY_NAME),
        ("wardwatch/1 batch 1 2 " + SIGNATURE, Fault.ENTRY_SHAPE),
        ("wardwatch/1 batch 1 2 " + SIGNATURE[:-1] + "\nx", Fault.ENTRY_SIGNATURE),
        ("wardwatch/1 batch 1 2 " + "A" * 85 + "B==\nx", Fault.ENTRY_SIGNATURE),
        ("wardwatch/1 batch 1 2 AAAA\nx", Fault.ENTRY_SIGNATURE),
        ("wardwatch/1 tombstone 1 02 " + SIGNATURE + "\nx", Fault.ENTRY_NUMBER),
        ("wardwatch/1 b\u00e4tch 1 2 " + SIGNATURE + "\nx", Fault.ENTRY_SHAPE),
    ],
)
def test_another_spelling_is_refused_by_name(line: str, expected: Fault) -> None:
    assert fault(entries.parse, line.encode() + b"\n") is expected


def test_an_entry_has_at_most_65535_bytes() -> None:
    room = 65_535 - len(entries.write(replace(BATCH, header=b"x"))) + 1
    longest = replace(BATCH, header=b"x" * room)
    assert len(entries.write(longest)) == 65_535
    longer = replace(BATCH, header=b"x" * (room + 1))
    assert fault(entries.write, longer) is Fault.ENTRY_TOO_LARGE


@pytest.mark.parametrize(
    "entry",
    [
        replace(START, org="a b"),
        replace(START, org="\u00e9"),
        replace(START, started_at=-1),
        replace(START, previous=Previous("a b", 1, bytes(32))),
        replace(START, previous=Previous("a", 1, bytes(31))),
        replace(ROW, id=1 << 63),
        replace(ROW, kind="a b"),
        replace(ROW, commitment=bytes(33)),
        replace(BATCH, signature=bytes(63)),
        replace(BATCH, header=b""),
    ],
)
def test_what_could_not_be_read_again_is_not_written(entry: Entry) -> None:
    with pytest.raises(AttestError):
        entries.write(entry)


def test_state_rows_are_of_kinds_that_are_written() -> None:
    assert {k for k in entries.STATE_KINDS if not k.startswith("log.")} <= KINDS.keys()
    assert {k for k in KINDS if k.split(".")[0] in ("window", "correction", "log")} <= (
        entries.STATE_KINDS
    )
