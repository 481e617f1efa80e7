"""The collector's HTTP side: agents post, people and programs ask."""

from __future__ import annotations

import asyncio

from aiohttp import web

from collector.api import events
from collector.api.agents import LARGEST_BATCH
from collector.api.asking import Knows
from collector.api.audit import PACKING
from collector.api.dispatch import Limits, handler, limits
from collector.api.headers import put_headers
from collector.api.health import LOOKED, Looked
from collector.api.openapi import tagged
from collector.api.parts import PARTS, Parts
from collector.api.problems import problems
from collector.api.routes import Public
from collector.api.table import ROUTES
from collector.api.what_if import COMPARING
from collector.web import rendering


def build_app(
    parts: Parts, knows: Knows | None = None, limited: Limits | None = None
) -> web.Application:
    """`knows` tells who asks, if it is not the collector's own; `limited` how often one may."""
    app = web.Application(middlewares=[problems], client_max_size=LARGEST_BATCH)
    app[PARTS] = parts
    put_headers(app, parts.door)
    rendering.set_up(app)
    app[COMPARING] = asyncio.Lock()
    app[PACKING] = asyncio.Lock()
    app[LOOKED] = Looked()
    events.set_up(app)
    limited = limited or limits()
    for route in ROUTES:
        handle = handler(route, knows or parts.access, parts.door, limited)
        if tagged(route) or (route.needs is Public.PING and route.method == "GET"):
            app.router.add_get(route.path, handle)  # and HEAD
        else:
            app.router.add_route(route.method, route.path, handle)
    return app
