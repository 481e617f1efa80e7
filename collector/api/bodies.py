"""How much of a body is read, and how long it may take to arrive: before anything is made of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web

from collector.api.problems import DeniedError

BODY_S = 20.0
"""How long the body of a question or an act may take to arrive."""
SMALL, LARGE = 16_384, 262_144
"""Bytes of an act or a form, and of a request with many windows."""


async def read_bounded(
    request: web.Request,
    most: int,
    within_s: float = BODY_S,
    take: Callable[[int], None] = lambda _size: None,
) -> bytes:
    """HTTPRequestEntityTooLarge as soon as it is known; DeniedError 408 when it takes too long.
    `take` is told of each part's bytes before they are kept, and may refuse them.
    """
    length = request.content_length
    if length is not None and length > most:
        raise web.HTTPRequestEntityTooLarge(most, length)
    data = bytearray()
    try:
        async with asyncio.timeout(within_s):
            async for part in request.content.iter_any():
                take(len(part))
                data += part
                if len(data) > most:
                    raise web.HTTPRequestEntityTooLarge(most, len(data))
    except TimeoutError:
        raise DeniedError(408, "api.slow_body") from None
    return bytes(data)
