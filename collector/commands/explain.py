"""`wardwatch explain`: why a system counts as it does at one instant, rule by rule."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any

from yarl import URL

from collector.commands import inputs
from collector.commands.asking import UnansweredError, ask, no_url, parse_url, refusal
from collector.core.explain import explain
from collector.core.reach import near
from collector.core.truth import fold_system
from collector.explaining.document import document, lines
from collector.numbers import month
from collector.replay import Input
from probes.history import History
from probes.spans import Interval

EXAMPLES = """\
Examples:
  wardwatch explain ehr --at 2026-07-01T05:02:30Z --url http://127.0.0.1:8460
  wardwatch explain ehr --at 2026-07-01T05:02:30Z --config wardwatch.yaml --results results.jsonl
  wardwatch explain ehr --at 2026-07-01T05:02:30Z --config old.yaml@2026-01-01T00:00:00Z \\
      --config new.yaml@2026-07-10T12:00:00Z --results results.jsonl --json

It goes from the results of each agent through hold, confirmation and intermittence, quorum, the
roles of checks and the system's state to the class of the instant and the column it counts in,
and names the clause of collector/SEMANTICS.md and the config version behind each step.
Either --url, or --config and --results as for `wardwatch replay`. Without --from and --to the
period is the calendar month that holds --at.

Exit code: 0 explained, 2 bad input or no such system, 3 the collector does not answer.
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
    parser.add_argument("--url", help="ask this running collector")
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
    return _online(args) if args.url is not None else _offline(args)


def _usage(args: argparse.Namespace) -> list[str]:
    problems: list[str] = []
    if (args.start is None) is not (args.end is None):
        problems.append("--from, --to: write both or neither")
    files = args.config or args.results or args.now
    if args.url is not None and files:
        problems.append("--url: the collector has its own config, results and now")
    if args.url is None and not (args.config and args.results):
        problems.append("write --url, or --config and --results")
    return problems


def _online(args: argparse.Namespace) -> int:
    url = parse_url(args.url)
    if url is None:
        sys.stderr.write(no_url("--url"))
        return 2
    try:
        status, answer = asyncio.run(_ask(url, args))
    except UnansweredError as error:
        sys.stderr.write(f"{error}\n")
        return 3
    if status == 200:
        return _print(answer, args)
    if answer["code"] == "api.unknown_system":
        return inputs.refuse(["SYSTEM: no system of this id in any config version"])
    if answer["code"] == "api.parameter":
        return inputs.refuse([f"--{answer['parameter']}: {answer['detail']}"])
    sys.stderr.write(f"{refusal(url, status, answer)}\n")
    return 3


async def _ask(url: URL, args: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    query = {"at": args.at}
    if args.start is not None:
        query |= {"from": args.start, "to": args.end}
    return await ask(url, f"api/v1/systems/{args.system}/explain", query=query)


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
        return Interval(*month(times["--at"], history.latest.organization.zone))
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
        sys.stdout.write(json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in lines(told)))
    return 0
