"""All that a run of the agent needs, from the host's file or from options; every problem at once."""

from __future__ import annotations

import argparse
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from yarl import URL

from agent import hostfile, identity
from agent.allowing import Address, Entry
from agent.canaries import Target
from agent.commands import options
from agent.enrolled import Enrolled
from agent.enrolled import load as load_enrolled
from agent.hostfile import Fallback, Host, SpoolLimits
from agent.identity import IdentityError, KeyFile
from agent.spoolfiles import Limits
from probes import addresses
from probes.agentconfig import AgentConfig, part_of
from probes.config import Config
from probes.config_places import COLLECTOR
from probes.configfile import ConfigErrors, load


@dataclass(frozen=True, slots=True)
class Start:
    """`part` is None where the collector serves it; without a collector the agent stands alone.

    `collector_key`: `ed25519:BASE64` as the host's file pins it.
    """

    part: AgentConfig | None
    agent: str
    state: Path
    key: KeyFile
    is_known: bool
    """Is the key pinned in the operator's file here, or has the agent enrolled?"""
    collector: URL | None
    listen: tuple[str, int] | None
    allow: list[Entry] | None
    limits: Limits
    tls: ssl.SSLContext | None = None
    collector_key: str | None = None
    canaries: tuple[Target, ...] = ()
    fallback: Fallback | None = None
    allow_listen: tuple[tuple[Address, int], ...] = ()


def from_host(path: str, problems: list[str]) -> Start | None:
    try:
        host = hostfile.load(path)
    except ConfigErrors as error:
        problems.append(str(error))
        return None
    config = None if host.config is None else _config(host.config, problems)
    state = Path(host.state)
    key = _key(state, f"{path}: state", problems)
    tls = tls_of(host, path, problems)
    enrolled = _enrolled(state, f"{path}: state", problems)
    if config is not None and key is not None:
        _check_agent(config, host.agent, key, (f"{path}: agent", f"{path}: state"), problems)
    pinned = _pins(config, host.agent)
    _check_enrolled(enrolled, host.agent, state, f"{path}: agent", problems, pinned=pinned)
    if problems or key is None:
        return None
    link = host.collector
    return Start(
        None if config is None else part_of(config, host.agent),
        host.agent,
        state,
        key,
        enrolled is not None or pinned,
        None if link is None else URL(link.url),
        None if host.listen is None else hostfile.split_place(host.listen),
        None if host.allow is None else [allowed.entry for allowed in host.allow],
        _limits(host.spool),
        tls,
        None if link is None else link.key,
        tuple(Target(*hostfile.split_place(place)) for place in host.canaries),
        host.fallback,
        tuple(addresses.place(text) for text in host.allow_listen),
    )


def from_options(args: argparse.Namespace, problems: list[str]) -> Start | None:
    """With `--config`, `--agent`, `--collector` and `--state`."""
    url = options.collector(args.collector, problems)
    place = options.listen(args.listen, problems)
    entries = options.allowed(args.allow, problems)
    listens = options.allowed_listen(args.allow_listen, problems)
    config = _config(args.config, problems)
    state = Path(args.state)
    key = _key(state, "--state", problems)
    if config is not None and key is not None:
        _check_agent(config, args.agent, key, ("--agent", "--state"), problems)
    enrolled, pinned = _enrolled(state, "--state", problems), _pins(config, args.agent)
    _check_enrolled(enrolled, args.agent, state, "--agent", problems, pinned=pinned)
    if problems or config is None or key is None:
        return None
    known = enrolled is not None or pinned
    part = part_of(config, args.agent)
    limits = _limits(SpoolLimits())
    return Start(
        part,
        args.agent,
        state,
        key,
        known,
        url,
        place,
        entries,
        limits,
        allow_listen=listens,
    )


def _limits(spool: SpoolLimits) -> Limits:
    return Limits(spool.max_bytes, spool.max_age)


def _pins(config: Config | None, agent: str) -> bool:
    known = None if config is None else config.agents.get(agent)
    return known is not None and known.key is not None


def _config(path: str, problems: list[str]) -> Config | None:
    try:
        return load(path, names=False)  # no name leaves by an agent
    except ConfigErrors as error:
        problems.append(str(error))
        return None


def _key(state: Path, place: str, problems: list[str]) -> KeyFile | None:
    try:
        return KeyFile(state)
    except IdentityError as error:
        problems.append(f"{place}: {error}")
        return None


def _enrolled(state: Path, place: str, problems: list[str]) -> Enrolled | None:
    try:
        return load_enrolled(state)
    except IdentityError as error:
        problems.append(f"{place}: {error}")
        return None


def tls_of(host: Host, path: str, problems: list[str]) -> ssl.SSLContext | None:
    """Trusts the CA that the host's file names, and no other; None where it names none."""
    if host.collector is None or host.collector.ca is None:
        return None
    try:
        return ssl.create_default_context(cafile=host.collector.ca)
    except ssl.SSLError:
        problems.append(f"{path}: collector.ca: {host.collector.ca} holds no certificate in PEM")
    except OSError as error:
        why = os.strerror(error.errno or 0)
        problems.append(f"{path}: collector.ca: {host.collector.ca}: {why}")
    return None


def _check_enrolled(
    enrolled: Enrolled | None,
    agent: str,
    state: Path,
    place: str,
    problems: list[str],
    *,
    pinned: bool,
) -> None:
    """A key that enrolled as another agent signs nothing that the collector would take."""
    if enrolled is not None and enrolled.agent != agent and not pinned:
        problems.append(
            f"{place}: the folder {state} is enrolled as {enrolled.agent}; name that agent, or "
            "another folder"
        )


def _check_agent(
    config: Config, name: str, key: KeyFile, places: tuple[str, str], problems: list[str]
) -> None:
    """The collector takes nothing that is signed with another key than the pinned one."""
    known, own = config.agents.get(name), identity.public_text(key())
    if name == COLLECTOR:
        problems.append(f"{places[0]}: the collector runs this agent itself; name another")
    elif known is None:
        problems.append(f"{places[0]}: no agent '{name}'; there are: {', '.join(config.agents)}")
    elif known.key not in (None, own):
        problems.append(f"{places[1]}: the file pins another key for {name}; this one is {own}")
