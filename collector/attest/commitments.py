"""What a log says of a row without telling it: a commitment, which only the salt opens.

Rows are guessed easily, so each has a salt of its own, made of a secret that never leaves the store.
A version of the operator's file is committed in parts, one for each system: whoever is shown the
part of one system learns nothing of the others, not even their names.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

from collector.attest import strictjson
from collector.attest.entries import RowEntry
from collector.attest.faults import AttestError, Fault
from collector.attest.strictjson import JsonError
from collector.facts import CONFIG, Row, canonical
from probes.wire import merkle

SECRET_BYTES = 32
SALT_BYTES = 16
WHOLE = "*"
"""Name of the part that is the row itself; it comes before every id."""
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_FIELDS = frozenset({"actor", "at", "data", "id", "kind", "recorded_at"})


@dataclass(frozen=True, slots=True)
class OpenRow:
    """A row as it is disclosed: its record, and the salt that leads to its commitment."""

    salt: bytes
    record: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a version, at `place` of `of`; `tag` stands for its name under the salt, which is
    not disclosed with it.
    """

    name: str
    tag: bytes
    data: bytes
    place: int
    of: int
    path: tuple[bytes, ...]


def salt(secret: bytes, row_id: int) -> bytes:
    """16 bytes. ValueError for what is no secret of a log."""
    if len(secret) != SECRET_BYTES:
        raise ValueError("a log's secret has 32 bytes")
    return hmac.digest(secret, b"row %d" % row_id, "sha256")[:SALT_BYTES]


def record(row: Row) -> bytes:
    """The row in canonical JSON, its data as text."""
    return canonical(
        {
            "actor": row.actor,
            "at": row.at,
            "data": row.data.decode(),
            "id": row.id,
            "kind": row.kind,
            "recorded_at": row.recorded_at,
        }
    )


def row_of(data: bytes) -> Row:
    """The row of a record; AttestError for anything that `record` would not have written so."""
    try:
        found = strictjson.read(data)
    except JsonError:
        raise AttestError(Fault.COMMITMENT_RECORD) from None
    if not isinstance(found, dict) or found.keys() != _FIELDS:
        raise AttestError(Fault.COMMITMENT_RECORD)
    actor, text, kind = found["actor"], found["data"], found["kind"]
    if not isinstance(actor, str) or not isinstance(text, str) or not isinstance(kind, str):
        raise AttestError(Fault.COMMITMENT_RECORD)
    row = Row(
        _count(found["id"]),
        kind,
        _count(found["at"]),
        _count(found["recorded_at"]),
        actor,
        text.encode(),
    )
    if record(row) != data:
        raise AttestError(Fault.COMMITMENT_RECORD)
    return row


def commit(secret: bytes, row: Row, projections: Mapping[str, bytes]) -> bytes:
    """32 bytes. `projections`: each system's part of a version (`projection.py`), else empty."""
    own = salt(secret, row.id)
    if row.kind != CONFIG:
        return hmac.digest(own, record(row), "sha256")
    return merkle.root(list(_leaves(own, row, projections).values()))


def disclose_row(secret: bytes, row: Row) -> OpenRow:
    """ValueError for a version: its parts are disclosed one by one."""
    if row.kind == CONFIG:
        raise ValueError("a version is disclosed in parts")
    return OpenRow(salt(secret, row.id), record(row))


def disclose_part(secret: bytes, row: Row, projections: Mapping[str, bytes], name: str) -> Part:
    """KeyError for a name that the version has not."""
    leaves = _leaves(salt(secret, row.id), row, projections)
    place = [*leaves].index(name) if name in leaves else None
    if place is None:
        raise KeyError(name)
    leaf = leaves[name]
    return Part(
        name,
        leaf[: merkle.HASH_BYTES],
        leaf[merkle.HASH_BYTES :],
        place,
        len(leaves),
        merkle.audit_path(list(leaves.values()), place),
    )


def commitment_of(shown: OpenRow) -> bytes:
    """What the log must say of a row that is shown so."""
    return hmac.digest(shown.salt, shown.record, "sha256")


def opened(entry: RowEntry, shown: OpenRow) -> Row:
    """The row that the entry commits to; AttestError for any other."""
    if entry.kind == CONFIG or len(shown.salt) != SALT_BYTES:
        raise AttestError(Fault.COMMITMENT_ROW)
    if commitment_of(shown) != entry.commitment:
        raise AttestError(Fault.COMMITMENT_ROW)
    row = row_of(shown.record)
    if (row.id, row.recorded_at, row.kind) != (entry.id, entry.recorded_at, entry.kind):
        raise AttestError(Fault.COMMITMENT_ENTRY)
    return row


def check_part(entry: RowEntry, part: Part) -> None:
    """AttestError unless the entry is of a version that has this part at this place.

    That it is the part of the system it is called by, only its content shows.
    """
    leaf = part.tag + part.data
    root = merkle.root_from_path(leaf, part.place, part.of, part.path)
    if entry.kind != CONFIG or len(part.tag) != merkle.HASH_BYTES or root != entry.commitment:
        raise AttestError(Fault.COMMITMENT_PART)


def _leaves(own: bytes, row: Row, projections: Mapping[str, bytes]) -> dict[str, bytes]:
    if not all(map(_ID.fullmatch, projections)):
        raise ValueError("a part is called by the id of its system")
    parts = {WHOLE: record(row), **{name: projections[name] for name in sorted(projections)}}
    return {name: hmac.digest(own, name.encode(), "sha256") + parts[name] for name in parts}


def _count(value: strictjson.Value) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise AttestError(Fault.COMMITMENT_RECORD)
    return value
