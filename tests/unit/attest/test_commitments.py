"""Commitments: what opens them, and what says nothing without the salt."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.attest import commitments
from collector.attest.commitments import OpenRow
from collector.attest.entries import RowEntry
from collector.attest.faults import AttestError, Fault
from collector.facts import Row
from tests.unit.attest import naive
from tests.unit.attest.refusing import fault

SECRET = b"the log's own secret, 32 bytes. "
ROW = Row(7, "window.approved", 1_800_000_000_000, 1_800_000_000_001, "jo", b'{"id":"w"}')
CONFIG = replace(ROW, id=8, kind="config.version", data=b'{"all":"of it"}')
PARTS = {"ehr": b"part of ehr", "lab": b"part of lab", "a": b"part of a"}
RECORD = (
    b'{"actor":"jo","at":1800000000000,"data":"{\\"id\\":\\"w\\"}","id":7,'
    b'"kind":"window.approved","recorded_at":1800000000001}'
)


def mac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


def entry(row: Row, parts: dict[str, bytes] | None = None) -> RowEntry:
    made = commitments.commit(SECRET, row, parts or {})
    return RowEntry(row.id, row.recorded_at, 3, row.kind, made)


def test_a_row_is_committed_by_its_record_under_a_salt_of_its_own() -> None:
    own = mac(SECRET, b"row 7")[:16]
    assert commitments.salt(SECRET, 7) == own
    assert commitments.record(ROW) == RECORD
    assert commitments.commit(SECRET, ROW, {}) == mac(own, RECORD)
    assert commitments.disclose_row(SECRET, ROW) == OpenRow(own, RECORD)
    assert commitments.opened(entry(ROW), OpenRow(own, RECORD)) == ROW


def test_a_version_is_committed_by_parts_in_the_order_of_their_names() -> None:
    own = mac(SECRET, b"row 8")[:16]
    record = commitments.record(CONFIG)
    leaves = [
        mac(own, b"*") + record,
        *(mac(own, name.encode()) + PARTS[name] for name in ("a", "ehr", "lab")),
    ]
    assert commitments.commit(SECRET, CONFIG, PARTS) == naive.mth(leaves)
    shown = commitments.disclose_part(SECRET, CONFIG, PARTS, "ehr")
    assert (shown.tag, shown.data, shown.place, shown.of) == (
        mac(own, b"ehr"),
        b"part of ehr",
        2,
        4,
    )
    assert list(shown.path) == naive.path(2, leaves)
    commitments.check_part(entry(CONFIG, PARTS), shown)


@given(
    st.binary(min_size=32, max_size=32),
    st.builds(
        Row,
        st.integers(1, 2**53 - 1),
        st.sampled_from(["a.b", "config.version"]),
        st.integers(0, 2**53 - 1),
        st.integers(0, 2**53 - 1),
        st.text(max_size=9),
        st.text(max_size=50).map(str.encode),
    ),
    st.dictionaries(st.sampled_from(["a", "b-1", "c", "9"]), st.binary(max_size=40)),
)
def test_what_is_disclosed_opens_its_commitment(
    secret: bytes, row: Row, parts: dict[str, bytes]
) -> None:
    assert commitments.row_of(commitments.record(row)) == row
    made = RowEntry(row.id, row.recorded_at, 0, row.kind, commitments.commit(secret, row, parts))
    if row.kind != "config.version":
        assert commitments.opened(made, commitments.disclose_row(secret, row)) == row
        return
    for name in ("*", *parts):
        commitments.check_part(made, commitments.disclose_part(secret, row, parts, name))


def test_another_record_salt_or_entry_opens_nothing() -> None:
    right, shown = entry(ROW), commitments.disclose_row(SECRET, ROW)
    for changed in (
        replace(shown, salt=bytes(16)),
        replace(shown, salt=shown.salt[:15]),
        replace(shown, record=shown.record.replace(b'"jo"', b'"al"')),
    ):
        assert fault(commitments.opened, right, changed) is Fault.COMMITMENT_ROW
    for claimed in (
        replace(right, id=9),
        replace(right, recorded_at=1),
        replace(right, kind="window.cancelled"),
    ):
        assert fault(commitments.opened, claimed, shown) is Fault.COMMITMENT_ENTRY
    other = replace(right, commitment=bytes(32))
    assert fault(commitments.opened, other, shown) is Fault.COMMITMENT_ROW
    version = replace(right, kind="config.version")
    assert fault(commitments.opened, version, shown) is Fault.COMMITMENT_ROW


def test_a_record_that_is_spelled_another_way_opens_nothing() -> None:
    own = commitments.salt(SECRET, 7)
    for data in (
        RECORD + b" ",
        RECORD.replace(b":", b": ", 1),
        RECORD.replace(b'"id":7', b'"id":true'),
        RECORD.replace(b'"id":7', b'"id":-7'),
        RECORD.replace(b'"id":7', b'"id":"7"'),
        RECORD.replace(b'"jo"', b"null"),
        RECORD.replace(b'"jo"', b'"\\u006ao"'),
        RECORD.replace(b"}", b',"more":1}'),
        b"[]",
        b"\xff",
        b"",
    ):
        made = replace(entry(ROW), commitment=mac(own, data))
        assert fault(commitments.opened, made, OpenRow(own, data)) is Fault.COMMITMENT_RECORD


def test_a_part_that_is_changed_or_stands_elsewhere_is_refused() -> None:
    right = entry(CONFIG, PARTS)
    shown = commitments.disclose_part(SECRET, CONFIG, PARTS, "ehr")
    for changed in (
        replace(shown, data=b"part of ehr."),
        replace(shown, tag=bytes(32)),
        replace(shown, place=1),
        replace(shown, place=4),
        replace(shown, of=3),
        replace(shown, of=0),
        replace(shown, path=shown.path[:-1]),
        replace(shown, path=(*shown.path, bytes(32))),
        # the border between tag and content is no matter of taste
        replace(shown, tag=shown.tag + shown.data[:1], data=shown.data[1:]),
    ):
        assert fault(commitments.check_part, right, changed) is Fault.COMMITMENT_PART
    other = replace(right, kind="window.approved")
    assert fault(commitments.check_part, other, shown) is Fault.COMMITMENT_PART


def test_one_part_says_nothing_of_the_others_but_how_many_there_are() -> None:
    shown = commitments.disclose_part(SECRET, CONFIG, PARTS, "ehr")
    told = b"".join((shown.tag, shown.data, *shown.path))
    own = commitments.salt(SECRET, CONFIG.id)
    assert own not in told
    for name in ("a", "lab", "*"):
        assert mac(own, name.encode()) not in told


def test_a_version_is_never_disclosed_whole_and_no_part_is_made_up() -> None:
    with pytest.raises(ValueError, match="in parts"):
        commitments.disclose_row(SECRET, CONFIG)
    with pytest.raises(KeyError):
        commitments.disclose_part(SECRET, CONFIG, PARTS, "billing")
    with pytest.raises(ValueError, match="id of its system"):
        commitments.commit(SECRET, CONFIG, {"*": b"another whole"})
    with pytest.raises(ValueError, match="32 bytes"):
        commitments.commit(b"short", ROW, {})


@given(st.binary(max_size=200))
def test_any_bytes_are_a_record_in_its_one_spelling_or_refused(data: bytes) -> None:
    try:
        row = commitments.row_of(data)
    except AttestError:
        return
    assert commitments.record(row) == data
