"""`wardwatch training`: whose HIPAA training is missing, lapsed or soon to lapse."""

from __future__ import annotations

import argparse
from typing import Any

from collector import show
from collector.client import add_url, ask_all, asking, print_json
from collector.exchange import Collector

EXAMPLES = """\
Examples:
  wardwatch training
  wardwatch training --all
  wardwatch training --json

The dates stand in the operator's file, under `contacts`. Each is good for a year, or to the contact's
`refresher_until`. Shown is what has lapsed, lapses within 60 days, has no date or one still to come;
with --all the rest, too.
`wardwatch config check` says the same of a file before it is loaded.

Exit code: 0 nothing has lapsed, 1 something has, or refused by the collector, 2 bad usage, 3 the collector
does not answer, 4 not logged in or not allowed.
"""
COLUMNS = ("CONTACT", "NAME", "TRAINING", "DONE", "GOOD UNTIL", "STATE")
WORDS = {
    "lapsed": "lapsed",
    "soon": "lapses soon",
    "missing": "no date",
    "current": "current",
}
"""States, the most pressing first."""
AHEAD = "still to come"
"""Missing, and the file has a date of it."""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "training",
        help="list HIPAA training that is missing, lapsed or soon to lapse",
        description="List HIPAA training of contacts that is missing, lapsed or soon to lapse.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--all", action="store_true", help="show what is current, too")
    add_url(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(func=lambda args: asking(_training, args))


def _training(to: Collector, args: argparse.Namespace) -> int:
    contacts = ask_all(to, "api/v1/contacts", "contacts")["contacts"]
    found = [_row(contact, one) for contact in contacts for one in contact["trained"]]
    shown = [one for one in found if args.all or one["state"] != "current"]
    order = list(WORDS)
    shown.sort(key=lambda one: (order.index(one["state"]), one["until"] or "", one["contact"]))
    lapsed = sum(one["state"] == "lapsed" for one in found)
    if args.json:
        print_json({"training": shown, "lapsed": lapsed})
    else:
        show.write(_title(len(contacts), lapsed, shown), COLUMNS, [_cells(one) for one in shown])
    return 1 if lapsed else 0


def _title(contacts: int, lapsed: int, shown: list[dict[str, Any]]) -> str:
    of = "no contacts" if not contacts else f"{contacts} contact{'' if contacts == 1 else 's'}"
    if not shown:
        return f"HIPAA training of {of}: all current."
    return f"HIPAA training of {of}: {lapsed} lapsed"


def _row(contact: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    return {"contact": contact["id"], "name": contact["name"], **one}


def _cells(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        one["contact"],
        one["name"],
        one["kind"],
        one["done"] or "-",
        one["until"] or "-",
        AHEAD if one["state"] == "missing" and one["done"] else WORDS[one["state"]],
    )
