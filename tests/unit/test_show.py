"""Tables of commands on terminals wide and narrow."""

from __future__ import annotations

import io

from rich.console import Console

from collector.show import on_terminal

COLUMNS = ("ID", "STATUS", "START", "DIGEST")
ROWS = [("upgrade", "proposed", "2026-12-02 02:00", "e58f2a9faa31")]


def shown(width: int) -> str:
    file = io.StringIO()
    on_terminal(Console(width=width, file=file, force_terminal=False), "Windows", COLUMNS, ROWS)
    return file.getvalue()


def test_a_table_that_fits_is_a_table() -> None:
    assert [line.rstrip() for line in shown(49).splitlines()] == [
        "Windows",
        "ID       STATUS    START             DIGEST",
        "upgrade  proposed  2026-12-02 02:00  e58f2a9faa31",
    ]


def test_on_a_narrow_terminal_no_value_is_cut_off_or_broken() -> None:
    assert shown(48).splitlines() == [
        "Windows",
        "ID upgrade   STATUS proposed",
        "  START 2026-12-02 02:00   DIGEST e58f2a9faa31",
    ]
