"""Who is on duty now and in the next two weeks, to read and to print."""

from __future__ import annotations

from aiohttp import web

from collector import rotatext
from collector.access.policy import Permission
from collector.api.rota import AHEAD_DAYS, DAY_MS
from collector.api.routes import HTML, Call, Nothing, Stream
from collector.web.rendering import page


async def rota_page(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Who is on duty, and where staffing will be short; it prints well."""
    start = call.parts.now()
    found = await call.parts.numbers.rotas.of(start, start + AHEAD_DAYS * DAY_MS)
    return page(
        call,
        "rota.html",
        "On call",
        {
            "headline": rotatext.headline(found),
            "gaps": rotatext.gaps(found),
            "staffed": bool(call.parts.config.staffing),
            "now": rotatext.now(found),
            "tables": [*rotatext.duties(found), rotatext.overrides(found)],
            "tzdata": found["tzdata"],
        },
    )


ROUTES = (Stream("GET", "/rota", Permission.ROTA_READ, rota_page, HTML, Nothing),)
