"""`wardwatch rota`: who is on duty, where staffing is short, and who stands in."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

from collector import rotatext, show
from collector.client import (
    DEFAULT_URL,
    act,
    add_url,
    an_id,
    ask,
    asking,
    print_json,
)
from collector.commands import inputs
from collector.commands.options import Parsers, asks, group
from collector.core.roster_document import document
from collector.exchange import Collector
from collector.payertext import Table
from collector.staffing import AHEAD_MS
from probes.clock import SystemClock

API = "api/v1/rota"
Document = Mapping[str, Any]

EXAMPLES = """\
Examples:
  wardwatch rota show
  wardwatch rota gaps
  wardwatch rota override engineers --contact ben --start 2026-02-01T08:00 --end 2026-02-02T08:00
  wardwatch rota cancel 214
"""
SHOW = """\
Examples:
  wardwatch rota show
  wardwatch rota show engineers --from 2026-02-01T00:00 --to 2026-03-01T00:00 --json
  wardwatch rota show --config wardwatch.yaml

From now on, 14 days, unless --from and --to say otherwise; times without offset are in the
organization's zone. What is past is told by the version of the file that was in force at each
instant, with the overrides people made; --json is what auditors keep. With --config no collector
is asked: it is what a file would mean, without overrides that people made.

Exit code: 0 shown, 1 refused by the collector, 2 bad usage or file, 3 the collector does not answer,
4 not logged in or not allowed.
"""
GAPS = """\
Examples:
  wardwatch rota gaps
  wardwatch rota gaps --from 2026-02-01T00:00 --to 2026-03-01T00:00 --json
  wardwatch rota gaps --config wardwatch.yaml

When fewer different people of a role are on duty than `staffing` in the file demands.

Exit code: 0 no gap, 1 there is one or the collector refused, 2 bad usage or file, 3 the collector
does not answer, 4 not logged in or not allowed.
"""
OVERRIDE = """\
Examples:
  wardwatch rota override engineers --contact ben --start 2026-02-01T08:00 --end 2026-02-02T08:00

Whatever the layers and the overrides of the file say, this contact of the schedule's role is on
duty then. Times without offset are in the schedule's zone. It counts from now at the earliest: who
was on duty is not changed afterwards.
"""
CANCEL = """\
Examples:
  wardwatch rota cancel 214

The number is what `override` and `show` print. It ends now; what the file says counts again.
"""


def add(subparsers: Parsers) -> None:
    actions = group(
        subparsers,
        "rota",
        "show who is on duty, and let somebody stand in",
        "Who is on duty when, where staffing is short, and who stands in.",
        EXAMPLES,
    )
    shown = _ranged(actions, "show", "show who is on duty", SHOW)
    shown.add_argument("schedule", nargs="?", type=an_id, metavar="SCHEDULE", help="one only")
    shown.set_defaults(func=run_show)
    _ranged(actions, "gaps", "list when staffing is short", GAPS).set_defaults(func=run_gaps)
    made = asks(actions, "override", "put somebody else on duty for a time", OVERRIDE)
    made.add_argument("schedule", type=an_id, metavar="SCHEDULE", help="the schedule")
    made.add_argument("--contact", required=True, type=an_id, metavar="ID", help="who stands in")
    made.add_argument("--start", required=True, metavar="T", help="from when")
    made.add_argument("--end", required=True, metavar="T", help="to when")
    made.add_argument("--ref", metavar="REF", help="number of a change or ticket")
    made.set_defaults(func=lambda args: asking(_override, args))
    ended = asks(actions, "cancel", "end an override that was made by command", CANCEL)
    ended.add_argument("number", type=_number, metavar="NO", help="the override")
    ended.add_argument("--ref", metavar="REF", help="number of a change or ticket")
    ended.set_defaults(func=lambda args: asking(_cancel, args))


def _ranged(actions: Parsers, name: str, about: str, more: str) -> argparse.ArgumentParser:
    parser = actions.add_parser(
        name,
        help=about,
        description=f"{about[0].upper()}{about[1:]}.",
        epilog=more,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--from", dest="start", metavar="T", help="from when (default: now)")
    parser.add_argument("--to", dest="end", metavar="T", help="to when (default: 14 days later)")
    add_url(parser)
    inputs.add_history(parser, required=False)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def _number(text: str) -> str:
    if not re.fullmatch("[0-9]{1,15}", text):
        raise argparse.ArgumentTypeError("write the number of an override, such as 214")
    return text


def run_show(args: argparse.Namespace) -> int:
    return _told(args, _show)


def run_gaps(args: argparse.Namespace) -> int:
    return _told(args, _gaps)


def _told(args: argparse.Namespace, tell: Callable[[Document, argparse.Namespace], int]) -> int:
    """Of the collector, or of the files named."""
    if not args.config:
        return asking(lambda to, _: tell(_asked(to, args), args), args)
    problems: list[str] = []
    if args.url != DEFAULT_URL:
        problems.append("--url: the collector has its own config; leave out --config")
    history = inputs.history(args.config, problems)
    written = inputs.instants((("--from", args.start), ("--to", args.end)), history, problems)
    now = SystemClock().now_ms()
    start = written.get("--from", now)
    end = written.get("--to", start + AHEAD_MS)
    if not problems and end <= start:
        problems.append("--to: must be later than now, or write --from")
    if problems or history is None:
        return inputs.refuse(problems)
    return tell(dict(document(history, start, end, now)), args)


def _asked(to: Collector, args: argparse.Namespace) -> Document:
    return ask(to, API, "schedules", query={"from": args.start, "to": args.end})


def _show(found: Document, args: argparse.Namespace) -> int:
    known = [one["id"] for one in found["schedules"]]
    if args.schedule is not None and args.schedule not in known:
        told = f"there are {', '.join(known)}" if known else "there is none in that time"
        return inputs.refuse([f"SCHEDULE: no schedule of this id; {told}"])
    if args.json:
        print_json(found)
        return 0
    sys.stdout.write(f"{rotatext.headline(found)}\n")
    for table in (
        *rotatext.now(found),
        *rotatext.duties(found, args.schedule),
        rotatext.overrides(found),
    ):
        sys.stdout.write("\n")
        _write(table)
    lines = rotatext.gaps(found)
    sys.stdout.write("\n" + "".join(f"{line}\n" for line in lines or ["Staffing is not short."]))
    return 0


def _gaps(found: Document, args: argparse.Namespace) -> int:
    lines = rotatext.gaps(found)
    if args.json:
        print_json({key: found[key] for key in ("as_of", "from", "to", "timezone", "gaps")})
    else:
        sys.stdout.write(f"{rotatext.headline(found)}\n")
        sys.stdout.write("".join(f"{line}\n" for line in lines or ["Staffing is not short."]))
    return 1 if lines else 0


def _override(to: Collector, args: argparse.Namespace) -> int:
    body = {
        "schedule": args.schedule,
        "start": args.start,
        "end": args.end,
        "contact": args.contact,
        "ref": args.ref,
    }
    return _made(act(to, f"{API}/overrides", "id", body), args)


def _cancel(to: Collector, args: argparse.Namespace) -> int:
    path = f"{API}/overrides/{args.number}/cancel"
    return _made(act(to, path, "id", {"ref": args.ref}), args)


def _made(one: dict[str, Any], args: argparse.Namespace) -> int:
    if args.json:
        print_json({"overrides": [one]})
    else:
        _write(rotatext.overrides({"timezone": "UTC", "overrides": [one]}))
    return 0


def _write(table: Table) -> None:
    title = table.title if table.rows else f"{table.title}: {table.none}."
    show.write(title, [name.upper() for name in table.columns], table.rows)
