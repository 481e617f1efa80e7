"""`wardwatch results`: the evidence itself, a line a result, as it is read from the store."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console

from collector.client import UsageError, add_url, an_id, ask_all, asking, stream
from collector.exchange import Collector
from probes.contract import Outcome

EXAMPLES = """\
Examples:
  wardwatch results --check ehr-read --from 2026-07-01T00:00 --to 2026-07-02T00:00
  wardwatch results --system ehr --agent north-1 --outcome down --outcome unknown \\
      --from 2026-07-01T00:00 --to 2026-07-08T00:00
  wardwatch results --system ehr --from 2026-07-01T00:00 --to 2026-08-01T00:00 --json > results.jsonl

With --json one JSON object a line, which `wardwatch replay --results` reads. Check by check, each by
instant and agent; it is shown as it comes, however much it is. A time without a zone is in the
organization's. Only checks of the file in force belong to --system; --check names any other.
Where there is none, standard error says so.

Exit code: 0 shown, 1 refused by the collector, 2 bad usage, 3 the collector does not answer or broke off,
4 not logged in or not allowed.
"""
COLUMNS = ("AT (UTC)", "CHECK", "AGENT", "OUTCOME", "REASON", "MS")
COLOURS = {"degraded": "yellow", "down": "bold red", "misconfigured": "cyan", "unknown": "magenta"}
TOLD = 1_000
"""Results between two signs of progress."""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "results",
        help="read raw results back",
        description="Read the results of checks back from the collector, as agents signed them.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_url(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", type=an_id, action="append", metavar="ID", help="may be repeated")
    what.add_argument("--system", type=an_id, metavar="ID", help="all checks of this system")
    parser.add_argument("--agent", type=an_id, metavar="ID", help="by this agent only")
    parser.add_argument(
        "--outcome",
        action="append",
        choices=[outcome.value for outcome in Outcome],
        help="of this outcome only; may be repeated",
    )
    parser.add_argument("--from", dest="start", required=True, metavar="T", help="from when")
    parser.add_argument("--to", dest="end", required=True, metavar="T", help="up to, not including")
    parser.add_argument("--json", action="store_true", help="print JSON lines")
    parser.set_defaults(func=lambda args: asking(_results, args))


def _results(to: Collector, args: argparse.Namespace) -> int:
    checks = list(dict.fromkeys(args.check or _checks_of(to, args.system)))
    query = {"from": args.start, "to": args.end, "agent": args.agent}
    wanted = None if args.outcome is None else frozenset(args.outcome)
    writer = _writer(args, checks)
    with _progress() as told:
        for number, check in enumerate(checks, start=1):
            place = f"{check} ({number} of {len(checks)})"

            def each(line: bytes, place: str = place) -> None:
                result = json.loads(line)
                told.one(place, result["at"])
                if wanted is None or result["outcome"] in wanted:
                    writer.write(line, result)
                    told.shown += 1

            stream(to, f"api/v1/checks/{check}/results", each, query)
    if not told.shown:
        sys.stderr.write("No results of that time, or none of these agents and outcomes.\n")
    return 0


def _checks_of(to: Collector, system: str) -> list[str]:
    found = ask_all(to, "api/v1/checks", "checks")["checks"]
    checks = [one["id"] for one in found if one["system"] == system]
    if not checks:
        raise UsageError(f"--system: {system} has no check; see `wardwatch status`")
    return checks


class _Writer(Protocol):
    def write(self, line: bytes, result: dict[str, Any]) -> None: ...


class _Json:
    def write(self, line: bytes, result: dict[str, Any]) -> None:  # noqa: ARG002 - as it came
        sys.stdout.buffer.write(line)


class _Plain:
    """Columns under each other, though nobody knows what is still to come."""

    def __init__(self, checks: list[str]) -> None:
        widest = max(len(COLUMNS[1]), *map(len, checks))
        self._widths = (24, widest, 16, 13, 24, 0)
        sys.stdout.write(self._line(COLUMNS))

    def _line(self, cells: tuple[str, ...]) -> str:
        row = (cell.ljust(width) for cell, width in zip(cells, self._widths, strict=True))
        return "  ".join(row).rstrip() + "\n"

    def write(self, line: bytes, result: dict[str, Any]) -> None:  # noqa: ARG002 - a row of it
        sys.stdout.write(self._line(_cells(result)))


class _Coloured(_Plain):
    def __init__(self, checks: list[str]) -> None:
        self._console = Console()
        super().__init__(checks)

    def write(self, line: bytes, result: dict[str, Any]) -> None:  # noqa: ARG002 - a row of it
        self._console.print(
            self._line(_cells(result)),
            style=COLOURS.get(result["outcome"]),
            end="",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def _cells(result: dict[str, Any]) -> tuple[str, ...]:
    at = f"{result['at'][:10]} {result['at'][11:23]}"
    named = (result["check"], result["agent"], result["outcome"], result["reason"])
    return (at, *named, str(result["duration_ms"]))


def _writer(args: argparse.Namespace, checks: list[str]) -> _Writer:
    if args.json:
        return _Json()
    return _Coloured(checks) if sys.stdout.isatty() else _Plain(checks)


class _Progress:
    def __init__(self, console: Console | None) -> None:
        self._status = None if console is None else console.status("asking")
        self._count = 0
        self.shown = 0
        """How many of them were wanted."""

    def one(self, place: str, at: str) -> None:
        self._count += 1
        if self._status is not None and self._count % TOLD == 1:
            self._status.update(f"{place}: {self._count} results, up to {at[:16]}")


@contextmanager
def _progress() -> Iterator[_Progress]:
    """On a terminal that the results themselves do not go to."""
    console = None
    if sys.stderr.isatty() and not sys.stdout.isatty():
        console = Console(stderr=True)
    progress = _Progress(console)
    if progress._status is None:  # noqa: SLF001 - the same module's own
        yield progress
        return
    with progress._status:  # noqa: SLF001 - the same module's own
        yield progress
