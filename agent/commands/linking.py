"""Where a command finds agent, collector and folder: in the host's own file, or in options."""

from __future__ import annotations

import argparse
import ssl
from dataclasses import dataclass
from pathlib import Path

from yarl import URL

from agent import hostfile
from agent.commands import options
from agent.starting import tls_of
from probes.configfile import ConfigErrors


@dataclass(frozen=True, slots=True)
class Link:
    """`agent` is None where the command was not asked for one; `tls` None: what the host trusts."""

    agent: str | None
    state: Path
    collector: URL
    tls: ssl.SSLContext | None


def add(parser: argparse.ArgumentParser, *, agent: bool) -> None:
    parser.add_argument("--host", metavar="FILE", help="the host's own YAML file")
    parser.add_argument("--collector", metavar="URL", help="where batches go")
    if agent:
        parser.add_argument("--agent", metavar="NAME", help="which agent this is")
    options.add_state(parser, required=False)
    options.add_ca(parser)


def read(args: argparse.Namespace, problems: list[str]) -> Link | None:
    """None where something is wrong; all of it is in `problems`."""
    needed = ("collector", "agent", "state") if hasattr(args, "agent") else ("collector", "state")
    found = options.usage(args, needed, ("ca",))
    problems += found
    if found:
        return None
    return _of_options(args, problems) if args.host is None else _of_host(args.host, problems)


def _of_options(args: argparse.Namespace, problems: list[str]) -> Link | None:
    url, tls = options.collector(args.collector, problems), options.trusted(args.ca, problems)
    agent = getattr(args, "agent", None)
    return None if url is None else Link(agent, Path(args.state), url, tls)


def _of_host(path: str, problems: list[str]) -> Link | None:
    try:
        host = hostfile.load(path)
    except ConfigErrors as error:
        problems.append(str(error))
        return None
    if host.collector is None:
        problems.append(f"{path}: collector: missing; this agent stands alone")
        return None
    tls = tls_of(host, path, problems)
    return Link(host.agent, Path(host.state), URL(host.collector.url), tls)
