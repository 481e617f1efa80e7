"""`wardwatch-agent`: runs the checks, and the tools to set one up."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib.metadata import version

from agent import commands
from probes.ownership import refuse_foreign_owner

EXAMPLES = """\
Examples:
  wardwatch-agent key --state /var/lib/wardwatch-agent
  wardwatch-agent probe --config wardwatch.yaml ehr-read
  wardwatch-agent run --config wardwatch.yaml --agent north-1 \\
      --collector https://wardwatch.example.org --state /var/lib/wardwatch-agent
"""

RUN = """\
Examples:
  wardwatch-agent run --config wardwatch.yaml --agent north-1 \\
      --collector https://wardwatch.example.org --state /var/lib/wardwatch-agent
  wardwatch-agent run --config wardwatch.yaml --agent north-1 --state state \\
      --collector http://127.0.0.1:8460 --listen 127.0.0.1:9101

SIGTERM and SIGINT stop it; what is left is sent within 5 seconds.
Exit code: 0 stopped as told, 1 a defect, 2 bad usage or config (all problems listed).
"""

KEY = """\
Examples:
  wardwatch-agent key --state /var/lib/wardwatch-agent

Pin what it prints in the operator's file, under agents.NAME.key.
Exit code: 0, or 2 when the folder cannot be used.
"""

PROBE = """\
Examples:
  wardwatch-agent probe --config wardwatch.yaml ehr-read
  wardwatch-agent probe --config wardwatch.yaml ehr-read --json

One attempt, for real; nothing is recorded.
Exit code: 0 up, 1 down, 2 bad input, 3 degraded, 4 misconfigured, 5 unknown.
"""

KINDS = """\
Examples:
  wardwatch-agent kinds
  wardwatch-agent kinds --json
"""


def build_parser() -> argparse.ArgumentParser:
    parser = _described(
        argparse.ArgumentParser(prog="wardwatch-agent"),
        "Runs synthetic checks on schedule and sends signed results to a collector.",
        EXAMPLES,
    )
    parser.add_argument(
        "--version", action="version", version=f"wardwatch-agent {version('wardwatch')}"
    )
    words = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = _described(words.add_parser("run", help="run the agent"), "Run the agent.", RUN)
    _config(run)
    run.add_argument("--agent", required=True, metavar="NAME", help="which agent of the file it is")
    run.add_argument("--collector", required=True, metavar="URL", help="where batches go")
    _state(run)
    run.add_argument("--listen", metavar="HOST:PORT", help="serve /metrics and /healthz there")
    run.set_defaults(func=commands.run)

    key = _described(
        words.add_parser("key", help="print the agent's public key"),
        "Print the public key of a state folder; makes the key on first use.",
        KEY,
    )
    _state(key)
    key.set_defaults(func=commands.key)

    probe = _described(
        words.add_parser("probe", help="run one check once"),
        "Run one check once, from here, and say what came of it.",
        PROBE,
    )
    _config(probe)
    probe.add_argument("check", metavar="CHECK", help="the check's id in the file")
    probe.add_argument("--json", action="store_true", help="print JSON")
    probe.set_defaults(func=commands.probe)

    kinds = _described(
        words.add_parser("kinds", help="list the probe kinds"),
        "List the probe kinds this agent knows; with --json also their reasons.",
        KINDS,
    )
    kinds.add_argument("--json", action="store_true", help="print JSON")
    kinds.set_defaults(func=commands.kinds)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    refuse_foreign_owner()
    args = build_parser().parse_args(argv)
    code: int = args.func(args)
    return code


def _described(
    parser: argparse.ArgumentParser, description: str, epilog: str
) -> argparse.ArgumentParser:
    parser.description = description
    parser.epilog = epilog
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    return parser


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", required=True, metavar="FILE", help="the operator's YAML file")


def _state(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", required=True, metavar="DIR", help="folder of the agent's key")
