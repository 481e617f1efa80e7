"""`wardwatch token`: API tokens of oneself, and for an admin of services."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from collector import show
from collector.access.policy import Permission
from collector.client import an_id, ask, ask_all, asking, print_json
from collector.commands.options import Parsers, add_out, asks, group
from collector.exchange import Collector
from collector.handover import place

API = "api/v1/tokens"
COLUMNS = (
    "ID",
    "ACCOUNT",
    "CREATED (UTC)",
    "EXPIRES (UTC)",
    "LAST USED (UTC)",
    "REVOKED (UTC)",
    "SCOPES",
)

EXAMPLES = """\
Examples:
  wardwatch token list
  wardwatch token create --account reports --scope availability.read --out reports.token
  wardwatch token revoke 1f0c3a5b7d9e2468

A token can do what its scopes say, and never more than its owner may.
"""
LIST = """\
Examples:
  wardwatch token list
  wardwatch token list --account reports --json

One's own, those that are over too, without their secrets. Admins and auditors see everybody's.
"""
CREATE = """\
Examples:
  wardwatch token create --scope systems.read --scope incidents.read --days 7 > own.token
  wardwatch token create --account reports --scope availability.read --out reports.token

The secret is shown this once, alone on standard output. A person's lives 90 days at most, a
service's 366. Use it with --token file:/path, or in WARDWATCH_TOKEN.
"""
REVOKE = """\
Examples:
  wardwatch token revoke 1f0c3a5b7d9e2468

It is nothing from now on. One's own, or as an admin anybody's; `token list` shows the ids.
"""


def add(subparsers: Parsers) -> None:
    actions = group(
        subparsers,
        "token",
        "list, create and revoke API tokens",
        "API tokens of yourself, and for an admin of services.",
        EXAMPLES,
    )
    listed = asks(actions, "list", "list tokens", LIST)
    listed.add_argument("--account", metavar="ID", help="whose (default: your own)")
    listed.set_defaults(func=lambda args: asking(_list, args))
    made = asks(actions, "create", "create a token", CREATE)
    made.add_argument(
        "--scope",
        dest="scopes",
        action="append",
        required=True,
        choices=[one.value for one in Permission],
        metavar="SCOPE",
        help=f"{', '.join(one.value for one in Permission)}; may be repeated",
    )
    made.add_argument("--account", metavar="ID", help="a service (default: for yourself)")
    made.add_argument("--days", type=int, default=30, metavar="N", help="for how long (default 30)")
    add_out(made, "secret")
    made.set_defaults(func=lambda args: asking(_create, args))
    revoked = asks(actions, "revoke", "revoke a token", REVOKE)
    revoked.add_argument("id", type=an_id, metavar="ID", help="the token's id")
    revoked.set_defaults(func=lambda args: asking(_revoke, args))


def _list(to: Collector, args: argparse.Namespace) -> int:
    found = ask_all(to, API, "tokens", query={"account": args.account})
    if args.json:
        print_json(found)
    else:
        rows = [_row(one) for one in found["tokens"]]
        show.write("Tokens" if rows else "No tokens.", COLUMNS, rows)
    return 0


def _create(to: Collector, args: argparse.Namespace) -> int:
    body = {"account": args.account, "scopes": list(dict.fromkeys(args.scopes)), "days": args.days}
    with place(args.out) as secret:
        made = ask(to, API, "token", body)
        if args.out is not None or not args.json:
            secret.write(f"{made['token']}\n")
    if args.json:
        print_json(made if args.out is None else {**made, "token": None})
    sys.stderr.write(
        f"Token {made['id']}{_of(args)}, until {show.minute(made['expires_at'])} UTC, may: "
        f"{', '.join(body['scopes'])}. Its secret is not shown again.\n"
    )
    return 0


def _of(args: argparse.Namespace) -> str:
    return "" if args.account is None else f" of {args.account}"


def _revoke(to: Collector, args: argparse.Namespace) -> int:
    answer = ask(to, f"{API}/{args.id}/revoke", "done", {})
    if args.json:
        print_json(answer)
    else:
        sys.stdout.write(f"Token {args.id} is revoked.\n")
    return 0


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        one["id"],
        one["account"],
        show.minute(one["created_at"]),
        show.minute(one["expires_at"]),
        show.minute(one["last_used_at"]),
        show.minute(one["revoked_at"]),
        ", ".join(one["scopes"]),
    )
