"""`wardwatch channel reconcile`: open incidents against open tickets, now."""

from __future__ import annotations

import argparse
from typing import Any

from collector import show
from collector.client import an_id, ask, asking, print_json
from collector.commands.options import Parsers, asks
from collector.exchange import Collector

RECONCILES = "api/v1/tickets/reconcile"
LONGEST_S = 90.0
UNTOUCHED = frozenset({"missing", "nothing", "left", "unsaid", "overtaken", "waits", "failed"})
RECONCILE = """\
Examples:
  wardwatch channel reconcile --dry-run
  wardwatch channel reconcile itsm
  wardwatch channel reconcile itsm --json

The collector compares open incidents with open tickets by itself, a few minutes after each message
and then every quarter of an hour; this does it now. A ticket that is gone is made again, one that
people ended while the incident goes on is opened again, doubles are resolved, and so is what is
still open after the end. Where a message waits or is dead the outbox has the word: nothing is asked.
With --dry-run nothing is written. What is mended is in the journal. The exit code is 1 also where a
receiver did not answer.
"""
OUTCOMES = {
    "missing": "gone, as those are that were made again: look yourself",
    "nothing": "as it should be",
    "left": "people decided otherwise; left so",
    "created": "gone: made again",
    "followed": "closed for good: a new one names it",
    "reopened": "ended while the incident goes on: opened again",
    "resolved": "open after the end: resolved",
    "raised": "priority raised",
    "adopted": "people's own ticket stays, ours is resolved",
    "doubles": "doubles resolved",
    "unsaid": "a message is on its way",
    "overtaken": "a message came between",
    "waits": "written a moment ago; it may not show yet",
    "failed": "not answered",
}
COMPARED = ("INCIDENT", "CHANNEL", "TICKETS", "OUTCOME")


def add(actions: Parsers) -> None:
    again = asks(
        actions, "reconcile", "compare open incidents with open tickets, and mend", RECONCILE
    )
    again.add_argument(
        "name", nargs="?", type=an_id, metavar="NAME", help="one channel; left out: all that can"
    )
    again.add_argument("--dry-run", action="store_true", help="say what would be done; do nothing")
    again.set_defaults(func=lambda args: asking(reconcile, args))


def reconcile(to: Collector, args: argparse.Namespace) -> int:
    """1 where a receiver did not answer."""
    found: list[dict[str, Any]] = []
    following: str | None = None
    while True:
        body: dict[str, Any] = {"dry_run": args.dry_run}
        body |= {} if args.name is None else {"channel": args.name}
        body |= {} if following is None else {"cursor": following}
        part = ask(to, RECONCILES, "comparisons", body, timeout_s=LONGEST_S)
        found += part["comparisons"]
        following = part["next"]
        if following is None:
            break
    if args.json:
        print_json({"comparisons": found, "dry_run": args.dry_run})
    else:
        mended = sum(one["outcome"] not in UNTOUCHED for one in found)
        verb = "would be mended" if args.dry_run else "mended"
        head = f"{len(found)} compared, {mended} {verb}."
        show.write(head, COMPARED, [_comparison(one) for one in found])
    return 1 if any(one["outcome"] == "failed" for one in found) else 0


def _comparison(one: dict[str, Any]) -> tuple[str, ...]:
    tickets = ", ".join(
        f"{ticket['name'] or '?'} {ticket['standing']}{'' if ticket['ours'] else ' (people)'}"
        for ticket in one["tickets"]
    )
    outcome = OUTCOMES[one["outcome"]]
    if one["doubles"]:
        outcome += f" ({one['doubles']} {'double' if one['doubles'] == 1 else 'doubles'})"
    if one["reason"] is not None:
        outcome += f": {one['reason']}" + ("" if one["status"] is None else f" {one['status']}")
    return one["incident"], one["receiver"], tickets or "none", outcome
