"""`make bench`: our figures beside named peers', in one run.

Prints a table and writes `build/bench.json`. `python -m tests.bench.run http tls` runs some.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.machine import MEASURED, OTHER, fsync_us
from tests.bench.row import Row

GROUPS = {
    "micro": "parsing, judging and folding beside libraries and floors",
    "http": "HTTP probe to stored verdict, beside blackbox_exporter and Prometheus",
    "tls": "the same over new TLS, beside openssl s_time and a bare asyncio client",
    "memory": "agent and collector with 2 000 HTTP checks",
    "overload": "twice the agent's measured capacity",
    "scheduler": "10 000 checks, beside loop.call_at",
    "ingest": "T1 + T2 on one core, durable",
    "disk": "bytes a result after a simulated day",
    "mllp": "MLLP round trip, beside bare asyncio and hl7.mllp",
    "month": "month to date of 500 systems, beside PromQL",
    "verify": "an attestation of a month of 26.8 million results",
}
"""A group is a module of this folder with `rows()`."""
WIDTH = 180
"""Of the table in a pipe or a file."""


def main(words: Sequence[str]) -> int:
    unknown = [word for word in words if word not in GROUPS]
    if unknown:
        sys.stderr.write(f"No such rows: {', '.join(unknown)}. There are:\n")
        sys.stderr.writelines(f"  {name:<10} {meaning}\n" for name, meaning in GROUPS.items())
        return 2
    with tempfile.TemporaryDirectory() as folder:
        flush = fsync_us(Path(folder))
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    cores = f"measured on core {MEASURED}, targets and load on core {OTHER}"
    console.print(f"A flush of 4 KiB to disk takes {flush:,.0f} us; {cores}.")
    rows: list[Row] = []
    for name in words or GROUPS:
        begun = time.monotonic()
        module = importlib.import_module(f"tests.bench.{name}")
        rows += module.rows()
        sys.stderr.write(f"{name}: {time.monotonic() - begun:.0f} s\n")
    console.print(table(rows))
    for row in rows:
        if row.more:
            said = ", ".join(f"{key} {value}" for key, value in row.more.items())
            console.print(f"{row.name}: {said}")
    write(rows, flush, Path("build"))
    return 0 if all(row.met for row in rows) else 1


def table(rows: Sequence[Row]) -> Table:
    found = Table("what", "ours", "beside", "peer", "unit", "ratio", "goal", "met")
    for row in rows:
        found.add_row(*row.cells())
    return found


def write(rows: Sequence[Row], flush_us: float, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    documents = [row.document() | {"fsync_us": round(flush_us)} for row in rows]
    text = json.dumps(documents, indent=1) + "\n"
    (folder / "bench.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main([word for part in sys.argv[1:] for word in part.split(",") if word]))
