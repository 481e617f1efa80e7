"""`wardwatch channel inbound`: what to set so that a receiver's webhooks are heard."""

from __future__ import annotations

import argparse
import sys

from alerts.channels import registry
from alerts.inbound_kinds import told
from collector.client import print_json
from collector.commands.channel_file import known
from collector.commands.options import Parsers, action

INBOUND = """\
Examples:
  wardwatch channel inbound pager --config wardwatch.yaml
  wardwatch channel inbound pager --config wardwatch.yaml --json

People who acknowledge or resolve in the receiver's product are heard by its webhook. Printed are the
address to give to it and what to set there, from the vendor's public documents; no product was used.
An acknowledgement is shown and stops nothing; nobody resolves an incident from there.

Exit code: 0 printed, 1 the entry has no `inbound` yet (what to write is printed), 2 bad usage.
"""
WRITE = "Write into its entry: inbound: {secret: file:/run/secrets/NAME-inbound}"


def add(actions: Parsers) -> None:
    inbound = action(
        actions, "inbound", "print what to set so that its webhooks are heard", INBOUND
    )
    inbound.add_argument("name", metavar="NAME", help="the channel, by its id in the file")
    inbound.add_argument("--config", required=True, metavar="FILE", help="the operator's YAML file")
    inbound.set_defaults(func=run_inbound)


def run_inbound(args: argparse.Namespace) -> int:
    config = known(args, lambda config: config.channels)
    if config is None:
        return 2
    entry = config.channels[args.name]
    inbound = registry.load(entry.kind).inbound
    if inbound is None:
        sys.stderr.write(f"NAME: receivers of the kind {entry.kind} tell us nothing\n")
        return 2
    access = config.access
    origin = None if access is None else access.public_url
    url = f"{origin or 'https://COLLECTOR'}/inbound/{args.name}"
    steps, heard = told(inbound, url), entry.inbound is not None
    if args.json:
        answer = {"channel": args.name, "kind": entry.kind, "heard": heard, "url": url}
        print_json({**answer, "steps": steps})
        return 0 if heard else 1
    sys.stdout.write(f"{args.name} ({entry.kind}): {url}\n")
    lines = [f"{number}. {step}" for number, step in enumerate(steps, 1)]
    sys.stdout.write("".join(f"  {line}\n" for line in lines))
    if origin is None:
        sys.stderr.write("COLLECTOR: set access.public_url to have the address printed whole.\n")
    if not heard:
        sys.stderr.write(f"{args.name} is not heard yet. {WRITE.replace('NAME', args.name)}\n")
    return 0 if heard else 1
