"""Availability as the replay contract prints it: one document, the same live and in replay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collector.core.availability import Amounts, Availability, availability, percent
from collector.core.corrections import Corrected, corrected
from collector.core.truth import SystemTruth
from probes.history import History
from probes.times import rfc3339


def document(
    truths: Mapping[str, SystemTruth], history: History, start: int, end: int, now: int
) -> dict[str, Any]:
    """`period`, `formula` and `systems` of `[start, end)`; `mixed` where formulas differ."""
    systems = {
        name: {
            **fields(availability(t, history, start, end, now)),
            "corrected": _corrected(corrected(t, history, start, end, now)),
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
        "systems": systems,
    }


def fields(one: Availability) -> dict[str, Any]:
    """The document of the replay contract for one system."""
    return {
        **_fields(one.amounts),
        "formula": one.formula,
        "raw": _fields(one.raw),
        "sites": {site: _fields(amounts) for site, amounts in one.sites.items()},
        "runs": {"judged": one.judged_runs, "good": one.good_runs},
        "target": None if one.slo is None else one.slo.target,
        "verdict": one.verdict,
        "minimum": None if one.slo is None else one.slo.minimum,
        "minimum_verdict": one.minimum_verdict,
        "judged_by": None if one.judged_by is None else dict(one.judged_by),
        "provisional": one.provisional,
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
    one = second.availability
    return {
        **_fields(one.amounts),
        "sites": {site: _fields(amounts) for site, amounts in one.sites.items()},
        "verdict": one.verdict,
        "minimum_verdict": one.minimum_verdict,
        "judged_by": None if one.judged_by is None else dict(one.judged_by),
        "corrections": list(second.ids),
    }


def _fields(a: Amounts) -> dict[str, Any]:
    seen = a.numerator + a.down
    return {
        "eligible_ms": a.eligible,
        "up_ms": a.up,
        "degraded_ms": a.degraded,
        "down_ms": a.down,
        "unknown_ms": a.unknown,
        "excluded_ms": a.excluded,
        "not_monitored_ms": a.not_monitored,
        "known": percent(a.numerator, seen),
        "min": None if seen == 0 else percent(a.numerator, a.eligible),
        "max": None if seen == 0 else percent(a.numerator + a.unknown, a.eligible),
        "coverage": percent(seen, a.eligible),
    }
