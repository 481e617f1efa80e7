"""Interfaces of clearinghouses in JSON as ways of `spec.connect`: Stedi, Availity, Optum.

Each builds its requests and reads what came; `x12exchange.py` sends them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from probes.authorization import secret_text
from probes.config_words import Model, SecretRef, Word
from probes.httpclient import HttpAnswer
from probes.tls import TlsOptions
from probes.wire import clearinghouse_availity as availity
from probes.wire import clearinghouse_optum as optum
from probes.wire import clearinghouse_stedi as stedi
from probes.wire.http1 import Request, parse_url
from probes.wire.x12_answer import Answer, Verdict
from probes.wire.x12_question import Asked, Envelope
from probes.x12connect import File, Trader
from probes.x12transport import ReadSecret

_JSON = {"Content-Type": "application/json", "Accept": "application/json"}
_PLAN = "healthcare-hipaa-transactions"
_DEMO = "-demo"


def _https(text: str) -> str:
    if not parse_url(text).tls:
        raise ValueError("write an https address: a secret is never sent in the clear")
    return text


def _base(text: str) -> str:
    if "?" in text:
        raise ValueError("a base URL has no query")
    return _https(text).rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_base)]
TokenUrl = Annotated[str, AfterValidator(_https)]
Scenario = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Scope = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,128}( [!-~]{1,128}){0,15}$")]


@dataclass(frozen=True, slots=True)
class SignIn:
    """Where a token is asked for, and with what."""

    url: str
    client_id: str
    secret: str
    """A reference."""
    scope: str


class RestAccess(Model):
    """What all of them have."""

    base_url: BaseUrl
    ca: File | None = None
    max_body: Annotated[int, Field(ge=1024, le=16_777_216)] = 1_048_576

    @property
    def url(self) -> str:
        return self.base_url

    @property
    def tls(self) -> TlsOptions:
        return TlsOptions(ca=self.ca)

    def to(
        self, path: str, fields: dict[str, str], body: bytes | None = None, method: str = "POST"
    ) -> Request:
        return Request(method, parse_url(f"{self.base_url}/{path}"), fields, body)


class Stedi(RestAccess):
    """One address for tests and production: the key decides, and the answer tells which it was."""

    api_key: SecretRef
    format: Literal["json", "x12"] = "json"
    sender: Trader | None = None
    receiver: Trader | None = None
    """Of the interchange, with `format: x12`."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        traders = (self.sender, self.receiver)
        if self.format == "x12" and None in traders:
            raise ValueError("format: x12 needs sender and receiver of the interchange")
        if self.format == "json" and traders != (None, None):
            raise ValueError("sender and receiver belong to format: x12")
        return self

    def request(self, asked: Asked, read_secret: ReadSecret) -> Request:
        fields = {**_JSON, "Authorization": secret_text(self.api_key, read_secret)}
        raw = self.envelope
        body = stedi.body(asked) if raw is None else stedi.raw_body(asked, raw)
        return self.to(stedi.path(asked.question.asks, raw=raw is not None), fields, body)

    def read(self, asked: Asked, answer: HttpAnswer) -> Answer | Verdict:
        if self.format == "json":
            return stedi.read(asked, answer.status, answer.body)
        return stedi.read_raw(asked, answer.status, answer.body, self.max_body)

    @property
    def envelope(self) -> Envelope | None:
        if self.sender is None or self.receiver is None:
            return None
        return Envelope(self.sender.party, self.receiver.party)


class Optum(RestAccess):
    """Behind a token. `healthcheck` asks the interface first how it is, and decides nothing."""

    client_id: Word
    secret: SecretRef
    token_url: TokenUrl | None = None
    healthcheck: bool = False

    def contradictions(self, *, production: bool) -> tuple[tuple[bool, str], ...]:
        """With what the check says beside `connect`."""
        host = parse_url(self.base_url).host
        is_sandbox = host.startswith("sandbox")
        is_live = host.endswith(".optum.com") and not is_sandbox
        return (
            (production and is_sandbox, "production: true, and base_url is that of the sandbox"),
            (
                not production and is_live,
                "this base_url asks live payers: write that of the sandbox, or production: true",
            ),
        )

    def sign_in(self, asked: Asked) -> SignIn:  # noqa: ARG002 - as Availity's
        url = self.token_url or f"{self.base_url}/{optum.TOKEN_PATH}"
        return SignIn(url, self.client_id, self.secret, "")

    def health(self, asked: Asked) -> Request:
        path = optum.health_path(asked.question.asks)
        return self.to(path, {"Accept": "application/json"}, method="GET")

    def request(self, asked: Asked, read_secret: ReadSecret) -> Request:  # noqa: ARG002 - a protocol
        fields = {**_JSON, **optum.fields(asked)}
        return self.to(optum.path(asked.question.asks), fields, optum.body(asked))

    def read(self, asked: Asked, answer: HttpAnswer) -> Answer | Verdict:
        return optum.read(asked, answer.status, answer.body)


class Availity(RestAccess):
    """Behind a token whose scope alone decides between demo and live."""

    client_id: Word
    secret: SecretRef
    token_url: TokenUrl | None = None
    scope: Scope | None = None
    scenario: Scenario | None = None
    """Which of the demo's answers is asked for."""

    def contradictions(self, *, production: bool) -> tuple[tuple[bool, str], ...]:
        """With what the check says beside `connect`."""
        words = () if self.scope is None else tuple(self.scope.split())
        demo = any(word.endswith(_DEMO) for word in words)
        return (
            (production and demo, "production: true, and the scope is that of the demo"),
            (
                bool(words) and not production and not demo,
                "this scope asks live payers: write one that ends in -demo, or production: true",
            ),
            (
                production and self.scenario is not None,
                "a scenario belongs to the demo, and production: true is written",
            ),
        )

    def sign_in(self, asked: Asked) -> SignIn:
        plan = "standard" if asked.question.production else "demo"
        scope = self.scope or f"{_PLAN} {_PLAN}-{plan}"
        return SignIn(
            self.token_url or f"{self.base_url}/token", self.client_id, self.secret, scope
        )

    def request(self, asked: Asked, read_secret: ReadSecret) -> Request:  # noqa: ARG002 - a protocol
        asks = asked.question.asks
        fields = {**availity.fields(asks), **self._fields}
        return self.to(availity.PATHS[asks], fields, availity.form(asked))

    def look(self, asked: Asked, answer: HttpAnswer) -> tuple[str, Request] | None:
        """Where the answer is still to come: under which id, and how it is asked for."""
        asks = asked.question.asks
        mock = answer.header(availity.MOCK)
        id_ = availity.pending(asked, answer.status, mock, answer.body)
        if id_ is None:
            return None
        return id_, self.to(f"{availity.PATHS[asks]}/{id_}", self._fields, method="GET")

    def read(self, asked: Asked, answer: HttpAnswer, sought: str | None = None) -> Answer | Verdict:
        """`sought`: under which id it was looked for."""
        mock = answer.header(availity.MOCK)
        return availity.read(asked, answer.status, mock, answer.body, sought)

    @property
    def _fields(self) -> dict[str, str]:
        chosen = {} if self.scenario is None else {availity.SCENARIO: self.scenario}
        return {"Accept": "application/json", **chosen}
