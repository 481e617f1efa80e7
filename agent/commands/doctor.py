"""`wardwatch-agent doctor`: is everything there that this agent needs, and what to do if not."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from yarl import URL

from agent import diagnosis, enrolled, hostfile
from agent.canaries import Target
from agent.collectorkey import CollectorKey
from agent.commands import options
from agent.commands.options import (
    BAD_INPUT,
    Parsers,
    add_allow,
    add_allow_listen,
    add_config,
    add_state,
    described,
)
from agent.configcache import ConfigCache
from agent.diagnosis import Level, Line
from agent.examining import Subject, examine
from agent.hostfile import Host, SpoolLimits
from agent.identity import IdentityError
from agent.world import host_world
from probes import addresses, logs
from probes.agentconfig import AgentConfig, AgentConfigError, part_of
from probes.configfile import ConfigErrors, load

EXAMPLES = """\
Examples:
  wardwatch-agent doctor --host /etc/wardwatch/agent.yaml
  wardwatch-agent doctor --host /etc/wardwatch/agent.yaml --json
  sudo -u wardwatch-agent wardwatch-agent doctor --config wardwatch.yaml --agent north-1 \\
      --collector https://wardwatch.example.org --state /var/lib/wardwatch-agent

Run it as the agent's user, or as root, who can read more than that user. No target gets a packet: checks are followed up to their first
connection. The collector, canaries and the fallback's receivers are connected to, no more.
Exit code: 0 nothing failed, 1 something is to be mended, 2 bad usage.
"""
COLOURS = {Level.OK: "32", Level.WARN: "33", Level.FAIL: "31"}


def add(parsers: Parsers) -> None:
    parser = described(
        parsers.add_parser("doctor", help="look for what is missing or wrong on this host"),
        "Look at everything the agent needs of this host, and say what to do next.",
        EXAMPLES,
    )
    parser.add_argument("--host", metavar="FILE", help="the host's own YAML file")
    add_config(parser, required=False)
    parser.add_argument("--agent", metavar="NAME", help="which agent of the file it is")
    parser.add_argument("--collector", metavar="URL", help="where batches go")
    add_state(parser, required=False)
    add_allow(parser)
    add_allow_listen(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(func=doctor)


def doctor(args: argparse.Namespace) -> int:
    problems = options.usage(args)
    subject = None
    if not problems:
        subject = _of_options(args, problems) if args.host is None else _of_host(args, problems)
    if subject is None:
        sys.stderr.write("".join(f"{problem}\n" for problem in problems))
        return BAD_INPUT
    logs.set_up(sys.stderr, logging.CRITICAL)
    lines = asyncio.run(
        examine(subject, host_world(subject.allow, subject.state, subject.allow_listen))
    )
    worst = diagnosis.worst(lines)
    if args.json:
        told = [
            {"subject": one.subject, "level": one.level, "found": one.found, "next": one.advice}
            for one in lines
        ]
        sys.stdout.write(json.dumps({"worst": worst, "lines": told}, indent=2) + "\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in shown(lines, sys.stdout.isatty())))
    return 1 if worst is Level.FAIL else 0


def shown(lines: Sequence[Line], is_terminal: bool) -> list[str]:  # noqa: FBT001 - one of two looks
    """A line each, what to do next below it; on a terminal the level is coloured."""
    width = max(len(line.subject) for line in lines)
    out = []
    for line in lines:
        level = line.level.value.ljust(4)
        if is_terminal:
            level = f"\x1b[{COLOURS[line.level]}m{level}\x1b[0m"
        out.append(f"{level}  {line.subject:<{width}}  {line.found}")
        if line.advice:
            out.append(f"      {'':<{width}}  -> {line.advice}")
    return out


def _of_host(args: argparse.Namespace, problems: list[str]) -> Subject | None:
    try:
        host = hostfile.load(args.host)
    except ConfigErrors as error:
        problems.append(str(error))
        return None
    mistakes: list[str] = []
    part, is_pinned, fault = None, False, None
    if host.config is not None:
        part, is_pinned = _of_file(host.config, host.agent, mistakes)
    elif host.collector is not None:
        part, fault = _kept(host, mistakes)
    link = host.collector
    return Subject(
        agent=host.agent,
        state=Path(host.state),
        spool_bytes=host.spool.max_bytes,
        collector=None if link is None else URL(link.url),
        ca=None if link is None else link.ca,
        part=part,
        problems=mistakes,
        kept_fault=fault,
        is_pinned=is_pinned,
        allow=None if host.allow is None else [one.entry for one in host.allow],
        allow_listen=[addresses.place(text) for text in host.allow_listen],
        canaries=[Target(*hostfile.split_place(place)) for place in host.canaries],
        fallback=host.fallback,
    )


def _of_options(args: argparse.Namespace, problems: list[str]) -> Subject | None:
    url = options.collector(args.collector, problems)
    entries = options.allowed(args.allow, problems)
    listens = options.allowed_listen(args.allow_listen, problems)
    if problems:
        return None
    mistakes: list[str] = []
    part, is_pinned = _of_file(args.config, args.agent, mistakes)
    return Subject(
        agent=args.agent,
        state=Path(args.state),
        spool_bytes=SpoolLimits().max_bytes,
        collector=url,
        ca=None,
        part=part,
        problems=mistakes,
        kept_fault=None,
        is_pinned=is_pinned,
        allow=entries,
        allow_listen=listens,
        canaries=(),
        fallback=None,
    )


def _of_file(path: str, agent: str, mistakes: list[str]) -> tuple[AgentConfig | None, bool]:
    try:
        config = load(path, names=False)
    except ConfigErrors as error:
        mistakes += [str(problem) for problem in error.problems]
        return None, False
    if agent not in config.agents:
        mistakes.append(f"{path}: no agent '{agent}'; there are: {', '.join(config.agents)}")
        return None, False
    return part_of(config, agent), config.agents[agent].key is not None


def _kept(host: Host, mistakes: list[str]) -> tuple[AgentConfig | None, str | None]:
    """What the collector served last, or why that is not to be used."""
    state, link = Path(host.state), host.collector
    try:
        enrolled.load(state)  # its mistakes are told apart from those of the config
        key = CollectorKey(state, None if link is None else link.key)
        return ConfigCache(state, host.agent, key).load(), None
    except AgentConfigError as error:
        return None, error.fault.value
    except IdentityError as error:
        mistakes.append(str(error))
    except OSError:
        return None, None  # the folder's own line says it
    return None, None
