"""Acts on incidents as journal rows: what is written, and the way back to values.

A row holds the incident's key and `version`, ids, enumerations, instants and hashes; of what
anybody typed only what proves it. Kinds that the rules record too are told apart by `by`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from alerts.people import Act, ActKind, CategoryReason, Ruling, Typed
from collector.journal import Fact, Row, canonical

KINDS = {f"incident.{kind.value}": kind for kind in ActKind}


def typed(salt: bytes, text: str) -> Typed:
    """What the journal holds of a text; `length` in characters."""
    return Typed(hashlib.sha256(salt + text.encode()).hexdigest(), len(text))


def fact_of(key: str, version: int, act: Act) -> Fact:
    """`version`: of the incident as the rules had it then; an act makes no new one."""
    more = {
        "until": act.until,
        "category": act.category,
        "reason": act.reason,
        "review_by": act.review_by,
        "aware_on": act.aware_on,
        "into": act.into,
        "ruling": act.ruling,
        "receiver": act.receiver,
    }
    data: dict[str, Any] = {"key": key, "version": version, "by": act.by}
    data |= {name: value for name, value in more.items() if value is not None}
    if act.by_service:
        data["by_service"] = True
    if act.typed is not None:
        data["typed"] = {"sha256": act.typed.sha256, "length": act.typed.length}
    return Fact(f"incident.{act.kind.value}", act.at, canonical(data), act.by)


def act_of(row: Row) -> Act | None:
    """None for what the rules did, but for a reopening, which ends what people said before."""
    kind = KINDS.get(row.kind)
    data = json.loads(row.data)
    if kind is ActKind.REOPENED:
        return Act(kind, row.actor, row.at)
    if kind is None or "by" not in data:
        return None
    proof, reason, ruling = data.get("typed"), data.get("reason"), data.get("ruling")
    return Act(
        kind,
        data["by"],
        row.at,
        by_service=data.get("by_service", False),
        until=data.get("until"),
        category=data.get("category"),
        reason=None if reason is None else CategoryReason(reason),
        review_by=data.get("review_by"),
        aware_on=data.get("aware_on"),
        into=data.get("into"),
        typed=None if proof is None else Typed(proof["sha256"], proof["length"]),
        ruling=None if ruling is None else Ruling(ruling),
        receiver=data.get("receiver"),
    )
