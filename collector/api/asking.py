"""Who a request comes from: a token, a session's cookie, or nobody.

A cookie is sent by browsers on their own, so with one an act must also come from a page of ours:
its Origin is this collector's, and it brings the session's CSRF token (RFC 6265 8.2).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Protocol

from aiohttp import web

from collector.access.actors import Actor, By, Kind
from collector.access.door import Door
from collector.api.problems import DeniedError

NOBODY = Actor("nobody", Kind.PERSON, frozenset(), frozenset(), By.SESSION, "")
CSRF = "X-CSRF-Token"
SAFE = ("GET", "HEAD", "OPTIONS")


class Knows(Protocol):
    """Who a secret belongs to; None for one that is nobody's, or nobody's any longer."""

    async def actor_of_token(self, secret: str) -> Actor | None: ...

    async def actor_of_session(self, secret: str) -> Actor | None: ...


async def who_asks(request: web.Request, knows: Knows, door: Door) -> Actor | None:
    """None where nothing is sent, or what is sent is nobody's."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme:
        # one that sends both is judged by what it wrote itself
        return await knows.actor_of_token(secret) if scheme.lower() == "bearer" else None
    cookie = request.cookies.get(door.cookie)
    return None if cookie is None else await knows.actor_of_session(cookie)


def not_forged(request: web.Request, actor: Actor, door: Door, form: Mapping[str, str]) -> None:
    """DeniedError for an act with a session that no page of ours can have sent.

    A page without a script sends the token as a field of its form.
    """
    if request.method in SAFE or actor.by is not By.SESSION:
        return
    if request.headers.get("Origin") != door.origin(request):
        raise DeniedError(403, "access.foreign_origin", account=actor.account)
    sent = request.headers.get(CSRF) or form.get("csrf", "")
    if not hmac.compare_digest(_bytes(sent), _bytes(actor.csrf)):
        raise DeniedError(403, "access.csrf", account=actor.account)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
