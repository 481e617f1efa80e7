"""`wardwatch explain`: why a system counts as it does at one instant, rule by rule."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from collector.client import (
    DEFAULT_URL,
    AnsweredNoError,
    add_url,
    ask,
    asking,
    print_json,
)
from collector.commands import inputs
from collector.core import periods
from collector.core.explain import explain
from collector.core.reach import near
from collector.core.truth import fold_system
from collector.exchange import Collector
from collector.explaining.document import document, lines
from collector.replay import Input
from probes.history import History
from probes.spans import Interval

EXAMPLES = """\
Examples:
  wardwatch explain ehr --at 2026-07-01T05:02:30Z
  wardwatch explain ehr --at 2026-07-01T05:02:30Z --config wardwatch.yaml --results results.jsonl
  wardwatch explain ehr --at 2026-07-01T05:02:30Z --config old.yaml@2026-01-01T00:00:00Z \\
      --config new.yaml@2026-07-10T12:00:00Z --results results.jsonl --json

It goes from the results of each agent through hold, confirmation and intermittence, quorum, the
roles of checks and the system's state to the class of the instant and the column it counts in,
and names the clause of collector/SEMANTICS.md and the config version behind each step.
It asks the running collector, or folds files: --config and --results as for `wardwatch replay`.
Without --from and --to the period is the calendar month that holds --at.

Exit code: 0 explained, 1 refused by the collector, 2 bad input or no such system,
3 the collector does not answer, 4 not logged in or not allowed.
"""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "explain",
        help="say why a system counts as it does at an instant",
        description="Say why a system counts as it does at one instant, rule by rule.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("system", metavar="SYSTEM", help="the system's id")
    parser.add_argument("--at", required=True, metavar="T", help="the instant")
    add_url(parser)
    inputs.add_history(parser, required=False)
    inputs.add_results(parser, required=False)
    parser.add_argument("--from", dest="start", metavar="T", help="period start")
    parser.add_argument("--to", dest="end", metavar="T", help="period end")
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
    if (args.start is None) is not (args.end is None):
        problems.append("--from, --to: write both or neither")
    if args.url != DEFAULT_URL and (args.config or args.results or args.now):
        problems.append("--url: the collector has its own config, results and now")
    elif bool(args.config) is not bool(args.results) or (args.now and not args.config):
        problems.append("write --config and --results together, or neither to ask the collector")
    return problems


def _online(to: Collector, args: argparse.Namespace) -> int:
    query = {"at": args.at, "from": args.start, "to": args.end}
    try:
        told = ask(to, f"api/v1/systems/{args.system}/explain", "system", query=query)
    except AnsweredNoError as error:
        if error.problem["code"] == "api.unknown_system":
            return inputs.refuse(["SYSTEM: no system of this id in any config version"])
        if "parameter" in error.problem:
            return inputs.refuse([f"--{error.problem['parameter']}: {error.problem['detail']}"])
        raise
    return _print(told, args)


def _offline(args: argparse.Namespace) -> int:
    problems: list[str] = []
    history = inputs.history(args.config, problems)
    given = (("--at", args.at), ("--from", args.start), ("--to", args.end), ("--now", args.now))
    times = inputs.instants(given, history, problems)
    results = inputs.results(args.results, history, problems)
    if history is not None and all(args.system not in v.config.systems for v in history.versions):
        problems.append("SYSTEM: no system of this id in any config version")
    period = None if history is None else _period(history, times, problems)
    if problems or history is None or results is None or period is None:
        return inputs.refuse(problems)
    return _print(_told(args.system, history, results, period, times), args)


def _period(history: History, times: dict[str, int], problems: list[str]) -> Interval | None:
    if "--from" in times and "--to" in times:
        return Interval(times["--from"], times["--to"])
    if "--at" not in times:
        return None
    try:
        return periods.month(times["--at"], history.latest.organization.zone)
    except (ValueError, OverflowError):
        problems.append("--at: write an instant of the years 1 to 9998")
        return None


def _told(
    system: str, history: History, given: Input, period: Interval, times: dict[str, int]
) -> dict[str, Any]:
    at = times["--at"]
    now = times.get("--now", period.end)
    truth = fold_system(system, history, given.results, now, period.start)
    return document(explain(truth, near(truth, given.results, at), at, period))


def _print(told: dict[str, Any], args: argparse.Namespace) -> int:
    if args.json:
        print_json(told)
    else:
        sys.stdout.write("".join(f"{line}\n" for line in lines(told)))
    return 0
