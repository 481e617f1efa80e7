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


def add_listen(parser: argparse.ArgumentParser, default: str) -> None:
    """Where a server listens, and how: `--listen`, `--tls-cert`, `--tls-key`, `--plain-http`."""
    parser.add_argument(
        "--listen",
        default=default,
        metavar="HOST:PORT",
        help=f"where to listen (default {default}; port 0 takes a free one)",
    )
    parser.add_argument(
        "--tls-cert", metavar="FILE", help="certificate chain in PEM, read again when it changes"
    )
    parser.add_argument("--tls-key", metavar="FILE", help="its private key in PEM")
    parser.add_argument(
        "--plain-http",
        action="store_true",
        help="listen without TLS on an address others can reach: a proxy in front has it",
    )
