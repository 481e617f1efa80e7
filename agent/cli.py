"""`wardwatch-agent`: runs the checks, and the tools to set one up."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from importlib.metadata import version

from agent.commands.options import described
from probes.ownership import refuse_foreign_owner

COMMANDS = ("run", "check", "key", "enrol", "rotate", "probe", "kinds", "doctor", "unit")
"""Modules in `agent.commands`, one for each word, in the order of the help."""

EXAMPLES = """\
Examples:
  wardwatch-agent key --state /var/lib/wardwatch-agent
  wardwatch-agent enrol --collector https://wardwatch.example.org --agent north-1 \\
      --token file:north-1.token --state /var/lib/wardwatch-agent
  wardwatch-agent probe --config wardwatch.yaml ehr-read
  wardwatch-agent run --config wardwatch.yaml --agent north-1 \\
      --collector https://wardwatch.example.org --state /var/lib/wardwatch-agent
"""


def build_parser(asked: Sequence[str] = ()) -> argparse.ArgumentParser:
    """With every command; of the one that is `asked` for first, with that alone."""
    parser = described(
        argparse.ArgumentParser(prog="wardwatch-agent"),
        "Runs synthetic checks on schedule and sends signed results to a collector.",
        EXAMPLES,
    )
    parser.add_argument(
        "--version", action="version", version=f"wardwatch-agent {version('wardwatch')}"
    )
    words = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in [name for name in COMMANDS if name in asked[:1]] or COMMANDS:
        importlib.import_module(f"agent.commands.{name}").add(words)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    refuse_foreign_owner()
    words = sys.argv[1:] if argv is None else argv
    args = build_parser(words).parse_args(words)
    code: int = args.func(args)
    return code
