"""`wardwatch channel kinds`: which kinds of channels there are, what each promises and its keys."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from alerts.channel import ChannelKind, Guarantee
from alerts.channels import registry
from collector import show
from collector.client import print_json
from collector.commands.options import Parsers, action
from probes.reference import fields

KINDS = """\
Examples:
  wardwatch channel kinds
  wardwatch channel kinds --json

Guarantees: keyed is one ticket, always; lookup one ticket after asking the receiver; send at least
one message, none lost. Each kind has a page in alerts/channels.

Exit code: 0 printed, 2 bad usage.
"""
PROMISES = {
    Guarantee.KEYED: "one ticket, always",
    Guarantee.LOOKUP: "one ticket after asking the receiver",
    Guarantee.SEND: "at least one message, none lost",
}


def add(actions: Parsers) -> None:
    kinds = action(actions, "kinds", "list the kinds, what each promises and its keys", KINDS)
    kinds.set_defaults(func=run_kinds)


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
