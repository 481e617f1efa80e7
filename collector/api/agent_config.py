"""What an agent asks to know what it has to do."""

from __future__ import annotations

from aiohttp import web

from collector.api.bodies import read_bounded
from collector.api.problems import problem
from collector.api.routes import Call, Nothing, Public, Stream
from collector.ingest import RefusedError
from collector.serving import ClockError
from probes.agentconfig import CONTENT_TYPE, PATH, QUESTION_TYPE

LARGEST = 8_192
"""Bytes of a question: a header and its signature."""


async def post_question(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """An agent's part of the newest config, signed; waits up to 25 s for news, then 204."""
    parts, request = call.parts, call.request
    if parts.serving is None:
        raise RefusedError(404, "config.no_key")
    if request.content_type != QUESTION_TYPE:
        raise RefusedError(415, "config.content_type")
    try:
        data = await read_bounded(request, LARGEST)
    except web.HTTPRequestEntityTooLarge:
        raise RefusedError(413, "config.too_large") from None
    try:
        document = await parts.serving.answer(data)
    except ClockError:
        return problem(403, "config.clock", now_ms=parts.clock.now_ms())
    if document is None:
        return web.Response(status=204)
    return web.Response(body=document, content_type=CONTENT_TYPE)


ROUTES = (
    Stream(
        "POST",
        f"/{PATH}",
        Public.SIGNED,
        post_question,
        CONTENT_TYPE,
        Nothing,
        takes=QUESTION_TYPE,
        largest=None,
    ),
)
