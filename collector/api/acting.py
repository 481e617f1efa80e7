"""What a request that acts must be: from this host, in JSON, whole.

There is no login yet, so `by` is a claim. It is believed only from this host, and only while
nobody else can reach the collector.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

from aiohttp import web
from pydantic import Field, ValidationError

from collector.loopback import is_loopback
from probes.acts import CorrectAs, CorrectionReason
from probes.config import Id, Instant, Model, Ref
from probes.configchecks import LOOKS_LIKE_PHI, like_phi
from probes.modelerrors import problems_of
from probes.yamlfile import Document, Problem

JSON = "application/json"
LOCAL_ONLY: web.AppKey[bool] = web.AppKey("local_only", bool)
"""Does the collector listen on loopback only?"""
PROXIED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")
FORBIDDEN = {
    "act.open_listener": "acts are taken only while the collector listens on loopback",
    "act.remote_peer": "acts are taken from this host only",
    "act.proxied": "acts are not taken through a proxy: there is no login it could vouch for",
    "act.foreign_host": "acts are asked for at a loopback address or localhost",
}

M = TypeVar("M", bound=Model)


class ForbiddenError(Exception):
    """`code` is one of `FORBIDDEN`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class InvalidError(Exception):
    """The body is not what it must be: `problems` are (path, message), all of them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("invalid")
        self.problems = [(p.path, p.message) for p in problems]


class Proposal(Model):
    by: Id
    windows: Annotated[tuple[dict[str, Any], ...], Field(min_length=1, max_length=200)]
    replace: bool = False


class Draft(Model):
    windows: Annotated[tuple[dict[str, Any], ...], Field(min_length=1, max_length=200)]


class Acting(Model):
    by: Id
    ref: Ref | None = None


class Approving(Acting):
    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Requesting(Model):
    by: Id
    id: Id
    system: Id
    from_: Annotated[Instant, Field(alias="from")]
    to: Instant
    counts_as: Annotated[CorrectAs, Field(alias="as")]
    reason: CorrectionReason
    ref: Ref


def gate(request: web.Request) -> None:
    """ForbiddenError unless a program on this host asks by itself."""
    host = request.host.rpartition(":")[0] if _has_port(request.host) else request.host
    if not request.app[LOCAL_ONLY]:
        raise ForbiddenError("act.open_listener")
    if request.remote is None or not is_loopback(request.remote):
        raise ForbiddenError("act.remote_peer")
    if any(name in request.headers for name in PROXIED):
        raise ForbiddenError("act.proxied")
    if not is_loopback(host):
        # a page whose name was made to point here
        raise ForbiddenError("act.foreign_host")


def _has_port(host: str) -> bool:
    return ":" in host and not host.endswith("]")


async def body(request: web.Request, model: type[M]) -> M:
    """The body as `model`; InvalidError lists every problem, naming its field."""
    if request.content_type != JSON:
        raise web.HTTPUnsupportedMediaType
    document = Document("", _parsed(await request.read()), {})
    try:
        found = model.model_validate(document.data)
    except ValidationError as error:
        raise InvalidError(problems_of(error, document, (), document.data)) from None
    looks = [
        document.problem((name,), LOOKS_LIKE_PHI)
        for name in ("by", "id", "ref")
        if like_phi(str(getattr(found, name, None)))
    ]
    if looks:
        raise InvalidError(looks)
    return found


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise InvalidError([Problem("", 1, "", "write one JSON object, each key once")]) from None


def _once(pairs: Sequence[tuple[str, Any]]) -> Mapping[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is written twice")
    return found
