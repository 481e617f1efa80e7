"""Agents' keys as the disclosed rows tell of them, one after the other as the acts are legal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from collector.core import agent_keys
from collector.core.agent_keys import IllegalKeyError, Key, KeyAct, RevokeReason
from collector.facts import Row
from collector.verifying.failures import Failure, VerifyError
from probes import agentkeys

KINDS = frozenset({KeyAct.ENROLLED, KeyAct.APPROVED, KeyAct.ROTATED, KeyAct.REVOKED})


def keys_of(org: str, rows: Iterable[Row]) -> dict[str, list[Key]]:
    """Every key by agent and fingerprint, the one enrolled first before others; other rows are
    passed over. VerifyError KEYS_ILLEGAL for an act that is not legal, or not signed as it must be.
    """
    found: dict[str, dict[str, Key]] = {}
    for row in rows:
        if row.kind not in KINDS:
            continue
        try:
            data = json.loads(row.data)
            own = found.setdefault(data["agent"], {})
            changed = _changed(org, KeyAct(row.kind), [*own.values()], data, row.at)
        except (
            IllegalKeyError,
            AttributeError,
            LookupError,
            TypeError,
            ValueError,
            RecursionError,
        ):
            raise VerifyError(Failure.KEYS_ILLEGAL, f"row {row.id}") from None
        own |= {key.fingerprint: key for key in changed}
    return {agent: [*own.values()] for agent, own in found.items()}


def _changed(org: str, act: KeyAct, keys: list[Key], data: Mapping[str, Any], at: int) -> list[Key]:
    """ValueError for what does not belong together, KeyError for a field that is not there."""
    agent = data["agent"]
    if act is KeyAct.ENROLLED:
        return agent_keys.enrol(
            keys, agent, _same(data["fingerprint"], data["key"]), data["key"], at
        )
    if act is KeyAct.APPROVED:
        return agent_keys.approve(keys, data["fingerprint"], data["by"], at)
    if act is KeyAct.REVOKED:
        return agent_keys.revoke(keys, data["fingerprint"], RevokeReason(data["reason"]), at)
    new = _same(data["to"], data["key"])
    old = next(key.key for key in keys if key.fingerprint == data["from"])
    said = agentkeys.rotation(org, agent, old, data["key"], data["at"])
    if not (
        agentkeys.signed(old, data["signature_from"], said)
        and agentkeys.signed(data["key"], data["signature_to"], said)
    ):
        raise ValueError("not signed by both")
    return agent_keys.rotate(keys, agent, data["from"], new, data["key"], at)


def _same(fingerprint: str, key: str) -> str:
    agentkeys.parse(key)
    if agentkeys.fingerprint(key) != fingerprint:
        raise ValueError("the fingerprint of another key")
    return fingerprint
