"""Maintenance as the predicate lists it: who approved what, by which row, and who had seen that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from collector.attest.strictjson import Value
from collector.bundle import parts
from collector.bundle.evidence import Asked, Evidence
from collector.bundle.folding import Folded
from collector.core.planned import Approval, Planned, planned
from collector.core.windows import Occurrence
from probes.acts import ActKind
from probes.history import History
from probes.spans import Interval, intersect, total
from probes.windows import digest


def exclusions(folded: Folded, evidence: Evidence, asked: Asked) -> Iterator[Value]:
    """Entries of one system: every occurrence that touches the period, whether it excludes or not."""
    truth, history = folded.truth, folded.history
    plans = planned(history, recorded=True)
    rows = _approving(evidence)
    by_id = {one.entry.id: one.index for one in evidence.rows.shown}
    period = (Interval(asked.start, asked.end),)
    eligible = intersect(truth.monitored, period)
    for one in truth.occurrences(asked.end):
        if not (one.end > asked.start or one.start >= asked.start):
            continue
        plan = _plan(plans, one, truth.system)
        approval = None if plan is None else plan.approval
        row = None if plan is None or approval is None else _row(plan, approval, rows, history)
        index = None if row is None else by_id.get(row)
        seen = None if index is None else evidence.witnessed.rows.get(index)
        yield {
            "window": one.id,
            "system": truth.system,
            "start": one.start,
            "end": one.end,
            "excludes": one.excludes,
            "why": None if one.why is None else one.why.value,
            "proposedBy": None if plan is None else plan.window.proposed.by,
            "approvedBy": None if approval is None else approval.by,
            "approvedAt": None if approval is None else approval.at,
            "row": row,
            "logIndex": index,
            "preRegistered": None if seen is None else seen < one.start,
            "witnessedAt": seen,
            "appliedMs": total(intersect(one.parts, eligible)),
        }


Approving = Mapping[tuple[str, str, str, int], int]
"""Rows by which a window was approved: by its id and digest, who did, and from when it counts."""


def _approving(evidence: Evidence) -> Approving:
    found: dict[tuple[str, str, str, int], int] = {}
    for _, row in evidence.rows.plain():
        if row.kind == ActKind.APPROVED:
            data = parts.data_of(row.data)
            window, content, by = (str(data.get(name)) for name in ("id", "digest", "by"))
            found.setdefault((window, content, by, max(row.at, row.recorded_at)), row.id)
    return found


def _plan(plans: Iterable[Planned], one: Occurrence, system: str) -> Planned | None:
    """The definition that was in force when it began, or the last that has it."""
    own = [p for p in plans if p.window.id == one.id and system in p.window.systems]
    acting = [p for p in own if p.start <= one.start < p.end]
    return next(iter(acting), own[-1] if own else None)


def _row(plan: Planned, approval: Approval, rows: Approving, history: History) -> int | None:
    """The act's row, or that of the first version with the approval in its file."""
    found = rows.get((plan.window.id, plan.digest, approval.by, approval.at))
    if found is not None:
        return found
    for version in history.versions:
        for window in version.config.maintenance:
            said = window.approval
            if said is None or (window.id, said.by) != (plan.window.id, approval.by):
                continue
            if digest(window) == plan.digest:
                return version.id
    return None
