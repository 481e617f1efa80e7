"""What agents send, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from aiohttp import web
from sqlalchemy import Connection
from typing_extensions import TypedDict

from collector import chainstates, equivocations
from collector.access.policy import Permission
from collector.api.bodies import read_bounded
from collector.api.cursors import Paged, part
from collector.api.parts import Parts, instant, stamp
from collector.api.routes import Call, Nothing, Public, Stream, get
from collector.api.shapes import Instant
from collector.chainstates import ChainState
from collector.core.agent_keys import Key, KeyState
from collector.ingest import RefusedError
from collector.store.agent_keys import invitations, keys_of
from probes import agentkeys
from probes.config_places import Agent as Defined

BATCH = "application/vnd.wardwatch.batch"
LARGEST_BATCH = 4 * 1024 * 1024
"""Bytes of one upload; a batch of 1 000 results is a few ten thousand."""
MISSING_SHOWN = 20
"""Ranges of missing batches in an answer."""
UPLOAD_S = 60.0
"""How long one upload may take to arrive."""


class LastBatch(TypedDict):
    """The clock's offset and error are the agent's own measurement."""

    epoch: str
    seq: int
    received_at: Instant
    clock_offset_ms: int
    clock_error_ms: int


class Missing(TypedDict):
    first: int
    last: int


class Chain(TypedDict):
    """One epoch of an agent: it begins another whenever its state is lost. `missing_batches` below
    `last_seq` have not come, the first of them are listed. Up to `complete_until` every result is
    here, or given up for want of room; null while the first batch is missing. `broken_links`:
    headers that do not name the one before them.
    """

    epoch: str
    spoke_at: Instant
    last_seq: int
    missing_batches: int
    missing: list[Missing]
    complete_until: Instant | None
    tombstones: int
    given_up_results: int
    broken_links: int


class _KeyShown(TypedDict):
    key_state: Literal["pinned", "none"] | KeyState
    fingerprint: str | None
    waiting: str | None


class Agent(_KeyShown):
    """`key_state`: of the key that counts: `pinned` in the file, else of the approved one, else of
    the newest; `none` without any. `waiting`: fingerprint of a key that nobody has approved yet.
    `invited_until`: null unless a token can still be used. `equivocations`: headers that came for
    a place that was taken, which nobody has settled.
    """

    id: str
    site: str
    key_pinned: bool
    invited_until: Instant | None
    equivocations: int
    last_batch: LastBatch | None
    chains: list[Chain]


class Agents(TypedDict):
    as_of: Instant
    agents: list[Agent]
    next: str | None


async def post_batch(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Store one signed batch; 200 only once it is durable."""
    parts, request = call.parts, call.request
    if request.content_type != BATCH:
        parts.metrics.refused.labels("batch.content_type").inc()
        raise RefusedError(415, "batch.content_type")
    with parts.ingest.room(parts.door.neighbourhood(request)) as take:
        try:
            data = await read_bounded(request, LARGEST_BATCH, UPLOAD_S, take)
        except web.HTTPRequestEntityTooLarge:
            parts.metrics.refused.labels("batch.too_large").inc()
            raise RefusedError(413, "batch.too_large") from None
        accepted = await parts.ingest.accept(data)
    answer: dict[str, object] = {
        "epoch": accepted.epoch,
        "stored": accepted.stored,
        "now": stamp(parts.clock.now_ms()),  # the agent compares its own clock
    }
    if parts.beacon.newest is not None:
        answer["beacon"] = parts.beacon.newest
    return web.json_response(answer)


async def list_agents(call: Call[Paged, Nothing]) -> Agents:
    """Every agent of the config in force, with its newest batch; null before the first."""
    parts = call.parts
    told, following = part(parts.config.agents.items(), lambda pair: pair[0], call.query)
    known = await parts.store.read(_known, parts.org, parts.now())
    return {
        "as_of": stamp(parts.evaluator.now),
        "agents": [_agent(name, agent, known, parts) for name, agent in told],
        "next": following,
    }


@dataclass(frozen=True, slots=True)
class _Known:
    keys: Mapping[str, Sequence[Key]]
    invited: Mapping[str, int]
    unsettled: Mapping[str, int]
    chains: Mapping[str, Sequence[ChainState]]


def _known(conn: Connection, org: str, now: int) -> _Known:
    keys: dict[str, list[Key]] = {}
    for key in keys_of(conn, org):
        keys.setdefault(key.agent, []).append(key)
    usable = [one for one in invitations(conn, org) if one.used_by is None and now < one.expires_at]
    invited = {one.agent: one.expires_at for one in usable}
    return _Known(keys, invited, equivocations.unsettled(conn, org), chainstates.read(conn, org))


def _agent(name: str, agent: Defined, known: _Known, parts: Parts) -> Agent:
    batch = parts.evaluator.evidence.last.get(name)
    last: LastBatch | None = None
    if batch is not None:
        last = {
            "epoch": batch.epoch,
            "seq": batch.seq,
            "received_at": stamp(batch.received_at),
            "clock_offset_ms": batch.clock_offset_ms,
            "clock_error_ms": batch.clock_error_ms,
        }
    return {
        "id": name,
        "site": agent.site,
        "key_pinned": agent.key is not None,
        **_key(agent, known.keys.get(name, ())),
        "invited_until": instant(known.invited.get(name)),
        "equivocations": known.unsettled.get(name, 0),
        "last_batch": last,
        "chains": [_chain(one) for one in known.chains.get(name, ())],
    }


def _chain(one: ChainState) -> Chain:
    listed = one.missing[:MISSING_SHOWN]
    return {
        "epoch": one.epoch,
        "spoke_at": stamp(one.spoke_at),
        "last_seq": one.last_seq,
        "missing_batches": one.missing_count,
        "missing": [{"first": first, "last": last} for first, last in listed],
        "complete_until": instant(one.complete_until),
        "tombstones": one.tombstones,
        "given_up_results": one.given_up,
        "broken_links": one.broken_links,
    }


def _key(agent: Defined, keys: Sequence[Key]) -> _KeyShown:
    if agent.key is not None:
        pinned = agentkeys.fingerprint(agent.key)
        return {"key_state": "pinned", "fingerprint": pinned, "waiting": None}
    waiting = [key for key in keys if key.state is KeyState.PENDING]
    approved = [key for key in keys if key.state is KeyState.APPROVED]
    counts = (approved or keys)[-1] if keys else None
    return {
        "key_state": "none" if counts is None else counts.state,
        "fingerprint": None if counts is None else counts.fingerprint,
        "waiting": waiting[0].fingerprint if waiting else None,
    }


ROUTES = (
    Stream(
        "POST",
        "/agent/v1/batches",
        Public.SIGNED,
        post_batch,
        "application/json",
        Nothing,
        takes=BATCH,
        largest=None,
    ),
    get("/api/v1/agents", Permission.AGENTS_READ, list_agents, Agents, Paged),
)
