"""`wardwatch-agent check`: is the host's file right, and what will run by it?"""

from __future__ import annotations

import argparse
import sys

from agent import hostfile
from agent.commands.options import BAD_INPUT, Parsers, described
from agent.hostfile import Host
from probes.agentconfig import part_of
from probes.configfile import ConfigErrors, load

EXAMPLES = """\
Examples:
  wardwatch-agent check --host /etc/wardwatch/agent.yaml

Nothing is opened, made or sent. A `config` that the file names is read, too.
Exit code: 0 right, 2 wrong (all problems listed, with file, line and key).
"""


def add(parsers: Parsers) -> None:
    parser = described(
        parsers.add_parser("check", help="check the host's file"),
        "Check the host's own file, and say what will run by it.",
        EXAMPLES,
    )
    parser.add_argument("--host", required=True, metavar="FILE", help="the host's own YAML file")
    parser.set_defaults(func=check)


def check(args: argparse.Namespace) -> int:
    try:
        host = hostfile.load(args.host)
        checks = _checks(host)
    except ConfigErrors as error:
        sys.stderr.write(f"{error}\n")
        return BAD_INPUT
    if checks is None:
        sys.stderr.write(f"{args.host}: agent: no agent '{host.agent}' in {host.config}\n")
        return BAD_INPUT
    sys.stdout.write(f"{args.host}: right\n")
    sys.stdout.write(f"agent {host.agent}, {_to(host)}, {checks}\n")
    if host.allow is None:
        sys.stdout.write("checks reach all but loopback, link-local, cloud metadata, multicast\n")
    else:
        sys.stdout.write(f"checks reach what {len(host.allow)} entries of allow name\n")
    return 0


def _checks(host: Host) -> str | None:
    """None where the operator's file has no such agent."""
    if host.config is None:
        return "checks served by the collector"
    config = load(host.config, names=False, secrets=True)
    if host.agent not in config.agents:
        return None
    return f"{len(part_of(config, host.agent).checks)} checks of {host.config}"


def _to(host: Host) -> str:
    return "without a collector" if host.collector is None else f"to {host.collector.url}"
