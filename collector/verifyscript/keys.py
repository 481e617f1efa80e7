"""Which keys an agent had, and when what they signed was taken (semantics 8).

    enrolled -> pending -> approved -> replaced
                  |           |           |
              withdrawn       +--revoked--+

A key that the operator's file pins is the only one of its agent while that version is in force. Any
other counts from its approval, for 21 days after it was replaced, and not after it was revoked.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from collector.verifyscript.ed25519 import ed25519_signed, is_weak
from collector.verifyscript.failing import Failure
from collector.verifyscript.rows import Shown
from collector.verifyscript.spelling import base64_in
from collector.verifyscript.terms import Terms

_OVERLAP_MS = 21 * 86_400_000
_SLACK_MS = 60_000
"""A batch may have come to a process that heard of an act a moment later."""
_MOST_REPLACED = 8
_SPKI = bytes.fromhex("302a300506032b6570032100")
_ACTS = ("agent.enrolled", "agent.approved", "agent.rotated", "agent.revoked")


class AgentKey:
    """`public`: 32 bytes. Instants are UTC ms, None where it did not happen."""

    def __init__(self, public: bytes, enrolled: int) -> None:
        self.public = public
        self.enrolled = enrolled
        self.state = "pending"
        self.approved: int | None = None
        self.until: int | None = None
        self.revoked: int | None = None
        self.replaced_by = ""

    def was_taken(self, at: int) -> bool:
        if self.approved is None or at + _SLACK_MS < self.approved:
            return False
        ends = [end for end in (self.until, self.revoked) if end is not None]
        return all(at - _SLACK_MS < end for end in ends)


class AgentKeys:
    """`recorded`: the versions of each disclosed system; `rows`: as the bundle shows them."""

    def __init__(
        self, org: str, rows: Iterable[Shown], recorded: Sequence[Sequence[Terms]]
    ) -> None:
        self._recorded = recorded
        self._keys: dict[str, dict[str, AgentKey]] = {}
        for row in rows:
            if row.kind in _ACTS:
                try:
                    self._act(org, row)
                except (ValueError, KeyError, TypeError, AttributeError):
                    raise Failure("keys.illegal", f"row {row.id}") from None

    def check(self, agent: str, at: int, signature: bytes, header: bytes, where: str) -> None:
        """Failure unless a key of this agent that was taken at an instant has signed the header."""
        taken = self._taken(agent, at)
        if any(ed25519_signed(public, signature, header) for public in taken):
            return
        ever = self._ever(agent)
        if not ever:
            raise Failure("keys.unknown", agent)
        if any(ed25519_signed(public, signature, header) for public in ever - taken):
            raise Failure("keys.not_taken", where)
        raise Failure("keys.signature", where)

    def listed(self, agent: str, terms: Terms, start: int, now: int) -> list[str]:
        """Fingerprints of keys that were taken at some instant from `start` on, approved before `now`."""
        pinned = terms.config["agents"][agent].get("key")
        if pinned is not None:
            return [_fingerprint(_public(pinned))]
        return [
            name
            for name, key in self._keys.get(agent, {}).items()
            if key.approved is not None
            and key.approved < now
            and all(max(key.approved, start) < e for e in (key.until, key.revoked) if e is not None)
        ]

    def _taken(self, agent: str, at: int) -> set[bytes]:
        own = {key.public for key in self._keys.get(agent, {}).values() if key.was_taken(at)}
        found: set[bytes] = set()
        for versions in self._recorded:
            before = [terms for terms in versions if terms.at <= at - _SLACK_MS][-1:]
            during = [terms for terms in versions if abs(terms.at - at) <= _SLACK_MS]
            for terms in (*before, *during):
                agents = terms.config["agents"]
                if agent in agents:
                    pinned = agents[agent].get("key")
                    found |= own if pinned is None else {_public(pinned)}
        return found

    def _ever(self, agent: str) -> set[bytes]:
        pinned = {
            terms.config["agents"][agent].get("key")
            for versions in self._recorded
            for terms in versions
            if agent in terms.config["agents"]
        }
        own = {key.public for key in self._keys.get(agent, {}).values()}
        return own | {_public(text) for text in pinned if text is not None}

    def _act(self, org: str, row: Shown) -> None:
        """ValueError for what is not legal after what was before."""
        data, at = row.data, max(row.at, row.recorded_at)
        own = self._keys.setdefault(data["agent"], {})
        if row.kind == "agent.enrolled":
            name, public = data["fingerprint"], _own(data["key"])
            known = own.get(name)
            if known is not None and known.state not in ("withdrawn", "pending", "approved"):
                raise ValueError("a key that was replaced or revoked")
            if _fingerprint(public) != name:
                raise ValueError("the fingerprint of another key")
            if known is None or known.state == "withdrawn":
                for key in own.values():
                    key.state = "withdrawn" if key.state == "pending" else key.state
                own[name] = AgentKey(public, at)
        elif row.kind == "agent.approved":
            self._approve(own, data["fingerprint"], at)
        elif row.kind == "agent.revoked":
            key = own[data["fingerprint"]]
            if key.state != "revoked":
                key.state, key.revoked = "revoked", at
        else:
            self._rotate(org, own, data, at)

    @staticmethod
    def _approve(own: dict[str, AgentKey], name: str, at: int) -> None:
        key = own[name]
        if key.state == "approved":
            return
        if key.state != "pending":
            raise ValueError("approved in another state")
        for other in own.values():
            if other.state == "approved":
                other.state, other.until, other.replaced_by = "replaced", at + _OVERLAP_MS, name
        key.state, key.approved = "approved", at

    def _rotate(self, org: str, own: dict[str, AgentKey], data: Any, at: int) -> None:
        """An approved key announces the next one: both have signed that."""
        old, new, public = own[data["from"]], data["to"], _own(data["key"])
        lines = (org, data["agent"], _text(old.public), data["key"], str(data["at"]))
        said = "".join(f"{line}\n" for line in ("wardwatch agent rotation 1", *lines))
        by_old, by_new = base64_in(data["signature_from"]), base64_in(data["signature_to"])
        if not ed25519_signed(old.public, by_old or b"", said.encode()):
            raise ValueError("not signed by the old key")
        if not ed25519_signed(public, by_new or b"", said.encode()):
            raise ValueError("not signed by the new key")
        if _fingerprint(public) != new:
            raise ValueError("the fingerprint of another key")
        if old.state == "replaced" and old.replaced_by == new:
            return
        replaced = [
            key for key in own.values() if key.state == "replaced" and (key.until or 0) > at
        ]
        if old.state != "approved" or new in own or len(replaced) >= _MOST_REPLACED:
            raise ValueError("rotated in another state")
        own[new] = AgentKey(public, at)
        self._approve(own, new, at)


def _public(text: str) -> bytes:
    """ValueError for what is not `ed25519:` and base64 of 32 bytes."""
    data = base64_in(text[8:])
    if text[:8] != "ed25519:" or data is None or len(data) != 32:
        raise ValueError("no key")
    return data


def _own(text: str) -> bytes:
    """The same of a key that somebody may have: not one for which anybody can sign."""
    public = _public(text)
    if is_weak(public):
        raise ValueError("a weak key")
    return public


def _text(public: bytes) -> str:
    return "ed25519:" + base64.b64encode(public).decode()


def _fingerprint(public: bytes) -> str:
    """SHA-256 of what `openssl pkey -pubin -outform DER` writes."""
    return hashlib.sha256(_SPKI + public).hexdigest()
