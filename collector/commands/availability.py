"""`wardwatch availability`: the numbers of a period, how sure they are, and what is left of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from collector.client import AnsweredNoError, add_url, ask, ask_all, asking, print_json
from collector.commands import figures
from collector.commands.figures import Report
from collector.exchange import Collector

EXAMPLES = """\
Examples:
  wardwatch availability
  wardwatch availability ehr --period 2026-07
  wardwatch availability --from 2026-07-01T00:00 --to 2026-07-08T00:00 --json

Periods: month, quarter, year, week (all calendar, the current one), 30d (to this moment),
2026-07, 2026-Q3, 2026, 2026-W31. Times without an offset are in the organization's zone.
Naming systems adds their sites. LEFT is what remains of the error budget; PACE is how fast it
goes: 1 spends it by the period's end.

Exit code: 0 nothing is down, 1 a system is down now, 2 bad usage, 3 the collector does not answer,
4 not logged in or not allowed.
"""

COLOURS = {"met": "green", "open": "green", "breached": "bold red", "indeterminate": "yellow"}


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "availability",
        help="show a period's availability, its bounds, verdicts and error budgets",
        description="Ask a running collector for the availability of a period.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("systems", nargs="*", metavar="SYSTEM", help="only these, by id")
    parser.add_argument("--period", metavar="P", help="a period, see below (default: month)")
    parser.add_argument("--from", dest="start", metavar="T", help="start of any other period")
    parser.add_argument("--to", dest="end", metavar="T", help="its end")
    add_url(parser)
    parser.add_argument("--json", action="store_true", help="print the collector's answer as JSON")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    return asking(_availability, args)


def _availability(to: Collector, args: argparse.Namespace) -> int:
    query = _query(args)
    if query is None:
        return _refuse(["--period: write it alone, or --from and --to together"])
    try:
        document = ask(to, "api/v1/availability", "systems", query=query)
    except AnsweredNoError as error:
        if "parameter" not in error.problem:
            raise
        return _refuse([f"--{error.problem['parameter']}: {error.problem['detail']}"])
    systems = ask_all(to, "api/v1/systems", "systems")
    unknown = [name for name in args.systems if name not in document["systems"]]
    if unknown:
        known = ", ".join(document["systems"])
        return _refuse([f"SYSTEM {name}: no such system; there are {known}" for name in unknown])
    report = Report(document, systems, tuple(dict.fromkeys(args.systems)))
    _print(report, as_json=args.json)
    return 1 if any(s["state"] == "down" for s in report.now) else 0


def _query(args: argparse.Namespace) -> Mapping[str, str | None] | None:
    """What to ask for; None when that is two things, or half of one."""
    if args.start is None and args.end is None:
        return {"period": "month" if args.period is None else args.period}
    if args.period is not None or args.start is None or args.end is None:
        return None
    return {"from": args.start, "to": args.end}


def _refuse(problems: list[str]) -> int:
    sys.stderr.write("".join(f"{problem}\n" for problem in problems))
    return 2


def _print(report: Report, *, as_json: bool) -> None:
    if as_json:
        print_json(report.chosen)
    elif sys.stdout.isatty():
        _show(report, Console())
    else:
        sys.stdout.write("".join(f"{line}\n" for line in figures.lines(report)))


def _show(report: Report, console: Console) -> None:
    """On a narrow terminal the last columns become a line of each system: no number is cut off."""
    wide = figures.width(report) <= console.width
    columns = figures.COLUMNS if wide else figures.FEW_COLUMNS
    console.print(figures.headline(report), markup=False, highlight=False)
    table = Table(box=None, pad_edge=False)
    for name in columns:
        left = name in ("SYSTEM", "VERDICT")
        table.add_column(name, justify="left" if left else "right", no_wrap=name != "SYSTEM")
    for row in figures.rows(report):
        cells = dict(zip(figures.COLUMNS, map(Text, row), strict=True))
        cells["VERDICT"].stylize(COLOURS.get(cells["VERDICT"].plain.rstrip("*"), "dim"))
        table.add_row(*(cells[name] for name in columns))
    console.print(table)
    for line in figures.details(report, rest=not wide):
        console.print(line, markup=False, highlight=False)
