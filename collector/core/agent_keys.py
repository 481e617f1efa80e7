"""The life of an agent's key: which act is legal in which state, and what it makes. Pure.

    enrolled -> pending -> approved -> replaced
                  |           |           |
              withdrawn       +--revoked--+

At most one key of an agent is pending and at most one approved. A replaced key still proves what
was sealed with it for `OVERLAP_MS`: an agent may bring weeks of batches. Revoked is the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

OVERLAP_MS = 21 * 86_400_000
"""How long a replaced key is taken: as long as an agent keeps batches by default."""
MOST_REPLACED = 8
"""Replaced keys of an agent that are still taken: each costs a signature check of a bad batch."""


class KeyState(StrEnum):
    PENDING = "pending"
    """Enrolled, and nobody has compared its fingerprint yet."""
    WITHDRAWN = "withdrawn"
    """The agent enrolled with another key before anybody approved this one."""
    APPROVED = "approved"
    REPLACED = "replaced"
    REVOKED = "revoked"


class KeyAct(StrEnum):
    """Kinds of the journal's rows about keys."""

    INVITED = "agent.invited"
    ENROLLED = "agent.enrolled"
    APPROVED = "agent.approved"
    ROTATED = "agent.rotated"
    REVOKED = "agent.revoked"


class RevokeReason(StrEnum):
    LOST = "lost"
    """The host, its disk or a backup of it is gone."""
    STOLEN = "stolen"
    """Somebody else has, or may have, the key."""
    RETIRED = "retired"
    """The host is not used any longer."""
    MISTAKE = "mistake"
    """It should not have been approved, or enrolled."""
    OTHER = "other"


class SettleReason(StrEnum):
    """Why two headers came for one place in an agent's chain."""

    RESTORED = "restored"
    """The agent's disk or machine was set back to an earlier state."""
    COPIED = "copied"
    """Two machines ran with one state folder."""
    STOLEN = "stolen"
    """Somebody else had the key; it is revoked."""
    DEFECT = "defect"
    """The agent numbered two batches alike."""
    OTHER = "other"


_S = KeyState
LEGAL: Mapping[KeyAct, frozenset[KeyState]] = {
    KeyAct.ENROLLED: frozenset({_S.PENDING, _S.WITHDRAWN, _S.APPROVED}),
    KeyAct.APPROVED: frozenset({_S.PENDING, _S.APPROVED}),
    KeyAct.ROTATED: frozenset({_S.APPROVED}),
    KeyAct.REVOKED: frozenset(KeyState),
}
"""In which states each act can be done, or done again and change nothing. A key that is not known
can only be enrolled."""

DETAILS = {
    "agent.unknown": "there is no agent of this id in the config in force",
    "agent.built_in": "the collector runs this agent itself and makes its key",
    "agent.key_pinned": "the file pins this agent's key; change it there",
    "agent.unknown_key": "this agent has no key of that fingerprint; see `wardwatch agent keys`",
    "agent.key_state": "not with a key in this state",
    "agent.key_of_another": "this key is another agent's: each agent makes its own",
    "agent.too_many_keys": "too many keys of this agent are still taken: wait, or revoke some",
    "agent.not_approved": "nobody has approved this key yet",
}
"""What stands in the way, by code."""


@dataclass(frozen=True, slots=True)
class Key:
    """`key`: `ed25519:BASE64`. Instants are UTC ms. `by` approved it: an account, `rotation`, or
    `system` of the collector's own agent. `valid_until` and `replaced_by` are of what is replaced.
    """

    agent: str
    fingerprint: str
    key: str
    state: KeyState
    enrolled_at: int
    approved_at: int | None = None
    by: str | None = None
    replaced_at: int | None = None
    replaced_by: str | None = None
    valid_until: int | None = None
    revoked_at: int | None = None
    reason: RevokeReason | None = None

    def taken(self, now: int) -> bool:
        """Do batches count that it has signed and that arrive now?"""
        until = self.valid_until
        return self.state is _S.APPROVED or (
            self.state is _S.REPLACED and until is not None and now < until
        )


class IllegalKeyError(Exception):
    """`code` is one of `DETAILS`; `state` is that of the key that stands in the way, if it is one;
    `place` is where the file has what stands in the way, and `file` is named by whoever knows it.
    """

    def __init__(
        self, code: str, state: KeyState | None = None, *, place: str | None = None
    ) -> None:
        super().__init__(code)
        self.code = code
        self.state = state
        self.place = place
        self.file: str | None = None


ROTATION = "rotation"
"""Who approved a key that an approved one announced."""


def enrol(keys: Sequence[Key], agent: str, fingerprint: str, key: str, at: int) -> list[Key]:
    """The keys of the agent that are other ones afterwards: none where it is enrolled already."""
    known = _find(keys, fingerprint)
    if known is not None:
        _legal(KeyAct.ENROLLED, known)
        if known.state is not _S.WITHDRAWN:
            return []
    fresh = Key(agent, fingerprint, key, _S.PENDING, at)
    return [*(replace(k, state=_S.WITHDRAWN) for k in keys if k.state is _S.PENDING), fresh]


def approve(keys: Sequence[Key], fingerprint: str, by: str, at: int) -> list[Key]:
    """The key approved before is replaced by it."""
    key = _known(keys, fingerprint)
    _legal(KeyAct.APPROVED, key)
    if key.state is _S.APPROVED:
        return []
    approved = replace(key, state=_S.APPROVED, approved_at=at, by=by)
    return [*_replaced(keys, key.fingerprint, at), approved]


def rotate(
    keys: Sequence[Key], agent: str, old: str, fingerprint: str, key: str, at: int
) -> list[Key]:
    """`old`, a fingerprint, announces a key that takes its place at once."""
    before = _known(keys, old)
    if before.state is _S.REPLACED and before.replaced_by == fingerprint:
        return []
    if before.state in (_S.PENDING, _S.WITHDRAWN):
        raise IllegalKeyError("agent.not_approved", before.state)
    _legal(KeyAct.ROTATED, before)
    there = _find(keys, fingerprint)
    if there is not None:
        raise IllegalKeyError("agent.key_state", there.state)
    if sum(k.state is _S.REPLACED and k.taken(at) for k in keys) >= MOST_REPLACED:
        raise IllegalKeyError("agent.too_many_keys")
    fresh = Key(agent, fingerprint, key, _S.APPROVED, at, approved_at=at, by=ROTATION)
    return [*_replaced(keys, fingerprint, at), fresh]


def revoke(keys: Sequence[Key], fingerprint: str, reason: RevokeReason, at: int) -> list[Key]:
    """Nothing it has signed is taken any longer; what was taken stays."""
    key = _known(keys, fingerprint)
    _legal(KeyAct.REVOKED, key)
    if key.state is _S.REVOKED:
        return []
    return [replace(key, state=_S.REVOKED, revoked_at=at, reason=reason)]


def announced(keys: Sequence[Key], fingerprint: str) -> list[Key]:
    """Keys that are taken and go back to this one by rotation: who had it may have made them."""
    out: list[Key] = []
    at = _find(keys, fingerprint)
    while at is not None and at.replaced_by is not None:
        at = _find(keys, at.replaced_by)
        if at is None or at.by != ROTATION or at in out:
            break
        out.append(at)
    return [key for key in out if key.state in (_S.APPROVED, _S.REPLACED)]


def _replaced(keys: Sequence[Key], by: str, at: int) -> list[Key]:
    return [
        replace(k, state=_S.REPLACED, replaced_at=at, replaced_by=by, valid_until=at + OVERLAP_MS)
        for k in keys
        if k.state is _S.APPROVED
    ]


def _find(keys: Sequence[Key], fingerprint: str) -> Key | None:
    return next((key for key in keys if key.fingerprint == fingerprint), None)


def _known(keys: Sequence[Key], fingerprint: str) -> Key:
    key = _find(keys, fingerprint)
    if key is None:
        raise IllegalKeyError("agent.unknown_key")
    return key


def _legal(act: KeyAct, key: Key) -> None:
    if key.state not in LEGAL[act]:
        raise IllegalKeyError("agent.key_state", key.state)
