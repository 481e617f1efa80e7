"""Looks at everything an agent needs of its host, and changes nothing but a file it removes again."""

from __future__ import annotations

import asyncio
import errno
import os
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from yarl import URL

from agent import approval, checks, diagnosis, timekeeping
from agent.allowing import Entry, may_listen, refusal
from agent.canaries import Canaries, Target
from agent.diagnosis import (
    CheckFacts,
    CollectorFacts,
    FolderFacts,
    KeyFacts,
    Line,
    ReceiverFacts,
)
from agent.disk import SPOOL, is_held
from agent.enrolled import is_enrolled
from agent.hostfile import Fallback, split_place
from agent.identity import KEY_FILE, IdentityError, is_rotating, load_key
from agent.identity import fingerprint as fingerprint_of
from agent.pulse import Pulse
from agent.uplink import open_session
from agent.world import World
from probes import signing
from probes.agentconfig import AgentConfig
from probes.contract import Scheme, Slot
from probes.net import Address, Deadline, NetFailure, Network
from probes.reasons import Reason
from probes.tls import TlsOptions

CONNECT_MS = 5_000
AT_ONCE = 32
PROBE_FILE = ".wardwatch-doctor"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be looked at. `part` None: the collector serves it and none is kept here."""

    agent: str
    state: Path
    spool_bytes: int
    collector: URL | None
    ca: str | None
    part: AgentConfig | None
    problems: Sequence[str]
    """Of the operator's file on this host."""
    kept_fault: str | None
    """Why the config that is kept here is not to be used."""
    is_pinned: bool
    allow: Sequence[Entry] | None
    allow_listen: Sequence[tuple[Address, int]]
    canaries: Sequence[Target]
    fallback: Fallback | None


async def examine(subject: Subject, world: World) -> list[Line]:
    """In the order in which things are mended."""
    network = Network(world.clock)
    lines = [diagnosis.key(look_at_key(subject.state, is_pinned=subject.is_pinned))]
    lines += diagnosis.folder(look_at_folder(subject.state, subject.spool_bytes))
    facts = await _collector(subject, network, world)
    lines += diagnosis.collector(facts)
    if subject.collector is not None and facts is not None and facts.status == 200:
        lines += diagnosis.approval(await _approval(subject, subject.collector, world))
    lines += [diagnosis.config_problem(problem) for problem in subject.problems]
    if subject.part is not None:
        lines += diagnosis.checks(
            await look_at_checks(subject.part, subject.allow, subject.allow_listen, world)
        )
    elif not subject.problems:
        lines.append(diagnosis.no_config(subject.kept_fault))
    asked = Canaries(subject.canaries, network, world.clock)
    answered = await asyncio.gather(*(asked.answers(target) for target in subject.canaries))
    named = [f"{target.host}:{target.port}" for target in subject.canaries]
    lines += diagnosis.canaries(dict(zip(named, answered, strict=True)))
    lines += diagnosis.fallback(await _fallback(subject.fallback, network, world))
    return lines


def look_at_key(state: Path, *, is_pinned: bool) -> KeyFacts:
    path = state / KEY_FILE
    try:
        found = path.stat()
    except OSError:
        return KeyFacts(str(path), exists=False)
    facts = KeyFacts(
        str(path),
        exists=True,
        mode=found.st_mode & 0o777,
        is_ours=found.st_uid == _owner(state),
        is_known=is_pinned or is_enrolled(state),
        is_rotating=is_rotating(state),
    )
    try:
        facts = replace(facts, size=len(path.read_bytes()))
        return replace(facts, fingerprint=fingerprint_of(load_key(state)))
    except (OSError, IdentityError):
        return facts


def _owner(state: Path) -> int:
    """Whose the key has to be: ours; root looks on behalf of the folder's owner."""
    return os.geteuid() or state.stat().st_uid


def look_at_folder(state: Path, spool_bytes: int) -> FolderFacts:
    """Writes one file, syncs it, and removes it."""
    try:
        found = state.stat()
    except OSError:
        return FolderFacts(str(state), exists=False)
    probe, fault = state / PROBE_FILE, None
    try:
        number = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(number, b"doctor\n")
            os.fsync(number)
        finally:
            os.close(number)
            probe.unlink()
    except OSError as error:
        fault = errno.errorcode.get(error.errno or 0, "unknown")
    return FolderFacts(
        str(state),
        exists=True,
        mode=found.st_mode & 0o777,
        is_ours=os.geteuid() in (0, found.st_uid),
        fault=fault,
        free_bytes=psutil.disk_usage(str(state)).free,
        may_take=max(spool_bytes - _taken(state / SPOOL), 0),
        is_held=is_held(state),
    )


def _taken(spool: Path) -> int:
    try:
        return sum(path.stat().st_size for path in spool.iterdir())
    except OSError:  # none yet, or it grows while we look
        return 0


async def look_at_checks(
    part: AgentConfig,
    allow: Sequence[Entry] | None,
    listens: Sequence[tuple[Address, int]],
    world: World,
) -> list[CheckFacts]:
    """Each check up to its first connection, which is not made: nothing reaches a target, and
    nobody listens.
    """
    room = asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> CheckFacts:
        async with room:
            return await _rehearse(part, name, allow, listens, world)

    return await asyncio.gather(*(one(name) for name in part.checks))


async def _rehearse(
    part: AgentConfig,
    name: str,
    allow: Sequence[Entry] | None,
    listens: Sequence[tuple[Address, int]],
    world: World,
) -> CheckFacts:
    wanted: list[tuple[Address, int]] = []
    asked: list[tuple[Address, int, Scheme]] = []

    def note(address: Address, port: int, scheme: Scheme) -> bool:
        asked.append((address, port, scheme))
        return False

    def note_listening(address: Address, port: int) -> bool:
        wanted.append((address, port))
        return False

    alone = replace(part, checks={name: part.checks[name]})
    network = Network(world.clock, note, may_listen=note_listening)
    rehearsing = replace(world, network=network, ledger=_Rehearsed())
    attempts = checks.opened(alone, rehearsing, Pulse(world.clock), None, {})[name]
    try:
        run = await attempts.run(Slot(name, world.clock.now_ms()))
    finally:
        await attempts.close()
    if wanted:
        allowed = may_listen(listens)(*wanted[0])
        why = None if allowed else Reason.AGENT_NOT_ALLOWED
        return CheckFacts(name, why, _shown(*wanted[0]))
    if not asked:
        return CheckFacts(name, Reason(run.reason))
    address, port, scheme = asked[0]
    shown = f"{scheme} {_shown(address, port)}"
    return CheckFacts(name, None, shown, refusal(allow, address, port, scheme))


class _Rehearsed:
    """A Ledger: nothing leaves, so nothing is spent."""

    async def spend(self, check: str, per_day: int) -> Reason | None:  # noqa: ARG002 - a protocol
        return None


def _shown(address: Address, port: int) -> str:
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


async def _collector(subject: Subject, network: Network, world: World) -> CollectorFacts | None:
    url = subject.collector
    if url is None:
        return None
    reason = await _reached(network, world, url.host or "", url.port or 0, _tls(url, subject.ca))
    if reason is not None:
        return CollectorFacts(str(url), reason)
    trust = None if subject.ca is None else ssl.create_default_context(cafile=subject.ca)
    async with open_session(trust) as session:
        status, reading = await timekeeping.ask(session, url, world.clock)
    return CollectorFacts(str(url), None, status, reading)


async def _approval(subject: Subject, collector: URL, world: World) -> str | None:
    try:
        key = load_key(subject.state)
    except (OSError, IdentityError):
        return None  # the key's own line says it
    trust = None if subject.ca is None else ssl.create_default_context(cafile=subject.ca)
    async with open_session(trust) as session:
        return await approval.refusal(
            session, collector, subject.agent, key, world.clock.now_ms(), world.random_bytes
        )


async def _fallback(
    settings: Fallback | None, network: Network, world: World
) -> list[ReceiverFacts]:
    found: list[ReceiverFacts] = []
    if settings is None:
        return found
    if (hook := settings.webhook) is not None:
        url = URL(hook.url)
        reason = await _reached(network, world, url.host or "", url.port or 0, _tls(url, hook.ca))
        usable = _usable(world.read_secret, hook.secret, signing.signing_keys)
        found.append(ReceiverFacts("webhook", hook.url, reason, usable))
    if (mail := settings.mail) is not None:
        host, port = split_place(mail.server)
        tls = TlsOptions(mail.ca) if mail.tls == "implicit" else None
        reason = await _reached(network, world, host, port, tls)
        secret = mail.password
        usable_ = None if secret is None else _usable(world.read_secret, secret, _not_empty)
        found.append(ReceiverFacts("mail", mail.server, reason, usable_))
    return found


async def _reached(
    network: Network, world: World, host: str, port: int, tls: TlsOptions | None
) -> Reason | None:
    """One connection, closed at once; None when it came about."""
    deadline = Deadline(world.clock, CONNECT_MS)
    scheme = Scheme.HTTP if tls is None else Scheme.HTTPS
    try:
        connection = await network.connect(host, port, deadline, tls, scheme)
    except NetFailure as failure:
        return failure.reason
    await connection.close()
    return None


def _tls(url: URL, ca: str | None) -> TlsOptions | None:
    return TlsOptions(ca) if url.scheme == "https" else None


def _usable(read: Callable[[str], bytes], reference: str, parse: Callable[[bytes], object]) -> bool:
    try:
        parse(read(reference))
    except (OSError, KeyError, ValueError, signing.SecretError):
        return False
    return True


def _not_empty(secret: bytes) -> None:
    if not secret.strip():
        raise ValueError("empty")
