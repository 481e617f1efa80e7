"""Who a request comes from: a token, a session's cookie, or nobody.

A cookie is sent by browsers on their own, so with one an act must also come from a page of ours:
its Origin is this collector's, and it brings the session's CSRF token (RFC 6265 8.2).
"""

from __future__ import annotations

import hmac
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
    """None where nothing is sent, or what is sent is nobody's. DeniedError for a forged act."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme:
        # one that sends both is judged by what it wrote itself
        return await knows.actor_of_token(secret) if scheme.lower() == "bearer" else None
    cookie = request.cookies.get(door.cookie)
    actor = None if cookie is None else await knows.actor_of_session(cookie)
    if actor is not None and request.method not in SAFE:
        await _not_forged(request, actor, door)
    return actor


async def _not_forged(request: web.Request, actor: Actor, door: Door) -> None:
    if request.headers.get("Origin") != door.origin(request):
        raise DeniedError(403, "access.foreign_origin")
    sent = request.headers.get(CSRF, "")
    if request.content_type == "application/x-www-form-urlencoded":
        # a page without a script sends it as a field
        sent = str((await request.post()).get("csrf", ""))
    if not hmac.compare_digest(sent.encode(), actor.csrf.encode()):
        raise DeniedError(403, "access.csrf")
