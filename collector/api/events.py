"""What changes as it changes: server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from aiohttp import web
from sqlalchemy import Connection

from alerts.events import State
from collector import journal
from collector.access.policy import Permission
from collector.api.feed import Feed, Snapshot
from collector.api.incident_shapes import shown
from collector.api.parts import PARTS
from collector.api.routes import Call, Nothing, Stream
from collector.api.streams import cut, streaming
from collector.standings import Stood, read_stood
from collector.store.incidents import Place, read_states
from probes.clock import NS_PER_MS

MEDIA = "text/event-stream"
FEED: web.AppKey[Feed] = web.AppKey("feed", Feed)
AGAIN_MS = 40_000
"""Who listens is asked for anew at the first event after so long; one comes every 15 s."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a `Snapshot` is made of, as the store has it."""

    row: int
    states: Mapping[Place, tuple[State, int]]
    incidents: Sequence[Stood]


def look(conn: Connection, org: str, now: int, since: int | None) -> Stored:
    """The store as it is; `since`: the journal's row up to which changes of incidents are known."""
    row = journal.last_id(conn, org)
    found = read_stood(conn, org, now, is_open=True)
    known = {one.row.incident.key for one in found}
    fresh = [] if since is None else journal.rows(conn, org, after=since, prefix="incident.")
    for key in {str(json.loads(one.data)["key"]) for one in fresh} - known:
        found += read_stood(conn, org, now, key=key)
    states = {(s.system, s.site): (s.state, s.since) for s in read_states(conn, org)}
    return Stored(row, states, found)


async def stream_events(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Server-sent events: everything as it stands, then states and incidents as they change."""
    clock, request = call.parts.clock, call.request
    with request.app[FEED].listening(partial(cut, request), call.who.account) as listener:
        async with streaming(request, MEDIA) as response:
            asked_at = clock.monotonic_ns()
            while (text := await listener.text()) is not None:
                if clock.monotonic_ns() - asked_at >= AGAIN_MS * NS_PER_MS:
                    if not await call.still_allowed():
                        break
                    asked_at = clock.monotonic_ns()
                await response.write(text.encode())
    return response


def set_up(app: web.Application) -> None:
    """The feed begins with the app, and lets go of all who listen before the app waits for them."""
    parts = app[PARTS]

    async def seen(since: int | None) -> Snapshot:
        found = await parts.store.read(look, parts.org, parts.now(), since)
        told = {one.row.incident.key: shown(one, parts) for one in found.incidents}
        return Snapshot(found.row, found.states, told)

    async def running(_app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(feed.run())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def close(_app: web.Application) -> None:
        feed.close()

    feed = app[FEED] = Feed(seen, parts.clock)
    app.cleanup_ctx.append(running)
    app.on_shutdown.append(close)


ROUTES = (Stream("GET", "/api/v1/events", Permission.SYSTEMS_READ, stream_events, MEDIA, Nothing),)
