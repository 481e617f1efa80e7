"""`wardwatch-agent probe`: one attempt, looked at by a person."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from typing import Any

from agent.commands.options import BAD_INPUT, Parsers, add_config, described
from agent.pulse import Pulse
from agent.world import host_world, open_check
from probes import logs
from probes.config_checks import Check
from probes.configfile import ConfigErrors, load
from probes.contract import Outcome, Slot
from probes.segments import Run

EXIT = {
    Outcome.UP: 0,
    Outcome.DOWN: 1,
    Outcome.DEGRADED: 3,
    Outcome.MISCONFIGURED: 4,
    Outcome.UNKNOWN: 5,
}

EXAMPLES = """\
Examples:
  wardwatch-agent probe --config wardwatch.yaml ehr-read
  wardwatch-agent probe --config wardwatch.yaml ehr-read --json

One attempt, for real; nothing is recorded.
Exit code: 0 up, 1 down, 2 bad input, 3 degraded, 4 misconfigured, 5 unknown.
"""


def add(parsers: Parsers) -> None:
    parser = described(
        parsers.add_parser("probe", help="run one check once"),
        "Run one check once, from here, and say what came of it.",
        EXAMPLES,
    )
    add_config(parser)
    parser.add_argument("check", metavar="CHECK", help="the check's id in the file")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(func=probe)


def probe(args: argparse.Namespace) -> int:
    try:
        config = load(args.config)
    except ConfigErrors as error:
        sys.stderr.write(f"{error}\n")
        return BAD_INPUT
    check = config.checks.get(args.check)
    if check is None:
        sys.stderr.write(f"CHECK: no check '{args.check}'; there are: {', '.join(config.checks)}\n")
        return BAD_INPUT
    logs.set_up(sys.stderr, logging.ERROR)
    done = asyncio.run(_attempt(args.check, check))
    if args.json:
        sys.stdout.write(json.dumps(_document(done), indent=2, sort_keys=True) + "\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in _lines(done)))
    return EXIT[done.outcome]


async def _attempt(name: str, check: Check) -> Run:
    world = host_world()
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
    said = [f"{done.check}: {done.outcome.value} ({done.reason}) in {_ms(done.duration_us)}"]
    said += [
        f"  step  {step.name}: {step.outcome.value} ({step.reason}) in {_ms(step.duration_us)}"
        for step in done.steps
    ]
    said += [f"  phase {name}: {_ms(us)}" for name, us in done.phases.items()]
    return said + [f"  fact  {name}: {value}" for name, value in done.facts.items()]


def _ms(us: int) -> str:
    return f"{us // 1000}.{us % 1000 // 100} ms"
