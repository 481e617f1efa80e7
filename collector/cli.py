"""`wardwatch`: the collector, and the tools of operators and auditors."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from probes.ownership import refuse_foreign_owner

COMMANDS = {
    "account": "account",
    "agent": "agent",
    "attest": "attest",
    "audit": "audit",
    "availability": "availability",
    "channel": "channel",
    "collector": "collector",
    "completion": "completion",
    "config": "config",
    "correction": "correction",
    "enrol": "enrol",
    "explain": "explain",
    "feed": "feed",
    "heartbeat": "heartbeat",
    "incident": "incident",
    "load": "load",
    "log": "log",
    "login": "login",
    "logout": "login",
    "maintenance": "maintenance",
    "openapi": "openapi",
    "outbox": "outbox",
    "payer": "payer",
    "replay": "replay",
    "results": "results",
    "rota": "rota",
    "status": "status",
    "token": "token",
    "training": "training",
    "verify": "verify",
    "what-if": "what_if",
    "whoami": "login",
    "witness": "witness",
}
"""Commands, and the module in `collector.commands` that adds each."""
NEEDS = (
    "aiosmtplib",
    "alembic",
    "argon2",
    "icalendar",
    "jinja2",
    "pyotp",
    "recurring_ical_events",
    "rich",
    "shtab",
    "sqlalchemy",
)

INTERRUPTED = 130
"""As shells say it of a program that Ctrl-C ended."""

EXAMPLES = """\
Examples:
  wardwatch config check wardwatch.yaml
  wardwatch collector --config wardwatch.yaml --database sqlite:///wardwatch.db
  wardwatch enrol
  wardwatch login --account admin-1
  wardwatch status
  wardwatch replay --config wardwatch.yaml --results results.jsonl \\
      --from 2026-07-01T05:00:00Z --to 2026-08-01T05:00:00Z --json
"""


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """Of every command; or, so that it starts sooner, of those in the module of one."""
    parser = argparse.ArgumentParser(
        prog="wardwatch",
        description="Proactive monitoring and uptime for healthcare IT.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"wardwatch {version('wardwatch')}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    modules = COMMANDS.values() if only is None else [COMMANDS[only]]
    for name in dict.fromkeys(modules):
        importlib.import_module(f"collector.commands.{name}").add(subparsers)
    return parser


def missing_libraries() -> tuple[str, ...]:
    """Libraries of the `collector` extra that are not installed."""
    return tuple(name for name in NEEDS if importlib.util.find_spec(name) is None)


def main(argv: Sequence[str] | None = None) -> int:
    refuse_foreign_owner()
    missing = missing_libraries()
    if missing:
        sys.stderr.write(
            f"This installation has the agent only (missing: {', '.join(missing)}).\n"
            "For the collector and its tools: pip install 'wardwatch[collector]'\n"
        )
        return 2
    words = sys.argv[1:] if argv is None else list(argv)
    only = words[0] if words and words[0] in COMMANDS else None
    args = build_parser(only).parse_args(words)
    try:
        code: int = args.func(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # Who read has gone; what was asked for is done. The interpreter flushes once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return INTERRUPTED
    return code
