"""What happens to agents' keys, recorded: looked at, decided and written in one transaction each.

`clock` (UTC ms) is read when others who act are done. IllegalKeyError and RefusedProofError leave
nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from collector import journal
from collector.core import agent_keys
from collector.core.agent_keys import IllegalKeyError, Key, KeyAct, RevokeReason
from collector.journal import Fact, canonical
from collector.store.agent_keys import (
    Invitation,
    holder,
    invitation,
    keys_of,
    put_invitation,
    put_keys,
)
from probes import agentkeys
from probes.config import Config
from probes.config_places import COLLECTOR

LIFETIME_MS = 24 * 3_600_000
"""Of an invitation."""
SKEW_MS = 300_000
"""How far an agent's clock may be off for what it signs here to count: longer kept back is void."""

REFUSALS = {
    "agent.enrolment_refused": "this token does not enrol this agent here: it was used, has "
    "expired, was replaced by a newer one, is of another agent or site, or what was sent with it "
    "is not signed with the key; ask an admin for `wardwatch agent invite`",
    "agent.rotation_refused": "this is not signed by a key of this agent and by the new one",
    "agent.clock": "the agent's clock is more than 5 minutes off the collector's; set it",
}
"""What strangers are told: one answer, whichever part was wrong."""


class RefusedProofError(Exception):
    """`code` is one of `REFUSALS`."""

    status = 403

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Enrolling:
    """What an agent sends: its key, and the signature that shows it has it. `at`: its clock."""

    secret: str = field(repr=False)
    agent: str
    key: str
    at: int
    proof: str


@dataclass(frozen=True, slots=True)
class Rotating:
    """Keys are `ed25519:BASE64`; each side's signature is over the same statement."""

    agent: str
    old: str
    new: str
    at: int
    by_old: str
    by_new: str


def invite(
    conn: Connection,
    org: str,
    config: Config,
    agent: str,
    by: str,
    token_hash: str,
    clock: Callable[[], int],
) -> Invitation:
    """A token for one agent at its site; an older one is void."""
    at = _begin(conn, org, clock)
    _enrolled_here(config, agent)
    made = Invitation(agent, token_hash, config.agents[agent].site, by, at + LIFETIME_MS)
    put_invitation(conn, org, made)
    data = {"agent": agent, "site": made.site, "expires_at": made.expires_at, "by": by}
    _record(conn, org, KeyAct.INVITED, data, by, at)
    return made


def invited(conn: Connection, org: str, config: Config, said: Enrolling, at: int) -> Invitation:
    """What the token is good for; RefusedProofError. Reads only, so that it costs strangers' guesses
    no place in the line of those who write.
    """
    token_hash = agentkeys.secret_hash(said.secret)
    proved = agentkeys.signed(
        said.key, said.proof, agentkeys.enrolment(token_hash, said.agent, said.key, said.at)
    )
    found = invitation(conn, org, token_hash)
    defined = config.agents.get(said.agent)
    if (
        not proved
        or found is None
        or defined is None
        or (found.agent, found.site) != (said.agent, defined.site)
        or at >= found.expires_at
        or found.used_by not in (None, agentkeys.fingerprint(said.key))
    ):
        raise RefusedProofError("agent.enrolment_refused")
    _in_time(said.at, at)
    return found


def enrol(
    conn: Connection, org: str, config: Config, said: Enrolling, clock: Callable[[], int]
) -> Key:
    """The key as it stands: the same token with the same key may come again."""
    at = _begin(conn, org, clock)
    found = invited(conn, org, config, said, at)
    _enrolled_here(config, said.agent)
    fingerprint = agentkeys.fingerprint(said.key)
    _of_nobody_else(conn, org, config, said.agent, fingerprint)
    keys = keys_of(conn, org, said.agent)
    changed = agent_keys.enrol(keys, said.agent, fingerprint, said.key, at)
    if changed or found.used_by is None:
        put_keys(conn, org, changed)
        put_invitation(conn, org, replace(found, used_by=fingerprint))
        data = {
            "agent": said.agent,
            "site": found.site,
            "fingerprint": fingerprint,
            "key": said.key,
            "invited_by": found.invited_by,
        }
        _record(conn, org, KeyAct.ENROLLED, data, _name(said.agent), at)
    return key_of(conn, org, said.agent, fingerprint)


def approve(
    conn: Connection,
    org: str,
    config: Config,
    agent: str,
    fingerprint: str,
    by: str,
    clock: Callable[[], int],
) -> Key:
    """Its batches are taken from now on, those recorded before too; again is fine."""
    at = _begin(conn, org, clock)
    _enrolled_here(config, agent)
    keys = keys_of(conn, org, agent)
    changed = agent_keys.approve(keys, fingerprint, by, at)
    if changed:
        put_keys(conn, org, changed)
        replaced = [key.fingerprint for key in changed if key.fingerprint != fingerprint]
        data = {"agent": agent, "fingerprint": fingerprint, "by": by, "replaces": replaced}
        _record(conn, org, KeyAct.APPROVED, data, by, at)
    return key_of(conn, org, agent, fingerprint)


def announced_by(conn: Connection, org: str, config: Config, said: Rotating, at: int) -> None:
    """RefusedProofError unless a key of this agent, and the new one, have signed it. Reads only."""
    statement = agentkeys.rotation(org, said.agent, said.old, said.new, said.at)
    by_old = agentkeys.signed(said.old, said.by_old, statement)
    by_new = agentkeys.signed(said.new, said.by_new, statement)
    pinned = said.agent in config.agents and config.agents[said.agent].key == said.old
    if (
        not (by_old and by_new)
        or said.agent not in config.agents
        or not (pinned or holder(conn, org, agentkeys.fingerprint(said.old)) == said.agent)
    ):
        raise RefusedProofError("agent.rotation_refused")
    _in_time(said.at, at)


def rotate(
    conn: Connection, org: str, config: Config, said: Rotating, clock: Callable[[], int]
) -> Key:
    """The new key as it stands; the same rotation may come again. The row keeps both signatures:
    who reads the journal later can verify them without us.
    """
    at = _begin(conn, org, clock)
    announced_by(conn, org, config, said, at)
    _enrolled_here(config, said.agent)
    old, new = agentkeys.fingerprint(said.old), agentkeys.fingerprint(said.new)
    _of_nobody_else(conn, org, config, said.agent, new)
    changed = agent_keys.rotate(keys_of(conn, org, said.agent), said.agent, old, new, said.new, at)
    if changed:
        put_keys(conn, org, changed)
        data = {
            "agent": said.agent,
            "from": old,
            "to": new,
            "key": said.new,
            "at": said.at,
            "signature_from": said.by_old,
            "signature_to": said.by_new,
            "valid_until": at + agent_keys.OVERLAP_MS,
        }
        _record(conn, org, KeyAct.ROTATED, data, _name(said.agent), at)
    return key_of(conn, org, said.agent, new)


def revoke(
    conn: Connection,
    org: str,
    config: Config,
    agent: str,
    fingerprint: str,
    reason: RevokeReason,
    ref: str | None,
    by: str,
    clock: Callable[[], int],
) -> list[Key]:
    """The revoked key, and then those that go back to it by rotation and are taken still."""
    at = _begin(conn, org, clock)
    defined = config.agents.get(agent)
    pinned = None if defined is None else defined.key
    if pinned is not None and agentkeys.fingerprint(pinned) == fingerprint:
        raise _pinned(agent)
    keys = keys_of(conn, org, agent)
    if not keys and defined is None:
        raise IllegalKeyError("agent.unknown")
    changed = agent_keys.revoke(keys, fingerprint, reason, at)
    if changed:
        put_keys(conn, org, changed)
        data = {"agent": agent, "fingerprint": fingerprint, "reason": reason, "by": by}
        data |= {} if ref is None else {"ref": ref}
        _record(conn, org, KeyAct.REVOKED, data, by, at)
    after = keys_of(conn, org, agent)
    return [key_of(conn, org, agent, fingerprint), *agent_keys.announced(after, fingerprint)]


def key_of(conn: Connection, org: str, agent: str, fingerprint: str) -> Key:
    return next(key for key in keys_of(conn, org, agent) if key.fingerprint == fingerprint)


def _begin(conn: Connection, org: str, clock: Callable[[], int]) -> int:
    journal.hold(conn, org)
    return journal.following(journal.last_recorded(conn, org), clock())


def _record(
    conn: Connection, org: str, kind: KeyAct, data: dict[str, Any], actor: str, at: int
) -> None:
    journal.append(conn, org, [Fact(kind.value, at, canonical(data), actor)], at)


def _name(agent: str) -> str:
    """How the journal names an agent that acts: no account has a colon in its id."""
    return f"agent:{agent}"


def _in_time(said: int, at: int) -> None:
    if abs(said - at) > SKEW_MS:
        raise RefusedProofError("agent.clock")


def _enrolled_here(config: Config, agent: str) -> None:
    """An agent of the config whose key the file does not pin."""
    if agent == COLLECTOR:
        raise IllegalKeyError("agent.built_in")
    defined = config.agents.get(agent)
    if defined is None:
        raise IllegalKeyError("agent.unknown")
    if defined.key is not None:
        raise _pinned(agent)


def _pinned(agent: str) -> IllegalKeyError:
    return IllegalKeyError("agent.key_pinned", place=f"agents.{agent}.key")


def _of_nobody_else(
    conn: Connection, org: str, config: Config, agent: str, fingerprint: str
) -> None:
    """A copied state folder must not make two agents of one key."""
    pinned: Sequence[str] = [
        name
        for name, one in config.agents.items()
        if one.key is not None and agentkeys.fingerprint(one.key) == fingerprint
    ]
    if holder(conn, org, fingerprint) not in (None, agent) or pinned not in ([], [agent]):
        raise IllegalKeyError("agent.key_of_another")
