"""Disclosed rows: each leads to its entry in the log, in one spelling."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.attest import commitments
from collector.attest.entries import RowEntry
from collector.bundle import rowsfile
from collector.bundle.faults import BundleError, BundleFault
from collector.bundle.rowsfile import ShownRow
from collector.facts import Row
from tests.unit.bundle.refusing import fault, refused

SECRET = b"the log's own secret, 32 bytes. "
ROW = Row(7, "window.approved", 1_800_000_000_000, 1_800_000_000_001, "jo", b'{"id":"w"}')
VERSION = Row(8, "config.version", 1_800_000_000_002, 1_800_000_000_002, "system", b"{}")
PARTS = {"ehr": b'{"part":"of ehr"}', "lab": b'{"part":"of lab"}'}
ENTRY = RowEntry(7, ROW.recorded_at, 5, ROW.kind, commitments.commit(SECRET, ROW, {}))
ENTRY_OF_VERSION = RowEntry(
    8, VERSION.recorded_at, 6, VERSION.kind, commitments.commit(SECRET, VERSION, PARTS)
)
LINE = rowsfile.write_row(20, 5, commitments.disclose_row(SECRET, ROW))
EHR = commitments.disclose_part(SECRET, VERSION, PARTS, "ehr")
LAB = commitments.disclose_part(SECRET, VERSION, PARTS, "lab")
LINE_OF_VERSION = rowsfile.write_version(21, ENTRY_OF_VERSION, [EHR])


def read(data: bytes) -> list[ShownRow]:
    return list(rowsfile.read_rows(io.BytesIO(data)))


def test_a_row_is_a_line_that_leads_to_its_entry() -> None:
    assert json.loads(LINE) == {
        "index": 20,
        "record": commitments.record(ROW).decode(),
        "salt": commitments.salt(SECRET, 7).hex(),
        "state": 5,
    }
    assert read(LINE) == [ShownRow(20, ENTRY, ROW, {})]


def test_a_version_is_a_line_with_the_parts_of_disclosed_systems() -> None:
    told = json.loads(LINE_OF_VERSION)
    assert {name: told[name] for name in ("commitment", "id", "index", "recorded_at", "state")} == {
        "commitment": ENTRY_OF_VERSION.commitment.hex(),
        "id": 8,
        "index": 21,
        "recorded_at": 1_800_000_000_002,
        "state": 6,
    }
    assert told["parts"] == [
        {
            "bytes": '{"part":"of ehr"}',
            "name": "ehr",
            "of": 3,
            "path": [item.hex() for item in EHR.path],
            "place": 1,
            "tag": EHR.tag.hex(),
        }
    ]
    assert read(LINE + LINE_OF_VERSION)[1] == ShownRow(21, ENTRY_OF_VERSION, None, {"ehr": EHR})
    both = rowsfile.write_version(21, ENTRY_OF_VERSION, [EHR, LAB])
    assert read(both)[0].parts == {"ehr": EHR, "lab": LAB}
    none = rowsfile.write_version(21, ENTRY_OF_VERSION, [])
    assert read(none) == [ShownRow(21, ENTRY_OF_VERSION, None, {})]


def test_another_salt_or_record_leads_to_another_entry() -> None:
    told = json.loads(LINE)
    other = {**told, "salt": "00" * 16}
    (found,) = read(line(other))
    assert found.entry.commitment != ENTRY.commitment


def line(told: dict[str, Any]) -> bytes:
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def with_(told: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    found = json.loads(told)
    change(found)
    return line(found)


@pytest.mark.parametrize(
    "data",
    [
        b"\n",
        b"{}\n",
        LINE[:-1],
        LINE.replace(b":20", b": 20"),
        with_(LINE, lambda d: d.pop("state")),
        with_(LINE, lambda d: d.update(more=1)),
        with_(LINE, lambda d: d.update(index=-1)),
        with_(LINE, lambda d: d.update(index=True)),
        with_(LINE, lambda d: d.update(salt="00")),
        with_(LINE, lambda d: d.update(salt=d["salt"].upper())),
        with_(LINE, lambda d: d.update(record="{}")),
        with_(LINE, lambda d: d.update(record=commitments.record(VERSION).decode())),
        with_(LINE_OF_VERSION, lambda d: d.pop("id")),
        with_(LINE_OF_VERSION, lambda d: d.update(parts={})),
        with_(LINE_OF_VERSION, lambda d: d.update(parts=[1])),
        with_(LINE_OF_VERSION, lambda d: d.update(commitment="00")),
        with_(LINE_OF_VERSION, lambda d: d["parts"].append(d["parts"][0])),
        with_(LINE_OF_VERSION, lambda d: d["parts"][0].pop("tag")),
        with_(LINE_OF_VERSION, lambda d: d["parts"][0].update(tag="00")),
        with_(LINE_OF_VERSION, lambda d: d["parts"][0].update(name="*")),
        with_(LINE_OF_VERSION, lambda d: d["parts"][0].update(path=["00"])),
        with_(LINE_OF_VERSION, lambda d: d["parts"][0].update(place="1")),
    ],
)
def test_a_line_that_is_no_row_is_refused(data: bytes) -> None:
    error = refused(read, data)
    assert (error.code, error.place) == (BundleFault.ROWS_LINE, "rows.jsonl:1")


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(commitment="00" * 32),
        lambda d: d["parts"][0].update(bytes="{}"),
        lambda d: d["parts"][0].update(place=0),
        lambda d: d["parts"][0].update(of=2),
        lambda d: d["parts"][0]["path"].pop(),
    ],
)
def test_a_part_that_does_not_lead_to_the_commitment_is_refused(
    change: Callable[[dict[str, Any]], object],
) -> None:
    error = refused(read, LINE + with_(LINE_OF_VERSION, change))
    assert (error.code, error.place) == (BundleFault.ROWS_PART, "rows.jsonl:2")


def test_rows_come_in_the_order_of_the_log_and_once() -> None:
    assert fault(read, LINE_OF_VERSION + LINE) is BundleFault.ROWS_ORDER
    assert fault(read, LINE + LINE) is BundleFault.ROWS_ORDER


@given(st.binary(max_size=100))
def test_any_bytes_are_rows_or_refused(data: bytes) -> None:
    try:
        found = read(data)
    except BundleError:
        return
    assert found == []
    assert data == b""
