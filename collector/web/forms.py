"""Forms that pages of ours send: from this collector's origin, each field filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from collector.access.actors import By
from collector.api import reading
from collector.api.problems import DeniedError, InvalidError
from collector.api.routes import FORM, Call
from probes.yamlfile import Problem

LONGEST = 1_000


def form_of(call: Call[Any, Any]) -> Mapping[str, str]:
    """DeniedError for a form of another origin: nobody is logged in as somebody else that way."""
    request = call.request
    by_token = call.who.by is not By.SESSION  # which no browser sends by itself
    if not by_token and request.headers.get("Origin") != call.parts.door.origin(request):
        raise DeniedError(403, "access.foreign_origin")
    if request.content_type != FORM:
        raise web.HTTPUnsupportedMediaType
    return reading.form_of(request, call.raw)


def field(form: Mapping[str, str], name: str) -> str:
    value = form.get(name, "")
    if not 0 < len(value) <= LONGEST:
        raise InvalidError([Problem("", 1, name, "fill it in")])
    return value
