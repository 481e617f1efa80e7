"""`wardwatch-agent rotate`: go on with a new key."""

from __future__ import annotations

import argparse
import asyncio
import sys

from agent import enrolled, enrolling, identity
from agent.commands import linking
from agent.commands.enrol import NO_ANSWER, REFUSED
from agent.commands.options import BAD_INPUT, Parsers, described
from agent.enrolling import NoAnswerError, RefusedError
from agent.identity import IdentityError
from probes.clock import SystemClock

EXAMPLES = """\
Examples:
  wardwatch-agent rotate --host /etc/wardwatch/agent.yaml
  wardwatch-agent rotate --collector https://wardwatch.example.org \\
      --state /var/lib/wardwatch-agent

The new key is announced with both signatures, and nobody has to approve it. A running agent signs
its next batch with it; what was sealed with the old one is taken for 21 days more. Interrupted at
any point, run the same once more. A key that the operator's file pins is changed there.
Exit code: 0 rotated, 1 refused, 2 bad usage, 3 the collector does not answer.
"""


def add(parsers: Parsers) -> None:
    parser = described(
        parsers.add_parser("rotate", help="go on with a new key"),
        "Make a new key, and announce it to the collector with the old one.",
        EXAMPLES,
    )
    linking.add(parser, agent=False)
    parser.set_defaults(func=rotate)


def rotate(args: argparse.Namespace) -> int:
    problems: list[str] = []
    link = linking.read(args, problems)
    known = None
    try:
        known = None if link is None else enrolled.load(link.state)
        if link is not None and known is None:
            problems.append(
                f"{link.state}: nobody has enrolled from this folder. A key that the operator's file "
                "pins (agents.NAME.key) is changed there; else see `wardwatch-agent enrol --help`"
            )
    except IdentityError as error:
        problems.append(f"state: {error}")
    if problems or link is None or known is None:
        sys.stderr.write("".join(f"{problem}\n" for problem in problems))
        return BAD_INPUT
    state, url, tls = link.state, link.collector, link.tls
    try:
        old, new = identity.load_or_make_key(state), identity.next_key(state)

        async def ask() -> enrolling.Standing:
            async with enrolling.a_session(tls) as session:
                now_ms = SystemClock().now_ms()
                return await enrolling.rotate(session, url, known, old, new, now_ms)

        asyncio.run(ask())
        identity.take_next(state)
    except RefusedError as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    except NoAnswerError as error:
        sys.stderr.write(f"{error}\n")
        return NO_ANSWER
    except IdentityError as error:
        sys.stderr.write(f"state: {error}\n")
        return BAD_INPUT
    sys.stdout.write(f"{known.agent} goes on with fingerprint:\n  {identity.fingerprint(new)}\n")
    return 0
