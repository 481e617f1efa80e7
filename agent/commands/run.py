"""`wardwatch-agent run`: from options and the operator's file, or from the host's own file."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

from yarl import URL

from agent import identity
from agent.commands.options import (
    BAD_INPUT,
    Parsers,
    add_config,
    add_state,
    collector,
    described,
    listen,
)
from agent.disk import DiskError, HostDisk, StateLock
from agent.enrolled import is_enrolled
from agent.hostfile import SpoolLimits
from agent.identity import IdentityError, KeyFile
from agent.keeper import DiskLostError
from agent.service import Service
from agent.spool import Limits
from agent.world import host_world
from probes import logs
from probes.config import Config
from probes.configfile import ConfigErrors, load

log = logging.getLogger("wardwatch.agent")

SPOOL = "spool"
"""Folder inside the state folder."""
DISK_LOST = 3

EXAMPLES = """\
Examples:
  wardwatch-agent run --config wardwatch.yaml --agent north-1 \\
      --collector https://wardwatch.example.org --state /var/lib/wardwatch-agent
  wardwatch-agent run --config wardwatch.yaml --agent north-1 --state state \\
      --collector http://127.0.0.1:8460 --listen 127.0.0.1:9101

SIGTERM and SIGINT stop it; what is not sent within 5 seconds waits in the spool.
Exit code: 0 stopped as told, 1 a defect, 2 bad usage or config (all problems listed),
3 the disk failed: start it again, it goes on from what is on disk.
"""


@dataclass(frozen=True, slots=True)
class Start:
    """All that a run needs, checked."""

    config: Config
    agent: str
    key: KeyFile
    state: Path
    limits: Limits
    collector: URL
    listen: tuple[str, int] | None


def add(parsers: Parsers) -> None:
    parser = described(parsers.add_parser("run", help="run the agent"), "Run the agent.", EXAMPLES)
    add_config(parser)
    parser.add_argument(
        "--agent", required=True, metavar="NAME", help="which agent of the file it is"
    )
    parser.add_argument("--collector", required=True, metavar="URL", help="where batches go")
    add_state(parser)
    parser.add_argument("--listen", metavar="HOST:PORT", help="serve /metrics and /healthz there")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    logs.set_up(sys.stderr)
    problems: list[str] = []
    start = _from_options(args, problems)
    if start is None:
        sys.stderr.write("".join(f"{problem}\n" for problem in problems))
        return BAD_INPUT
    _say_key(start)
    try:
        lock = StateLock(start.state)
    except BlockingIOError:
        sys.stderr.write(
            f"--state: another wardwatch-agent runs on {start.state}; stop it, or use another folder\n"
        )
        return BAD_INPUT
    except OSError as error:
        sys.stderr.write(f"--state: cannot lock {start.state}: {os.strerror(error.errno or 0)}\n")
        return BAD_INPUT
    try:
        return asyncio.run(_serve(start))
    except DiskLostError:
        sys.stderr.write("The disk failed; start again: it goes on from what is on disk.\n")
        return DISK_LOST
    except Exception as error:  # noqa: BLE001 - a traceback would print foreign texts
        log.critical("agent.defect %s", places(error))
        return 1
    finally:
        lock.release()


def places(error: BaseException) -> str:
    """`KeyError at runner.py:12`, one for each leaf of an exception group."""
    if isinstance(error, BaseExceptionGroup):
        return ", ".join(places(each) for each in error.exceptions)
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"
    return f"{type(error).__name__} at {where}"


def _from_options(args: argparse.Namespace, problems: list[str]) -> Start | None:
    url, place = collector(args.collector, problems), listen(args.listen, problems)
    config: Config | None = None
    try:
        config = load(args.config, names=False)  # no name leaves by an agent
    except ConfigErrors as error:
        problems.append(str(error))
    key: KeyFile | None = None
    try:
        key = KeyFile(Path(args.state))
    except IdentityError as error:
        problems.append(f"--state: {error}")
    if config is not None and key is not None:
        _check_agent(config, args.agent, identity.public_text(key()), problems)
    if problems or config is None or key is None or url is None:
        return None
    default = SpoolLimits()
    limits = Limits(default.max_bytes, default.max_age)
    return Start(config, args.agent, key, Path(args.state), limits, url, place)


def _check_agent(config: Config, name: str, own: str, problems: list[str]) -> None:
    """The collector takes nothing that is signed with another key than the pinned one."""
    known = config.agents.get(name)
    if known is None:
        problems.append(f"--agent: no agent '{name}'; there are: {', '.join(config.agents)}")
    elif known.key not in (None, own):
        problems.append(f"--state: the file pins another key for {name}; this one is {own}")


def _say_key(start: Start) -> None:
    """What is left to do about the key, if anything."""
    if start.config.agents[start.agent].key is None and not is_enrolled(start.state):
        own = identity.public_text(start.key())
        sys.stderr.write(
            f"The collector does not know this key yet: wardwatch-agent enrol --help, or pin it "
            f"under agents.{start.agent}.key: {own}\n"
        )
    if identity.is_rotating(start.state):
        sys.stderr.write(
            "A rotation was begun and is not finished: wardwatch-agent rotate --help\n"
        )


async def _serve(start: Start) -> int:
    disk = HostDisk(start.state / SPOOL)
    try:
        service = Service(start.config, start.agent, start.key, disk, start.limits, host_world())
    except DiskError as error:
        sys.stderr.write(f"--state: cannot read {start.state / SPOOL}: {error.fault.value}\n")
        return BAD_INPUT
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
    if left and service.keeper.in_memory:
        sys.stderr.write(f"Stopped; of {left} batches those in memory are lost: see the log.\n")
    elif left:
        sys.stderr.write(f"Stopped; {left} batches wait in the spool for the next start.\n")
    return 0
