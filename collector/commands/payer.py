"""`wardwatch payer`: what a payer's path delivered, against CAQH CORE and the payer's calendar."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from collector import payertext, show
from collector.client import (
    DEFAULT_URL,
    AnsweredNoError,
    add_url,
    an_id,
    ask,
    asking,
    print_json,
)
from collector.commands import inputs
from collector.commands.options import Parsers, group
from collector.exchange import Collector
from collector.replay import replay_payer

EXAMPLES = """\
Examples:
  wardwatch payer report payer-a --period 2026-Q3
"""
REPORT = """\
Examples:
  wardwatch payer report payer-a
  wardwatch payer report payer-a --period 2026-Q3 --json
  wardwatch payer report payer-a --from 2026-07-01T00:00 --to 2026-08-01T00:00 \\
      --config wardwatch.yaml --results results.jsonl

Every week and month the period touches, whole: weeks from Sunday 00:00 in the payer's zone against
86 and 90 %, months by answers within 20 s against 90 % of those required, where one that never came
was late. Down time counts also inside the payer's published downtime, and is split by it, and by
who failed; an answer is not required there. Periods are those of `wardwatch availability`; without
one it is the current quarter. It asks the running collector, or folds files: --config and --results
as for `wardwatch replay`, with --from and --to.

Exit code: 0 shown, 1 refused by the collector, 2 bad input or no payer, 3 the collector does not
answer, 4 not logged in or not allowed.
"""
NO_SYSTEM = "SYSTEM: no system of this id in any config version"
NO_PAYER = "SYSTEM: no payer's path at the period's end; its config has no `payer`"


def add(subparsers: Parsers) -> None:
    actions = group(
        subparsers,
        "payer",
        "show what a payer's path delivered",
        "Show what a payer's path delivered, against CAQH CORE and the payer's own calendar.",
        EXAMPLES,
    )
    parser = actions.add_parser(
        "report",
        help="show weeks and months of a payer's path",
        description="Show weeks and months of a payer's path against CAQH CORE.",
        epilog=REPORT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("system", type=an_id, metavar="SYSTEM", help="the system that is the path")
    parser.add_argument("--period", metavar="P", help="a period (default: quarter)")
    parser.add_argument("--from", dest="start", metavar="T", help="start of any other period")
    parser.add_argument("--to", dest="end", metavar="T", help="its end")
    add_url(parser)
    inputs.add_history(parser, required=False)
    inputs.add_results(parser, required=False)
    inputs.add_now(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    problems = _usage(args)
    if problems:
        return inputs.refuse(problems)
    return _offline(args) if args.config else asking(_online, args)


def _usage(args: argparse.Namespace) -> list[str]:
    problems: list[str] = []
    half = (args.start is None) is not (args.end is None)
    if half or (args.period is not None and args.start is not None):
        problems.append("--period: write it alone, or --from and --to together")
    if args.url != DEFAULT_URL and (args.config or args.results or args.now):
        problems.append("--url: the collector has its own config, results and now")
    elif bool(args.config) is not bool(args.results) or (args.now and not args.config):
        problems.append("write --config and --results together, or neither to ask the collector")
    elif args.config and args.start is None:
        problems.append("--from, --to: write both with --config and --results")
    return problems


def _online(to: Collector, args: argparse.Namespace) -> int:
    query = (
        {"period": args.period or "quarter"}
        if args.start is None
        else {"from": args.start, "to": args.end}
    )
    try:
        told = ask(to, f"api/v1/systems/{args.system}/payer-report", "weeks", query=query)
    except AnsweredNoError as error:
        if error.problem["code"] == "history.unknown_system":
            return inputs.refuse([NO_SYSTEM])
        if error.problem["code"] == "api.no_payer":
            return inputs.refuse([NO_PAYER])
        if "parameter" in error.problem:
            return inputs.refuse([f"--{error.problem['parameter']}: {error.problem['detail']}"])
        raise
    return _print(told, args)


def _offline(args: argparse.Namespace) -> int:
    problems: list[str] = []
    history = inputs.history(args.config, problems)
    given = (("--from", args.start), ("--to", args.end), ("--now", args.now))
    times = inputs.instants(given, history, problems)
    results = inputs.results(args.results, history, problems)
    if history is not None and all(args.system not in v.config.systems for v in history.versions):
        problems.append(NO_SYSTEM)
    if problems or history is None or results is None:
        return inputs.refuse(problems)
    start, end = times["--from"], times["--to"]
    told = replay_payer(history, results, args.system, start, end, times.get("--now", end))
    return inputs.refuse([NO_PAYER]) if told is None else _print(told, args)


def _print(told: dict[str, Any], args: argparse.Namespace) -> int:
    if args.json:
        print_json(told)
        return 0
    sys.stdout.write(f"{payertext.headline(told)}\n")
    for table in payertext.tables(told):
        title = table.title if table.rows else f"{table.title}: {table.none}."
        columns = [name.upper() for name in table.columns]
        sys.stdout.write("\n")
        show.write(title, columns, table.rows)
    sys.stdout.write(f"\n{payertext.footer(told)}\n")
    return 0
