"""Agents' keys as the disclosed rows have them (semantics 8), and which were taken when."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from collector.bundle.faults import BundleError, BundleFault
from collector.bundle.parts import WRONG
from collector.core import agent_keys
from collector.core.agent_keys import IllegalKeyError, Key, KeyAct, RevokeReason
from collector.facts import Row
from probes import agentkeys


def keys_of(rows: Iterable[Row]) -> dict[str, list[Key]]:
    """Every agent's keys after these rows, in the order in which they were enrolled; BundleError for
    rows that do not follow from each other.
    """
    found: dict[str, list[Key]] = {}
    for row in rows:
        if row.kind not in _ACTS:
            continue
        try:
            data = json.loads(row.data)
            agent = str(data["agent"])
            known = found.setdefault(agent, [])
            changed = _changed(KeyAct(row.kind), known, agent, data, row.recorded_at)
        except (*WRONG, IllegalKeyError):
            raise BundleError(BundleFault.ROWS_KEY, f"row {row.id}") from None
        by_fingerprint = {key.fingerprint: key for key in (*known, *changed)}
        found[agent] = [*by_fingerprint.values()]
    return found


def taken(key: Key, at: int) -> bool:
    """Did batches count that it had signed and that arrived at an instant?"""
    approved, revoked, until = key.approved_at, key.revoked_at, key.valid_until
    return (
        approved is not None
        and approved <= at
        and (revoked is None or at < revoked)
        and (until is None or at < until)
    )


_ACTS = frozenset({KeyAct.ENROLLED, KeyAct.APPROVED, KeyAct.ROTATED, KeyAct.REVOKED})


def _changed(
    act: KeyAct, known: Sequence[Key], agent: str, data: Mapping[str, str], at: int
) -> list[Key]:
    if act is KeyAct.ENROLLED:
        key = data["key"]
        return agent_keys.enrol(known, agent, _fingerprint(key), key, at)
    if act is KeyAct.ROTATED:
        key = data["key"]
        return agent_keys.rotate(known, agent, data["from"], _fingerprint(key), key, at)
    if act is KeyAct.APPROVED:
        return agent_keys.approve(known, data["fingerprint"], data["by"], at)
    return agent_keys.revoke(known, data["fingerprint"], RevokeReason(data["reason"]), at)


def _fingerprint(key: str) -> str:
    agentkeys.parse(key)
    return agentkeys.fingerprint(key)
