"""Who a request comes from: a token, a session's cookie, or nobody.

A cookie is sent by browsers on their own, so with one an act must also come from a page of ours:
its Origin is this collector's, and it brings the session's CSRF token (RFC 6265 8.2).
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web
from yarl import URL

from collector.access.actors import Actor, By, Kind
from collector.api.problems import DeniedError

NOBODY = Actor("nobody", Kind.PERSON, frozenset(), frozenset(), By.SESSION, "")
CSRF = "X-CSRF-Token"
SAFE = ("GET", "HEAD", "OPTIONS")
SECURE_COOKIE, PLAIN_COOKIE = "__Host-wardwatch", "wardwatch"
"""The first is refused by browsers unless it came over TLS and for this host alone."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Knows(Protocol):
    """Who a secret belongs to; None for one that is nobody's, or nobody's any longer."""

    async def actor_of_token(self, secret: str) -> Actor | None: ...

    async def actor_of_session(self, secret: str) -> Actor | None: ...


@dataclass(frozen=True, slots=True)
class Door:
    """How this collector is reached. `public` is the address people use, if it is not the one the
    collector listens on; `proxies` are believed about whom they ask for.
    """

    public: URL | None = None
    proxies: Sequence[Network] = ()
    tls: bool = False

    @staticmethod
    def networks(*written: str) -> tuple[Network, ...]:
        """ValueError for what is no network."""
        return tuple(map(ipaddress.ip_network, written))

    @property
    def secure(self) -> bool:
        """Do browsers reach it over TLS?"""
        return self.tls if self.public is None else self.public.scheme == "https"

    @property
    def cookie(self) -> str:
        return SECURE_COOKIE if self.secure else PLAIN_COOKIE

    def origin(self, request: web.Request) -> str:
        """`https://wardwatch.example.org`, as a browser writes it in Origin."""
        if self.public is not None:
            return str(self.public.origin())
        return f"{'https' if self.tls else 'http'}://{request.host}"

    def peer(self, request: web.Request) -> str:
        """The address that asks: the nearest one that is no proxy of ours."""
        seen = request.remote or ""
        forwarded = ",".join(request.headers.getall("X-Forwarded-For", ()))
        for hop in reversed([hop.strip() for hop in forwarded.split(",") if hop.strip()]):
            if not self._believed(seen):
                break
            seen = hop
        return _address(seen)

    def _believed(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        return any(address in network for network in self.proxies)


def _address(text: str) -> str:
    """As it may stand in a log: an address, or that it was none."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return "unknown"


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
