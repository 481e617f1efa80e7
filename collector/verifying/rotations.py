"""Rotations of agents' keys: both keys have signed each, which needs nobody's word for it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from collector.bundle.parts import WRONG
from collector.core.agent_keys import Key, KeyAct
from collector.facts import Row
from collector.verifying.failures import Failure, VerifyError
from probes import agentkeys


def check(org: str, rows: Iterable[Row], keys: Mapping[str, Sequence[Key]]) -> int:
    """How many rotations the rows tell of; VerifyError for one that not both keys have signed.

    `keys`: every agent's, as the same rows leave them.
    """
    count = 0
    for row in rows:
        if row.kind == KeyAct.ROTATED:
            count += 1
            if not _signed(org, row, keys):
                raise VerifyError(Failure.KEYS_ILLEGAL, f"row {row.id}")
    return count


def _signed(org: str, row: Row, keys: Mapping[str, Sequence[Key]]) -> bool:
    try:
        data = json.loads(row.data)
        agent, at = data["agent"], data["at"]
        by = {key.fingerprint: key.key for key in keys[agent]}
        old, new = by[data["from"]], by[data["to"]]
        said = agentkeys.rotation(org, agent, old, new, at)
        signatures = data["signature_from"], data["signature_to"]
        return all(map(agentkeys.signed, (old, new), signatures, (said, said)))
    except WRONG:
        return False
