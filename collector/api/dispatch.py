"""From a declared route to what aiohttp calls: allowed first, read second, done third."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from collector.access.actors import Actor
from collector.access.door import Door
from collector.access.policy import Permission
from collector.access.refusals import AccessError
from collector.access.throttle import Buckets
from collector.api.answers import document
from collector.api.asking import NOBODY, Knows, not_forged, who_asks
from collector.api.bodies import read_bounded
from collector.api.parts import PARTS
from collector.api.problems import DeniedError
from collector.api.reading import form_of, read_body, read_query
from collector.api.refusing import refused
from collector.api.routes import HTML, AnyRoute, Call, Nothing, Public, Stream
from collector.enrolment import RefusedProofError

ROUTE: web.RequestKey[AnyRoute] = web.RequestKey("route", object)  # type: ignore[arg-type]  # a union is no class
"""Where a request keeps its route."""
REFUSED = (401, 403, 429)
"""Statuses that are counted and logged as refusals."""
UNLIMITED = (Public.HEALTH, Public.SIGNED)
"""A supervisor's look and an agent's evidence wait for nobody's questions."""


class Limits:
    """Requests a second, of each credential and, without one, of each address."""

    def __init__(
        self,
        known: Buckets,
        unknown: Buckets,
        provider: Buckets,
        enrolment: Buckets,
        pings: Buckets,
    ) -> None:
        self.known = known
        self.unknown = unknown
        self.provider = provider
        """Logins begun at a provider: of one neighbourhood fewer than may be under way."""
        self.enrolment = enrolment
        """Agents that enrol or rotate: a site's agents share an address, and come once."""
        self.pings = pings
        """Jobs: many of a site are due at the full hour, and share an address. Receivers, too: a
        vendor's webhooks come from few.
        """


def limits() -> Limits:
    return Limits(
        known=Buckets(rate_per_s=50, burst=200, most_keys=10_000),
        unknown=Buckets(rate_per_s=10, burst=40, most_keys=10_000),
        provider=Buckets(rate_per_s=1, burst=20, most_keys=10_000),
        enrolment=Buckets(rate_per_s=1, burst=20, most_keys=10_000),
        pings=Buckets(rate_per_s=20, burst=600, most_keys=10_000),
    )


def handler(route: AnyRoute, knows: Knows, door: Door, limited: Limits) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        request[ROUTE] = route
        who = NOBODY
        try:
            who = await _who(request, route, knows, door, limited)
            return await _answered(
                request, route, who, door, lambda: _may(request, route.needs, knows, door)
            )
        except (DeniedError, AccessError, RefusedProofError) as error:
            if error.status in REFUSED:
                refused(request, error.code, _named(who, error))
            if isinstance(error, DeniedError) and _to_login(error, route):
                return web.Response(status=303, headers={"Location": "/login"})
            raise

    return handle


def _named(who: Actor, error: DeniedError | AccessError | RefusedProofError) -> str:
    """Whose request was refused; one that may not is known by the refusal alone."""
    if who is NOBODY and isinstance(error, DeniedError):
        return error.account
    return who.account


def _to_login(error: DeniedError, route: AnyRoute) -> bool:
    return error.status == 401 and isinstance(route, Stream) and route.media == HTML


async def _who(
    request: web.Request, route: AnyRoute, knows: Knows, door: Door, limited: Limits
) -> Actor:
    if isinstance(route.needs, Permission):
        return await _allowed(request, route.needs, knows, door, limited)
    if route.needs in (Public.PING, Public.RECEIVER):
        _within(limited.pings, door.neighbourhood(request), request)
    elif route.needs not in UNLIMITED:
        _within(limited.unknown, door.neighbourhood(request), request)
    if route.needs is Public.PROVIDER:
        _within(limited.provider, door.neighbourhood(request), request)
    if route.needs is Public.ENROLMENT:
        _within(limited.enrolment, door.neighbourhood(request), request)
    return NOBODY


async def _answered(
    request: web.Request,
    route: AnyRoute,
    who: Actor,
    door: Door,
    still: Callable[[], Awaitable[bool]],
) -> web.StreamResponse:
    _in_print(request)
    parts, query, raw = request.app[PARTS], read_query(request, route.query), b""
    if route.method != "GET" and route.largest is not None:
        raw = await read_bounded(request, route.largest)
        await _still_right(request, who, door, raw, still)
    if isinstance(route, Stream):
        return await route.handler(Call(request, parts, who, query, Nothing(), raw, still))
    body: Any = read_body(request, raw, route.body) if route.has_body else Nothing()
    call: Call[Any, Any] = Call(request, parts, who, query, body, raw, still)
    return document(request, route.status, await route.handler(call))


async def _still_right(
    request: web.Request, who: Actor, door: Door, raw: bytes, still: Callable[[], Awaitable[bool]]
) -> None:
    """A body may come long after who sends it was asked: what was lost meanwhile counts."""
    if who is NOBODY:
        return
    not_forged(request, who, door, form_of(request, raw))
    if raw and not await still():
        raise DeniedError(401, "access.unknown", account=who.account)


async def _allowed(
    request: web.Request, needs: Permission, knows: Knows, door: Door, limited: Limits
) -> Actor:
    actor = await who_asks(request, knows, door)
    if actor is None:
        _within(limited.unknown, door.neighbourhood(request), request)
        raise DeniedError(401, "access.unknown")
    _within(limited.known, actor.account, request)
    if not actor.may(needs):
        raise DeniedError(403, "access.denied", needs=needs.value, account=actor.account)
    return actor


async def _may(request: web.Request, needs: Permission | Public, knows: Knows, door: Door) -> bool:
    if isinstance(needs, Public):
        return True
    actor = await who_asks(request, knows, door)
    return actor is not None and actor.may(needs)


def _in_print(request: web.Request) -> None:
    """No id holds a control character or half a character, and not every store takes one."""
    if not all(value.isprintable() for value in request.match_info.values()):
        raise web.HTTPNotFound


def _within(buckets: Buckets, key: str, request: web.Request) -> None:
    wait_ms = buckets.take(key, request.app[PARTS].clock.monotonic_ns() // 1_000_000)
    if wait_ms:
        raise DeniedError(429, "access.too_many", retry_after_s=-(-wait_ms // 1000))
