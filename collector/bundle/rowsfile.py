"""Rows of the journal as a bundle discloses them, each with what leads to its entry in the log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from collector.attest import commitments
from collector.attest.commitments import SALT_BYTES, OpenRow, Part
from collector.attest.entries import RowEntry
from collector.attest.faults import AttestError
from collector.attest.strictjson import Value
from collector.bundle import jsonlines
from collector.bundle.faults import BundleError, BundleFault
from collector.bundle.layout import ROWS
from collector.facts import CONFIG, Row
from probes.wire.merkle import HASH_BYTES


@dataclass(frozen=True, slots=True)
class ShownRow:
    """`entry` is what must stand at `index` of the log. Of a version `row` is None, and `parts` are
    those of disclosed systems, by id; of any other row there are none.
    """

    index: int
    entry: RowEntry
    row: Row | None
    parts: Mapping[str, Part]


def write_row(index: int, state: int, shown: OpenRow) -> bytes:
    """A line of any row but a version."""
    return jsonlines.line(
        {
            "index": index,
            "record": shown.record.decode(),
            "salt": shown.salt.hex(),
            "state": state,
        }
    )


def write_version(index: int, entry: RowEntry, parts: Sequence[Part]) -> bytes:
    """A line of a version; `parts` in order of their names, none where it has no disclosed system."""
    told: list[Value] = [
        {
            "bytes": part.data.decode(),
            "name": part.name,
            "of": part.of,
            "path": [item.hex() for item in part.path],
            "place": part.place,
            "tag": part.tag.hex(),
        }
        for part in parts
    ]
    return jsonlines.line(
        {
            "commitment": entry.commitment.hex(),
            "id": entry.id,
            "index": index,
            "parts": told,
            "recorded_at": entry.recorded_at,
            "state": entry.state,
        }
    )


def read_rows(file: BinaryIO) -> Iterator[ShownRow]:
    """In the order of the log, each leading to its entry; BundleError. Whether the entry stands in
    the log is another question.
    """
    before = -1
    for place, found in jsonlines.lines(file, BundleFault.ROWS_LINE, ROWS):
        shown = _version(found, place) if "parts" in found else _row(found, place)
        if shown.index <= before:
            raise BundleError(BundleFault.ROWS_ORDER, place)
        before = shown.index
        yield shown


_ROW_FIELDS = {"index", "record", "salt", "state"}
_VERSION_FIELDS = {"commitment", "id", "index", "parts", "recorded_at", "state"}
_PART_FIELDS = {"bytes", "name", "of", "path", "place", "tag"}


def _row(found: Mapping[str, Value], place: str) -> ShownRow:
    index, state = _counts(found, place, "index", "state")
    salt, record = (
        jsonlines.hexadecimal(found.get("salt"), SALT_BYTES),
        jsonlines.text(found.get("record")),
    )
    if found.keys() != _ROW_FIELDS or salt is None or record is None:
        raise BundleError(BundleFault.ROWS_LINE, place)
    try:
        row = commitments.row_of(record.encode())
    except AttestError:
        raise BundleError(BundleFault.ROWS_LINE, place) from None
    if row.kind == CONFIG:
        raise BundleError(BundleFault.ROWS_LINE, place)
    commitment = commitments.commitment_of(OpenRow(salt, record.encode()))
    return ShownRow(index, RowEntry(row.id, row.recorded_at, state, row.kind, commitment), row, {})


def _version(found: Mapping[str, Value], place: str) -> ShownRow:
    index, state, number, at = _counts(found, place, "index", "state", "id", "recorded_at")
    commitment, told = (
        jsonlines.hexadecimal(found.get("commitment"), HASH_BYTES),
        found.get("parts"),
    )
    if found.keys() != _VERSION_FIELDS or commitment is None or not isinstance(told, list):
        raise BundleError(BundleFault.ROWS_LINE, place)
    entry = RowEntry(number, at, state, CONFIG, commitment)
    parts = [_part(one, place) for one in told]
    names = [part.name for part in parts]
    if sorted(set(names)) != names:
        raise BundleError(BundleFault.ROWS_LINE, place)
    try:
        for part in parts:
            commitments.check_part(entry, part)
    except AttestError:
        raise BundleError(BundleFault.ROWS_PART, place) from None
    return ShownRow(index, entry, None, {part.name: part for part in parts})


def _part(value: Value, place: str) -> Part:
    if not isinstance(value, dict) or value.keys() != _PART_FIELDS:
        raise BundleError(BundleFault.ROWS_LINE, place)
    number, of = _counts(value, place, "place", "of")
    name, data = jsonlines.text(value["name"]), jsonlines.text(value["bytes"])
    tag, told = jsonlines.hexadecimal(value["tag"], HASH_BYTES), value["path"]
    if name is None or data is None or tag is None or not isinstance(told, list):
        raise BundleError(BundleFault.ROWS_LINE, place)
    path = [jsonlines.hexadecimal(item, HASH_BYTES) for item in told]
    known = tuple(item for item in path if item is not None)
    if len(known) != len(path) or name == commitments.WHOLE:
        raise BundleError(BundleFault.ROWS_LINE, place)
    return Part(name, tag, data.encode(), number, of, known)


def _counts(found: Mapping[str, Value], place: str, *names: str) -> list[int]:
    counts = [jsonlines.count(found.get(name)) for name in names]
    known = [one for one in counts if one is not None]
    if len(known) != len(names):
        raise BundleError(BundleFault.ROWS_LINE, place)
    return known
