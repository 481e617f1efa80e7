"""Tables of commands: rich on a terminal, aligned plain text in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text


def aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Lines with the columns under each other, without blanks at their ends."""
    widths = [max(len(row[n]) for row in table) for n in range(len(table[0]))]
    return [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in table
    ]


def minute(instant: str | None) -> str:
    """Of an RFC 3339 instant in UTC; `-` where there is none."""
    return "-" if instant is None else f"{instant[:10]} {instant[11:16]}"


def write(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """To standard output; the title alone where there are no rows."""
    if sys.stdout.isatty():
        on_terminal(Console(), title, columns, rows)
        return
    lines = [title, *(aligned([columns, *rows]) if rows else [])]
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def on_terminal(
    console: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """A table, or where it is wider than the terminal each row as lines of `COLUMN value`: no
    digest, id or time is cut off or broken.
    """
    console.print(Text(title))
    if not rows:
        return
    if max(map(len, aligned([columns, *rows]))) > console.width:
        for row in rows:
            for line in _packed(columns, row, console.width):
                console.print(Text(line))
        return
    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def _packed(columns: Sequence[str], row: Sequence[str], width: int) -> list[str]:
    """As many pairs on a line as fit; what follows the first line is indented."""
    out: list[str] = []
    for name, cell in zip(columns, row, strict=True):
        if not cell:
            continue
        pair = f"{name} {cell}"
        if out and len(out[-1]) + 3 + len(pair) <= width:
            out[-1] += f"   {pair}"
        else:
            out.append(f"  {pair}" if out else pair)
    return out
