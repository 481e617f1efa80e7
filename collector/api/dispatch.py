"""From a declared route to what aiohttp calls: allowed first, read second, done third."""

from __future__ import annotations

import asyncio
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
from collector.api.asking import NOBODY, Knows, who_asks
from collector.api.parts import PARTS
from collector.api.problems import DeniedError
from collector.api.reading import read_body, read_query
from collector.api.refusing import refused
from collector.api.routes import HTML, AnyRoute, Call, Nothing, Public, Stream

ROUTE: web.RequestKey[AnyRoute] = web.RequestKey("route", object)  # type: ignore[arg-type]  # a union is no class
"""Where a request keeps its route."""
BODY_S = 20.0
"""How long the body of a question or an act may take to arrive."""
REFUSED = (401, 403, 429)
"""Statuses that are counted and logged as refusals."""
UNLIMITED = (Public.HEALTH, Public.SIGNED)
"""A supervisor's look and an agent's evidence wait for nobody's questions."""


class Limits:
    """Requests a second, of each credential and, without one, of each address."""

    def __init__(self, known: Buckets, unknown: Buckets) -> None:
        self.known = known
        self.unknown = unknown


def limits() -> Limits:
    return Limits(
        known=Buckets(rate_per_s=50, burst=200, most_keys=10_000),
        unknown=Buckets(rate_per_s=10, burst=40, most_keys=10_000),
    )


def handler(route: AnyRoute, knows: Knows, door: Door, limited: Limits) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        request[ROUTE] = route
        who = NOBODY
        try:
            who = await _who(request, route, knows, door, limited)
            return await _answered(
                request, route, who, lambda: _may(request, route.needs, knows, door)
            )
        except (DeniedError, AccessError) as error:
            if error.status in REFUSED:
                refused(request, error.code, _named(who, error))
            if isinstance(error, DeniedError) and _to_login(error, route):
                return web.Response(status=303, headers={"Location": "/login"})
            raise

    return handle


def _named(who: Actor, error: DeniedError | AccessError) -> str:
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
    if route.needs not in UNLIMITED:
        _within(limited.unknown, door.peer(request), request)
    return NOBODY


async def _answered(
    request: web.Request, route: AnyRoute, who: Actor, still: Callable[[], Awaitable[bool]]
) -> web.StreamResponse:
    _in_print(request)
    parts, query = request.app[PARTS], read_query(request, route.query)
    if isinstance(route, Stream):
        return await route.handler(Call(request, parts, who, query, Nothing(), still))
    body: Any = Nothing()
    if route.has_body:
        body = await _in_time(request, route.body)
    call: Call[Any, Any] = Call(request, parts, who, query, body, still)
    return document(request, route.status, await route.handler(call))


async def _allowed(
    request: web.Request, needs: Permission, knows: Knows, door: Door, limited: Limits
) -> Actor:
    actor = await who_asks(request, knows, door)
    if actor is None:
        _within(limited.unknown, door.peer(request), request)
        raise DeniedError(401, "access.unknown")
    _within(limited.known, actor.credential, request)
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


async def _in_time(request: web.Request, model: type[Any]) -> Any:
    try:
        async with asyncio.timeout(BODY_S):
            return await read_body(request, model)
    except TimeoutError:
        raise DeniedError(408, "api.slow_body") from None
