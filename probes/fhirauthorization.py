"""Credentials for a FHIR server: shown as they are, or what a token is asked for with.

Apart from `authorization.py`, because keys need much of `cryptography`: an agent without a FHIR
check does without it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from probes.assertion import ClientKey, UnusableKeyError, load_key
from probes.authorization import Basic, ReadSecret, fixed_header, secret_text
from probes.config_words import Model, SecretRef, Word
from probes.contract import Outcome
from probes.net import NetFailure
from probes.reasons import Reason
from probes.wire.http1 import parse_url

DEFAULT_SCOPE = "system/*.rs"


def _token_url(text: str) -> str:
    if not parse_url(text).tls:
        raise ValueError("a token URL is https: a secret is never sent in the clear")
    return text


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


TokenUrl = Annotated[str, AfterValidator(_token_url)]
# RFC 6749 3.3
Scope = Annotated[
    str,
    StringConstraints(
        pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$", max_length=4096
    ),
]


class SmartBackend(Model):
    """SMART Backend Services: a client known by its key. The first key signs; all are published."""

    client_id: Word
    key: Annotated[
        tuple[SecretRef, ...], BeforeValidator(_listed), Field(min_length=1, max_length=4)
    ]
    kid: Annotated[tuple[Word, ...], BeforeValidator(_listed)] = ()
    token_url: TokenUrl | None = None
    scope: Scope = DEFAULT_SCOPE

    @model_validator(mode="after")
    def _named(self) -> SmartBackend:
        if self.kid and len(self.kid) != len(self.key):
            raise ValueError("write a kid for each key, in the same order, or none at all")
        if len(set(self.key)) != len(self.key) or len(set(self.kid)) != len(self.kid):
            raise ValueError("a key or kid is listed twice")
        return self

    def signing_key(self, read_secret: ReadSecret) -> ClientKey:
        """The first. Raises as `keys` does, and only for itself."""
        return load_key(read_secret(self.key[0]), self.kid[0] if self.kid else None)

    def keys(self, read_secret: ReadSecret) -> tuple[ClientKey, ...]:
        """Raises OSError or KeyError when one cannot be read, UnusableKeyError when it is none."""
        kids = self.kid or (None,) * len(self.key)
        return tuple(
            load_key(read_secret(ref), kid) for ref, kid in zip(self.key, kids, strict=True)
        )

    def unusable(self, read_secret: ReadSecret) -> list[str]:
        """Which of its keys can be read and are none: places, never values."""
        found = []
        for number, reference in enumerate(self.key):
            try:
                load_key(read_secret(reference))
            except (OSError, KeyError):
                continue  # it may be there where the agent runs
            except UnusableKeyError:
                place = f"[{number}]" if len(self.key) > 1 else ""
                found.append(
                    f"auth.smart_backend.key{place}: what it refers to is no private key of RSA"
                    " (2048 bits or more) or P-384 as PEM without a passphrase"
                )
        return found


class ClientSecret(Model):
    """OAuth 2.0 client credentials with a shared secret: in a header (basic) or the form (post)."""

    client_id: Word
    secret: SecretRef
    token_url: TokenUrl
    scope: Scope
    style: Literal["basic", "post"] = "basic"


class FhirAuthorization(Model):
    """Exactly one of its fields: what is shown as it is, or what a token is asked for with."""

    bearer: SecretRef | None = None
    basic: Basic | None = None
    smart_backend: SmartBackend | None = None
    client_secret: ClientSecret | None = None

    @model_validator(mode="after")
    def _one(self) -> FhirAuthorization:
        ways = (self.bearer, self.basic, self.smart_backend, self.client_secret)
        if sum(way is not None for way in ways) != 1:
            raise ValueError("write exactly one of bearer, basic, smart_backend and client_secret")
        return self

    @property
    def by_token(self) -> SmartBackend | ClientSecret | None:
        """How a token is asked for; None: there is nothing to ask for."""
        return self.smart_backend or self.client_secret

    def headers(self, read_secret: ReadSecret) -> dict[str, str]:
        """What is shown without asking for a token: nothing where one is asked for, whose secret is
        read all the same. Raises NetFailure unknown/agent.secret.
        """
        if self.smart_backend is not None:
            try:
                self.smart_backend.signing_key(read_secret)
            except (OSError, KeyError, UnusableKeyError):
                raise NetFailure(Outcome.UNKNOWN, Reason.AGENT_SECRET) from None
            return {}
        if self.client_secret is not None:
            secret_text(self.client_secret.secret, read_secret)
            return {}
        return fixed_header(self.bearer, self.basic, read_secret)
