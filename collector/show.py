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


def write(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """To standard output; the title alone where there are no rows."""
    if not sys.stdout.isatty():
        lines = [title, *(aligned([columns, *rows]) if rows else [])]
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        return
    console = Console()
    console.print(Text(title))
    if rows:
        table = Table(box=None, pad_edge=False)
        for name in columns:
            table.add_column(name)
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        console.print(table)
