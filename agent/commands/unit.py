"""`wardwatch-agent unit`: the systemd unit, for this installation."""

from __future__ import annotations

import argparse
import shlex
import sys
from importlib.resources import files
from pathlib import Path

from agent import hostfile
from agent.commands.options import BAD_INPUT, Parsers, described
from probes.configfile import ConfigErrors

NAME = "wardwatch-agent.service"
_START = "ExecStart="
STATE = "/var/lib/wardwatch-agent"
"""What `StateDirectory=` of the unit makes."""

EXAMPLES = """\
Examples:
  wardwatch-agent unit --host /etc/wardwatch/agent.yaml \\
      | sudo tee /etc/systemd/system/wardwatch-agent.service
  sudo systemctl daemon-reload && sudo systemctl enable --now wardwatch-agent

The host's file says `state: /var/lib/wardwatch-agent`; the unit makes that folder.
Exit code: 0, or 2 for bad usage.
"""


def add(parsers: Parsers) -> None:
    parser = described(
        parsers.add_parser("unit", help="print the systemd unit"),
        "Print a hardened systemd unit that runs this installation.",
        EXAMPLES,
    )
    parser.add_argument(
        "--host",
        metavar="FILE",
        default="/etc/wardwatch/agent.yaml",
        help="the host's own YAML file, an absolute path (default: %(default)s)",
    )
    parser.set_defaults(func=unit)


def unit(args: argparse.Namespace) -> int:
    if not args.host.startswith("/") or not args.host.isprintable() or set("%$") & set(args.host):
        sys.stderr.write("--host: write an absolute path, such as /etc/wardwatch/agent.yaml\n")
        return BAD_INPUT
    sys.stderr.write("".join(f"{warning}\n" for warning in _warnings(args.host)))
    command = Path(sys.executable).with_name("wardwatch-agent")
    sys.stdout.write(unit_text(str(command), args.host))
    return 0


def _warnings(path: str) -> list[str]:
    """Of a host's file that is there already."""
    try:
        state = hostfile.load(path).state
    except ConfigErrors:
        return []  # not written yet, or not right: `check` says more
    if state == STATE:
        return []
    return [f"{path}: state: {state} is read-only in this unit; it makes and opens {STATE}"]


def unit_text(command: str, host: str) -> str:
    """The packaged unit with its two paths filled in."""
    lines = (files("agent") / "systemd" / NAME).read_text("utf-8").splitlines(keepends=True)
    start = f"{_START}{shlex.join([command, 'run', '--host', host])}\n"
    return "".join(start if line.startswith(_START) else line for line in lines)
