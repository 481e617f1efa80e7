"""`wardwatch enrol`: from a one-time link to an account that can log in."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from collector import prompts
from collector.client import (
    DEFAULT_URL,
    AnsweredNoError,
    UsageError,
    ask,
    asking,
    collector_at,
    parse_url,
    print_json,
    where,
)
from collector.commands.options import Parsers, asks
from collector.exchange import Collector
from collector.prompts import warn_of_clear_text

API = "api/v1/enrolment"
AGAIN = ("access.weak_password", "access.wrong_code")
"""What somebody at a terminal may mend at once: the one-time code is not used up by it."""

EXAMPLES = """\
Examples:
  wardwatch enrol
  wardwatch enrol --url https://wardwatch.example.org --ca /etc/ssl/hospital-ca.pem

  wardwatch enrol --code file:/run/link --begin --json
  wardwatch enrol --code file:/run/link --account admin-1 --password file:/run/password \\
      --totp env:CODE

The first admin gets the link from the collector when it starts, everybody else from an admin. It
works once, within 24 hours, and leads to its collector by itself unless --url names another way
there. Passwords and codes are typed, or read from where a REF leads: file:/path or env:NAME. In a
script, --begin tells the secret of the authenticator, again and again until the link is used.
"""


def add(subparsers: Parsers) -> None:
    parser = asks(
        subparsers,
        "enrol",
        "set your password and second factor with a one-time link",
        EXAMPLES,
        token=False,
    )
    parser.add_argument("--account", metavar="ID", help="your account; the first admin chooses it")
    parser.add_argument("--code", metavar="REF", help="the one-time code or link")
    parser.add_argument("--password", metavar="REF", help="the new password")
    parser.add_argument("--totp", metavar="REF", help="what the authenticator shows now")
    parser.add_argument(
        "--begin", action="store_true", help="only show what the authenticator needs"
    )
    parser.set_defaults(func=lambda args: asking(_enrol, args, as_nobody=True))


def _enrol(to: Collector, args: argparse.Namespace) -> int:
    said = prompts.hidden("One-time code or link", args.code, "--code").strip()
    link, _, code = said.rpartition("#")
    there = parse_url(link)
    if there is not None and args.url == DEFAULT_URL:
        args.url = str(there.origin())
        to = collector_at(args)
    warn_of_clear_text(to.url)
    begun = ask(to, f"{API}/begin", "secret", {"invitation": code})
    if args.begin:
        if args.json:
            print_json(begun)
        else:
            sys.stdout.write(_for_authenticator(begun))
        return 0
    account = _account(begun["account"], args.account)
    if args.totp is None:
        sys.stderr.write(_for_authenticator(begun))
    answer = _sent(to, {"invitation": code, "account": account}, args)
    if args.json:
        print_json(answer)
    else:
        sys.stdout.write(_next(account, args.url, first=begun["account"] is None))
    return 0


def _for_authenticator(begun: dict[str, Any]) -> str:
    secret = begun["secret"]
    groups = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    return (
        f"Put this into your authenticator (time based, 6 digits):\n  {groups}\n  {begun['uri']}\n"
    )


def _account(invited: str | None, named: str | None) -> str:
    if invited is None:
        return prompts.shown("Choose an id for your account", named, "--account", "the id")
    if named not in (None, invited):
        raise UsageError(f"--account: this link is for {invited}")
    sys.stderr.write(f"Your account is {invited}.\n")
    return invited


def _sent(to: Collector, body: dict[str, str], args: argparse.Namespace) -> dict[str, Any]:
    for left in reversed(range(prompts.TRIES)):
        password = prompts.twice(args.password, "--password")
        try:
            said = {**body, "password": password, "code": prompts.code(args.totp)}
            return ask(to, API, "account", said)
        except AnsweredNoError as error:
            typed = args.password is None and args.totp is None
            if not (left and typed and error.problem["code"] in AGAIN):
                raise
            sys.stderr.write("".join(f"{line}\n" for line in error.lines()))
    raise AssertionError  # the last try returns or raises


def _next(account: str, url: str, *, first: bool) -> str:
    there = where(url)
    lines = [
        f"{account} is enrolled. Next, with the next code the authenticator shows: "
        f"wardwatch login{there} --account {account}",
    ]
    if first:
        lines += [
            f"Then give others an account: wardwatch account create{there} ID --role operator",
            "An admin approves nothing; what is proposed needs an account with --role approver.",
        ]
    return "".join(f"{line}\n" for line in lines)
