"""Rows of the journal that the bundle shows, and what the log says of each: its commitment.

A row's commitment is an HMAC under a salt of its own. That of a version of the operator's file is the
root of a small tree, a leaf for each system: so the part of one system is shown without the others.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, NamedTuple

from collector.verifyscript.entries import row_line
from collector.verifyscript.failing import Failure
from collector.verifyscript.spelling import canonical_in, hex_in
from collector.verifyscript.tree import leaf_hash, root_by_path

_RECORD = {"actor", "at", "data", "id", "kind", "recorded_at"}
_SHOWN = {"index", "record", "salt", "state"}
_VERSION = {"commitment", "id", "index", "parts", "recorded_at", "state"}
_PART = {"bytes", "name", "of", "path", "place", "tag"}


class Shown(NamedTuple):
    """A row as the bundle shows it, true to the log once `line` is found there at `place`.

    `data` is what it says. Of a version `parts` holds what it says of each system shown, and `of`
    counts its parts: one for each system it has, and one besides.
    """

    place: int
    state: int
    id: int
    kind: str
    recorded_at: int
    at: int
    actor: str
    data: Any
    parts: dict[str, Any]
    of: set[int]
    commitment: bytes
    line: bytes


def shown_in(data: bytes, where: str) -> Shown:
    """A line of `rows.jsonl`; Failure `rows.malformed`."""
    try:
        found = canonical_in(data)
    except ValueError:
        raise Failure("rows.malformed", where) from None
    if not isinstance(found, dict) or not _are_counts(found.get("index"), found.get("state")):
        raise Failure("rows.malformed", where)
    if set(found) == _SHOWN:
        return _row(found, where)
    if set(found) == _VERSION:
        return _version(found, where)
    raise Failure("rows.malformed", where)


def _row(found: dict[str, Any], where: str) -> Shown:
    salt = hex_in(found["salt"], 16)
    if salt is None or not isinstance(found["record"], str):
        raise Failure("rows.malformed", where)
    record = found["record"].encode()
    try:
        row = canonical_in(record)
        if set(row) != _RECORD or not _are_counts(row["id"], row["at"], row["recorded_at"]):
            raise ValueError("no record")
        if not all(isinstance(row[name], str) for name in ("actor", "data", "kind")):
            raise ValueError("no record")
        data = json.loads(row["data"])
    except (ValueError, TypeError, RecursionError):
        raise Failure("rows.malformed", where) from None
    if row["kind"] == "config.version":
        raise Failure("rows.malformed", where)
    commitment = hmac.new(salt, record, hashlib.sha256).digest()
    return Shown(
        found["index"],
        found["state"],
        row["id"],
        row["kind"],
        row["recorded_at"],
        row["at"],
        row["actor"],
        data,
        {},
        set(),
        commitment,
        row_line(row["id"], row["recorded_at"], found["state"], row["kind"], commitment),
    )


def _version(found: dict[str, Any], where: str) -> Shown:
    parts: dict[str, Any] = {}
    commitment = hex_in(found["commitment"], 32)
    if not isinstance(found["parts"], list) or not _are_counts(found["id"], found["recorded_at"]):
        raise Failure("rows.malformed", where)
    if commitment is None:
        raise Failure("rows.malformed", where)
    for part in found["parts"]:
        try:
            name, content = part["name"], part["bytes"].encode()
            tag, path = hex_in(part["tag"], 32), [hex_in(one, 32) for one in part["path"]]
            siblings = [one for one in path if one is not None]
            right = set(part) == _PART and _are_counts(part["place"], part["of"])
            if tag is None or len(siblings) != len(path) or not right or name in ("*", *parts):
                raise ValueError("no part")
        except (ValueError, TypeError, KeyError, AttributeError):
            raise Failure("rows.malformed", where) from None
        root = root_by_path(leaf_hash(tag + content), part["place"], part["of"], siblings)
        try:
            parts[name] = canonical_in(content)
        except ValueError:
            root = None
        if root != commitment:
            raise Failure("rows.config", where)
    line = row_line(found["id"], found["recorded_at"], found["state"], "config.version", commitment)
    return Shown(
        found["index"],
        found["state"],
        found["id"],
        "config.version",
        found["recorded_at"],
        found["recorded_at"],
        "",
        None,
        parts,
        {part["of"] for part in found["parts"]},
        commitment,
        line,
    )


def _are_counts(*values: Any) -> bool:
    return all(type(value) is int and value >= 0 for value in values)
