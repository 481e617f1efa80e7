"""`wardwatch heartbeat`: the address a batch job reports to, told on the host that has its secret."""

from __future__ import annotations

import argparse
import json
import sys

from collector.commands.options import Parsers, group
from probes import addresses
from probes.config import Config
from probes.configfile import ConfigErrors, load, read_secret
from probes.kinds.heartbeat import secret_of

KIND = "heartbeat"
DEFAULT_URL = "http://127.0.0.1:8460"

EXAMPLES = """\
Examples:
  wardwatch heartbeat address nightly-claims --config wardwatch.yaml
"""
ADDRESS_EXAMPLES = """\
Examples:
  wardwatch heartbeat address nightly-claims --config wardwatch.yaml
  wardwatch heartbeat address nightly-claims --config wardwatch.yaml \\
      --collector https://wardwatch.example.org > nightly-claims.address

It reads the secret the file refers to, on this host; no collector is asked, none shows it. Whoever
has the address can say that the job succeeded: keep it as a password. The job asks for it when it
has succeeded, with /start, /fail or /EXIT-CODE behind it for all else: probes/kinds/heartbeat.md.

Exit code: 0 printed, 2 bad usage or file, no such check, or no secret on this host.
"""


def add(subparsers: Parsers) -> None:
    about = "where batch jobs report"
    actions = group(subparsers, "heartbeat", about, "Where batch jobs report.", EXAMPLES)
    address = actions.add_parser(
        "address",
        help="print the secret address of a job",
        description="Print the secret address a job reports to.",
        epilog=ADDRESS_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    address.add_argument("check", metavar="CHECK", help="a check of kind heartbeat")
    address.add_argument("--config", required=True, metavar="FILE", help="the operator's YAML file")
    address.add_argument(
        "--collector",
        metavar="URL",
        help="where jobs reach the collector (default: access.public_url of the file, else "
        f"{DEFAULT_URL})",
    )
    address.add_argument("--json", action="store_true", help="print the answer as JSON")
    address.set_defaults(func=run_address)


def run_address(args: argparse.Namespace) -> int:
    try:
        config = load(args.config, names=False)
        secret = _secret(config, args.check)
        url = _url(config, args.collector)
    except (ConfigErrors, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    address = f"{url}/heartbeat/{secret}"
    if args.json:
        sys.stdout.write(json.dumps({"address": address, "check": args.check}, indent=2) + "\n")
    else:
        sys.stdout.write(f"{address}\n")
    return 0


def _secret(config: Config, name: str) -> str:
    """ValueError says why there is none."""
    waiting = [check for check, one in config.checks.items() if one.kind == KIND]
    if name not in waiting:
        there = ", ".join(waiting) or "none"
        raise ValueError(
            f"CHECK: no check of kind heartbeat is called '{name}'; there are: {there}"
        )
    ref = str(config.checks[name].spec["secret"])
    place = f"checks.{name}.spec.secret"
    try:
        return secret_of(read_secret(ref))
    except (OSError, KeyError):
        raise ValueError(f"{place}: {ref} cannot be read on this host") from None
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def _url(config: Config, named: str | None) -> str:
    if named is not None:
        addresses.web_address(named)
        return named.rstrip("/")
    public = None if config.access is None else config.access.public_url
    return (public or DEFAULT_URL).rstrip("/")
