"""Forms that pages of ours send: from this collector's origin, in time, each field once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from collector.access.actors import By
from collector.api.dispatch import BODY_S
from collector.api.problems import DeniedError, InvalidError
from collector.api.routes import FORM, Call
from probes.yamlfile import Problem

LONGEST = 1_000


async def form_of(call: Call[Any, Any]) -> Mapping[str, str]:
    """DeniedError for a form of another origin: nobody is logged in as somebody else that way."""
    request = call.request
    by_token = call.who.by is By.TOKEN  # which no browser sends by itself
    if not by_token and request.headers.get("Origin") != call.parts.door.origin(request):
        raise DeniedError(403, "access.foreign_origin")
    if request.content_type != FORM:
        raise web.HTTPUnsupportedMediaType
    try:
        async with asyncio.timeout(BODY_S):
            found = await request.post()
    except TimeoutError:
        raise DeniedError(408, "api.slow_body") from None
    return {name: value for name, value in found.items() if isinstance(value, str)}


def field(form: Mapping[str, str], name: str) -> str:
    value = form.get(name, "")
    if not 0 < len(value) <= LONGEST:
        raise InvalidError([Problem("", 1, name, "fill it in")])
    return value
