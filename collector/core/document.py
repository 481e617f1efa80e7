"""Availability as the replay contract prints it: one document, the same live and in replay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from collector.core import caqh
from collector.core.amounts import Amounts, Sums, decimals, sums
from collector.core.availability import Availability, availability, terms
from collector.core.budget import Budget
from collector.core.burn import Row
from collector.core.caqh import Caqh
from collector.core.corrections import Corrected, corrected
from collector.core.rollup import Rollups
from collector.core.rulings import Judged, Ruled, judged
from collector.core.truth import SystemTruth
from collector.core.verdict import lowest
from probes.config_payer import Payer
from probes.history import History
from probes.spans import Interval
from probes.times import TZDATA, rfc3339


def document(
    truths: Mapping[str, SystemTruth],
    history: History,
    start: int,
    end: int,
    now: int,
    rollups: Rollups,
    rulings: Sequence[Ruled] = (),
) -> dict[str, Any]:
    """`period`, `formula`, `tzdata` and `systems` of `[start, end)`; `mixed` where formulas differ.

    `rollups` are those of the billing systems' checks, see `core/caqh.py`.
    """
    systems = {
        name: {
            **fields(availability(t, history, start, end, now)),
            "caqh": _billing(t, history, rollups, start, end, now),
            "corrected": _corrected(corrected(t, history, start, end, now)),
            "ruled": _ruled(judged(t, history, rulings, start, end, now)),
        }
        for name, t in truths.items()
    }
    formulas = {one["formula"] for one in systems.values()}
    return {
        "period": {
            "start": rfc3339(start),
            "end": rfc3339(end),
            "now": rfc3339(now),
            "finished": now >= end,
        },
        "formula": formulas.pop() if len(formulas) == 1 else "mixed",
        "tzdata": TZDATA,
        "systems": systems,
    }


def fields(one: Availability) -> dict[str, Any]:
    """The document of the replay contract for one system, without `caqh`."""
    return {
        **_fields(one.amounts),
        "formula": one.formula,
        "raw": _fields(one.raw),
        "sites": {site: _fields(amounts) for site, amounts in one.sites.items()},
        "worst_site": _worst_site(one.scopes.sites),
        "user_weighted": percents(one.scopes.weighted) if one.scopes.weighted.whole else None,
        "runs": {"judged": one.judged_runs, "good": one.good_runs},
        "target": None if one.slo is None else one.slo.target,
        "verdict": one.verdict,
        "minimum": None if one.slo is None else one.slo.minimum,
        "minimum_verdict": one.minimum_verdict,
        "judged_by": None if one.judged_by is None else dict(one.judged_by),
        "provisional": one.provisional,
        "budget": None if one.budget is None else _budget(one.budget),
        "burn": None if one.burn is None else [_row(row) for row in one.burn],
        "outages": [
            {
                "start": rfc3339(o.start),
                "end": None if o.end is None else rfc3339(o.end),
                "min_ms": o.min_ms,
                "max_ms": o.max_ms,
            }
            for o in one.outages
        ],
        "blips": one.blips,
    }


def _corrected(second: Corrected | None) -> dict[str, Any] | None:
    """The number with approved corrections, beside the unchanged one."""
    if second is None:
        return None
    return {**_second(second.availability), "corrections": list(second.ids)}


def _ruled(found: Judged | None) -> dict[str, Any] | None:
    """The number with what people ruled of rejections by all, beside the unchanged one."""
    if found is None:
        return None
    return {
        **_second(found.availability),
        "corrections": list(found.corrections),
        "rulings": [
            {"incident": one.key, "ruling": one.ruling, "by": one.by, "at": rfc3339(one.at)}
            for one in found.rulings
        ],
    }


def _second(one: Availability) -> dict[str, Any]:
    return {
        **_fields(one.amounts),
        "sites": {site: _fields(amounts) for site, amounts in one.sites.items()},
        "verdict": one.verdict,
        "minimum_verdict": one.minimum_verdict,
        "judged_by": None if one.judged_by is None else dict(one.judged_by),
    }


def _fields(a: Amounts) -> dict[str, Any]:
    return {
        "eligible_ms": a.eligible,
        "up_ms": a.up,
        "degraded_ms": a.degraded,
        "down_ms": a.down,
        "unknown_ms": a.unknown,
        "excluded_ms": a.excluded,
        "not_monitored_ms": a.not_monitored,
        **percents(sums(a)),
    }


def percents(found: Sums) -> dict[str, Any]:
    return {
        "known": found.known,
        "min": found.least,
        "max": found.most,
        "coverage": found.coverage,
    }


def _worst_site(sites: Mapping[str, Sums]) -> dict[str, Any] | None:
    site = lowest(sites)
    return None if site is None else {"site": site, **percents(sites[site])}


def _budget(one: Budget) -> dict[str, Any]:
    return {
        "scope": one.scope,
        "site": one.site,
        "unit": "user_ms" if one.scope == "user_weighted" else "ms",
        "total": one.total,
        "spent": one.spent,
        "remaining": one.remaining,
        "pace": _ratio(one.pace),
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "severity": row.severity,
        "long_ms": row.long_ms,
        "short_ms": row.short_ms,
        "factor": _ratio(row.factor),
        "threshold": ratio_percent(row.threshold),
        "long": ratio_percent(row.long),
        "short": ratio_percent(row.short),
        "site": row.site,
        "firing": row.firing,
    }


def _billing(
    truth: SystemTruth, history: History, rollups: Rollups, start: int, end: int, now: int
) -> dict[str, Any] | None:
    config = terms(truth, history, min(end, now) - 1)
    if not caqh.applies(truth.system, config):
        return None
    found = caqh.caqh(truth, config, rollups, start, end, now)
    return _caqh(found, caqh.payer_of(truth.system, config))


def _caqh(found: Caqh, payer: Payer | None) -> dict[str, Any]:
    """Of a payer's path weeks and months are those of its zone, and missing answers are judged."""
    return {
        **({} if payer is None else {"timezone": payer.timezone}),
        "weeks": [
            {**span_of(one.span), **percents(one.sums), "verdicts": dict(one.verdicts)}
            for one in found.weeks
        ],
        "months": [
            {
                **span_of(one.span),
                "within": one.within,
                "responses": one.responses,
                **({} if payer is None else {"required": one.required}),
                "share": ratio_percent(one.share),
                "verdict": one.verdict,
            }
            for one in found.months
        ],
    }


def span_of(span: Interval) -> dict[str, Any]:
    return {"start": rfc3339(span.start), "end": rfc3339(span.end)}


def _ratio(value: Fraction | None) -> str | None:
    return None if value is None else decimals(value.numerator, value.denominator)


def ratio_percent(value: Fraction | None) -> str | None:
    return None if value is None else _ratio(100 * value)
