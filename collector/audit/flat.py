"""A row's data as names and texts, for formats that have no maps. Pure."""

from __future__ import annotations

import json
from typing import Any

from collector.journal import CONFIG, Row

_BEGINS_JSON = tuple('"{[')


def told(row: Row) -> bytes | None:
    """The canonical bytes; None for a config, which holds addresses and references to secrets that
    an auditor need not know: its hash stands for it.
    """
    return None if row.kind == CONFIG else row.data


def pairs(row: Row) -> list[tuple[str, str]]:
    """Each field of the data at the top, in their order; none where it is not told."""
    data = told(row)
    if data is None:
        return []
    return [(name, text(value)) for name, value in json.loads(data).items()]


def text(value: Any) -> str:
    """Printable, never empty: text as it is, all else as JSON in ASCII. What begins as JSON of text,
    a map or a list is JSON, so the way back is one.
    """
    is_plain = isinstance(value, str) and value.isprintable() and not value.startswith(_BEGINS_JSON)
    if is_plain and value:
        return str(value)
    return json.dumps(value, separators=(",", ":"), sort_keys=True)
