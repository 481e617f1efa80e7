"""A payer's report as one document: the same from the live collector and from a file of results."""

from __future__ import annotations

from typing import Any

from collector.core.caqh import Answers
from collector.core.document import percents, ratio_percent, span_of
from collector.core.payer import Month, PayerReport, Unplanned, Week
from collector.core.payer_calendar import Published
from collector.core.payer_quarter import Quarter
from probes.times import TZDATA, rfc3339


def payer_document(one: PayerReport, start: int, end: int, now: int) -> dict[str, Any]:
    """Of `[start, end)`; weeks and months are whole. Keys are sorted when it is printed."""
    return {
        "system": one.system,
        "name": one.name,
        "timezone": one.payer.timezone,
        "target": one.payer.target,
        "tzdata": TZDATA,
        "period": {
            "start": rfc3339(start),
            "end": rfc3339(end),
            "now": rfc3339(now),
            "finished": now >= end,
        },
        "weeks": [_week(week) for week in one.weeks],
        "months": [_month(month) for month in one.months],
        "quarters": [_quarter(quarter) for quarter in one.quarters],
        "downtime": [_published(each) for each in one.downtime],
        "unplanned": [_unplanned(each) for each in one.unplanned],
    }


def _week(one: Week) -> dict[str, Any]:
    part = one.amounts
    to_come = one.week.span.length - one.week.sums.eligible
    return {
        **span_of(one.week.span),
        "length_ms": one.week.span.length,
        "up_ms": part.up,
        "degraded_ms": part.degraded,
        "down_ms": part.down,
        "unknown_ms": part.unknown,
        "not_monitored_ms": part.not_monitored - to_come,
        "to_come_ms": to_come,
        **percents(one.week.sums),
        "verdicts": dict(one.week.verdicts),
        "provisional": one.provisional,
        "allowed_ms": dict(one.allowed),
        "published_ms": one.published,
        "down_published_ms": one.down_published,
        "down_unpublished_ms": part.down - one.down_published,
        "failed_ms": {str(who): ms for who, ms in one.failed.items()},
    }


def _month(one: Month) -> dict[str, Any]:
    return {
        **span_of(one.month.span),
        "within": one.month.within,
        "responses": one.month.responses,
        "required": one.month.required,
        "share": ratio_percent(one.month.share),
        "verdict": one.month.verdict,
        "provisional": one.provisional,
        "published": _answers(one.month.inside),
        "unpublished": _answers(one.month.outside),
    }


def _quarter(one: Quarter) -> dict[str, Any]:
    return {
        **span_of(one.span),
        "over_ms": one.over,
        "granted_ms": one.granted,
        "exceeds": one.exceeds,
    }


def _answers(one: Answers) -> dict[str, int]:
    return {"responses": one.responses, "within": one.within, "unanswered": one.unanswered}


def _published(one: Published) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": str(one.kind),
        "start": rfc3339(one.start),
        "end": rfc3339(one.end),
        "published_at": rfc3339(one.at),
        "in_time": one.in_time,
        "counts": bool(one.parts),
        "why": None if one.why is None else str(one.why),
    }


def _unplanned(one: Unplanned) -> dict[str, Any]:
    outage, notice = one.outage, one.notice
    return {
        "start": rfc3339(outage.start),
        "end": None if outage.end is None else rfc3339(outage.end),
        "min_ms": outage.min_ms,
        "max_ms": outage.max_ms,
        "unpublished_ms": one.unpublished,
        "notice": None
        if notice is None
        else {"id": notice.id, "published_at": rfc3339(notice.at), "in_time": notice.in_time},
    }
