"""`wardwatch channel`: the channels in force, which kinds there are, does one work, is it heard."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterable
from typing import Any

from alerts.channel import ChannelEnv, ChannelKind, Guarantee, Receipt, Verdict
from alerts.channels import registry
from alerts.inbound_kinds import told
from alerts.outbox import DeliveryReason, Message
from alerts.receivers import everybody
from alerts.render import render_test
from collector import show
from collector.advice import advice
from collector.client import ask_all, asking, print_json
from collector.commands import channel_tickets
from collector.commands.options import Parsers, asks, group
from collector.exchange import Collector
from collector.reporttext import agreement
from probes.clock import Clock, SystemClock
from probes.config import Config
from probes.configfile import ConfigErrors, load, read_secret
from probes.reference import fields

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
KINDS = """\
Examples:
  wardwatch channel kinds
  wardwatch channel kinds --json

Guarantees: keyed is one ticket, always; lookup one ticket after asking the receiver; send at least
one message, none lost. Each kind has a page in alerts/channels.

Exit code: 0 printed, 2 bad usage.
"""
TEST = """\
Examples:
  wardwatch channel test nurses --config wardwatch.yaml
  wardwatch channel test nurses --config wardwatch.yaml --json
  wardwatch channel test mail.anna --config wardwatch.yaml

One attempt, from this host, with the secrets it can read: run it where the collector runs. What
arrives says that it is a test; no incident is opened. Of the answer only its code is shown.

Exit code: 0 delivered, 1 not delivered (the reason, and what to do), 2 bad usage.
"""
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
PROMISES = {
    Guarantee.KEYED: "one ticket, always",
    Guarantee.LOOKUP: "one ticket after asking the receiver",
    Guarantee.SEND: "at least one message, none lost",
}


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
    kinds = _action(actions, "kinds", "list the kinds, what each promises and its keys", KINDS)
    kinds.set_defaults(func=run_kinds)
    channel_tickets.add(actions)
    test = _action(actions, "test", "send a message marked as a test", TEST)
    test.add_argument(
        "name",
        metavar="NAME",
        help="the channel by its id in the file, or a contact by a personal one: CHANNEL.CONTACT",
    )
    test.add_argument("--config", required=True, metavar="FILE", help="the operator's YAML file")
    test.set_defaults(func=run_test)
    inbound = _action(
        actions, "inbound", "print what to set so that its webhooks are heard", INBOUND
    )
    inbound.add_argument("name", metavar="NAME", help="the channel, by its id in the file")
    inbound.add_argument("--config", required=True, metavar="FILE", help="the operator's YAML file")
    inbound.set_defaults(func=run_inbound)


def _action(actions: Parsers, name: str, about: str, more: str) -> argparse.ArgumentParser:
    parser = actions.add_parser(
        name,
        help=about,
        description=f"{about[0].upper()}{about[1:]}.",
        epilog=more,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    return parser


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
    return (
        one["id"],
        one["kind"],
        one["guarantee"] or "-",
        one["audience"],
        agreement(one["agreement"]),
        "; ".join([*carried, *noticed]) or "-",
    )


def run_kinds(args: argparse.Namespace) -> int:
    kinds = [_told(registry.load(name)) for name in registry.CHANNELS]
    if args.json:
        print_json({"kinds": kinds})
        return 0
    for kind in kinds:
        sys.stdout.write(f"{kind['name']}: {kind['summary']}\n")
        title = f"Promises: {kind['guarantee']}, {kind['promise']}."
        rows = [(f["key"], _default(f), f["meaning"]) for f in kind["fields"]]
        show.write(title, ("KEY", "DEFAULT", "MEANING"), rows)
        sys.stdout.write("\n")
    return 0


def _told(kind: ChannelKind[Any]) -> dict[str, Any]:
    return {
        "name": kind.name,
        "summary": kind.summary,
        "guarantee": kind.guarantee.value,
        "promise": PROMISES[kind.guarantee],
        "fields": [
            {
                "key": key,
                "type": shape.replace("`", ""),
                "required": default == "required",
                "default": None if default in ("required", "-") else default.strip("`"),
                "meaning": meaning.replace("`", ""),
            }
            for key, shape, default, meaning in fields(kind.settings)
        ],
    }


def _default(field: dict[str, Any]) -> str:
    return "required" if field["required"] else field["default"] or "-"


def run_inbound(args: argparse.Namespace) -> int:
    config = _loaded(args, lambda config: config.channels)
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


def _loaded(args: argparse.Namespace, known: Callable[[Config], Iterable[str]]) -> Config | None:
    """The file, which knows the name; None once it was said what is wrong."""
    try:
        config = load(args.config, channel_check=registry.check)
    except ConfigErrors as error:
        sys.stderr.write(f"{error}\n")
        return None
    if args.name not in known(config):
        there_are = ", ".join(known(config)) or "none"
        sys.stderr.write(f"NAME: no receiver of this id in {args.config}; it has: {there_are}\n")
        return None
    return config


def run_test(args: argparse.Namespace) -> int:
    config = _loaded(args, everybody)
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
