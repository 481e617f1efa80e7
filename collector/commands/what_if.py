"""`wardwatch what-if`: the same evidence under another config, and what differs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
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
from collector.exchange import Collector, UnansweredError
from collector.what_if import OTHER_ORGANIZATION, both, lines, what_if
from probes.config import Config
from probes.configfile import ConfigErrors, load

EXAMPLES = """\
Examples:
  wardwatch what-if --config new.yaml \\
      --from 2026-07-01T05:00:00Z --to 2026-08-01T05:00:00Z
  wardwatch what-if --config new.yaml --old wardwatch.yaml --results results.jsonl \\
      --from 2026-07-01T05:00:00Z --to 2026-08-01T05:00:00Z --json

The new file holds in place of every recorded version, from the instant the first of them was
recorded. So none of it waits for an outage to end, and a system it adds is monitored from then.
Approvals of maintenance count from their claimed time on both sides. Nothing is recorded, no
secret is read and no address is contacted but the collector's. It asks the running collector, or
folds files: --old and --results as --config and --results of `wardwatch replay`. A collector knows up to its own now.

Exit code: 0 compared, 1 refused by the collector, 2 bad input (every problem is listed),
3 the collector does not answer or compares for somebody else, 4 not logged in or not allowed.
"""
LONG_S = 3600.0


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "what-if",
        help="compare a period under another config",
        description="Judge the evidence of a period by another config and say what differs.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", required=True, metavar="NEW", help="the file to try")
    add_url(parser)
    inputs.add_history(parser, "--old", required=False)
    inputs.add_results(parser, required=False)
    parser.add_argument("--from", dest="start", required=True, metavar="T", help="period start")
    parser.add_argument("--to", dest="end", required=True, metavar="T", help="period end")
    inputs.add_now(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    problems: list[str] = []
    if args.url != DEFAULT_URL and (args.old or args.results or args.now):
        problems.append("--url: the collector has its own versions, results and now")
    elif bool(args.old) is not bool(args.results) or (args.now and not args.old):
        problems.append("write --old and --results together, or neither to ask the collector")
    if problems:
        return inputs.refuse(problems)
    return _offline(args) if args.old else asking(_online, args)


def _offline(args: argparse.Namespace) -> int:
    problems: list[str] = []
    recorded = inputs.history(args.old, problems, "--old")
    new = _new(args.config, problems)
    given = (("--from", args.start), ("--to", args.end), ("--now", args.now))
    times = inputs.instants(given, recorded, problems)
    if recorded is None or new is None:
        return inputs.refuse(problems)
    if new.organization.id != recorded.latest.organization.id:
        problems.append(f"{args.config}: {OTHER_ORGANIZATION}")
    _says("reading results")
    results = inputs.results(args.results, both(recorded, new), problems)
    if problems or results is None:
        return inputs.refuse(problems)
    start, end = times["--from"], times["--to"]
    now = times.get("--now", end)
    return _print(what_if(recorded, new, results, start, end, now, says=_says), args)


def _new(path: str, problems: list[str]) -> Config | None:
    try:
        return load(path, kinds=False)
    except ConfigErrors as found:
        problems.append(str(found))
        return None


def _online(to: Collector, args: argparse.Namespace) -> int:
    try:
        body = Path(args.config).read_bytes()
    except OSError:
        return inputs.refuse([f"{args.config}:1: the file cannot be read"])
    _says("the collector compares")
    query = {"from": args.start, "to": args.end}
    try:
        found = ask(to, "api/v1/what-if", "systems", query=query, yaml=body, timeout_s=LONG_S)
    except AnsweredNoError as error:
        return inputs.refuse(_problems(error, args.config))
    return _print(found, args)


def _problems(error: AnsweredNoError, file: str) -> list[str]:
    """What is wrong with the question; UnansweredError for what the asker cannot mend."""
    answer = error.problem
    match answer["code"]:
        case "api.parameter":
            return [f"--{answer['parameter']}: {answer['detail']}"]
        case "http.413":
            return [f"{file}:1: the file is larger than 1 MiB"]
        case "what_if.organization":
            return [f"{file}: {OTHER_ORGANIZATION}"]
        case "what_if.config":
            return [
                ": ".join(p for p in (f"{file}:{one['line']}", one["path"], one["message"]) if p)
                for one in answer["problems"]
            ]
        case "what_if.busy":
            raise UnansweredError("The collector compares for somebody else; ask again in a while.")
        case _:
            raise error


def _says(what: str) -> None:
    sys.stderr.write(f"what-if: {what}\n")


def _print(found: dict[str, Any], args: argparse.Namespace) -> int:
    if args.json:
        print_json(found)
    else:
        sys.stdout.write("".join(f"{line}\n" for line in lines(found)))
    return 0
