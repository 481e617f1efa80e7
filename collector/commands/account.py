"""`wardwatch account`: who may enter, with which roles."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from collector import show
from collector.access.actors import Kind
from collector.access.policy import Role
from collector.client import UsageError, an_id, ask, ask_all, asking, print_json
from collector.commands.options import Parsers, add_out, asks, group
from collector.exchange import Collector
from collector.handover import place

API = "api/v1/accounts"
COLUMNS = ("ID", "KIND", "ROLES", "STATUS", "CREATED (UTC)", "LAST LOGIN (UTC)", "PROVIDER")

EXAMPLES = """\
Examples:
  wardwatch account list
  wardwatch account create nurse-1 --role operator
  wardwatch account roles nurse-1 --role operator --role clinical

Admins change accounts, auditors read them. Which role may do what: collector/README.md.
"""
LIST = """\
Examples:
  wardwatch account list
  wardwatch account list --json
"""
CREATE = """\
Examples:
  wardwatch account create nurse-1 --role operator
  wardwatch account create nurse-1 --role operator --out nurse-1.link
  wardwatch account create reports --kind service --role viewer

A person gets a one-time link, shown once, alone on standard output: hand it over to them and to
nobody else. It works for 24 hours, in a browser or with `wardwatch enrol`. A service has tokens
only (`wardwatch token create --help`).
"""
ROLES = """\
Examples:
  wardwatch account roles nurse-1 --role operator --role clinical

These in place of those before, from the next request on. Nobody is admin and approver.
"""
DISABLE = """\
Examples:
  wardwatch account disable nurse-1

Sessions end, tokens are revoked, and nothing opens the account until it is enabled.
"""
ENABLE = """\
Examples:
  wardwatch account enable nurse-1

Its password and second factor open it again; sessions and tokens stay gone.
"""
RESET = """\
Examples:
  wardwatch account reset nurse-1
  wardwatch account reset nurse-1 --out nurse-1.link

For who has lost password or authenticator. Nothing old opens the account from now on; the one-time
link, shown once, alone on standard output, enrols the person anew.
"""


def add(subparsers: Parsers) -> None:
    actions = group(
        subparsers,
        "account",
        "list, create and change the accounts of people and services",
        "Who may enter, with which roles.",
        EXAMPLES,
    )
    asks(actions, "list", "list every account", LIST).set_defaults(
        func=lambda args: asking(_list, args)
    )
    created = asks(actions, "create", "create an account", CREATE)
    _on_one(created, "a new id")
    _add_roles(created)
    created.add_argument(
        "--kind",
        choices=[one.value for one in Kind],
        default=Kind.PERSON.value,
        help="who it is (default: person)",
    )
    add_out(created, "link")
    created.set_defaults(func=lambda args: asking(_create, args))
    changed = asks(actions, "roles", "give an account other roles", ROLES)
    _on_one(changed)
    _add_roles(changed)
    changed.set_defaults(func=lambda args: asking(_set_roles, args))
    for name, about, more in (
        ("disable", "let nothing open an account", DISABLE),
        ("enable", "let an account open again", ENABLE),
    ):
        parser = asks(actions, name, about, more)
        _on_one(parser)
        parser.set_defaults(func=lambda args: asking(_switch, args))
    renewed = asks(actions, "reset", "let a person enrol anew", RESET)
    _on_one(renewed)
    add_out(renewed, "link")
    renewed.set_defaults(func=lambda args: asking(_reset, args))


def _on_one(parser: argparse.ArgumentParser, what: str = "the account") -> None:
    parser.add_argument("id", type=an_id, metavar="ID", help=what)


def _add_roles(parser: argparse.ArgumentParser) -> None:
    names = [one.value for one in Role]
    parser.add_argument(
        "--role",
        dest="roles",
        action="append",
        required=True,
        choices=names,
        metavar="ROLE",
        help=f"{', '.join(names)}; may be repeated",
    )


def _list(to: Collector, args: argparse.Namespace) -> int:
    found = ask_all(to, API, "accounts")
    if args.json:
        print_json(found)
    else:
        _show(found["accounts"])
    return 0


def _create(to: Collector, args: argparse.Namespace) -> int:
    service = args.kind == Kind.SERVICE.value
    if service and args.out is not None:
        raise UsageError("--out: a service has no link; give it a token: wardwatch token create")
    body = {"id": args.id, "kind": args.kind, "roles": _roles(args)}
    code = _with_link(to, API, body, args)
    if service:
        sys.stderr.write(
            f"Next: wardwatch token create --account {args.id} --scope systems.read --out FILE\n"
        )
    return code


def _reset(to: Collector, args: argparse.Namespace) -> int:
    return _with_link(to, f"{API}/{args.id}/reset", {}, args)


def _with_link(to: Collector, path: str, body: object, args: argparse.Namespace) -> int:
    """The link alone on standard output, or in the file; the rest on standard error."""
    with place(args.out) as secret:
        answer = ask(to, path, "account", body)
        link = answer["link"]
        if link is not None and (args.out is not None or not args.json):
            secret.write(f"{link}\n")
    if args.json:
        hidden = {} if args.out is None else {"invitation": None, "link": None}
        print_json({**answer, **hidden})
    elif link is None:
        _show([answer["account"]])
    if link is not None:
        roles = ", ".join(answer["account"]["roles"])
        sys.stderr.write(
            f"{args.id} ({roles}) is invited. Within 24 hours, once, the link enrols them: hand it "
            "over to them alone.\nThey open it in a browser, or use it with: wardwatch enrol\n"
        )
    return 0


def _set_roles(to: Collector, args: argparse.Namespace) -> int:
    answer = ask(to, f"{API}/{args.id}/roles", "id", {"roles": _roles(args)})
    return _one(answer, args)


def _switch(to: Collector, args: argparse.Namespace) -> int:
    return _one(ask(to, f"{API}/{args.id}/{args.action}", "id", {}), args)


def _roles(args: argparse.Namespace) -> list[str]:
    return list(dict.fromkeys(args.roles))


def _one(answer: dict[str, Any], args: argparse.Namespace) -> int:
    if args.json:
        print_json(answer)
    else:
        _show([answer])
    return 0


def _show(found: list[dict[str, Any]]) -> None:
    show.write("Accounts" if found else "No accounts.", COLUMNS, [_row(one) for one in found])


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        one["id"],
        one["kind"],
        ", ".join(one["roles"]),
        one["status"],
        show.minute(one["created_at"]),
        show.minute(one["seen_at"]),
        one["provider"] or "-",
    )
