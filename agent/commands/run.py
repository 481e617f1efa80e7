"""`wardwatch-agent run`: from options and the operator's file, or from the host's own file."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from yarl import URL

from agent import identity
from agent.allowing import Entry
from agent.commands.options import (
    BAD_INPUT,
    Parsers,
    add_allow,
    add_config,
    add_state,
    allowed,
    collector,
    described,
    listen,
)
from agent.identity import IdentityError
from agent.service import Service
from agent.world import host_world
from probes import logs
from probes.config import Config
from probes.configfile import ConfigErrors, load

log = logging.getLogger("wardwatch.agent")

EXAMPLES = """\
Examples:
  wardwatch-agent run --config wardwatch.yaml --agent north-1 \\
      --collector https://wardwatch.example.org --state /var/lib/wardwatch-agent
  wardwatch-agent run --config wardwatch.yaml --agent north-1 --state state \\
      --collector http://127.0.0.1:8460 --listen 127.0.0.1:9101 --allow 127.0.0.1

SIGTERM and SIGINT stop it; what is left is sent within 5 seconds.
Exit code: 0 stopped as told, 1 a defect, 2 bad usage or config (all problems listed).
"""


@dataclass(frozen=True, slots=True)
class Start:
    """All that a run needs, checked."""

    config: Config
    agent: str
    key: Ed25519PrivateKey
    collector: URL
    listen: tuple[str, int] | None
    allow: list[Entry] | None


def add(parsers: Parsers) -> None:
    parser = described(parsers.add_parser("run", help="run the agent"), "Run the agent.", EXAMPLES)
    add_config(parser)
    parser.add_argument(
        "--agent", required=True, metavar="NAME", help="which agent of the file it is"
    )
    parser.add_argument("--collector", required=True, metavar="URL", help="where batches go")
    add_state(parser)
    add_allow(parser)
    parser.add_argument("--listen", metavar="HOST:PORT", help="serve /metrics and /healthz there")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    logs.set_up(sys.stderr)
    problems: list[str] = []
    start = _from_options(args, problems)
    if start is None:
        sys.stderr.write("".join(f"{problem}\n" for problem in problems))
        return BAD_INPUT
    if start.config.agents[start.agent].key is None:
        sys.stderr.write(f"agents.{start.agent}.key: pin {identity.public_text(start.key)}\n")
    try:
        return asyncio.run(_serve(start))
    except Exception as error:  # noqa: BLE001 - a traceback would print foreign texts
        log.critical("agent.defect %s", places(error))
        return 1


def places(error: BaseException) -> str:
    """`KeyError at runner.py:12`, one for each leaf of an exception group."""
    if isinstance(error, BaseExceptionGroup):
        return ", ".join(places(each) for each in error.exceptions)
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"
    return f"{type(error).__name__} at {where}"


def _from_options(args: argparse.Namespace, problems: list[str]) -> Start | None:
    url, place = collector(args.collector, problems), listen(args.listen, problems)
    entries = allowed(args.allow, problems)
    config: Config | None = None
    try:
        config = load(args.config, names=False)  # no name leaves by an agent
    except ConfigErrors as error:
        problems.append(str(error))
    key: Ed25519PrivateKey | None = None
    try:
        key = identity.load_or_make_key(Path(args.state))
    except IdentityError as error:
        problems.append(f"--state: {error}")
    if config is not None and key is not None:
        _check_agent(config, args.agent, identity.public_text(key), problems)
    if problems or config is None or key is None or url is None:
        return None
    return Start(config, args.agent, key, url, place, entries)


def _check_agent(config: Config, name: str, own: str, problems: list[str]) -> None:
    """The collector takes nothing that is signed with another key than the pinned one."""
    known = config.agents.get(name)
    if known is None:
        problems.append(f"--agent: no agent '{name}'; there are: {', '.join(config.agents)}")
    elif known.key not in (None, own):
        problems.append(f"--state: the file pins another key for {name}; this one is {own}")


async def _serve(start: Start) -> int:
    world = host_world(start.allow)
    service = Service(start.config, start.agent, start.key, identity.new_epoch(), world)
    if start.listen is not None:
        try:
            port = await service.listen(*start.listen)
        except OSError:
            sys.stderr.write(f"--listen: cannot listen on port {start.listen[1]}; is it taken?\n")
            return BAD_INPUT
        sys.stderr.write(f"Listening on port {port}: /metrics and /healthz\n")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sys.stderr.write(
        f"Agent {start.agent} runs {service.checks} checks for {start.config.organization.id}\n"
    )
    left = await service.run(start.collector, stop)
    if left:
        sys.stderr.write(f"Stopped; {left} batches were not acknowledged and are lost.\n")
    return 0
