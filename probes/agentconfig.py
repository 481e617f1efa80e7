"""What one agent needs of the config, as the collector signs it and the agent keeps it.

Its frame is that of `probes.envelope`. Secrets stay references, read on the agent's host; there are
no names, contacts, channels or other agents in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from probes import agentkeys, envelope
from probes import beacon as beacons
from probes.config import Config
from probes.config_checks import Check
from probes.configfile import digest
from probes.envelope import BatchError, ConfigDigest, Count, Envelope, Hex256, Id
from probes.ledger import share

MAGIC, ASKING = b"WWC\x01", b"WWQ\x01"
CONTENT_TYPE = "application/vnd.wardwatch.agent-config"
QUESTION_TYPE = "application/vnd.wardwatch.agent-config-question"
PATH = "agent/v1/config"
LIMIT = 4 * 1024 * 1024
"""Bytes of a signed document at most."""
_NO_BODY = hashlib.sha256(b"").hexdigest()

PublicKey = Annotated[str, msgspec.Meta(pattern=r"^ed25519:[A-Za-z0-9+/]{43}=\Z")]
Version = Annotated[int, msgspec.Meta(ge=1, lt=2**53)]


class Fault(StrEnum):
    """Why bytes are no config of ours, or one that is not taken."""

    MALFORMED = "config.malformed"
    SIGNATURE = "config.signature"
    OTHER_KEY = "config.other_key"
    OTHER_AGENT = "config.other_agent"
    OLDER = "config.older"
    CHANGED = "config.changed"


class AgentConfigError(Exception):
    """The only exception of reading one; its text is the code."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """`version`: the journal's row, it only grows; 0: read from a file on the agent's host.

    `digest` names the whole config, as batch headers do. `checks` are the entries of the operator's
    file with the defaults left out, so that an older agent understands what it can; `systems` have
    their impact class. `beacon`: the newest checkpoint of the evidence log when it was made
    (`probes/beacon.py`).
    """

    org: str
    agent: str
    version: int
    digest: str
    issued_at: int
    systems: Mapping[str, str]
    checks: Mapping[str, Mapping[str, Any]]
    beacon: str | None = None


class _Header(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    purpose: Literal["agent config"]
    org: Id
    agent: Id
    version: Version
    digest: ConfigDigest
    issued_at: Count
    key: PublicKey
    body_length: Count
    body_sha256: Hex256
    beacon: Any = None
    """One that is none is no reason to refuse a config."""


class _Check(msgspec.Struct, frozen=True):
    """What every check of any version has: without it there would be no slots."""

    system: Id
    every: Annotated[int, msgspec.Meta(ge=1, lt=2**53)]


class _Body(msgspec.Struct, frozen=True):
    systems: dict[Id, Annotated[str, msgspec.Meta(pattern=r"^[a-z_]{1,32}\Z")]]
    checks: dict[Id, dict[str, Any]]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent signs to ask. `have`: the version it runs, 0 for none; `at`: its clock."""

    purpose: Literal["agent config question"] = "agent config question"
    org: Id | None
    agent: Id
    have: Count
    at: Count
    nonce: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]


def part_of(
    config: Config, agent: str, version: int = 0, issued_at: int = 0, beacon: str | None = None
) -> AgentConfig:
    """The part of one agent of the config."""
    checks = {
        name: _part(check, len(config.agents_of(name)))
        for name, check in config.checks.items()
        if agent in config.agents_of(name)
    }
    systems = {
        name: system.impact.class_.value
        for name, system in config.systems.items()
        if any(check["system"] == name for check in checks.values())
    }
    org = config.organization.id
    return AgentConfig(org, agent, version, digest(config), issued_at, systems, checks, beacon)


def _part(check: Check, agents: int) -> dict[str, Any]:
    """What one of so many agents is told of a check."""
    told = check.model_dump(
        mode="json", by_alias=True, exclude_defaults=True, exclude={"from_", "quorum"}
    )
    if check.cost is not None:
        told["cost"]["per_day"] = share(check.cost.per_day, agents)
    return told


def public_text(key: Ed25519PrivateKey) -> str:
    return agentkeys.text_of(key.public_key())


def seal(key: Ed25519PrivateKey, part: AgentConfig) -> bytes:
    body = zstandard.compress(
        msgspec.json.encode({"systems": part.systems, "checks": part.checks}, order="sorted")
    )
    header = _Header(
        purpose="agent config",
        org=part.org,
        agent=part.agent,
        version=part.version,
        digest=part.digest,
        issued_at=part.issued_at,
        key=public_text(key),
        body_length=len(body),
        body_sha256=hashlib.sha256(body).hexdigest(),
        beacon=part.beacon,
    )
    return envelope.close(MAGIC, key, msgspec.json.encode(header), body)


def key_of(data: bytes) -> str:
    """Which key a document says it is signed with, `ed25519:BASE64`; nothing is verified yet."""
    return _opened(data)[1].key


def read(data: bytes, key: str) -> AgentConfig:
    """The document `key` has signed; AgentConfigError for anything else."""
    frame, header = _opened(data)
    if header.key != key:
        raise AgentConfigError(Fault.OTHER_KEY)
    try:
        envelope.verify(frame, header.body_length, header.body_sha256, key)
    except BatchError:
        raise AgentConfigError(Fault.SIGNATURE) from None
    try:
        body = msgspec.json.decode(envelope.unpacked(frame.body), type=_Body)
        for check in body.checks.values():
            msgspec.convert(check, _Check)
    except (BatchError, msgspec.MsgspecError, ValueError, RecursionError):
        raise AgentConfigError(Fault.MALFORMED) from None
    return AgentConfig(
        header.org,
        header.agent,
        header.version,
        header.digest,
        header.issued_at,
        body.systems,
        body.checks,
        beacons.taken(header.beacon),
    )


def ask(key: Ed25519PrivateKey, question: Question) -> bytes:
    return envelope.close(ASKING, key, msgspec.json.encode(question), b"")


def open_question(data: bytes) -> tuple[Envelope, Question]:
    """Not verified yet; AgentConfigError when it is none."""
    try:
        frame = envelope.split(ASKING, data)
        return frame, msgspec.json.decode(frame.header_bytes, type=Question)
    except (BatchError, msgspec.MsgspecError, ValueError, RecursionError):
        raise AgentConfigError(Fault.MALFORMED) from None


def asked_by(frame: Envelope, key: str) -> bool:
    """Has `key` signed the question?"""
    try:
        envelope.verify(frame, 0, _NO_BODY, key)
    except BatchError:
        return False
    return True


def _opened(data: bytes) -> tuple[Envelope, _Header]:
    try:
        frame = envelope.split(MAGIC, data)
        return frame, msgspec.json.decode(frame.header_bytes, type=_Header)
    except (BatchError, msgspec.MsgspecError, ValueError, RecursionError):
        raise AgentConfigError(Fault.MALFORMED) from None
