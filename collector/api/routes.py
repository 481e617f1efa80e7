"""What a route declares: who may ask, what may be asked, what is answered.

Handlers, the permission check, the reading of requests, the OpenAPI document and the tests of
every route with every role all follow from these declarations.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from aiohttp import web

from collector.access.actors import Actor
from collector.access.policy import Permission
from collector.api.bodies import SMALL
from collector.api.parts import Parts
from probes.config_words import Model


class Public(StrEnum):
    """Why a route asks nobody who they are."""

    HEALTH = "health"
    LOGIN = "login"
    PROVIDER = "login elsewhere"
    SIGNED = "signed"
    """Each batch and each question is signed by its agent."""
    ENROLMENT = "token or key"
    """An agent that enrols has a one-time token, one that rotates has its key."""
    PING = "secret address"
    """A job of the operator's file has an address of its own that nobody else knows."""
    RECEIVER = "signed by a receiver"
    """A channel's receiver signs what it tells, or sends the secret of its entry."""
    DESCRIPTION = "description"
    """It tells nothing that the published program does not."""


class Nothing(Model):
    """No parameters, or no body."""


HTML = "text/html"
FORM = "application/x-www-form-urlencoded"
"""The media of pages: whom one does not know it sends to the login."""

Q = TypeVar("Q", bound=Model)
B = TypeVar("B", bound=Model)
A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Call(Generic[Q, B]):
    """One request, allowed and read."""

    request: web.Request
    parts: Parts
    who: Actor
    """On a public route nobody, who may do nothing."""
    query: Q
    body: B
    raw: bytes
    """The body as it came, and so a form."""
    still_allowed: Callable[[], Awaitable[bool]]
    """Asks again whether they may: for answers that go on for long."""

    @property
    def path(self) -> Mapping[str, str]:
        return self.request.match_info


@dataclass(frozen=True, slots=True)
class Route(Generic[Q, B, A]):
    """`answers`: the type of the JSON document; the handler's return type is the same.

    The first line of the handler's docstring is what the API's description says of it.
    """

    method: str
    path: str
    needs: Permission | Public
    handler: Callable[[Call[Q, B]], Awaitable[A]]
    answers: type[A]
    query: type[Q]
    body: type[B]
    status: int = 200
    largest: int = SMALL
    """Bytes of a body."""
    keyed: bool = False
    """It acts, and an Idempotency-Key makes a repetition answer what the first one did."""

    @property
    def name(self) -> str:
        return self.handler.__name__

    @property
    def has_body(self) -> bool:
        return self.body is not Nothing


@dataclass(frozen=True, slots=True)
class Stream(Generic[Q]):
    """A route whose answer is written piece by piece, or is no JSON; `media`: its content type.

    `takes` is the content type of a body that is not read as JSON, `answers` the shape of an
    answer that is JSON after all.
    """

    method: str
    path: str
    needs: Permission | Public
    handler: Callable[[Call[Q, Nothing]], Awaitable[web.StreamResponse]]
    media: str
    query: type[Q]
    takes: str | None = None
    answers: type[Any] | None = None
    largest: int | None = SMALL
    """Bytes of a body; None: the handler reads it, as it must say more of what is wrong."""
    also: tuple[str, ...] = ()
    """Further content types, which a parameter asks for."""

    @property
    def name(self) -> str:
        return self.handler.__name__


AnyRoute = Route[Any, Any, Any] | Stream[Any]


def get(
    path: str,
    needs: Permission | Public,
    handler: Callable[[Call[Q, Nothing]], Awaitable[A]],
    answers: type[A],
    query: type[Q],
) -> Route[Q, Nothing, A]:
    return Route("GET", path, needs, handler, answers, query, Nothing)


def post(
    path: str,
    needs: Permission,
    handler: Callable[[Call[Nothing, B]], Awaitable[A]],
    answers: type[A],
    body: type[B],
    largest: int = SMALL,
) -> Route[Nothing, B, A]:
    """An act that may be repeated under one Idempotency-Key."""
    return Route("POST", path, needs, handler, answers, Nothing, body, largest=largest, keyed=True)
