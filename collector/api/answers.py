"""Answers as bytes: JSON, with an ETag that tells whether it changed (RFC 9110 8.8.3)."""

from __future__ import annotations

import hashlib
import json

from aiohttp import web


def document(request: web.Request, status: int, body: object) -> web.Response:
    """304 without a body when the asker has the same already."""
    data = json.dumps(body, ensure_ascii=False).encode()
    if request.method not in ("GET", "HEAD"):
        return web.Response(status=status, body=data, content_type="application/json")
    return unless_known(request, status, data, tag_of(data))


def tag_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def unless_known(request: web.Request, status: int, data: bytes, tag: str) -> web.Response:
    """`data` with its tag, or 304 without a body when the asker has what the tag stands for."""
    known = request.if_none_match or ()
    if any(one.value in (tag, "*") for one in known):
        response = web.Response(status=304)
    else:
        response = web.Response(status=status, body=data, content_type="application/json")
    response.etag = tag
    return response
