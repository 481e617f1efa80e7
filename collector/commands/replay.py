"""`wardwatch replay`: recompute states, availability and incidents from a file of results."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from collector import show
from collector.commands import inputs
from collector.replay import replay

COLUMNS = ("SYSTEM", "KNOWN %", "MIN %", "MAX %", "COVERAGE %", "DOWN MS", "TARGET", "VERDICT")
INCIDENTS = ("STARTED", "SYSTEM", "FAMILY", "CATEGORY", "PRIORITY", "RECOVERED")

EXAMPLES = """\
Examples:
  wardwatch replay --config wardwatch.yaml --results results.jsonl \\
      --from 2026-07-01T05:00:00Z --to 2026-08-01T05:00:00Z
  wardwatch replay --config old.yaml@2026-01-01T00:00:00Z --config new.yaml@2026-07-10T12:00:00Z \\
      --results results.jsonl --from 2026-07-01T05:00:00Z --to 2026-08-01T05:00:00Z --json

One result a line: {"check":"ehr-read","agent":"north-1","at":"2026-07-01T00:00:00.000Z",
"outcome":"down","reason":"tcp.refused","duration_ms":12}, optional "received", "cert_days_left" and "facts".

Exit code: 0 computed, 2 bad input (every problem is listed, nothing is computed).
"""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "replay",
        help="recompute availability and incidents from a file of results",
        description="Recompute states, availability and incidents from a file of results.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    inputs.add_history(parser)
    inputs.add_results(parser)
    parser.add_argument("--from", dest="start", required=True, metavar="T", help="period start")
    parser.add_argument("--to", dest="end", required=True, metavar="T", help="period end")
    inputs.add_now(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    problems: list[str] = []
    history = inputs.history(args.config, problems)
    times = inputs.instants(
        (("--from", args.start), ("--to", args.end), ("--now", args.now)), history, problems
    )
    given = inputs.results(args.results, history, problems)
    if problems or history is None or given is None:
        return inputs.refuse(problems)
    now = times.get("--now", times["--to"])
    document = replay(history, given, times["--from"], times["--to"], now)
    if args.json:
        sys.stdout.write(json.dumps(document, sort_keys=True) + "\n")
    else:
        _show(document)
    return 0


def _show(document: dict[str, Any]) -> None:
    period = document["period"]
    rows = [
        (
            name,
            *(one[key] or "-" for key in ("known", "min", "max", "coverage")),
            str(one["down_ms"]),
            one["target"] or "-",
            one["verdict"] or "-",
        )
        for name, one in document["systems"].items()
    ]
    title = (
        f"{period['start']} to {period['end']}, known up to {period['now']}\n"
        f"formula {document['formula']}, tzdata {document['tzdata']}"
    )
    show.write(title, COLUMNS, rows)
    found = document["incidents"]
    incidents = [
        (
            one["started_at"],
            one["system"],
            one["family"],
            str(one["category"]),
            one["priority"],
            one["recovered_at"] or "not yet",
        )
        for one in found
    ]
    show.write("Incidents" if found else "No incident.", INCIDENTS, incidents)
