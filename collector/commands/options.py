"""The parser of a command that asks the collector: its options, examples and exit codes."""

from __future__ import annotations

import argparse
from typing import TypeAlias

from collector.client import add_url

CODES = """
Exit code: 0 done, 1 refused by the collector, 2 bad usage, 3 the collector does not answer,
4 not logged in or not allowed.
"""

Parsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no other name


def asks(
    parsers: Parsers,
    name: str,
    about: str,
    more: str,
    *,
    description: str | None = None,
    token: bool = True,
) -> argparse.ArgumentParser:
    """`about` is a line of the list of commands, `more` the examples and what to know."""
    parser = parsers.add_parser(
        name,
        help=about,
        description=description or f"{about[0].upper()}{about[1:]}.",
        epilog=f"{more}{CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_url(parser, token=token)
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    return parser


def action(actions: Parsers, name: str, about: str, more: str) -> argparse.ArgumentParser:
    """One that asks no collector: `more` has its exit codes, too."""
    parser = actions.add_parser(
        name,
        help=about,
        description=f"{about[0].upper()}{about[1:]}.",
        epilog=more,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    return parser


def group(parsers: Parsers, name: str, about: str, description: str, examples: str) -> Parsers:
    """A command of several actions."""
    parser = parsers.add_parser(
        name,
        help=about,
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser.add_subparsers(dest="action", required=True, metavar="ACTION")


def add_out(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--out", metavar="FILE", help=f"write the {what} to a new file that only you can read"
    )
