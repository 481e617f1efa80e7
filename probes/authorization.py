"""Credentials a probe shows over HTTP, by reference: the file names a secret, never holds one."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Annotated

from pydantic import StringConstraints, model_validator

from probes.config_words import Model, SecretRef
from probes.contract import Outcome
from probes.net import NetFailure
from probes.reasons import Reason

HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$")]
ReadSecret = Callable[[str], bytes]


class Basic(Model):
    user: Annotated[str, StringConstraints(pattern=r"^[\x21-\x39\x3b-\x7e]{1,120}$")]
    password: SecretRef


class SecretHeader(Model):
    name: HeaderName
    value: SecretRef


class Authorization(Model):
    """Exactly one of its fields: a bearer token, a user and password, or a header of its own."""

    bearer: SecretRef | None = None
    basic: Basic | None = None
    header: SecretHeader | None = None

    @model_validator(mode="after")
    def _one(self) -> Authorization:
        if sum(way is not None for way in (self.bearer, self.basic, self.header)) != 1:
            raise ValueError("write exactly one of bearer, basic and header")
        return self

    def headers(self, read_secret: ReadSecret) -> dict[str, str]:
        """The header to send. Raises NetFailure unknown/agent.secret."""
        if self.header is not None:
            return {self.header.name: secret_text(self.header.value, read_secret)}
        return fixed_header(self.bearer, self.basic, read_secret)


def fixed_header(
    bearer: str | None, basic: Basic | None, read_secret: ReadSecret
) -> dict[str, str]:
    """What is shown as it is. Raises NetFailure unknown/agent.secret."""
    if bearer is not None:
        return {"Authorization": f"Bearer {secret_text(bearer, read_secret)}"}
    if basic is not None:
        return basic_header(basic.user, secret_text(basic.password, read_secret))
    raise AssertionError("validated to hold one")


def basic_header(user: str, password: str) -> dict[str, str]:
    pair = f"{user}:{password}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def secret_text(reference: str, read_secret: ReadSecret) -> str:
    """The secret without its outer white space: editors end files with a newline. Raises
    NetFailure unknown/agent.secret.
    """
    try:
        text = read_secret(reference).decode("ascii").strip()
    except (OSError, KeyError, UnicodeError):
        raise NetFailure(Outcome.UNKNOWN, Reason.AGENT_SECRET) from None
    if not text or not text.isprintable():
        raise NetFailure(Outcome.UNKNOWN, Reason.AGENT_SECRET)
    return text
