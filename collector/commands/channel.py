"""`wardwatch channel`: the channels in force, and does one work."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable
from typing import Any

from alerts.channel import ChannelEnv, Receipt, Verdict
from alerts.channels import registry
from alerts.outbox import DeliveryReason, Message
from alerts.receivers import everybody
from alerts.render import render_test
from collector import show
from collector.advice import advice
from collector.client import ask_all, asking, print_json
from collector.commands import channel_inbound, channel_kinds, channel_tickets
from collector.commands.channel_file import known
from collector.commands.options import Parsers, action, asks, group
from collector.exchange import Collector
from collector.reporttext import agreement
from probes.clock import Clock, SystemClock
from probes.config import Config
from probes.configfile import read_secret

EXAMPLES = """\
Examples:
  wardwatch channel list
  wardwatch channel kinds
  wardwatch channel test nurses --config wardwatch.yaml
  wardwatch channel inbound pager --config wardwatch.yaml
  wardwatch channel reconcile --dry-run
"""
LIST = """\
Examples:
  wardwatch channel list
  wardwatch channel list --json

The channels of the config in force, what was agreed with their receivers (business associate
agreements), and what goes there. No address and no secret.
"""
COLUMNS = ("ID", "KIND", "GUARANTEE", "AUDIENCE", "AGREEMENT", "CARRIES")
TEST = """\
Examples:
  wardwatch channel test nurses --config wardwatch.yaml
  wardwatch channel test nurses --config wardwatch.yaml --json
  wardwatch channel test mail.anna --config wardwatch.yaml

One attempt, from this host, with the secrets it can read: run it where the collector runs. What
arrives says that it is a test; no incident is opened. Of the answer only its code is shown.

Exit code: 0 delivered, 1 not delivered (the reason, and what to do), 2 bad usage.
"""


def add(subparsers: Parsers) -> None:
    actions = group(
        subparsers,
        "channel",
        "list channels and their kinds, test one, print how it is heard, compare its tickets",
        "Which channels and kinds of channels there are, does one work, how is it heard, what are its tickets.",
        EXAMPLES,
    )
    listed = asks(actions, "list", "list the channels and what was agreed with receivers", LIST)
    listed.set_defaults(func=lambda args: asking(_list, args))
    channel_kinds.add(actions)
    channel_tickets.add(actions)
    test = action(actions, "test", "send a message marked as a test", TEST)
    test.add_argument(
        "name",
        metavar="NAME",
        help="the channel by its id in the file, or a contact by a personal one: CHANNEL.CONTACT",
    )
    test.add_argument("--config", required=True, metavar="FILE", help="the operator's YAML file")
    test.set_defaults(func=run_test)
    channel_inbound.add(actions)


def _list(to: Collector, args: argparse.Namespace) -> int:
    found = ask_all(to, "api/v1/channels", "channels")
    if args.json:
        print_json(found)
        return 0
    rows = [_row(one) for one in found["channels"]]
    show.write("Channels" if rows else "The config has no channel.", COLUMNS, rows)
    return 0


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    carried = [f"{', '.join(r['families'])} from {r['min_priority']}" for r in one["routes"]]
    noticed = [f"notices of {role.replace('_', ' ')}" for role in one["notices"]]
    laddered = [f"escalation {policy}" for policy in one["escalation"]]
    reaching = [f"reaches {', '.join(one['reach'])}"] if one["reach"] else []
    return (
        one["id"],
        one["kind"],
        one["guarantee"] or "-",
        one["audience"],
        agreement(one["agreement"]),
        "; ".join([*carried, *noticed, *laddered, *reaching]) or "-",
    )


def run_test(args: argparse.Namespace) -> int:
    config = known(args, everybody)
    if config is None:
        return 2
    message = probe(config, args.name, SystemClock().now_ms())
    receipt = asyncio.run(attempt(config, message, SystemClock(), read_secret))
    kind = config.channels[everybody(config)[args.name].channel].kind
    return _answered(kind, message, receipt, as_json=args.json)


def probe(config: Config, receiver: str, at: int) -> Message:
    """A message of its own, outside every incident's order."""
    org = config.organization.id
    name = f"{org}_test_{receiver}_{at}".replace(".", "_")
    body = render_test(config, receiver, name=name, at=at)
    return Message(name, org, f"test.{receiver}", receiver, 1, body, at, at)


async def attempt(
    config: Config, message: Message, clock: Clock, read: Callable[[str], bytes]
) -> Receipt:
    receiver = everybody(config)[message.receiver]
    try:
        kind, settings = registry.settings(config, receiver)
        async with kind.open(settings, ChannelEnv(clock, read)) as channel:
            return await channel.deliver(message)
    except Exception:  # noqa: BLE001 - a foreign text may hold anything; none is shown
        return Receipt(Verdict.RETRY, DeliveryReason.CRASH)


def _answered(kind: str, message: Message, receipt: Receipt, *, as_json: bool) -> int:
    delivered = receipt.verdict is Verdict.SENT
    if as_json:
        print_json(
            {
                "channel": message.receiver,
                "kind": kind,
                "message_id": message.id,
                "delivered": delivered,
                "final": receipt.verdict is not Verdict.RETRY,
                "reason": receipt.reason.value,
                "status": receipt.status,
                "advice": advice(kind, receipt),
            }
        )
    else:
        status = "" if receipt.status is None else f", status {receipt.status}"
        result = "delivered" if delivered else "not delivered"
        out = sys.stdout if delivered else sys.stderr
        out.write(f"{message.receiver} ({kind}): {result} ({receipt.reason.value}{status}).\n")
        out.write(f"{advice(kind, receipt)}\n")
    return 0 if delivered else 1
