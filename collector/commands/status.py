"""`wardwatch status`: what is up, since when, how this month stands, which incidents are open."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from collector.client import add_url, ask_all, asking, print_json
from collector.exchange import Collector
from collector.show import aligned, minute
from collector.tlog.troubles import TROUBLES, Trouble
from probes.times import parse_datetime

EXAMPLES = """\
Examples:
  wardwatch status
  wardwatch status --url http://127.0.0.1:8460 --json

Exit code: 0 nothing is down, 1 a system is down, 2 bad usage, 3 the collector does not answer,
4 not logged in or not allowed.
"""

COLOURS = {"up": "green", "degraded": "yellow", "down": "bold red", "unknown": "magenta"}
NUMBERS = ("known", "min", "max", "coverage")
COLUMNS = ("SYSTEM", "STATE", "SINCE (UTC)", "KNOWN %", "MIN %", "MAX %", "COVERAGE %")


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "status",
        help="show systems, this month's availability and open incidents",
        description="Ask a running collector for systems, availability and open incidents.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_url(parser)
    parser.add_argument("--json", action="store_true", help="print the collector's answer as JSON")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    return asking(_status, args)


def _status(to: Collector, args: argparse.Namespace) -> int:
    answer = ask_all(to, "api/v1/systems", "systems")
    if args.json:
        print_json(answer)
    elif sys.stdout.isatty():
        _show(answer, Console())
    else:
        sys.stdout.write("".join(f"{line}\n" for line in lines(answer)))
    return 1 if any(s["state"] == "down" for s in answer["systems"]) else 0


def rows(answer: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """One row per system, in `COLUMNS`; `-` where a number is undefined."""
    return [
        (
            system["name"],
            system["state"],
            minute(system["since"]),
            *((system["month"] or {}).get(name) or "-" for name in NUMBERS),
        )
        for system in answer["systems"]
    ]


def incident_lines(answer: Mapping[str, Any]) -> list[str]:
    """One line per open incident, the most urgent first."""
    found = [
        (incident, system["name"])
        for system in answer["systems"]
        for incident in system["open_incidents"]
    ]
    found.sort(key=lambda pair: (pair[0]["priority"], pair[0]["started_at"]))
    return [
        f"{i['priority']}  category {i['category']}  {name}: {i['family']} "
        f"({', '.join(i['causes'])}) since {minute(i['started_at'])} UTC"
        + ("  quiet, in maintenance" if i["quiet"] else "")
        + ("" if i["status"] == "open" else f"  {said(i)}")
        + ("" if i["response"] is None else f"  {answering(i['response'], answer['as_of'])}")
        for i, name in found
    ]


def agent_lines(answer: Mapping[str, Any]) -> list[str]:
    """One line for each thing about an agent that somebody has to look after."""
    out = []
    for one in answer["agents"]:
        if one["equivocations"]:
            out.append(
                f"Agent {one['id']}: {one['equivocations']} came for a place in its chain that "
                f"another batch has; see `wardwatch agent settle --help`."
            )
        if one["waiting"]:
            out.append(
                f"Agent {one['id']}: its key waits for approval; see `wardwatch agent list`."
            )
    return out


def staffing_lines(answer: Mapping[str, Any]) -> list[str]:
    """One line for each role of whom too few are, or will be, on duty."""
    return [
        f"Staffing: {gap['role'].replace('_', ' ')}, {gap['have']} of {gap['need']} on duty from "
        f"{minute(gap['start'])} to {minute(gap['end'])} UTC; see `wardwatch rota gaps`."
        for gap in answer["staffing"]
    ]


def log_lines(answer: Mapping[str, Any]) -> list[str]:
    """One line for each reason why logs are not signed, and what to do."""
    logs: dict[str, list[str]] = {}
    for one in answer.get("logs", ()):  # older collectors sign nothing
        logs.setdefault(one["code"], []).append(one["log"])
    return [f"Not signed: {' and '.join(of)} log; {_why(code)}." for code, of in logs.items()]


def _why(code: str) -> str:
    """Newer collectors may know a reason more."""
    known = next((TROUBLES[one] for one in Trouble if one.value == code), None)
    return f"{code}, see the collector's log" if known is None else ". ".join(known)


def answering(response: Mapping[str, Any], as_of: str | None) -> str:
    """By when somebody answers; the day is told where it is another one than that of `as_of`."""
    due = response["due_at"]
    today = as_of is not None and as_of[:10] == due[:10]
    at = due[11:16] if today else minute(due)
    return f"overdue since {at} UTC" if response["overdue"] else f"answer by {at} UTC"


def said(incident: Mapping[str, Any]) -> str:
    """What people said of an incident that lasts."""
    match incident["status"]:
        case "acknowledged":
            return f"acknowledged by {incident['acknowledged']['by']}"
        case "merged":
            return f"merged into {incident['merged_into']}"
        case status:
            return str(status).replace("_", " ")


def lines(answer: Mapping[str, Any]) -> list[str]:
    """The plain form: aligned columns, then the incidents."""
    return [
        _headline(answer),
        "",
        *aligned([COLUMNS, *rows(answer)]),
        "",
        *(incident_lines(answer) or ["No open incident."]),
        *agent_lines(answer),
        *staffing_lines(answer),
        *log_lines(answer),
    ]


def _headline(answer: Mapping[str, Any]) -> str:
    as_of = answer["as_of"]
    asked = "not evaluated yet" if as_of is None else f"as of {as_of[:10]} {as_of[11:19]} UTC"
    zone = ZoneInfo(answer["organization"]["timezone"])
    month = parse_datetime(answer["period"]["start"]).astimezone(zone).strftime("%Y-%m")
    return f"{answer['organization']['name']}, {asked}; availability of {month} to date"


def _show(answer: Mapping[str, Any], console: Console) -> None:
    console.print(_headline(answer), markup=False, highlight=False)
    table = Table(box=None, pad_edge=False)
    for name in COLUMNS:
        table.add_column(
            name, justify="left" if name in COLUMNS[:3] else "right", no_wrap=name != "SYSTEM"
        )
    for row in rows(answer):
        table.add_row(Text(row[0]), Text(row[1], style=COLOURS.get(row[1], "dim")), *row[2:])
    console.print(table)
    console.print()
    for line in incident_lines(answer):
        console.print(line, markup=False, highlight=False)
    if not incident_lines(answer):
        console.print("No open incident.", style="green")
    for line in (*agent_lines(answer), *staffing_lines(answer), *log_lines(answer)):
        console.print(line, markup=False, highlight=False, style="bold red")
