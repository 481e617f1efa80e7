"""`wardwatch feed`: what is usual of a feed, and what that makes of now."""

from __future__ import annotations

import argparse
from typing import Any

from collector import show
from collector.client import add_url, an_id, ask, asking, print_json
from collector.exchange import Collector

EXAMPLES = """\
Examples:
  wardwatch feed show adt-silence
  wardwatch feed show adt-silence --json

CHECK is a check of kind feed_silence. Each cell of the table is what is usual in an hour, from its low
to its high end, on the organization's wall clock; ? where fewer than three weeks were seen.
Exit code: 0 shown, 1 refused by the collector, 2 bad usage, 3 the collector does not answer,
4 not logged in or not allowed.
"""
DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
LEAST_HOURS = 3


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "feed",
        help="show what is usual of a feed",
        description="Look at the feeds that are judged by their own habits.",
    )
    inner = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    shown = inner.add_parser(
        "show",
        help="show a baseline and the verdict as of now",
        description="Show the baseline in force, and what it makes of now.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    shown.add_argument("check", type=an_id, metavar="CHECK", help="a check of kind feed_silence")
    add_url(shown)
    shown.add_argument("--json", action="store_true", help="print JSON")
    shown.set_defaults(func=lambda args: asking(_show, args))


def _show(to: Collector, args: argparse.Namespace) -> int:
    found = ask(to, f"api/v1/feeds/{args.check}", "finding")
    if args.json:
        print_json(found)
        return 0
    title = f"{found['check']}: {found['finding']}. {found['why']}"
    baseline = found["baseline"]
    if baseline is None:
        show.write(f"{title} No baseline is recorded yet.", (), ())
        return 0
    about = (
        f"Learned from {baseline['hours']} hours of {baseline['weeks']} weeks up to "
        f"{show.minute(baseline['upto'])} UTC; {baseline['known']} of 168 hours of the week are known."
    )
    rows = [_row(hour, baseline["usual"]) for hour in range(24)]
    show.write(f"{title}\n{about}", ("HOUR", *DAYS), rows)
    return 0


def _row(hour: int, usual: list[dict[str, Any]]) -> tuple[str, ...]:
    return (f"{hour:02}:00", *(_cell(usual[day * 24 + hour]) for day in range(7)))


def _cell(one: dict[str, Any]) -> str:
    if one["hours"] < LEAST_HOURS:
        return "?"
    low, high = one["low"], one["high"]
    return str(low) if low == high else f"{low}-{high}"
