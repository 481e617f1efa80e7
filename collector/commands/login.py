"""`wardwatch login`, `logout` and `whoami`: the token a person's commands work with."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from dataclasses import replace
from typing import Any

from collector import credential, prompts, show
from collector.access.policy import Permission
from collector.client import AnsweredNoError, UsageError, ask, asking, print_json, where
from collector.commands.options import Parsers, asks
from collector.exchange import Collector, UnansweredError

LOGIN = """\
Examples:
  wardwatch login --account nurse-1
  wardwatch login --account nurse-1 --hours 1 --scope systems.read --scope incidents.read
  wardwatch login --account nurse-1 --password file:/run/password --totp env:CODE --json

It keeps a token for some hours, in a file that only you can read ($XDG_STATE_HOME/wardwatch, else
~/.local/state/wardwatch), one for each collector. Password and code are typed, or read from where
a REF leads: file:/path or env:NAME. Programs do not log in: an admin gives them a token
(`wardwatch token create --help`).
"""
LOGOUT = """\
Examples:
  wardwatch logout

The token is revoked and forgotten. A token of --token or WARDWATCH_TOKEN stays as it is: see
`wardwatch token revoke --help`.
"""
WHOAMI = """\
Examples:
  wardwatch whoami
  wardwatch whoami --json
"""


def add(subparsers: Parsers) -> None:
    into = asks(subparsers, "login", "log in with password and second factor", LOGIN, token=False)
    into.add_argument("--account", metavar="ID", help="your account")
    into.add_argument("--password", metavar="REF", help="your password")
    into.add_argument("--totp", metavar="REF", help="what the authenticator shows now")
    into.add_argument(
        "--hours", type=int, default=12, metavar="N", help="for how long, 1 to 24 (default 12)"
    )
    into.add_argument(
        "--scope",
        dest="scopes",
        action="append",
        choices=[one.value for one in Permission],
        metavar="SCOPE",
        help="only for this, may be repeated (default: all you may); `self` always is among them",
    )
    into.set_defaults(func=lambda args: asking(_log_in, args, as_nobody=True))
    out = asks(subparsers, "logout", "end the login", LOGOUT, token=False)
    out.set_defaults(func=lambda args: asking(_log_out, args, as_nobody=True))
    who = asks(subparsers, "whoami", "say who you are there, and what you may do", WHOAMI)
    who.set_defaults(func=lambda args: asking(_who_am_i, args))


def _log_in(to: Collector, args: argparse.Namespace) -> int:
    prompts.warn_of_clear_text(to.url)
    account = prompts.shown("Account", args.account, "--account", "the id")
    body = {
        "account": account,
        "password": prompts.hidden("Password", args.password, "--password"),
        "code": prompts.code(args.totp),
        "hours": args.hours,
    }
    if args.scopes:
        # without it the token could not even be given up
        body["scopes"] = sorted({*args.scopes, Permission.SELF.value})
    made = ask(to, "api/v1/login", "token", body)
    known = replace(to, token=made["token"])
    before = _before(to)
    file = credential.path(os.environ)
    try:
        credential.keep(file, to.url, made["token"])
    except OSError:
        _give_up(known)
        raise UsageError(f"{file}: cannot be written, so the login is over again") from None
    if before is not None:
        _give_up(before)
    me = ask(known, "api/v1/me", "account")
    if args.json:
        print_json(
            {
                **{name: me[name] for name in ("account", "kind", "roles", "permissions")},
                "id": made["id"],
                "expires_at": made["expires_at"],
            }
        )
    else:
        sys.stdout.write(
            f"Logged in as {me['account']} ({', '.join(me['roles'])}) until {show.minute(made['expires_at'])} UTC.\n"
            f"Kept in {file}; wardwatch logout{where(args.url)} ends it.\n"
        )
    if os.environ.get(credential.VARIABLE):
        sys.stderr.write(f"{credential.VARIABLE} is set, and goes before this login.\n")
    return 0


def _before(to: Collector) -> Collector | None:
    """As whom one was logged in until now."""
    try:
        token = credential.kept(to.url, os.environ)
    except credential.CredentialError:
        return None
    return None if token is None else replace(to, token=token)


def _give_up(to: Collector) -> None:
    """Revoke a token nobody will use; it may be over already, and ends by itself anyway."""
    with suppress(AnsweredNoError, UnansweredError):
        ask(to, "api/v1/logout", "done", {})


def _log_out(to: Collector, args: argparse.Namespace) -> int:
    before, revoked = credential.kept(to.url, os.environ), False
    if before is not None:
        try:
            ask(replace(to, token=before), "api/v1/logout", "done", {})
            revoked = True
        except AnsweredNoError as error:
            if error.problem["code"] != "access.unknown":
                raise
        credential.keep(credential.path(os.environ), to.url, None)
    if args.json:
        print_json({"revoked": revoked, "forgotten": before is not None})
    elif before is None:
        known = credential.logins(credential.path(os.environ))
        elsewhere = f" There is a login at {', '.join(sorted(known))}." if known else ""
        sys.stdout.write(f"Nobody is logged in at {to.url.origin()}.{elsewhere}\n")
    elif revoked:
        sys.stdout.write("Logged out: the token is revoked and forgotten.\n")
    else:
        sys.stdout.write("The login was over already; the token is forgotten.\n")
    return 0


def _who_am_i(to: Collector, args: argparse.Namespace) -> int:
    me = ask(to, "api/v1/me", "account")
    if args.json:
        print_json(me)
    else:
        sys.stdout.write("".join(f"{line}\n" for line in _said(me)))
    return 0


def _said(me: dict[str, Any]) -> list[str]:
    return [
        f"{me['account']}, a {me['kind']}",
        f"roles: {', '.join(me['roles']) or 'none'}",
        f"may: {', '.join(me['permissions']) or 'nothing'}",
        f"by {me['by']} {me['credential']}",
    ]
