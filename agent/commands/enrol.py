"""`wardwatch-agent enrol`: present this host's key to a collector, with a one-time token."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from agent import enrolled, enrolling, identity
from agent.commands import linking
from agent.commands.options import BAD_INPUT, Parsers, described, warn_of_clear_text
from agent.enrolled import Enrolled
from agent.enrolling import NoAnswerError, RefusedError
from agent.identity import IdentityError
from probes import agentkeys
from probes.clock import SystemClock
from probes.configfile import read_given

EXAMPLES = """\
Examples:
  wardwatch-agent enrol --host /etc/wardwatch/agent.yaml --token file:north-1.token
  wardwatch-agent enrol --collector https://wardwatch.example.org --agent north-1 \\
      --token file:north-1.token --state /var/lib/wardwatch-agent
  wardwatch-agent enrol --collector https://wardwatch.example.org --agent north-1 \\
      --token env:TOKEN --state /var/lib/wardwatch-agent --ca /etc/ssl/hospital-ca.pem

With --host agent, collector and folder are those of the host's file. The key is made here and never leaves. An admin makes the token (`wardwatch agent invite`), and
approves the key after comparing the fingerprint that is printed here. The agent may run meanwhile:
what it records is taken once the key is approved. After a lost answer run the same once more.
Exit code: 0 enrolled, 1 refused, 2 bad usage, 3 the collector does not answer.
"""
REFUSED, NO_ANSWER = 1, 3


def add(parsers: Parsers) -> None:
    parser = described(
        parsers.add_parser("enrol", help="present this host's key to a collector"),
        "Present this host's key to a collector, with a one-time token.",
        EXAMPLES,
    )
    linking.add(parser, agent=True)
    parser.add_argument(
        "--token", required=True, metavar="REF", help="file:PATH or env:NAME of the token"
    )
    parser.set_defaults(func=enrol)


def enrol(args: argparse.Namespace) -> int:
    problems: list[str] = []
    link, token = linking.read(args, problems), _token(args.token, problems)
    known = key = None
    if link is not None:
        try:
            known, key = enrolled.load(link.state), identity.load_or_make_key(link.state)
        except IdentityError as error:
            problems.append(f"state: {error}")
        if known is not None and known.agent != link.agent:
            problems.append(
                f"state: {link.state} is of {known.agent}; each agent has its own folder"
            )
    if problems or link is None or token is None or key is None:
        sys.stderr.write("".join(f"{problem}\n" for problem in problems))
        return BAD_INPUT
    agent, state, url, tls = link.agent or "", link.state, link.collector, link.tls
    warn_of_clear_text(url)
    secret, config_key = token

    async def ask() -> enrolling.Standing:
        async with enrolling.a_session(tls) as session:
            now_ms = SystemClock().now_ms()
            return await enrolling.enrol(session, url, secret, agent, key, now_ms)

    try:
        standing = asyncio.run(ask())
        enrolled.keep(state, Enrolled(standing.organization, agent, config_key))
        identity.drop_next(state)
    except RefusedError as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    except NoAnswerError as error:
        sys.stderr.write(f"{error}\n")
        return NO_ANSWER
    except IdentityError as error:
        sys.stderr.write(f"state: {error}\n")
        return BAD_INPUT
    shown = identity.fingerprint(key)
    sys.stdout.write(f"{agent} of {standing.organization}, fingerprint:\n  {shown}\n")
    sys.stderr.write(_next(agent, standing.state, shown))
    return 0


def _token(ref: str, problems: list[str]) -> tuple[str, str | None] | None:
    where, _, name = ref.partition(":")
    if where == "file":
        ref = f"file:{Path(name).absolute()}"  # typed by a person, where that person stands
    try:
        found = agentkeys.split_token(read_given(ref).decode("ascii").strip())
    except (OSError, KeyError, ValueError):
        problems.append("--token: write file:PATH or env:NAME, of a token that is there")
        return None
    if found is None:
        problems.append(
            "--token: what is there is no token of `wardwatch agent invite`, or not all"
        )
    return found


def _next(agent: str, state: str, shown: str) -> str:
    if state == "approved":
        return "Approved: what this agent records is taken.\n"
    return (
        "Nothing of it is taken yet. Next, an admin compares the fingerprint and runs:\n"
        f'  wardwatch agent approve {agent} --fingerprint "{shown}"\n'
    )
