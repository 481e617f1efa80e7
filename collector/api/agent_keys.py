"""Agents' keys: who may enrol, which keys are taken, and which no longer are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator
from sqlalchemy import Connection
from typing_extensions import TypedDict

from collector import enrolment, equivocations
from collector.access.credentials import mint
from collector.access.policy import Permission
from collector.api.cursors import Paged, part
from collector.api.once import once
from collector.api.parts import Parts, instant, stamp
from collector.api.routes import Call, Nothing, Route, get, post
from collector.api.shapes import Instant
from collector.core.agent_keys import IllegalKeyError, Key, KeyState, RevokeReason, SettleReason
from collector.store.agent_keys import keys_of
from probes import agentkeys
from probes.config_words import Id, Model, Ref

T = TypeVar("T")
BASE = "/api/v1/agents/{id}"


def _whole(text: str) -> str:
    found = agentkeys.ungrouped(text)
    if found is None:
        raise ValueError("write the whole fingerprint, 64 hexadecimal digits")
    return found


Fingerprint = Annotated[str, AfterValidator(_whole)]
"""Blanks and capitals do not count."""


class Approving(Model):
    """The key whose fingerprint the agent's own host shows."""

    fingerprint: Fingerprint


class Revoking(Model):
    fingerprint: Fingerprint
    reason: RevokeReason
    ref: Ref | None = None
    """A ticket's or change's number."""


class Settling(Model):
    reason: SettleReason
    ref: Ref | None = None


class AgentKey(TypedDict):
    """`fingerprint`: SHA-256 of its SubjectPublicKeyInfo. `valid_until`: until when batches signed
    with a replaced key are taken. `approved_by`: an account, `rotation`, or
    `system` of the collector's own agent.
    """

    agent: Id
    fingerprint: str
    key: str
    state: KeyState
    enrolled_at: Instant
    approved_at: Instant | None
    approved_by: str | None
    replaced_at: Instant | None
    replaced_by: str | None
    valid_until: Instant | None
    revoked_at: Instant | None
    reason: RevokeReason | None


class AgentKeys(TypedDict):
    keys: list[AgentKey]
    next: str | None


class AgentInvited(TypedDict):
    """`token` is shown this once and good until `expires_at`; older ones of the agent are void."""

    agent: Id
    site: Id
    token: str
    expires_at: Instant


class Revoked(TypedDict):
    """`announced`: keys that go back to it by rotation and are still taken. Whoever had it may have
    made them.
    """

    key: AgentKey
    announced: list[AgentKey]


class Settled(TypedDict):
    agent: Id
    settled: int


async def list_agent_keys(call: Call[Paged, Nothing]) -> AgentKeys:
    """Every key an agent has enrolled with, or goes on with by rotation, by fingerprint."""
    parts, name = call.parts, call.path["id"]
    found = await parts.store.read(keys_of, parts.org, name)
    if not found and name not in parts.config.agents:
        raise IllegalKeyError("agent.unknown")
    told, following = part(found, lambda key: key.fingerprint, call.query)
    return {"keys": [shown(key) for key in told], "next": following}


async def invite_agent(call: Call[Nothing, Nothing]) -> AgentInvited:
    """A one-time token with which this agent enrols within 24 hours."""
    parts, name = call.parts, call.path["id"]
    secret = mint(agentkeys.TOKEN, parts.random_bytes)
    with _naming(parts):
        made = await parts.store.write(
            enrolment.invite,
            parts.org,
            parts.config,
            name,
            call.who.account,
            agentkeys.secret_hash(secret),
            parts.now,
        )
    return {
        "agent": made.agent,
        "site": made.site,
        "token": agentkeys.joined_token(secret, parts.config_fingerprint),
        "expires_at": stamp(made.expires_at),
    }


async def approve_agent_key(call: Call[Nothing, Approving]) -> AgentKey:
    """Take what the agent signs with this key; the one approved before is replaced."""
    parts, name, fingerprint = call.parts, call.path["id"], call.body.fingerprint

    def work(conn: Connection) -> AgentKey:
        key = enrolment.approve(
            conn, parts.org, parts.config, name, fingerprint, call.who.account, parts.now
        )
        return shown(key)

    return await _counting(call, work)


async def revoke_agent_key(call: Call[Nothing, Revoking]) -> Revoked:
    """Take nothing any longer that is signed with this key; what was taken stays."""
    parts, name, said = call.parts, call.path["id"], call.body

    def work(conn: Connection) -> Revoked:
        first, *announced = enrolment.revoke(
            conn,
            parts.org,
            parts.config,
            name,
            said.fingerprint,
            said.reason,
            said.ref,
            call.who.account,
            parts.now,
        )
        return {"key": shown(first), "announced": [shown(key) for key in announced]}

    return await _counting(call, work)


async def settle_equivocations(call: Call[Nothing, Settling]) -> Settled:
    """Say why two headers came for one place in the agent's chain: the alarm ends."""
    parts, name, said = call.parts, call.path["id"], call.body

    def work(conn: Connection) -> Settled:
        count = equivocations.settle(
            conn, parts.org, name, said.reason, said.ref, call.who.account, parts.now
        )
        if not count and name not in parts.config.agents:
            raise IllegalKeyError("agent.unknown")
        return {"agent": name, "settled": count}

    return await _counting(call, work)


async def _counting(call: Call[Any, Any], work: Callable[[Connection], T]) -> T:
    """What `work` answers, done once; it counts for the very next batch here."""
    with _naming(call.parts):
        answer = await once(call, work)
    await call.parts.keys.refresh()
    return answer


@contextmanager
def _naming(parts: Parts) -> Iterator[None]:
    """Who acts is told which file pins the key."""
    try:
        yield
    except IllegalKeyError as error:
        if error.place is not None:
            error.file = parts.file
        raise


def shown(key: Key) -> AgentKey:
    return {
        "agent": key.agent,
        "fingerprint": key.fingerprint,
        "key": key.key,
        "state": key.state,
        "enrolled_at": stamp(key.enrolled_at),
        "approved_at": instant(key.approved_at),
        "approved_by": key.by,
        "replaced_at": instant(key.replaced_at),
        "replaced_by": key.replaced_by,
        "valid_until": instant(key.valid_until),
        "revoked_at": instant(key.revoked_at),
        "reason": key.reason,
    }


MANAGE = Permission.AGENTS_MANAGE
ROUTES = (
    get(f"{BASE}/keys", Permission.AGENTS_READ, list_agent_keys, AgentKeys, Paged),
    # not kept under a key: its answer has the token
    Route("POST", f"{BASE}/invite", MANAGE, invite_agent, AgentInvited, Nothing, Nothing),
    post(f"{BASE}/approve", MANAGE, approve_agent_key, AgentKey, Approving),
    post(f"{BASE}/revoke", MANAGE, revoke_agent_key, Revoked, Revoking),
    post(f"{BASE}/settle", MANAGE, settle_equivocations, Settled, Settling),
)
