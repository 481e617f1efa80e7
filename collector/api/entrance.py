"""Coming in and going out by API: enrolling with a one-time code, logging in, logging out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from collector.access.actors import By, Kind
from collector.access.policy import Permission, Role
from collector.api.parts import stamp
from collector.api.routes import A, B, Call, Nothing, Public, Route, get
from collector.api.shapes import Instant
from probes.config_words import Model

HOUR_MS = 3_600_000
Secret = Annotated[str, Field(min_length=1, max_length=600)]
Code = Annotated[str, Field(min_length=1, max_length=16)]


class Beginning(Model):
    """`invitation`: the code of the one-time link."""

    invitation: Secret


class Enrolling(Model):
    """`account`: the invited one; the first admin chooses an id. `code`: what the authenticator
    shows now.
    """

    invitation: Secret
    account: Annotated[str, Field(min_length=1, max_length=63)]
    password: Secret
    code: Code


class Login(Model):
    """`scopes`: permissions of the token, left out: all that the account has."""

    account: Annotated[str, Field(min_length=1, max_length=63)]
    password: Secret
    code: Code
    scopes: Annotated[tuple[Permission, ...], Field(min_length=1)] | None = None
    hours: Annotated[int, Field(ge=1, le=24, strict=True)] = 12


class Begun(TypedDict):
    """`uri` is for the authenticator, as a QR code; `secret` the same to type in. `account` is
    null for the first admin.
    """

    account: str | None
    secret: str
    uri: str


class Enrolled(TypedDict):
    account: str


class TokenMade(TypedDict):
    """`token` is shown this once."""

    id: str
    token: str
    expires_at: Instant


class Me(TypedDict):
    """`csrf` goes into X-CSRF-Token with every act of a session; null with a token."""

    account: str
    kind: Kind
    roles: list[Role]
    permissions: list[Permission]
    by: By
    credential: str
    csrf: str | None


class Done(TypedDict):
    done: bool


async def begin_enrolment(call: Call[Nothing, Beginning]) -> Begun:
    """What a one-time code is for, and what the authenticator needs."""
    found = await call.parts.access.begin(call.body.invitation)
    return {"account": found.account, "secret": found.secret, "uri": found.uri}


async def enrol(call: Call[Nothing, Enrolling]) -> Enrolled:
    """Set password and second factor; the one-time code is used up."""
    said = call.body
    account = await call.parts.access.enrol(said.invitation, said.account, said.password, said.code)
    return {"account": account}


async def log_in(call: Call[Nothing, Login]) -> TokenMade:
    """A token for some hours in exchange for account, password and code."""
    said = call.body
    made = await call.parts.access.login_for_token(
        said.account, said.password, said.code, said.scopes, said.hours * HOUR_MS
    )
    return {"id": made.id, "token": made.secret, "expires_at": stamp(made.expires_at)}


async def log_out(call: Call[Nothing, Nothing]) -> Done:
    """End the session asked with, or revoke the token asked with."""
    await call.parts.access.logout(call.who)
    return {"done": True}


async def read_me(call: Call[Nothing, Nothing]) -> Me:
    """Who asks, and what they may do."""
    who = call.who
    return {
        "account": who.account,
        "kind": who.kind,
        "roles": sorted(who.roles),
        "permissions": sorted(who.permissions),
        "by": who.by,
        "credential": who.credential,
        "csrf": who.csrf or None,
    }


def _public(
    path: str, handler: Callable[[Call[Nothing, B]], Awaitable[A]], answers: type[A], body: type[B]
) -> Route[Nothing, B, A]:
    return Route("POST", path, Public.LOGIN, handler, answers, Nothing, body)


ROUTES = (
    _public("/api/v1/enrolment/begin", begin_enrolment, Begun, Beginning),
    _public("/api/v1/enrolment", enrol, Enrolled, Enrolling),
    _public("/api/v1/login", log_in, TokenMade, Login),
    Route("POST", "/api/v1/logout", Permission.SELF, log_out, Done, Nothing, Nothing),
    get("/api/v1/me", Permission.SELF, read_me, Me, Nothing),
)
