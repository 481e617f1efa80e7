"""`wardwatch outbox`: messages that wait or are dead, and dead ones sent again."""

from __future__ import annotations

import argparse
import re
from typing import Any

from collector import show
from collector.client import UsageError, a_receiver, act, ask_all, asking, print_json
from collector.commands.options import Parsers, asks, group
from collector.exchange import Collector

API = "api/v1/outbox"
COLUMNS = ("ID", "STATE", "WHY", "ATTEMPTS", "WRITTEN (UTC)", "NEXT (UTC)")
LEFT = ("ID", "WHY")
_ID = re.compile(r"[A-Za-z0-9_-]{1,300}")

EXAMPLES = """\
Examples:
  wardwatch outbox list --state dead
  wardwatch outbox redrive --receiver desk
"""
LIST = """\
Examples:
  wardwatch outbox list
  wardwatch outbox list --state dead --receiver desk
  wardwatch outbox list --json

What is sent is not listed.
"""
REDRIVE = """\
Examples:
  wardwatch outbox redrive st-elsewhere_ehr_availability_1767225611000_desk_1
  wardwatch outbox redrive --receiver desk

Mend first what made them dead: see WHY in `wardwatch outbox list`. They go in their order, within
15 seconds, and are tried for three days more. To a receiver that keeps tickets nothing is sent
that a later message has told already. Who did it, and why each was dead, is in the journal.
"""
CLEAR = """\
Examples:
  wardwatch outbox clear st-elsewhere_ehr_availability_1767225611000_desk_1
  wardwatch outbox clear --receiver old-pager

For dead messages that nobody is to send again: what a later one has told, a receiver that is gone.
They are listed and counted no more. Who did it, and why each was dead, is in the journal, and the
report of the incident goes on to say that it did not arrive.
"""
WHY = {
    "not_dead": "not dead: it is sent, still tried or put away",
    "overtaken": "a later message of its incident went, and told all of this",
    "no_channel": "the config has no such receiver",
}


def add(subparsers: Parsers) -> None:
    actions = group(
        subparsers,
        "outbox",
        "list messages that wait or are dead, send dead ones again or put them away",
        "Messages to receivers that wait or are dead.",
        EXAMPLES,
    )
    listed = asks(actions, "list", "list messages that wait or are dead", LIST)
    listed.add_argument("--state", choices=("pending", "dead"), help="of this state only")
    listed.add_argument("--receiver", type=a_receiver, metavar="NAME", help="to this channel only")
    listed.set_defaults(func=lambda args: asking(_list, args))
    again = asks(actions, "redrive", "send dead messages again", REDRIVE)
    again.add_argument("ids", nargs="*", type=_message_id, metavar="ID", help="a dead message")
    again.add_argument(
        "--receiver", type=a_receiver, metavar="NAME", help="all dead ones to this channel"
    )
    again.set_defaults(func=lambda args: asking(_redrive, args))
    away = asks(actions, "clear", "put dead messages away", CLEAR)
    away.add_argument("ids", nargs="*", type=_message_id, metavar="ID", help="a dead message")
    away.add_argument(
        "--receiver", type=a_receiver, metavar="NAME", help="all dead ones to this channel"
    )
    away.set_defaults(func=lambda args: asking(_clear, args))


def _message_id(text: str) -> str:
    """For argparse: a message's id has one form."""
    if not _ID.fullmatch(text):
        raise argparse.ArgumentTypeError("not the id of a message; see `wardwatch outbox list`")
    return text


def _list(to: Collector, args: argparse.Namespace) -> int:
    query = {"state": args.state, "receiver": args.receiver}
    found = ask_all(to, API, "messages", query=query)
    if args.json:
        print_json(found)
        return 0
    rows = [_row(one) for one in found["messages"]]
    show.write("Messages" if rows else "No message waits or is dead.", COLUMNS, rows)
    return 0


def _redrive(to: Collector, args: argparse.Namespace) -> int:
    return _on_dead(to, args, "redrive", "redriven", "sent again")


def _clear(to: Collector, args: argparse.Namespace) -> int:
    return _on_dead(to, args, "clear", "cleared", "put away")


def _on_dead(to: Collector, args: argparse.Namespace, path: str, done: str, said: str) -> int:
    """1 where a message that was named stays as it is."""
    if bool(args.ids) == (args.receiver is not None):
        raise UsageError("Name messages, or --receiver for all dead ones of a channel.")
    found: dict[str, Any] = {done: [], "left": []}
    more = True
    while more:
        body = {"receiver": args.receiver} if args.receiver is not None else {"ids": args.ids}
        part = act(to, f"{API}/{path}", done, body)
        found = {name: found[name] + part[name] for name in found}
        more = part["more"]
    if args.json:
        print_json(found)
    else:
        count = len(found[done])
        head = f"{count} {'message is' if count == 1 else 'messages are'} {said}."
        rows = [(one["message"], WHY[one["why"]]) for one in found["left"]]
        show.write(f"{head} Left as they are:" if rows else head, LEFT, rows)
    return 1 if found["left"] else 0


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    why = one["reason"] or "-"
    if one["status"] is not None:
        why += f" {one['status']}"
    return (
        one["id"],
        one["state"] + (", overtaken" if one["overtaken"] else ""),
        why,
        str(one["attempts"]),
        _second(one["created_at"]),
        "-" if one["next_at"] is None else _second(one["next_at"]),
    )


def _second(instant: str) -> str:
    return instant[:19].replace("T", " ")
