"""`wardwatch load`: what our checks ask of the systems they watch."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from collector import show
from collector.client import add_url, ask, asking, print_json
from collector.exchange import Collector

EXAMPLES = """\
Examples:
  wardwatch load --from 2026-07-01T00:00 --to 2026-07-08T00:00
  wardwatch load --system ehr --from 2026-07-01T00:00 --to 2026-08-01T00:00 --json

Counted from the stored evidence, all agents together, 31 days at most. Where a check costs money, RUNS A DAY
is shown beside CAP, its `cost.per_day` as it is now. REQUESTS and BYTES (of answers'
bodies) are those of kinds that tell them; `-` where none does: such a check asks once a run.
A time without a zone is in the organization's.

Exit code: 0 shown, 1 refused by the collector, 2 bad usage, 3 the collector does not answer,
4 not logged in or not allowed.
"""
COLUMNS = ("SYSTEM", "CHECK", "KIND", "RUNS", "REQUESTS", "PER HOUR", "BYTES")
COSTS = ("RUNS A DAY", "CAP")
HOUR_S, DAY_S = 3600, 86_400


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "load",
        help="show the load our checks add",
        description="Show how often checks asked the systems they watch, and how much they read.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--system", metavar="ID", help="of this system only")
    parser.add_argument("--from", dest="start", required=True, metavar="T", help="from when")
    parser.add_argument("--to", dest="end", required=True, metavar="T", help="up to, not including")
    add_url(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(func=lambda args: asking(_load, args))


def _load(to: Collector, args: argparse.Namespace) -> int:
    found = ask(to, "api/v1/load", "checks", query={"from": args.start, "to": args.end})
    found["checks"] = [c for c in found["checks"] if args.system in (None, c["system"])]
    if args.json:
        print_json(found)
        return 0
    start, end = (datetime.fromisoformat(found[key]) for key in ("start", "end"))
    seconds = (end - start).total_seconds()
    rows = [_row(one, seconds) for one in found["checks"]]
    if rows:
        rows += _sums(found["checks"], seconds)
    columns: tuple[str, ...] = COLUMNS
    if any(one["per_day"] is not None for one in found["checks"]):
        columns += COSTS
        costs = [_cost(one, seconds) for one in found["checks"]]
        costs += [("", "")] * (len(rows) - len(costs))
        rows = [(*row, *cost) for row, cost in zip(rows, costs, strict=True)]
    title = f"Load from {show.minute(found['start'])} to {show.minute(found['end'])} UTC"
    show.write(title if rows else f"{title}: none.", columns, rows)
    return 0


def _row(one: dict[str, Any], seconds: float) -> tuple[str, ...]:
    asked = one["runs"] if one["requests"] is None else one["requests"]
    return (
        one["system"],
        one["check"],
        one["kind"],
        str(one["runs"]),
        _number(one["requests"]),
        f"{asked * HOUR_S / seconds:.1f}",
        _number(one["answer_bytes"]),
    )


def _cost(one: dict[str, Any], seconds: float) -> tuple[str, str]:
    if one["per_day"] is None:
        return "", ""
    return f"{one['runs'] * DAY_S / seconds:.1f}", str(one["per_day"])


def _sums(checks: Iterable[dict[str, Any]], seconds: float) -> list[tuple[str, ...]]:
    """A row for each system with more than one check."""
    by_system: dict[str, list[dict[str, Any]]] = {}
    for one in checks:
        by_system.setdefault(one["system"], []).append(one)
    rows: list[tuple[str, ...]] = []
    for system, mine in by_system.items():
        if len(mine) > 1:
            asked = sum(c["runs"] if c["requests"] is None else c["requests"] for c in mine)
            runs, read = (sum(c[key] or 0 for c in mine) for key in ("runs", "answer_bytes"))
            per_hour = f"{asked * HOUR_S / seconds:.1f}"
            rows.append((system, "all", "", str(runs), str(asked), per_hour, str(read)))
    return rows


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)
