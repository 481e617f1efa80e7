"""Versions of the operator's file, and every field in which one differs from the one before. Pure.

Fields are named by JSON pointers (RFC 6901); of their values nothing is told.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from collector.audit.population import Cells, Population
from collector.audit.safecsv import when
from collector.journal import CONFIG, Row

VERSIONS = Population(
    "config_changes",
    "One row per version of the operator's file that was recorded in the range; SHA-256 and length "
    "are of its canonical text.",
    ("version", "recorded_at", "sha256", "length", "version_before", "fields_changed"),
    (CONFIG,),
)
FIELDS = Population(
    "config_fields",
    "One row per field in which a version that was recorded in the range differs from the version "
    "before it, without the values. Entries of a list that have an id are named by it.",
    ("change", "version", "recorded_at", "field", "was"),
    (CONFIG,),
)


class Changed(NamedTuple):
    """`was`: `added`, `removed` or `changed`."""

    field: str
    was: str


class Loaded(NamedTuple):
    """One version beside the one before it."""

    row: Row
    before: Row | None

    @property
    def changed(self) -> list[Changed]:
        earlier = {} if self.before is None else json.loads(self.before.data)
        return list(differences(earlier, json.loads(self.row.data)))


def version(one: Loaded) -> Cells:
    row = one.row
    return (
        str(row.id),
        when(row.recorded_at),
        hashlib.sha256(row.data).hexdigest(),
        len(row.data),
        None if one.before is None else one.before.id,
        len(one.changed),
    )


def fields(one: Loaded) -> Iterator[Cells]:
    row = one.row
    for changed in one.changed:
        yield (
            f"{row.id}:{changed.field}",
            row.id,
            when(row.recorded_at),
            changed.field,
            changed.was,
        )


def differences(before: Any, after: Any, pointer: str = "") -> Iterator[Changed]:
    """In the order of names; what is there on one side alone is told once, with all below it."""
    left, right = _named(before), _named(after)
    if left is None or right is None:
        if before != after:
            yield Changed(pointer, "changed")
        return
    for name in sorted({*left, *right}):
        below = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        if name not in left:
            yield Changed(below, "added")
        elif name not in right:
            yield Changed(below, "removed")
        else:
            yield from differences(left[name], right[name], below)


def _named(value: Any) -> Mapping[str, Any] | None:
    """A map, or a list whose entries all have ids of their own, also an empty one; else None."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and all(isinstance(v, dict) and "id" in v for v in value):
        found = {str(entry["id"]): entry for entry in value}
        return found if len(found) == len(value) else None
    return None
