"""The description of the API, told to everybody: it holds nothing that the program does not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from functools import cache

from aiohttp import web

from collector.api.answers import tag_of, unless_known
from collector.api.openapi import openapi
from collector.api.routes import AnyRoute, Call, Nothing, Public, Stream


def document(routes: Iterable[AnyRoute]) -> bytes:
    """OpenAPI 3.1 in UTF-8; the same routes give the same bytes."""
    return (json.dumps(openapi(routes), ensure_ascii=False, indent=2) + "\n").encode()


def routes(everything: Callable[[], Iterable[AnyRoute]]) -> tuple[Stream[Nothing]]:
    """The route that describes `everything`, itself too; asked for when somebody first wants it."""

    @cache
    def told() -> tuple[bytes, str]:
        data = document(everything())
        return data, tag_of(data)

    async def describe_api(call: Call[Nothing, Nothing]) -> web.StreamResponse:
        """The document that says so, in OpenAPI 3.1."""
        data, tag = await asyncio.to_thread(told)
        return unless_known(call.request, 200, data, tag)

    path = "/api/v1/openapi.json"
    return (Stream("GET", path, Public.DESCRIPTION, describe_api, "application/json", Nothing),)
