"""What the words of `wardwatch-agent` do; `cli.py` says how they are written."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import secrets
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from yarl import URL

from agent import identity
from agent.identity import IdentityError
from agent.pulse import Pulse
from agent.service import Service, World, open_check
from probes import logs, registry
from probes.clock import SystemClock
from probes.config import Check, Config
from probes.configfile import ConfigErrors, load, read_secret
from probes.contract import Outcome, Slot
from probes.net import Network
from probes.segments import Run

EXIT = {
    Outcome.UP: 0,
    Outcome.DOWN: 1,
    Outcome.DEGRADED: 3,
    Outcome.MISCONFIGURED: 4,
    Outcome.UNKNOWN: 5,
}
BAD_INPUT = 2

log = logging.getLogger("wardwatch.agent")


def host_world() -> World:
    clock = SystemClock()
    return World(clock, random.SystemRandom(), Network(clock), read_secret, secrets.token_bytes)


def run(args: argparse.Namespace) -> int:
    logs.set_up(sys.stderr)
    problems: list[str] = []
    collector, listen = _collector(args.collector, problems), _listen(args.listen, problems)
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
    if problems or config is None or key is None or collector is None:
        sys.stderr.write("".join(f"{problem}\n" for problem in problems))
        return BAD_INPUT
    if config.agents[args.agent].key is None:
        sys.stderr.write(f"agents.{args.agent}.key: pin {identity.public_text(key)}\n")
    try:
        return asyncio.run(_serve(config, args.agent, key, collector, listen))
    except Exception as error:  # noqa: BLE001 - a traceback would print foreign texts
        log.critical("agent.defect %s", places(error))
        return 1


def key(args: argparse.Namespace) -> int:
    try:
        made = identity.load_or_make_key(Path(args.state))
    except IdentityError as error:
        sys.stderr.write(f"--state: {error}\n")
        return BAD_INPUT
    sys.stdout.write(f"key: {identity.public_text(made)}\n")
    return 0


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


def kinds(args: argparse.Namespace) -> int:
    found = [registry.load(name) for name in sorted(registry.KINDS)]
    if args.json:
        listed = [
            {"name": kind.name, "summary": kind.summary, "reasons": sorted(kind.reasons)}
            for kind in found
        ]
        sys.stdout.write(json.dumps(listed, indent=2, sort_keys=True) + "\n")
    else:
        width = max(len(kind.name) for kind in found)
        sys.stdout.write("".join(f"{kind.name:<{width}}  {kind.summary}\n" for kind in found))
    return 0


async def _serve(
    config: Config,
    agent: str,
    signing: Ed25519PrivateKey,
    collector: URL,
    listen: tuple[str, int] | None,
) -> int:
    service = Service(config, agent, signing, identity.new_epoch(), host_world())
    if listen is not None:
        try:
            port = await service.listen(*listen)
        except OSError:
            sys.stderr.write(f"--listen: cannot listen on port {listen[1]}; is it taken?\n")
            return BAD_INPUT
        sys.stderr.write(f"Listening on port {port}: /metrics and /healthz\n")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sys.stderr.write(f"Agent {agent} runs {service.checks} checks for {config.organization.id}\n")
    left = await service.run(collector, stop)
    if left:
        sys.stderr.write(f"Stopped; {left} batches were not acknowledged and are lost.\n")
    return 0


async def _attempt(name: str, check: Check) -> Run:
    world = host_world()
    opened = open_check(name, check, world, Pulse(world.clock))
    try:
        return await opened.run(Slot(name, world.clock.now_ms()))
    finally:
        await opened.close()


def _collector(text: str, problems: list[str]) -> URL | None:
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme in ("http", "https") and url.host and not (url.query_string or url.user):
        return url
    problems.append("--collector: write an address such as https://wardwatch.example.org")
    return None


def _listen(text: str | None, problems: list[str]) -> tuple[str, int] | None:
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if host and port.isascii() and port.isdigit() and int(port) <= 65_535:
        return host, int(port)
    problems.append("--listen: write HOST:PORT, such as 127.0.0.1:9101")
    return None


def _check_agent(config: Config, name: str, own: str, problems: list[str]) -> None:
    """The collector takes nothing that is signed with another key than the pinned one."""
    known = config.agents.get(name)
    if known is None:
        problems.append(f"--agent: no agent '{name}'; there are: {', '.join(config.agents)}")
    elif known.key not in (None, own):
        problems.append(f"--state: the file pins another key for {name}; this one is {own}")


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


def places(error: BaseException) -> str:
    """`KeyError at runner.py:12`, one for each leaf of an exception group."""
    if isinstance(error, BaseExceptionGroup):
        return ", ".join(places(each) for each in error.exceptions)
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"
    return f"{type(error).__name__} at {where}"


def _ms(us: int) -> str:
    return f"{us // 1000}.{us % 1000 // 100} ms"
