"""`wardwatch-agent run`: from the host's own file, or from options and the operator's file."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import traceback
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp

from agent import firstconfig, identity, memory, onetable, starting
from agent.collectorkey import CollectorKey
from agent.commands.options import (
    BAD_INPUT,
    UNAVAILABLE,
    Parsers,
    add_allow,
    add_allow_listen,
    add_config,
    add_state,
    described,
    locked,
    usage,
)
from agent.configcache import ConfigCache
from agent.configpull import ConfigPull
from agent.disk import SPOOL, DiskError, HostDisk
from agent.holding import DiskLostError
from agent.metrics import AgentMetrics
from agent.notify import Notify
from agent.server import Face, Server
from agent.service import Service
from agent.starting import Start
from agent.uplink import open_session
from agent.world import World, host_world
from probes import logs
from probes.agentconfig import AgentConfig, AgentConfigError
from probes.segments import Run

log = logging.getLogger("wardwatch.agent")

DISK_LOST = 70

EXAMPLES = """\
Examples:
  wardwatch-agent run --host /etc/wardwatch/agent.yaml
  wardwatch-agent run --host /etc/wardwatch/agent.yaml --once
  wardwatch-agent run --config wardwatch.yaml --agent north-1 \\
      --collector https://wardwatch.example.org --state /var/lib/wardwatch-agent
  wardwatch-agent run --config wardwatch.yaml --agent north-1 --state state \\
      --collector http://127.0.0.1:8460 --listen 127.0.0.1:9101 --allow 127.0.0.1

With --host nothing else is given. With a collector and no `config` in the host's file the checks
come from the collector, signed, and are kept: it starts without the collector, too.

SIGTERM and SIGINT stop it; what is not sent within 5 seconds waits in the spool.
With --once the exit code is by the worst outcome, as `probe` has it.
Exit code: 0 stopped as told, 1 a defect, 2 bad usage or config (all problems listed),
69 another process has its state folder or its port: start it again when that is over,
70 the disk failed: start it again, it goes on from what is on disk.
"""


def add(parsers: Parsers) -> None:
    parser = described(parsers.add_parser("run", help="run the agent"), "Run the agent.", EXAMPLES)
    parser.add_argument("--host", metavar="FILE", help="the host's own YAML file")
    add_config(parser, required=False)
    parser.add_argument("--agent", metavar="NAME", help="which agent of the file it is")
    parser.add_argument("--collector", metavar="URL", help="where batches go")
    add_state(parser, required=False)
    add_allow(parser)
    add_allow_listen(parser)
    parser.add_argument("--listen", metavar="HOST:PORT", help="serve /metrics and /healthz there")
    parser.add_argument(
        "--once", action="store_true", help="run each check once, deliver, print a table, and end"
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    logs.set_up(sys.stderr)
    problems = usage(args)
    start = None
    if not problems:
        read = starting.from_options if args.host is None else _from_host
        start = read(args, problems)
    if start is None:
        sys.stderr.write("".join(f"{problem}\n" for problem in problems))
        return BAD_INPUT
    _say_key(start)
    lock = locked(start.state)
    if isinstance(lock, int):
        return lock
    try:
        return asyncio.run(_serve(start, is_once=args.once))
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


def _from_host(args: argparse.Namespace, problems: list[str]) -> Start | None:
    return starting.from_host(args.host, problems)


def _say_key(start: Start) -> None:
    """What is left to do about the key, if anything."""
    if start.collector is not None and not start.is_known:
        own = identity.public_text(start.key())
        sys.stderr.write(
            f"The collector may not know this key yet: wardwatch-agent enrol --help, or pin it "
            f"under agents.{start.agent}.key: {own}\n"
        )
    if identity.is_rotating(start.state):
        sys.stderr.write(
            "A rotation was begun and is not finished: wardwatch-agent rotate --help\n"
        )


async def _serve(start: Start, *, is_once: bool = False) -> int:
    world = host_world(start.allow, start.state, start.allow_listen)
    metrics, stop = AgentMetrics(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    notify = Notify.of(os.environ)
    async with AsyncExitStack() as stack:
        server = Server(Face(metrics.text, lambda: True, tuple))
        stack.push_async_callback(server.stop)
        if start.listen is not None:
            try:
                port = await server.start(*start.listen)
            except OSError:
                sys.stderr.write(f"listen: cannot listen on port {start.listen[1]}; is it taken?\n")
                return UNAVAILABLE
            sys.stderr.write(f"Listening on port {port}: /metrics and /healthz\n")
        try:
            pull, part = await _kept(start, stack, world, metrics)
        except OSError:
            sys.stderr.write(f"{start.state}: what is kept there cannot be read\n")
            return BAD_INPUT
        if part is None and pull is not None:
            shown = identity.fingerprint(start.key())
            part = await firstconfig.wait(
                pull.next, shown, stop, server, notify, world.clock, metrics
            )
        if part is None:
            return 0
        runs: list[Run] = []
        folder = start.state / SPOOL
        try:
            service = Service(
                part,
                start.key,
                HostDisk(folder),
                start.limits,
                world,
                metrics=metrics,
                canaries=start.canaries,
                state=start.state,
                fallback=start.fallback,
                notify=notify,
                server=server,
                once=runs.append if is_once else None,
            )
        except DiskError as error:
            sys.stderr.write(f"{folder}: cannot be read: {error.fault.value}\n")
            return DISK_LOST
        sys.stderr.write(f"Agent {part.agent} runs {service.checks} checks for {part.org}\n")
        beside: list[Coroutine[Any, Any, None]] = []
        if pull is not None and not is_once:
            beside.append(pull.run(service.apply))
        memory.settle()
        left = await service.run(start.collector, stop, tls=start.tls, beside=beside)
    _say_left(left, in_memory=service.keeper.held.in_memory)
    if is_once:
        sys.stdout.write("".join(f"{line}\n" for line in onetable.table(runs)))
        return onetable.worst(runs)
    return 0


def _say_left(left: int, *, in_memory: bool) -> None:
    if left and in_memory:
        sys.stderr.write(f"Stopped; of {left} batches those in memory are lost: see the log.\n")
    elif left:
        sys.stderr.write(f"Stopped; {left} batches wait in the spool for the next start.\n")


async def _kept(
    start: Start, stack: AsyncExitStack, world: World, metrics: AgentMetrics
) -> tuple[ConfigPull | None, AgentConfig | None]:
    """What asks the collector for newer configs, if it serves them; what to run, if that is here."""
    if start.part is not None:
        return None, start.part
    session = await stack.enter_async_context(open_session(start.tls))
    key = CollectorKey(start.state, start.collector_key)
    cache = ConfigCache(start.state, start.agent, key)
    pull = _pull(start, session, cache, world, metrics)
    try:
        kept = cache.load()
    except AgentConfigError as error:
        kept = None
        metrics.config_refused.labels(error.fault.value).inc()
        log.error("config.kept_refused code=%s", error.fault.value)  # noqa: TRY400 - a code
    if kept is not None:
        sys.stderr.write(f"Config {kept.version} as kept; the collector is asked for a newer one\n")
    return pull, kept


def _pull(
    start: Start,
    session: aiohttp.ClientSession,
    cache: ConfigCache,
    world: World,
    metrics: AgentMetrics,
) -> ConfigPull:
    if start.collector is None:
        raise AssertionError("a host's file names a config or a collector")
    return ConfigPull(
        session,
        start.collector,
        start.agent,
        start.key,
        cache,
        clock=world.clock,
        rng=world.rng,
        random_bytes=world.random_bytes,
        metrics=metrics,
    )
