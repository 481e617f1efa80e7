"""Where jobs say that they began, succeeded or failed. Whoever holds the secret address may.

The secret is in the path, as cron and curl can send no more; it is in no answer, log or metric.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from collector.api.problems import DeniedError
from collector.api.routes import Call, Nothing, Public, Stream
from probes.heartbeats import PingKind

LARGEST = 65_536
"""Bytes of a body that are read, and thrown away: scripts send their output along."""
BODY_S = 5.0
WORDS = {"start": PingKind.START, "success": PingKind.SUCCESS, "fail": PingKind.FAIL}
LAST_EXIT = 255


async def get_heartbeat(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """A job says that it succeeded."""
    return await _take(call, PingKind.SUCCESS)


async def post_heartbeat(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """A job says that it succeeded; whatever it sends along is thrown away."""
    return await _take(call, PingKind.SUCCESS)


async def get_heartbeat_word(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """A job says `start`, `success` or `fail`, or its exit code: 0 is a success."""
    return await _take(call, _kind(call.path["word"]))


async def post_heartbeat_word(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """The same; whatever it sends along is thrown away."""
    return await _take(call, _kind(call.path["word"]))


async def _take(call: Call[Nothing, Nothing], kind: PingKind | None) -> web.StreamResponse:
    taking = call.parts.pings
    checks = await taking.checks_of(call.path["secret"])
    if not checks or kind is None:
        raise web.HTTPNotFound
    wait_ms = taking.wait_ms(checks)
    if wait_ms:
        raise DeniedError(429, "access.too_many", retry_after_s=-(-wait_ms // 1000))
    await taking.take(checks, kind)
    response = web.Response(text="OK\n")
    if not await _thrown_away(call.request):
        response.force_close()
    return response


async def _thrown_away(request: web.Request) -> bool:
    """Whether the body is at its end; it is never kept."""
    read = 0
    try:
        async with asyncio.timeout(BODY_S):
            async for part in request.content.iter_any():
                read += len(part)
                if read > LARGEST:
                    return False
    except (TimeoutError, web.RequestPayloadError):
        return False
    return True


def _kind(word: str) -> PingKind | None:
    if word.isascii() and word.isdigit() and len(word) <= 3 and int(word) <= LAST_EXIT:
        return PingKind.FAIL if int(word) else PingKind.SUCCESS
    return WORDS.get(word)


ROUTES = tuple(
    Stream(method, path, Public.PING, handler, "text/plain", Nothing, largest=None)
    for method, path, handler in (
        ("GET", "/heartbeat/{secret}", get_heartbeat),
        ("POST", "/heartbeat/{secret}", post_heartbeat),
        ("GET", "/heartbeat/{secret}/{word}", get_heartbeat_word),
        ("POST", "/heartbeat/{secret}/{word}", post_heartbeat_word),
    )
)
