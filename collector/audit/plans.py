"""Maintenance windows with who approved them when, and corrections after the fact. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from collector import acts
from collector.audit.population import Cells, Population, Span
from collector.audit.safecsv import when
from collector.core.planned import FAR, Planned, planned
from collector.core.windows import instants
from collector.journal import CONFIG
from probes.acts import ActKind, CorrectionKind
from probes.history import History

WINDOWS = Population(
    "windows",
    "One row per maintenance window and content of it that stood at any time of the range, with its "
    "approval by somebody else than the proposer where there is one. An approval counts from when it "
    "was recorded, whatever time it claims.",
    (
        "window",
        "id",
        "source",
        "systems",
        "start",
        "end",
        "timezone",
        "rrule",
        "content_sha256",
        "proposed_by",
        "proposed_at",
        "approved_by",
        "approved_at",
        "approval_ref",
        "cancelled_by",
        "cancelled_at",
        "occurrences_in_range",
        "first_occurrence",
        "approved_before_first",
    ),
    (CONFIG, *(kind.value for kind in ActKind)),
    from_beginning=True,
)
CORRECTIONS = Population(
    "corrections",
    "One row per correction that was requested or approved in the range.",
    (
        "correction",
        "system",
        "from",
        "to",
        "counts_as",
        "reason",
        "requested_by",
        "requested_at",
        "request_ref",
        "approved_by",
        "approved_at",
        "approval_ref",
    ),
    tuple(kind.value for kind in CorrectionKind),
    from_beginning=True,
)
KINDS = (CONFIG, *acts.KINDS)
"""Of the rows that make a history."""


def windows(history: History, span: Span) -> Iterator[Cells]:
    stood: dict[tuple[str, str], list[Planned]] = {}
    for one in planned(history, recorded=True):
        if one.start < span.end and one.end > span.start:
            stood.setdefault((one.window.id, one.digest), []).append(one)
    for (name, digest), found in sorted(stood.items()):
        last = found[-1]
        window, approval, cancelled = last.window, last.approval, last.cancelled
        begun = sorted({start for one in found for start in _starts(one, span)})
        first = begun[0] if begun else None
        by_other = approval is not None and approval.by != window.proposed.by
        yield (
            f"{name}:{digest}",
            name,
            last.source.value,
            " ".join(sorted(window.systems)),
            window.start.isoformat(),
            window.end.isoformat(),
            window.timezone,
            window.rrule,
            digest,
            window.proposed.by,
            when(last.proposed_at),
            None if approval is None else approval.by,
            None if approval is None else when(approval.at),
            None if approval is None else approval.ref,
            None if cancelled is None else cancelled.by,
            None if cancelled is None else when(cancelled.at),
            len(begun),
            when(first),
            None if first is None else by_other and approval is not None and approval.at < first,
        )


def _starts(one: Planned, span: Span) -> list[int]:
    """Of occurrences in the range, while the definition stood and was not cancelled."""
    upto = min(span.end, one.end, FAR if one.cancelled is None else one.cancelled.at)
    since = max(span.start, one.start)
    return [start for start, _ in instants(one.window, span.end) if since <= start < upto]


def corrections(history: History, span: Span) -> Iterator[Cells]:
    for one in sorted(history.corrections, key=lambda one: one.id):
        signed = [s for s in (one.requested, one.approved) if s is not None]
        if not any(span.start <= s.at < span.end for s in signed):
            continue
        approved = one.approved
        yield (
            one.id,
            one.system,
            when(one.start),
            when(one.end),
            one.counts_as.value,
            one.reason.value,
            one.requested.by,
            when(one.requested.at),
            one.requested.ref,
            None if approved is None else approved.by,
            None if approved is None else when(approved.at),
            None if approved is None else approved.ref,
        )
