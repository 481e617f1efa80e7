"""What agents told by themselves: taken in here, shown with the incident it belongs to."""

from __future__ import annotations

import asyncio

from aiohttp import web
from typing_extensions import TypedDict

from collector import keyring, told
from collector.api.bodies import read_bounded
from collector.api.parts import Parts, stamp
from collector.api.routes import Call, Nothing, Public, Stream
from collector.api.shapes import Instant
from collector.ingest import RefusedError
from collector.keyring import NotTakenError
from collector.told import Told
from probes import notice
from probes.envelope import BatchError
from probes.notice import CONTENT_TYPE, LARGEST, Notice

READ_S = 10.0


class ToldByAgent(TypedDict):
    """`kind`: `system.down` or `system.up`, as one agent alone saw it; `taken`: by whom."""

    id: int
    agent: str
    kind: str
    cause: str | None
    at: Instant
    since: Instant
    recorded_at: Instant
    checks: list[str]
    taken: list[str]


async def post_told(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Record what an agent told while it could not reach the collector; again it changes nothing."""
    parts, request = call.parts, call.request
    if request.content_type != CONTENT_TYPE:
        raise RefusedError(415, "notice.content_type")
    try:
        data = await read_bounded(request, LARGEST, READ_S)
    except web.HTTPRequestEntityTooLarge:
        raise RefusedError(413, "notice.too_large") from None
    try:
        said = await asyncio.to_thread(_verified, data, parts)
    except BatchError as error:
        raise RefusedError(400, error.code.value.replace("batch.", "notice.")) from None
    except NotTakenError as error:
        raise RefusedError(403, str(error)) from None
    await parts.store.write(told.record, parts.org, said, data, parts.now)
    return web.json_response({"id": said.id})


def _verified(data: bytes, parts: Parts) -> Notice:
    """Signed by an agent of this organization."""
    said, envelope = notice.split(data)
    if said.org != parts.org:
        raise RefusedError(403, "notice.unknown_org")
    agent = parts.config.agents.get(said.agent)
    if agent is None:
        raise RefusedError(403, "notice.unknown_agent")
    now = parts.clock.now_ms()
    keyring.verify(
        parts.keys.ring, said.agent, agent, now, lambda key: notice.verify(envelope, key)
    )
    return said


def shown(one: Told) -> ToldByAgent:
    return {
        "id": one.id,
        "agent": one.agent,
        "kind": one.kind,
        "cause": one.cause,
        "at": stamp(one.at),
        "since": stamp(one.since),
        "recorded_at": stamp(one.recorded_at),
        "checks": one.checks,
        "taken": one.taken,
    }


ROUTES = (
    Stream(
        "POST",
        "/agent/v1/told",
        Public.SIGNED,
        post_told,
        "application/json",
        Nothing,
        takes=CONTENT_TYPE,
        largest=None,
    ),
)
