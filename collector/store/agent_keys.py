"""Agents' keys and invitations as rows: what `enrolment.py` decides is kept and read here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from collector.core.agent_keys import Key, KeyState, RevokeReason
from collector.store.identity_tables import agent_invitations, agent_keys
from collector.store.upsert import replace_all


@dataclass(frozen=True, slots=True)
class Invitation:
    """`hash`: SHA-256 of its token."""

    agent: str
    hash: str
    site: str
    invited_by: str
    expires_at: int
    used_by: str | None = None


def keys_of(conn: Connection, org: str, agent: str | None = None) -> list[Key]:
    """Of one agent or of all, by agent, the one enrolled first before others."""
    query = select(agent_keys).where(agent_keys.c.org == org)
    if agent is not None:
        query = query.where(agent_keys.c.agent == agent)
    order = (agent_keys.c.agent, agent_keys.c.enrolled_at, agent_keys.c.fingerprint)
    return [_key(row) for row in conn.execute(query.order_by(*order))]


def holder(conn: Connection, org: str, fingerprint: str) -> str | None:
    """The agent that has this key, or had it."""
    query = select(agent_keys.c.agent).where(
        agent_keys.c.org == org, agent_keys.c.fingerprint == fingerprint
    )
    return conn.execute(query).scalar()


def put_keys(conn: Connection, org: str, keys: Iterable[Key]) -> None:
    """New ones, and those that are other ones than before."""
    rows = [
        {
            "org": org,
            "agent": key.agent,
            "fingerprint": key.fingerprint,
            "key": key.key,
            "state": key.state.value,
            "enrolled_at": key.enrolled_at,
            "approved_at": key.approved_at,
            "approved_by": key.by,
            "replaced_at": key.replaced_at,
            "replaced_by": key.replaced_by,
            "valid_until": key.valid_until,
            "revoked_at": key.revoked_at,
            "reason": None if key.reason is None else key.reason.value,
        }
        for key in keys
    ]
    replace_all(conn, agent_keys, rows)


def invitations(conn: Connection, org: str) -> list[Invitation]:
    query = select(agent_invitations).where(agent_invitations.c.org == org)
    return [_invitation(row) for row in conn.execute(query.order_by(agent_invitations.c.agent))]


def invitation(conn: Connection, org: str, hash_: str) -> Invitation | None:
    """Found by the hash of its token."""
    query = select(agent_invitations).where(
        agent_invitations.c.org == org, agent_invitations.c.hash == hash_
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else _invitation(row)


def put_invitation(conn: Connection, org: str, made: Invitation) -> None:
    """In the place of an older one of the agent, which is void."""
    row = {
        "org": org,
        "agent": made.agent,
        "hash": made.hash,
        "site": made.site,
        "invited_by": made.invited_by,
        "expires_at": made.expires_at,
        "used_by": made.used_by,
    }
    replace_all(conn, agent_invitations, [row])


def _key(row: Row[Any]) -> Key:
    return Key(
        row.agent,
        row.fingerprint,
        row.key,
        KeyState(row.state),
        row.enrolled_at,
        row.approved_at,
        row.approved_by,
        row.replaced_at,
        row.replaced_by,
        row.valid_until,
        row.revoked_at,
        None if row.reason is None else RevokeReason(row.reason),
    )


def _invitation(row: Row[Any]) -> Invitation:
    return Invitation(row.agent, row.hash, row.site, row.invited_by, row.expires_at, row.used_by)
