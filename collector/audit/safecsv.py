"""Lines of CSV (RFC 4180) that no spreadsheet takes for formulas. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from probes.times import rfc3339

Cell = str | int | bool | None
"""None is an empty cell."""

TRIGGERS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - spreadsheets read the wide forms, too
"""What a formula begins with."""
_APOSTROPHE = "'"


def line(cells: Iterable[Cell]) -> bytes:
    """One record in UTF-8, with its CRLF; every cell stands in quotes."""
    return (",".join(_quoted(_text(cell)) for cell in cells) + "\r\n").encode()


def safe(text: str) -> str:
    """An apostrophe before what begins as a formula does, or with an apostrophe: whoever takes one
    off again has the text as it was.
    """
    return _APOSTROPHE + text if text.startswith((*TRIGGERS, _APOSTROPHE)) else text


def when(at: int | None) -> str | None:
    return None if at is None else rfc3339(at)


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return str(cell) if isinstance(cell, int) else safe(cell)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
