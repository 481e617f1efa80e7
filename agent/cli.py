"""`wardwatch-agent`: runs the checks, and the tools to set one up."""

from __future__ import annotations

import argparse
import importlib
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


def build_parser() -> argparse.ArgumentParser:
    parser = described(
        argparse.ArgumentParser(prog="wardwatch-agent"),
        "Runs synthetic checks on schedule and sends signed results to a collector.",
        EXAMPLES,
    )
    parser.add_argument(
        "--version", action="version", version=f"wardwatch-agent {version('wardwatch')}"
    )
    words = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        importlib.import_module(f"agent.commands.{name}").add(words)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    refuse_foreign_owner()
    args = build_parser().parse_args(argv)
    code: int = args.func(args)
    return code
