"""`wardwatch agent`: which agents there are, and which keys are taken of them."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from collector import show
from collector.client import act, an_id, ask, ask_all, asking, print_json
from collector.commands.options import Parsers, add_out, asks, group
from collector.core.agent_keys import RevokeReason, SettleReason
from collector.exchange import Collector
from collector.handover import place
from probes import agentkeys
from probes.config_places import COLLECTOR

API = "api/v1/agents"
COLUMNS = ("AGENT", "SITE", "KEY", "FINGERPRINT", "LAST BATCH (UTC)")
KEYS = ("FINGERPRINT", "STATE", "SINCE (UTC)", "BY", "TAKEN UNTIL (UTC)")

EXAMPLES = """\
Examples:
  wardwatch agent list
  wardwatch agent invite north-1 --out north-1.token
  wardwatch agent approve north-1 --fingerprint "3f1a 09bc ..."

An agent makes its key itself. Either the operator's file pins it, or the agent enrols: an admin
invites it, the token goes to its host, `wardwatch-agent enrol` presents the key, and the admin
approves it after comparing the fingerprint with the one that host shows.
"""
LIST = """\
Examples:
  wardwatch agent list
  wardwatch agent list --json

What somebody has to do stands below the table.
"""
KEYS_HELP = """\
Examples:
  wardwatch agent keys north-1
  wardwatch agent keys north-1 --json
"""
INVITE = """\
Examples:
  wardwatch agent invite north-1 > north-1.token
  wardwatch agent invite north-1 --out north-1.token

The token, shown once, alone on standard output, enrols this one agent at its site, once, within 24
hours; older ones of the agent are void. Bring it to the agent's host by a way others cannot read.
"""
APPROVE = """\
Examples:
  wardwatch agent approve north-1 --fingerprint "3f1a 09bc ..."

Take the fingerprint from the agent's host (`wardwatch-agent key --state DIR`), not from here: the
two are compared. What the agent has recorded meanwhile is taken, too. The key approved before is
replaced: what was sealed with it is taken for 21 days more, unless it is revoked.
"""
REVOKE = """\
Examples:
  wardwatch agent revoke north-1 --fingerprint "3f1a 09bc ..." --reason stolen --ref INC0042

Nothing it has signed is taken from now on, for good; what was taken before stays evidence. The
agent goes on with a new key: move its agent.key away, and invite it again. A key that the file
pins is changed there.
"""
SETTLE = """\
Examples:
  wardwatch agent settle north-1 --reason restored --ref CHG0031

Two batches came for one place in the agent's chain; the first one counts. Either its state folder
was set back or copied (a restored backup, a cloned machine), or somebody else has its key: then
revoke it first. The journal tells both hashes of each.
"""
BEFORE = ", before its state was lost"
"""Of an epoch that another has followed: what has not come may never come."""
STATES = {
    "pinned": "pinned in the file",
    "none": "none",
    "pending": "waits for approval",
    "approved": "approved",
    "replaced": "replaced",
    "withdrawn": "withdrawn",
    "revoked": "revoked",
}


def add(subparsers: Parsers) -> None:
    actions = group(
        subparsers,
        "agent",
        "list and invite agents, approve and revoke their keys",
        "Agents and their keys.",
        EXAMPLES,
    )
    asks(actions, "list", "list agents", LIST).set_defaults(func=lambda args: asking(_list, args))
    keys = _on_one(asks(actions, "keys", "list the keys of an agent", KEYS_HELP))
    keys.set_defaults(func=lambda args: asking(_keys, args))
    invited = _on_one(asks(actions, "invite", "make a one-time token for an agent", INVITE))
    add_out(invited, "token")
    invited.set_defaults(func=lambda args: asking(_invite, args))
    approved = _on_one(asks(actions, "approve", "approve the key of an agent", APPROVE))
    _add_fingerprint(approved)
    approved.set_defaults(func=lambda args: asking(_approve, args))
    revoked = _on_one(asks(actions, "revoke", "revoke a key of an agent", REVOKE))
    _add_fingerprint(revoked)
    _add_reason(revoked, [one.value for one in RevokeReason])
    revoked.set_defaults(func=lambda args: asking(_revoke, args))
    settled = _on_one(asks(actions, "settle", "end an agent's alarm of two batches", SETTLE))
    _add_reason(settled, [one.value for one in SettleReason])
    settled.set_defaults(func=lambda args: asking(_settle, args))


def _on_one(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("id", type=an_id, metavar="NAME", help="the agent's name in the file")
    return parser


def _add_fingerprint(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--fingerprint",
        required=True,
        type=_fingerprint,
        metavar="F",
        help="of the key, whole; blanks do not count",
    )


def _add_reason(parser: argparse.ArgumentParser, words: list[str]) -> None:
    parser.add_argument(
        "--reason", required=True, choices=words, metavar="WORD", help=", ".join(words)
    )
    parser.add_argument("--ref", metavar="REF", help="a ticket's or change's number")


def _fingerprint(text: str) -> str:
    found = agentkeys.ungrouped(text)
    if found is None:
        raise argparse.ArgumentTypeError("write the whole fingerprint, 64 hexadecimal digits")
    return found


def _list(to: Collector, args: argparse.Namespace) -> int:
    found = ask_all(to, API, "agents")
    if args.json:
        print_json(found)
        return 0
    rows = [_row(one) for one in found["agents"]]
    show.write("Agents" if rows else "No agents.", COLUMNS, rows)
    sys.stdout.write("".join(f"{line}\n" for one in found["agents"] for line in to_do(one)))
    return 0


def to_do(one: dict[str, Any]) -> list[str]:
    """What somebody has to do about an agent."""
    name, out = one["id"], []
    if one["equivocations"]:
        out.append(
            f"{name}: {one['equivocations']} came for a place in its chain that another batch has. "
            f"When it is clear why: wardwatch agent settle {name} --reason WORD"
        )
    lacking = ((chain, _gaps(chain)) for chain in one["chains"])
    out += (
        f"{name}: epoch {chain['epoch'][:8]}{BEFORE if chain is not one['chains'][0] else ''}: {gaps}."
        for chain, gaps in lacking
        if gaps
    )
    if one["waiting"] is not None:
        out.append(
            f"{name}: a key waits for approval. If the agent's host shows this fingerprint, too:\n"
            f'  wardwatch agent approve {name} --fingerprint "{agentkeys.grouped(one["waiting"])}"'
        )
    elif one["invited_until"] is not None:
        out.append(f"{name}: invited until {show.minute(one['invited_until'])} UTC.")
    elif name == COLLECTOR:  # it makes its key itself, once it has something to do
        if one["key_state"] in ("revoked", "replaced"):
            out.append(f"{name}: its key is not taken. Next: another file as --config-key")
    elif one["key_state"] in ("none", "revoked", "replaced"):
        out.append(f"{name}: no key of it is approved. Next: wardwatch agent invite {name}")
    return out


def _gaps(chain: dict[str, Any]) -> str:
    """What its evidence lacks, in words."""
    until = chain["complete_until"]
    upto = "the first among them" if until is None else f"complete until {show.minute(until)} UTC"
    told = (
        (chain["missing_batches"], "batches that have not come", f" ({upto})"),
        (chain["given_up_results"], "results given up for want of room", ""),
        (chain["broken_links"], "headers that do not name the one before them", ""),
    )
    return ", ".join(f"{what}: {count}{more}" for count, what, more in told if count)


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    last = one["last_batch"]
    return (
        one["id"],
        one["site"],
        STATES[one["key_state"]],
        "-" if one["fingerprint"] is None else f"{agentkeys.grouped(one['fingerprint'])[:19]} ...",
        show.minute(None if last is None else last["received_at"]),
    )


def _keys(to: Collector, args: argparse.Namespace) -> int:
    found = ask_all(to, f"{API}/{args.id}/keys", "keys")
    if args.json:
        print_json(found)
    else:
        _show(found["keys"], f"Keys of {args.id}" if found["keys"] else f"{args.id} has no key.")
    return 0


def _invite(to: Collector, args: argparse.Namespace) -> int:
    with place(args.out) as secret:
        made = ask(to, f"{API}/{args.id}/invite", "token", {})
        if args.out is not None or not args.json:
            secret.write(f"{made['token']}\n")
    if args.json:
        print_json(made if args.out is None else {**made, "token": None})
    sys.stderr.write(
        f"{args.id} is invited, at site {made['site']}, until {show.minute(made['expires_at'])} "
        "UTC, once. On its host:\n"
        f"  wardwatch-agent enrol --collector {to.url} --token file:TOKEN --agent {args.id} "
        "--state DIR\n"
    )
    return 0


def _approve(to: Collector, args: argparse.Namespace) -> int:
    answer = act(to, f"{API}/{args.id}/approve", "state", {"fingerprint": args.fingerprint})
    if args.json:
        print_json(answer)
    else:
        _show([answer], f"Approved: what {args.id} signs with this key is taken.")
    return 0


def _revoke(to: Collector, args: argparse.Namespace) -> int:
    body = {"fingerprint": args.fingerprint, "reason": args.reason, "ref": args.ref}
    answer = act(to, f"{API}/{args.id}/revoke", "key", body)
    if args.json:
        print_json(answer)
        return 0
    _show([answer["key"]], f"Revoked: nothing {args.id} signs with this key is taken any longer.")
    if answer["announced"]:
        _show(
            answer["announced"],
            "These go back to it by rotation and are still taken. If somebody else may have had "
            "it before then, revoke them, too:",
        )
    return 0


def _settle(to: Collector, args: argparse.Namespace) -> int:
    body = {"reason": args.reason, "ref": args.ref}
    answer = act(to, f"{API}/{args.id}/settle", "settled", body)
    if args.json:
        print_json(answer)
    else:
        count = answer["settled"]
        sys.stdout.write(f"{args.id}: {count} settled.\n" if count else f"{args.id}: no alarm.\n")
    return 0


def _show(keys: list[dict[str, Any]], title: str) -> None:
    found = sorted(keys, key=lambda one: one["enrolled_at"])
    show.write(title, KEYS, [_key_row(one) for one in found])


def _key_row(one: dict[str, Any]) -> tuple[str, ...]:
    since = one["revoked_at"] or one["replaced_at"] or one["approved_at"] or one["enrolled_at"]
    return (
        agentkeys.grouped(one["fingerprint"]),
        one["state"] + (f", {one['reason']}" if one["reason"] else ""),
        show.minute(since),
        one["approved_by"] or "-",
        show.minute(one["valid_until"]) if one["state"] == "replaced" else "-",
    )
