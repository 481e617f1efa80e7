"""`wardwatch-agent probe`: one attempt, looked at by a person."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from agent.commands.options import (
    BAD_INPUT,
    Parsers,
    add_allow,
    add_allow_listen,
    add_config,
    allowed,
    allowed_listen,
    described,
    locked,
)
from agent.onetable import EXIT, milliseconds
from agent.pulse import Pulse
from agent.world import World, host_world, open_check
from probes import logs
from probes.config_checks import Check
from probes.configfile import ConfigErrors, load
from probes.contract import Slot
from probes.reasons import Reason
from probes.segments import Run

EXAMPLES = """\
Examples:
  wardwatch-agent probe --config wardwatch.yaml ehr-read
  wardwatch-agent probe --config wardwatch.yaml ehr-read --json
  wardwatch-agent probe --config wardwatch.yaml ehr-read --allow 127.0.0.1:8443:https
  wardwatch-agent probe --config wardwatch.yaml payer-270 --state /tmp/probing

One attempt, for real; nothing is recorded. A check with `cost` is counted in the folder of --state,
against the whole `cost.per_day`; that of an agent that runs has its own count and cannot be used.
Exit code: 0 up, 1 down, 2 bad input, 3 degraded, 4 misconfigured, 5 unknown, 69 the folder is in use.
"""


def add(parsers: Parsers) -> None:
    parser = described(
        parsers.add_parser("probe", help="run one check once"),
        "Run one check once, from here, and say what came of it.",
        EXAMPLES,
    )
    add_config(parser)
    add_allow(parser)
    add_allow_listen(parser)
    parser.add_argument(
        "--state", metavar="DIR", help="folder in which runs are counted that cost money"
    )
    parser.add_argument("check", metavar="CHECK", help="the check's id in the file")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(func=probe)


def probe(args: argparse.Namespace) -> int:
    problems: list[str] = []
    entries = allowed(args.allow, problems)
    listens = allowed_listen(args.allow_listen, problems)
    try:
        config = load(args.config)
    except ConfigErrors as error:
        problems.append(str(error))
    if problems:
        sys.stderr.write("".join(f"{problem}\n" for problem in problems))
        return BAD_INPUT
    check = config.checks.get(args.check)
    if check is None:
        sys.stderr.write(f"CHECK: no check '{args.check}'; there are: {', '.join(config.checks)}\n")
        return BAD_INPUT
    if check.cost is not None and args.state is None:
        sys.stderr.write(
            f"CHECK: {args.check} costs money, so its runs are counted: name a folder, --state DIR\n"
        )
        return BAD_INPUT
    logs.set_up(sys.stderr, logging.ERROR)
    state = None if args.state is None else Path(args.state)
    with ExitStack() as stack:
        if state is not None:
            lock = locked(state)
            if isinstance(lock, int):
                return lock
            stack.callback(lock.release)
        world = host_world(entries, state, listens)
        done = asyncio.run(_attempt(args.check, check, world))
    if args.json:
        sys.stdout.write(json.dumps(_document(done), indent=2, sort_keys=True) + "\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in _lines(done)))
    return EXIT[done.outcome]


async def _attempt(name: str, check: Check, world: World) -> Run:
    opened = open_check(name, check, world, Pulse(world.clock))
    try:
        return await opened.run(Slot(name, world.clock.now_ms()))
    finally:
        await opened.close()


def _document(done: Run) -> dict[str, Any]:
    return {
        "check": done.check,
        "system": done.system,
        "at_ms": done.at_ms,
        "outcome": done.outcome.value,
        "reason": done.reason,
        "duration_us": done.duration_us,
        "phases_us": dict(done.phases),
        "facts": dict(done.facts),
        "steps": [
            {
                "name": step.name,
                "outcome": step.outcome.value,
                "reason": step.reason,
                "duration_us": step.duration_us,
            }
            for step in done.steps
        ],
    }


def _lines(done: Run) -> list[str]:
    said = [
        f"{done.check}: {done.outcome.value} ({done.reason}) in {milliseconds(done.duration_us)}"
    ]
    if done.reason == Reason.AGENT_NOT_ALLOWED:
        said.append("  this host forbids the target; see --allow and --allow-listen")
    said += [
        f"  step  {step.name}: {step.outcome.value} ({step.reason}) in {milliseconds(step.duration_us)}"
        for step in done.steps
    ]
    said += [f"  phase {name}: {milliseconds(us)}" for name, us in done.phases.items()]
    return said + [f"  fact  {name}: {value}" for name, value in done.facts.items()]
