"""Answers that are written piece by piece: one that is cut never looks complete."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

log = logging.getLogger("wardwatch.api")


@asynccontextmanager
async def streaming(
    request: web.Request, media: str, more: Mapping[str, str] | None = None
) -> AsyncIterator[web.StreamResponse]:
    """The response, prepared, with `more` headers; leaving ends it. Whatever is raised inside cuts the connection
    first, so that no last chunk says that this was all; a client that has gone is no error.
    """
    headers = {"Content-Type": media, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    response = web.StreamResponse(headers={**headers, **(more or {})})
    await response.prepare(request)
    try:
        yield response
        await response.write_eof()
    except ConnectionError:
        cut(request)
    except BaseException as error:
        cut(request)
        if isinstance(error, Exception):
            # the type's name only: an exception's text may hold anything
            log.warning("api.stream_cut type=%s", type(error).__name__)
        raise


def cut(request: web.Request) -> None:
    """Close the connection at once, whatever was still to be written."""
    if request.transport is not None:
        request.transport.abort()
