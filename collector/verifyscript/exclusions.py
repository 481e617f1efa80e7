"""Occurrences of windows as a statement lists them: who approved each, in which row, and when witnesses
had seen that row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collector.verifyscript.maintenance import Act, Occurrence, digest_of, plans_of
from collector.verifyscript.rows import Shown
from collector.verifyscript.spans import Stretch, without
from collector.verifyscript.terms import Terms


def exclusions_of(
    system: str,
    found: Sequence[Occurrence],
    known: list[Terms],
    acts: list[Act],
    rows: Sequence[Shown],
    seen: dict[int, int],
    monitored: list[Stretch],
) -> list[dict[str, Any]]:
    """`seen`: when witnesses had seen a row, by its index; `monitored`: time of the period."""
    listed: list[dict[str, Any]] = []
    for one in found:
        plans = [
            plan
            for plan in plans_of(known, acts)
            if plan.window["id"] == one.window and system in plan.window["systems"]
        ]
        acting = [plan for plan in plans if plan.start <= one.start < plan.end]
        plan = (acting[:1] or plans[-1:])[0]
        approval = plan.approval()
        row = None if approval is None else _approving(system, plan.window, approval, acts, rows)
        index = next((r.place for r in rows if r.id == row), None)
        witnessed = None if index is None else seen.get(index)
        left = without(one.parts, monitored)
        listed.append(
            {
                "window": one.window,
                "system": system,
                "start": one.start,
                "end": one.end,
                "excludes": bool(one.parts),
                "why": one.why,
                "proposedBy": plan.proposer,
                "approvedBy": None if approval is None else approval[1],
                "approvedAt": None if approval is None else approval[0],
                "row": row,
                "logIndex": index,
                "preRegistered": None if witnessed is None else witnessed < one.start,
                "witnessedAt": witnessed,
                "appliedMs": sum(e - s for s, e in one.parts) - sum(e - s for s, e in left),
            }
        )
    return listed


def _approving(
    system: str, window: Any, approval: tuple[int, str], acts: list[Act], rows: Sequence[Shown]
) -> int | None:
    """The row of the act, or of the first version with the approval in its file."""
    own = digest_of(window)
    for act in acts:
        said = (act.kind, act.window, act.digest, act.at, act.by)
        if said == ("approved", window["id"], own, *approval):
            return act.row
    for row in rows:
        for one in row.parts.get(system, {}).get("maintenance", ()):
            by = None if one["approval"] is None else one["approval"]["by"]
            if (one["id"], by) == (window["id"], approval[1]) and digest_of(one) == own:
                return row.id
    return None
