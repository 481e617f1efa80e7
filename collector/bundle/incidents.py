"""Incidents as the disclosed rows tell them: when they began, who took them on, how they ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from collector.attest.strictjson import Value
from collector.bundle import parts
from collector.bundle.evidence import Asked, Evidence
from collector.bundle.faults import BundleError, BundleFault
from collector.bundle.layout import ROWS
from collector.facts import Row

_PREFIX = "incident."
_BEGAN = frozenset({"incident.opened", "incident.found_late"})
_TOLD = ("system", "family", "category", "priority", "started_at", "recovered_at")
"""What a row of the rules says of an incident, as it is from then on."""


@dataclass(slots=True)
class _Course:
    said: dict[str, Any] = field(default_factory=dict)
    detected: int | None = None
    acknowledged: int | None = None
    resolved: int | None = None


def incidents(evidence: Evidence, asked: Asked) -> list[Value]:
    """Those of disclosed systems that touch the period, by their start."""
    courses: dict[str, _Course] = {}
    for _, row in evidence.rows.plain():
        if row.kind.startswith(_PREFIX):
            _take(courses, row)
    found = [
        (key, one)
        for key, one in courses.items()
        if one.said.get("system") in evidence.rows.histories and _touches(one.said, asked)
    ]
    return [
        _entry(*one)
        for one in sorted(found, key=lambda pair: (pair[1].said["started_at"], pair[0]))
    ]


def _take(courses: dict[str, _Course], row: Row) -> None:
    data = parts.data_of(row.data)
    key = data.get("key")
    if not isinstance(key, str):
        raise BundleError(BundleFault.ROWS_CONTENT, f"{ROWS} row {row.id}")
    course = courses.setdefault(key, _Course())
    if "started_at" in data:
        course.said |= _said(data, row)
    if row.kind in _BEGAN and course.detected is None:
        course.detected = row.at
    elif row.kind == "incident.reopened":
        course.resolved = None
    elif row.kind == "incident.acknowledged" and course.acknowledged is None:
        course.acknowledged = row.at
    elif row.kind == "incident.category_set" and isinstance(data.get("category"), int):
        course.said["category"] = data["category"]
    elif row.kind == "incident.resolved":
        course.resolved = row.at


def _said(data: Mapping[str, Any], row: Row) -> dict[str, Any]:
    told = {name: data.get(name) for name in _TOLD}
    texts = all(isinstance(told[name], str) for name in ("system", "family", "priority"))
    numbers = all(isinstance(told[name], int) for name in ("category", "started_at"))
    if not (texts and numbers and isinstance(told["recovered_at"], int | None)):
        raise BundleError(BundleFault.ROWS_CONTENT, f"{ROWS} row {row.id}")
    return told


def _touches(said: Mapping[str, Any], asked: Asked) -> bool:
    recovered = said["recovered_at"]
    return said["started_at"] < asked.end and (recovered is None or recovered > asked.start)


def _entry(key: str, one: _Course) -> dict[str, Value]:
    said = one.said
    return {
        "id": key,
        "system": said["system"],
        "family": said["family"],
        "category": said["category"],
        "priority": said["priority"],
        "startedAt": said["started_at"],
        "detectedAt": one.detected,
        "acknowledgedAt": one.acknowledged,
        "recoveredAt": said["recovered_at"],
        "resolvedAt": one.resolved,
    }
