"""`wardwatch-agent key`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from agent import identity
from agent.commands.options import BAD_INPUT, Parsers, add_state, described
from agent.identity import IdentityError

EXAMPLES = """\
Examples:
  wardwatch-agent key --state /var/lib/wardwatch-agent

Pin the key in the operator's file, under agents.NAME.key; or enrol (`wardwatch-agent enrol`), and
compare the fingerprint with the one the collector shows.
Exit code: 0, or 2 when the folder cannot be used.
"""


def add(parsers: Parsers) -> None:
    parser = described(
        parsers.add_parser("key", help="print the agent's public key"),
        "Print public key and fingerprint of a state folder; makes the key on first use.",
        EXAMPLES,
    )
    add_state(parser)
    parser.set_defaults(func=key)


def key(args: argparse.Namespace) -> int:
    try:
        made = identity.load_or_make_key(Path(args.state))
    except IdentityError as error:
        sys.stderr.write(f"--state: {error}\n")
        return BAD_INPUT
    sys.stdout.write(
        f"key: {identity.public_text(made)}\nfingerprint: {identity.fingerprint(made)}\n"
    )
    return 0
