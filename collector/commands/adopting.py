"""`wardwatch incident adopt`: go on in a ticket that people made themselves."""

from __future__ import annotations

import argparse
import re
import sys
from typing import Any

from alerts.lookup import TICKET
from collector.client import ask, print_json
from collector.exchange import Collector

ADOPT = """\
Examples:
  wardwatch incident adopt ehr.availability.1767225611000 --receiver itsm --ticket INC0010023
  wardwatch incident adopt ehr.availability.1767225611000 --receiver desk --ticket OPS-7 --json

Our key is put on the ticket: from then on messages of this incident go there, and the one that we
made is resolved with a note that names it, by the next message or comparison. For the kinds
servicenow, jira, zendesk, freshservice and freshdesk. Done twice, it is done once. The exit code is 1
also where the ticket is not there, has another key, or the receiver did not let us.
"""
LONGEST_S = 75.0
"""Longer than any channel waits for its receiver."""
SAID = {
    "adopted": "The ticket has our key: messages of this incident go there.",
    "unknown": "The receiver has no such ticket, or shows it to nobody with our login.",
    "taken": "The ticket has another key: it belongs to another incident or another program.",
    "overtaken": "Nothing was written. Try again.",
}


def ticket_name(text: str) -> str:
    """For argparse: tickets are called by letters and a number."""
    if not re.fullmatch(TICKET, text):
        raise argparse.ArgumentTypeError("write a ticket as INC0010023, OPS-7 or #12")
    return text


def adopt(to: Collector, args: argparse.Namespace) -> int:
    """0 it has our key, 1 it has not."""
    body = {"incident": args.key, "receiver": args.receiver, "ticket": args.ticket}
    found: dict[str, Any] = ask(to, "api/v1/tickets/adopt", "adoption", body, timeout_s=LONGEST_S)
    done = found["adoption"] == "adopted"
    if args.json:
        print_json(found)
    else:
        out = sys.stdout if done else sys.stderr
        out.write(f"{args.receiver}, {args.ticket}: {_said(found)}\n")
    return 0 if done else 1


def _said(found: dict[str, Any]) -> str:
    if found["adoption"] is not None:
        return SAID[found["adoption"]]
    status = "" if found["status"] is None else f", status {found['status']}"
    return f"The receiver did not let us ({found['reason']}{status}). Try `wardwatch channel test`."
