"""`wardwatch-agent kinds`."""

from __future__ import annotations

import argparse
import json
import sys

from agent.commands.options import Parsers, described
from probes import registry

EXAMPLES = """\
Examples:
  wardwatch-agent kinds
  wardwatch-agent kinds --json
"""


def add(parsers: Parsers) -> None:
    parser = described(
        parsers.add_parser("kinds", help="list the probe kinds"),
        "List the probe kinds this agent knows; with --json also their reasons.",
        EXAMPLES,
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(func=kinds)


def kinds(args: argparse.Namespace) -> int:
    found = [registry.load(name) for name in sorted(registry.KINDS)]
    if args.json:
        listed = [
            {"name": kind.name, "summary": kind.summary, "reasons": sorted(kind.reasons)}
            for kind in found
        ]
        sys.stdout.write(json.dumps(listed, indent=2, sort_keys=True) + "\n")
    else:
        width = max(len(kind.name) for kind in found)
        sys.stdout.write("".join(f"{kind.name:<{width}}  {kind.summary}\n" for kind in found))
    return 0
