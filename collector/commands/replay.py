"""`wardwatch replay`: recompute states, availability and incidents from a file of results."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from collector.replay import Input, ReplayErrors, instant, read_results, replay
from probes.configfile import ConfigErrors, load
from probes.history import History, Version
from probes.times import parse_datetime

EXAMPLES = """\
Examples:
  wardwatch replay --config wardwatch.yaml --results results.jsonl \\
      --from 2026-07-01T05:00:00Z --to 2026-08-01T05:00:00Z
  wardwatch replay --config old.yaml@2026-01-01T00:00:00Z --config new.yaml@2026-07-10T12:00:00Z \\
      --results results.jsonl --from 2026-07-01T05:00:00Z --to 2026-08-01T05:00:00Z --json

One result a line: {"check":"ehr-read","agent":"north-1","at":"2026-07-01T00:00:00.000Z",
"outcome":"down","reason":"tcp.refused","duration_ms":12}, optional "received".

Exit codes: 0 computed, 2 bad input (every problem is listed, nothing is computed).
"""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "replay",
        help="recompute availability and incidents from a file of results",
        description="Recompute states, availability and incidents from a file of results.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--config",
        action="append",
        required=True,
        metavar="FILE[@INSTANT]",
        help="the operator's file; with an instant, in force from then on; may be repeated",
    )
    parser.add_argument("--results", required=True, metavar="FILE", help="results, JSON lines")
    parser.add_argument("--from", dest="start", required=True, metavar="T", help="period start")
    parser.add_argument("--to", dest="end", required=True, metavar="T", help="period end")
    parser.add_argument("--now", metavar="T", help="edge of knowledge (default: --to)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    problems: list[str] = []
    history = _history(args.config, problems)
    given: Input | None = None
    times: dict[str, int] = {}
    for name, text in (("--from", args.start), ("--to", args.end), ("--now", args.now)):
        if text is not None:
            _instant(name, text, history, times, problems)
    if history is not None:
        if times.get("--from", 0) >= times.get("--to", 1 << 60):
            problems.append("--to: must be later than --from")
        try:
            given = read_results(Path(args.results), history)
        except ReplayErrors as found:
            problems.extend(found.problems)
    if problems or history is None or given is None:
        sys.stderr.write("\n".join(problems) + "\nNothing was computed.\n")
        return 2
    now = times.get("--now", times["--to"])
    document = replay(history, given, times["--from"], times["--to"], now)
    if args.json:
        sys.stdout.write(json.dumps(document, sort_keys=True) + "\n")
    else:
        _show(document)
    return 0


def _history(files: list[str], problems: list[str]) -> History | None:
    versions: list[Version] = []
    for item in files:
        path, at = item, None
        if "@" in item and not Path(item).exists():
            path, _, at = item.rpartition("@")
        try:
            config = load(path, kinds=False)
        except ConfigErrors as found:
            problems.append(str(found))
            continue
        if at is None:
            if len(files) > 1:
                problems.append(f"--config {item}: with several files each needs @INSTANT")
            versions.append(Version(None, config))
            continue
        try:
            versions.append(Version(instant(parse_datetime(at), config), config))
        except ValueError as problem:
            problems.append(f"--config {item}: {problem}")
    if len({v.at for v in versions}) < len(versions):
        problems.append("--config: two files take effect at the same instant")
    return History(versions) if versions and len(versions) == len(files) else None


def _instant(
    name: str, text: str, history: History | None, times: dict[str, int], problems: list[str]
) -> None:
    try:
        written = parse_datetime(text)
        if history is not None:
            times[name] = instant(written, history.latest)
    except ValueError as problem:
        problems.append(f"{name}: {problem}")


def _show(document: dict[str, Any]) -> None:
    console = Console()
    period = document["period"]
    console.print(f"{period['start']} to {period['end']}, known up to {period['now']}")
    console.print(f"formula {document['formula']}, tzdata {document['tzdata']}", highlight=False)
    table = Table(
        "system", "known %", "min %", "max %", "coverage %", "down ms", "target", "verdict"
    )
    for name, one in document["systems"].items():
        numbers = [one[key] or "-" for key in ("known", "min", "max", "coverage")]
        table.add_row(
            name, *numbers, str(one["down_ms"]), one["target"] or "-", one["verdict"] or "-"
        )
    console.print(table)
    for one in document["incidents"]:
        console.print(
            f"{one['started_at']}  {one['system']}  {one['family']}  category {one['category']}  "
            f"{one['priority']}  recovered {one['recovered_at'] or 'not yet'}"
        )
