"""How a check reaches an integration engine and what it asks of a channel: its `spec`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from probes.authorization import Basic, ReadSecret, SecretHeader, fixed_header, secret_text
from probes.config_words import Model, PositiveDuration, SecretRef
from probes.engines import table
from probes.engines.product import Product
from probes.tls import TlsOptions
from probes.wire.engine import SIGNS, State
from probes.wire.engine_generic import Recipe, check_place
from probes.wire.engine_judge import Limits
from probes.wire.http1 import parse_url

File = Annotated[str, StringConstraints(pattern=r"^/.")]
Name = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
Place = Annotated[str, StringConstraints(max_length=300)]
Amount = Annotated[int, Field(ge=0, le=1_000_000_000)]


def _base_url(text: str) -> str:
    parse_url(text)
    if "?" in text:
        raise ValueError("a base URL has no query; write it in path")
    return text.rstrip("/")


def _path(text: str) -> str:
    parse_url(f"http://host{text}")
    return text


class EngineAuthorization(Model):
    """Exactly one of its fields; `session` signs in once for all checks of an agent."""

    session: Basic | None = None
    basic: Basic | None = None
    bearer: SecretRef | None = None
    header: SecretHeader | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        ways = (self.session, self.basic, self.bearer, self.header)
        if sum(way is not None for way in ways) != 1:
            raise ValueError("write exactly one of session, basic, bearer and header")
        return self

    def headers(self, read_secret: ReadSecret) -> dict[str, str]:
        """What is shown as it is; nothing of a session. Raises NetFailure unknown/agent.secret."""
        if self.session is not None:
            return {}
        if self.header is not None:
            return {self.header.name: secret_text(self.header.value, read_secret)}
        return fixed_header(self.bearer, self.basic, read_secret)


class Moving(Model):
    within: PositiveDuration
    expect: Literal["queued", "always"] = "queued"


class Drain(Model):
    within: PositiveDuration


class Reads(Model):
    """Where the numbers of a `generic` engine stand: by name of sign."""

    form: Literal["json", "xml", "text"]
    places: Annotated[Mapping[str, Place], Field(min_length=1)]
    states: Mapping[Name, Literal["started", "starting", "stopped"]] = {}

    @model_validator(mode="after")
    def _whole(self) -> Self:
        problems = [f"places: no such sign: {sign}" for sign in self.places if sign not in SIGNS]
        for sign, place in self.places.items():
            try:
                check_place(self.form, place)
            except ValueError as error:
                problems.append(f"places.{sign}: {error}")
        if ("state" in self.places) != bool(self.states):
            problems.append("places.state and states belong together")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def recipe(self) -> Recipe:
        states = {word.lower(): State(state) for word, state in self.states.items()}
        return Recipe(self.form, self.places, states)


class EngineSpec(Model):
    """Durations in milliseconds, sizes in bytes once loaded."""

    engine: Annotated[str, AfterValidator(table.known)]
    base_url: Annotated[str, AfterValidator(_base_url)]
    path: Annotated[
        str, StringConstraints(pattern=r"^/[!-~]*$", max_length=500), AfterValidator(_path)
    ] = ""
    channel: Name | None = None
    destination: Name | None = None
    read: Reads | None = None
    auth: EngineAuthorization | None = None
    max_queued: Amount | None = None
    down_queued: Amount | None = None
    rising: Annotated[int, Field(ge=2, le=1000)] | None = None
    max_oldest: PositiveDuration | None = None
    down_oldest: PositiveDuration | None = None
    max_errors: Amount = 0
    moving: Moving | None = None
    drain: Drain | None = None
    max_age: PositiveDuration = 300_000
    unreachable: Literal["unknown", "down"] = "unknown"
    max_body: Annotated[int, Field(ge=1024, le=16_777_216)] = 8_388_608
    ca: File | None = None
    client_cert: File | None = None
    client_key: File | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        problems = [text for wrong, text in self._contradictions() if wrong]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _contradictions(self) -> tuple[tuple[bool, str], ...]:
        product, generic = self.product, self.engine == "generic"
        secure = parse_url(self.base_url).tls
        certificates = (self.client_cert, self.client_key)
        tells = product.tells if self.read is None else frozenset(self.read.places)
        aged = self.max_oldest is not None or self.down_oldest is not None
        always = self.moving is not None and self.moving.expect == "always"
        session = self.auth is not None and self.auth.session is not None
        return (
            (generic != (self.read is not None), "read belongs to generic, and generic needs it"),
            (generic == (self.channel is not None), "channel is needed, but not of generic"),
            (
                bool(self.path) and product.paths("", 0) != ("",),
                "path belongs to generic and cloverleaf",
            ),
            (
                self.destination is not None and not product.destinations,
                f"{self.engine} tells of no destinations",
            ),
            (session and product.login is None, f"{self.engine} has no sessions: write basic"),
            (
                "queued" not in tells
                and (self.max_queued, self.down_queued, self.rising) != (None, None, None),
                "max_queued, down_queued and rising need an engine that tells queued",
            ),
            (
                aged and "oldest_s" not in tells and not {"sent", "queued"} <= tells,
                "max_oldest and down_oldest need oldest_s, or sent and queued",
            ),
            (
                self.moving is not None
                and not always
                and not ("queued" in tells and {"sent", "idle_s"} & tells),
                "moving needs an engine that tells queued, and sent or idle_s, or expect: always",
            ),
            (
                always and not {"received", "sent", "errored", "filtered", "idle_s"} & tells,
                "moving.expect: always needs an engine that tells a count or idle_s",
            ),
            (self.drain is not None and "queued" not in tells, "drain needs queued"),
            (
                _upside_down(self.max_queued, self.down_queued)
                or _upside_down(self.max_oldest, self.down_oldest),
                "the limit of down lies below that of degraded",
            ),
            (certificates.count(None) == 1, "client_cert and client_key belong together"),
            (
                self.auth is not None and not secure,
                "auth needs an https base_url: a secret is never sent in the clear",
            ),
            (
                not secure and (self.ca is not None or any(certificates)),
                "ca, client_cert and client_key need an https base_url",
            ),
        )

    @property
    def product(self) -> Product:
        return table.PRODUCTS[self.engine]

    @property
    def tls(self) -> TlsOptions:
        return TlsOptions(ca=self.ca, client_cert=self.client_cert, client_key=self.client_key)

    @property
    def limits(self) -> Limits:
        return Limits(
            max_queued=self.max_queued,
            down_queued=self.down_queued,
            rising=self.rising,
            max_oldest_ms=self.max_oldest,
            down_oldest_ms=self.down_oldest,
            max_errors=self.max_errors,
            within_ms=None if self.moving is None else self.moving.within,
            expects_always=self.moving is not None and self.moving.expect == "always",
            drain_ms=None if self.drain is None else self.drain.within,
        )


def _upside_down(low: int | None, high: int | None) -> bool:
    return low is not None and high is not None and high < low
