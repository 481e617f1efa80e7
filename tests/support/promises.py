"""Holds every answer of an app against what its route declares: a test that asks anything also
checks the shape of what comes back.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jsonschema_rs
from aiohttp import web
from aiohttp.typedefs import Handler

from collector.api.dispatch import ROUTE
from collector.api.openapi import described, openapi, told_path
from collector.api.table import ROUTES


@cache
def document() -> dict[str, Any]:
    return openapi(ROUTES)


@cache
def _validator(ref: str) -> jsonschema_rs.Draft202012Validator:
    schema = {"$ref": ref, "components": document()["components"]}
    return jsonschema_rs.Draft202012Validator(schema)


@web.middleware
async def _promised(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    route = request.get(ROUTE)
    if (
        route is None
        or not described(route)
        or not isinstance(response, web.Response)
        or not response.body
    ):
        return response
    operation = document()["paths"][told_path(route)][route.method.lower()]
    told = operation["responses"].get(str(response.status), operation["responses"]["default"])
    content = told["content"]
    assert response.content_type in content, (route.path, response.content_type)
    schema = content[response.content_type].get("schema", {})
    if "$ref" in schema:
        assert isinstance(response.body, bytes)
        data = json.loads(response.body)
        errors = list(_validator(schema["$ref"]).iter_errors(data))
        assert not errors, (route.path, [str(error)[:400] for error in errors[:3]])
    return response


def checked(app: web.Application) -> web.Application:
    """The same app; an answer that is not as declared fails the test (as a 500)."""
    app.middlewares.insert(0, _promised)
    return app
