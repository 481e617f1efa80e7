"""Incidents as the disclosed rows tell them: when they began, who took them on, how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collector.verifyscript.asked import Asked
from collector.verifyscript.failing import Failure
from collector.verifyscript.rows import Shown

_TOLD = ("system", "family", "category", "priority", "started_at", "recovered_at")
"""What a row of the rules says of an incident, as it is from then on."""


def incidents_of(
    rows: Sequence[Shown], systems: Sequence[str], asked: Asked
) -> list[dict[str, Any]]:
    """Those of these systems that touch the period, by their start."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        if not row.kind.startswith("incident."):
            continue
        try:
            _take(found.setdefault(str(row.data["key"]), {}), row)
        except (KeyError, TypeError):
            raise Failure("rows.act", f"row {row.id}") from None
    listed = [
        {
            "id": key,
            "system": one["system"],
            "family": one["family"],
            "category": one["category"],
            "priority": one["priority"],
            "startedAt": one["started_at"],
            "detectedAt": one.get("detected"),
            "acknowledgedAt": one.get("acknowledged"),
            "recoveredAt": one["recovered_at"],
            "resolvedAt": one.get("resolved"),
        }
        for key, one in found.items()
        if one.get("system") in systems
        and one["started_at"] < asked.end
        and (one["recovered_at"] is None or one["recovered_at"] > asked.start)
    ]
    return sorted(listed, key=lambda one: (one["startedAt"], one["id"]))


def _take(one: dict[str, Any], row: Shown) -> None:
    """What a row adds; the first acknowledgement counts, and the last resolution."""
    if "started_at" in row.data:
        one.update({name: row.data.get(name) for name in _TOLD})
    if row.kind in ("incident.opened", "incident.found_late"):
        one.setdefault("detected", row.at)
    elif row.kind == "incident.acknowledged":
        one.setdefault("acknowledged", row.at)
    elif row.kind == "incident.reopened":
        one["resolved"] = None
    elif row.kind == "incident.resolved":
        one["resolved"] = row.at
    elif row.kind == "incident.category_set" and type(row.data.get("category")) is int:
        one["category"] = row.data["category"]
