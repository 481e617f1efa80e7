"""`wardwatch correction`: count time differently after the fact, with two people."""

from __future__ import annotations

import argparse

from collector import show
from collector.client import act, an_id, ask_all, asking, print_json
from collector.commands.options import Parsers, asks
from collector.exchange import Collector
from probes.acts import CorrectAs, CorrectionReason

API = "api/v1/corrections"
COLUMNS = (
    "ID",
    "STATUS",
    "SYSTEM",
    "FROM (UTC)",
    "TO (UTC)",
    "AS",
    "REASON",
    "REF",
    "BY",
    "APPROVED",
)

EXAMPLES = """\
Examples:
  wardwatch correction request c-2026-07 --system ehr --from 2026-07-04T02:00 \\
      --to 2026-07-04T03:10 --as excluded --reason customer_power --ref CHG0032
  wardwatch correction approve c-2026-07

A correction edits nothing: availability prints the number as measured, and beside it the number
with the approved corrections.
"""
LIST = """\
Examples:
  wardwatch correction list
  wardwatch correction list --system ehr --json
"""
REQUEST = """\
Examples:
  wardwatch correction request c-2026-07 --system ehr --from 2026-07-04T02:00 \\
      --to 2026-07-04T03:10 --as excluded --reason customer_power --ref CHG0032

Times without offset are in the organization's zone, and have passed. It counts for nothing until
somebody else, who is an approver, approves it.
"""
APPROVE = """\
Examples:
  wardwatch correction approve c-2026-07 --ref CHG0033
"""


def add(subparsers: Parsers) -> None:
    parser = subparsers.add_parser(
        "correction",
        help="count time differently after the fact, with two people",
        description="Corrections after the fact: requested by one person, approved by another.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = asks(actions, "list", "list corrections", LIST)
    listed.add_argument("--system", metavar="ID", help="of one system only")
    listed.set_defaults(func=lambda args: asking(_list, args))
    asked = asks(actions, "request", "request a correction", REQUEST)
    asked.add_argument("id", type=an_id, metavar="ID", help="a new id")
    asked.add_argument("--system", required=True, metavar="ID", help="whose time")
    asked.add_argument("--from", dest="start", required=True, metavar="T", help="from when")
    asked.add_argument("--to", dest="end", required=True, metavar="T", help="to when")
    asked.add_argument(
        "--as",
        dest="counts_as",
        required=True,
        choices=[one.value for one in CorrectAs],
        help="what it counts as",
    )
    asked.add_argument(
        "--reason", required=True, choices=[one.value for one in CorrectionReason], help="why"
    )
    asked.add_argument("--ref", required=True, metavar="REF", help="the document behind it")
    asked.set_defaults(func=lambda args: asking(_request, args))
    approved = asks(actions, "approve", "approve a correction", APPROVE)
    approved.add_argument("id", type=an_id, metavar="ID", help="the correction")
    approved.add_argument("--ref", metavar="REF", help="number of a change or ticket")
    approved.set_defaults(func=lambda args: asking(_approve, args))


def _list(to: Collector, args: argparse.Namespace) -> int:
    found = ask_all(to, API, "corrections", query={"system": args.system})
    return _show(found["corrections"], args)


def _request(to: Collector, args: argparse.Namespace) -> int:
    body = {
        "id": args.id,
        "system": args.system,
        "from": args.start,
        "to": args.end,
        "as": args.counts_as,
        "reason": args.reason,
        "ref": args.ref,
    }
    return _show([act(to, API, "id", body)], args)


def _approve(to: Collector, args: argparse.Namespace) -> int:
    body = {"ref": args.ref}
    return _show([act(to, f"{API}/{args.id}/approve", "id", body)], args)


def _show(found: list[dict[str, object]], args: argparse.Namespace) -> int:
    if args.json:
        print_json({"corrections": found})
        return 0
    rows = [_row(one) for one in found]
    show.write("Corrections" if rows else "No corrections.", COLUMNS, rows)
    return 0


def _row(one: dict[str, object]) -> tuple[str, ...]:
    requested, approved = one["requested"], one["approved"]
    return (
        str(one["id"]),
        str(one["status"]),
        str(one["system"]),
        str(one["from"])[:19].replace("T", " "),
        str(one["to"])[:19].replace("T", " "),
        str(one["as"]),
        str(one["reason"]),
        str(requested["ref"]) if isinstance(requested, dict) else "-",
        str(requested["by"]) if isinstance(requested, dict) else "-",
        str(approved["by"]) if isinstance(approved, dict) else "-",
    )
