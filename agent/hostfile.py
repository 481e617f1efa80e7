"""The agent host's own file: who this agent is, and what this host lets it do.

It belongs to whoever owns the host. Nothing a collector sends can widen it.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from agent import allowing
from probes import addresses
from probes.config_places import COLLECTOR
from probes.config_words import Id, Model, PositiveDuration, SecretRef
from probes.contract import Scheme
from probes.modelerrors import problems_of
from probes.yamlfile import ConfigErrors, read

_DAY_MS = 86_400_000
_SIZE = re.compile(r"([0-9]{1,9})(KiB|MiB|GiB)")
_UNIT = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def _size(value: object) -> int:
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("write a size with its unit, such as 512MiB or 2GiB")
    return int(found[1]) * _UNIT[found[2]]


def _on_a_host(value: str) -> str:
    if value == COLLECTOR:
        raise ValueError("the collector runs this agent itself; name another")
    return value


def _absolute(value: str) -> str:
    if not value.startswith("/") or not value.isprintable():
        raise ValueError("write an absolute path, such as /var/lib/wardwatch-agent")
    return value


def _place(value: str) -> str:
    split_place(value)
    return value


def _listening(value: str) -> str:
    addresses.place(value)
    return value


def _collector(value: str) -> str:
    parts = addresses.web_address(value)
    if parts.query or parts.fragment:
        raise ValueError("an address of a collector has no ? and no #")
    return value


def split_place(text: str) -> tuple[str, int]:
    """HOST:PORT apart; an IPv6 address stands in brackets. ValueError says what to write."""
    host, _, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not bare or not (port.isascii() and port.isdigit()) or not 0 < int(port) <= 65_535:
        raise ValueError("write HOST:PORT, such as 10.20.0.1:53 or [::1]:9101")
    if ":" in bare and (bare == host or not _is_address(bare)):
        raise ValueError("an IPv6 address stands in brackets, such as [::1]:9101")
    return bare, int(port)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


Size = Annotated[int, BeforeValidator(_size), WithJsonSchema({"type": "string"})]
AgentId = Annotated[Id, AfterValidator(_on_a_host)]
FilePath = Annotated[str, AfterValidator(_absolute)]
Place = Annotated[str, AfterValidator(_place)]
"""HOST:PORT."""
ListeningPlace = Annotated[str, AfterValidator(_listening)]
"""ADDRESS:PORT of this host."""
Port = Annotated[int, Field(ge=1, le=65_535)]
PublicKey = Annotated[str, StringConstraints(pattern=r"^ed25519:[A-Za-z0-9+/]{43}=$")]
Network = Annotated[str, AfterValidator(addresses.network)]
TERMS = (
    (Size, "size"),
    (FilePath, "absolute path"),
    (Place, "HOST:PORT"),
    (ListeningPlace, "ADDRESS:PORT"),
    (Port, "port"),
    (Network, "address or network"),
    (PublicKey, "ed25519:BASE64"),
)
"""What the reference calls them."""


class CollectorLink(Model):
    """Where batches go, and where the checks come from unless `config` names a file."""

    url: Annotated[str, AfterValidator(_collector)]
    """Address of the collector: https, or http on this host."""
    ca: FilePath | None = None
    """File of the CA that made its certificate; left out: what the host trusts."""
    key: PublicKey | None = None
    """Key its configs are signed with, as `wardwatch collector` prints it; left out: the one its enrolment token named, else the first that comes, which is kept."""


class SpoolLimits(Model):
    """What may wait on disk for a collector that is away."""

    max_bytes: Annotated[Size, Field(ge=16 << 20)] = 4 << 30
    """Bytes on disk at most; beyond it the oldest batches give way. Three weeks of 2 000 checks every
    30 s take 3.2 GiB."""
    max_age: PositiveDuration = 21 * _DAY_MS
    """Age of the oldest batch at most."""


class Allowed(Model):
    """Addresses checks may reach, and how."""

    network: Network
    """One address, or a network."""
    ports: Annotated[tuple[Port, ...], Field(min_length=1)] | None = None
    """Ports; left out: every port."""
    schemes: Annotated[tuple[Scheme, ...], Field(min_length=1)] | None = None
    """Schemes; left out: every scheme."""

    @property
    def entry(self) -> allowing.Entry:
        return allowing.entry(self.network, self.ports, self.schemes)


class FallbackWebhook(Model):
    """A receiver on this side of the lost line."""

    url: Annotated[str, AfterValidator(_collector)]
    """Where the report is posted: https, or http on this host."""
    ca: FilePath | None = None
    """File of the CA that made its certificate; left out: what the host trusts."""
    secret: SecretRef
    """Signs each report."""


class FallbackMail(Model):
    """A mail server on this side of the lost line."""

    server: Place
    """HOST:PORT of the mail server."""
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    """How the line is protected; none is for a server on this host."""
    ca: FilePath | None = None
    """File of the CA that made its certificate; left out: what the host trusts."""
    user: str | None = None
    """Who logs in there; left out: nobody."""
    password: SecretRef | None = None
    """Password of `user`."""
    sender: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")]
    """Address of the sender."""
    to: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")], ...],
        Field(min_length=1),
    ]
    """Addresses of those who are told."""

    @model_validator(mode="after")
    def _is_protected(self) -> Self:
        if self.tls == "none" and not addresses.is_loopback(split_place(self.server)[0]):
            raise ValueError("tls: none is for this host alone (127.0.0.1, ::1, localhost)")
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password stand together")
        return self


class Fallback(Model):
    """Who is told here when the collector cannot be."""

    after: PositiveDuration = 300_000
    """How long the line must have been lost."""
    webhook: FallbackWebhook | None = None
    """A webhook to tell."""
    mail: FallbackMail | None = None
    """A mail server to tell."""

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.webhook is None and self.mail is None:
            raise ValueError("name a webhook or a mail server")
        return self


class Host(Model):
    """The host's file as a whole."""

    version: Literal["1"] = "1"
    """Version of this form."""
    agent: AgentId
    """Which agent this is."""
    state: FilePath
    """Folder of its key and its spool."""
    collector: CollectorLink | None = None
    """Its collector; left out: it stands alone."""
    config: FilePath | None = None
    """The operator's file on this host; left out: the collector serves the checks."""
    listen: Place | None = None
    """Where /metrics and /healthz are served; left out: nowhere."""
    spool: SpoolLimits = SpoolLimits()
    """What may wait on disk."""
    allow: tuple[Allowed, ...] | None = None
    """All that checks may reach; left out: everything but loopback, link-local, metadata services of clouds and multicast, which need an entry inside their own range."""
    allow_listen: tuple[ListeningPlace, ...] = ()
    """Where checks may listen: addresses of this host and ports; left out: nowhere."""
    canaries: tuple[Place, ...] = ()
    """Targets that always answer: when none does, the fault is this host's."""
    fallback: Fallback | None = None
    """Who is told when the line to the collector is lost."""

    @model_validator(mode="after")
    def _has_checks(self) -> Self:
        if self.collector is None and self.config is None:
            raise ValueError("name a collector or a config: without both there is nothing to do")
        if self.collector is None and self.fallback is not None:
            raise ValueError(
                "fallback tells of a lost line to a collector: name one, or leave it out"
            )
        return self


def load(path: str) -> Host:
    """The file's value; ConfigErrors lists all that is wrong."""
    document, problems = read(path)
    host: Host | None = None
    try:
        host = Host.model_validate(document.data)
    except ValidationError as error:
        problems += problems_of(error, document, (), document.data)
    if problems or host is None:
        raise ConfigErrors(tuple(sorted(set(problems))))
    return host
