"""The key of the agent built into the collector, and how it comes to be taken.

It is made from the key that signs agents' configs: every replica of one database has that file, so
there is no second secret to guard or to copy. Another such file makes another key here, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection

from collector import journal
from collector.core import agent_keys
from collector.core.agent_keys import Key, KeyAct, KeyState
from collector.journal import Fact, canonical
from collector.store.agent_keys import keys_of, put_keys
from probes import agentkeys
from probes.config_places import COLLECTOR

PURPOSE = b"wardwatch: agent collector"
"""HKDF `info`: what is signed with one of the two keys is nothing under the other."""


def derived(config_key: Ed25519PrivateKey) -> Ed25519PrivateKey:
    """The same from the same key, and telling nothing of it (RFC 5869)."""
    made = HKDF(SHA256(), 32, salt=None, info=PURPOSE).derive(config_key.private_bytes_raw())
    return Ed25519PrivateKey.from_private_bytes(made)


def admit(
    conn: Connection, org: str, site: str, key: Ed25519PrivateKey, clock: Callable[[], int]
) -> KeyState:
    """Record a key that is new as enrolled and approved by the collector; how it stands then.

    A key that was replaced or revoked stays so: whoever did that meant it.
    """
    public = agentkeys.text_of(key.public_key())
    fingerprint = agentkeys.fingerprint(public)
    found = _state(keys_of(conn, org, COLLECTOR), fingerprint)
    if found is not None:
        return found
    journal.hold(conn, org)
    keys = {one.fingerprint: one for one in keys_of(conn, org, COLLECTOR)}
    at = journal.following(journal.last_recorded(conn, org), clock())
    enrolled = agent_keys.enrol([*keys.values()], COLLECTOR, fingerprint, public, at)
    keys |= {one.fingerprint: one for one in enrolled}
    changed = agent_keys.approve([*keys.values()], fingerprint, journal.SYSTEM, at)
    keys |= {one.fingerprint: one for one in changed}
    put_keys(conn, org, keys.values())
    name = {"agent": COLLECTOR, "fingerprint": fingerprint}
    replaced = [one.fingerprint for one in changed if one.fingerprint != fingerprint]
    by = journal.SYSTEM
    facts: list[tuple[KeyAct, dict[str, Any]]] = [
        (KeyAct.ENROLLED, {**name, "site": site, "key": public, "invited_by": by}),
        (KeyAct.APPROVED, {**name, "by": by, "replaces": replaced}),
    ]
    rows = [Fact(kind.value, at, canonical(data), by) for kind, data in facts]
    journal.append(conn, org, rows, at)
    return KeyState.APPROVED


def _state(keys: list[Key], fingerprint: str) -> KeyState | None:
    return next((key.state for key in keys if key.fingerprint == fingerprint), None)
