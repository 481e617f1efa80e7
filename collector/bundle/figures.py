"""The numbers of one system as the predicate has them: always three figures, exact and truncated."""

from __future__ import annotations

from collector.attest.strictjson import Value
from collector.bundle.evidence import Asked
from collector.bundle.folding import Folded
from collector.bundle.slots import Slots
from collector.core.amounts import Amounts, amounts, percent, sums
from collector.core.availability import Availability, availability
from collector.core.corrections import Corrected, corrected
from collector.core.truth import SystemTruth
from collector.core.verdict import verdict
from probes.contract import Outcome
from probes.spans import Interval, clip


def result(folded: Folded, found: Availability, slots: Slots, asked: Asked) -> dict[str, Value]:
    """An entry of `results`."""
    truth = folded.truth
    second = corrected(truth, folded.history, asked.start, asked.end, asked.now)
    return {
        "system": truth.system,
        "formula": found.formula,
        **_amounts(found.raw, found.amounts),
        "coverage": sums(found.amounts).coverage,
        "sites": _sites(truth, found, asked),
        "target": None if found.slo is None else found.slo.target,
        "verdict": found.verdict,
        "minimum": None if found.slo is None else found.slo.minimum,
        "minimumVerdict": found.minimum_verdict,
        "scope": None if found.slo is None else found.slo.scope,
        "judgedBy": _judged_by(found),
        "runs": {"judged": found.judged_runs, "good": found.good_runs},
        "expected": slots.expected,
        "received": slots.received,
        "outcomes": {one.value: slots.outcomes[one] for one in Outcome},
        "corrected": None if second is None else _corrected(second),
    }


def judged(folded: Folded, asked: Asked) -> Availability:
    return availability(folded.truth, folded.history, asked.start, asked.end, asked.now)


def outages(found: Availability) -> list[Value]:
    """Entries of `outages`."""
    return [
        {
            "system": found.system,
            "start": one.start,
            "end": one.end,
            "minMs": one.min_ms,
            "maxMs": one.max_ms,
        }
        for one in found.outages
    ]


def states(truth: SystemTruth, asked: Asked) -> dict[str, Value]:
    """An entry of `states`: what the system was, before exclusions."""
    spans: list[Value] = [
        [span.start, span.end, span.value.value]
        for span in clip(truth.states, asked.start, asked.end)
    ]
    return {"system": truth.system, "spans": spans}


def _sites(truth: SystemTruth, found: Availability, asked: Asked) -> list[Value]:
    """Sites where anything of the system is monitored, each with its own number and verdicts, whatever
    scope the contract names.
    """
    period, slo = Interval(asked.start, asked.end), found.slo

    def raw(site: str) -> Amounts:
        return amounts(truth.sites.get(site, ()), period, (), asked.now, found.formula)

    return [
        {
            "site": site,
            **_amounts(raw(site), own),
            "coverage": sums(own).coverage,
            "verdict": None if slo is None else verdict(sums(own), slo.target, finished=True),
            "minimumVerdict": None
            if slo is None
            else verdict(sums(own), slo.minimum, finished=True),
        }
        for site, own in sorted(found.sites.items())
        if own.not_monitored < period.length
    ]


def _corrected(second: Corrected) -> dict[str, Value]:
    found = second.availability
    return {
        **_amounts(found.raw, found.amounts),
        "coverage": sums(found.amounts).coverage,
        "verdict": found.verdict,
        "minimumVerdict": found.minimum_verdict,
        "judgedBy": _judged_by(found),
        "corrections": [*second.ids],
    }


def _judged_by(found: Availability) -> Value:
    """The number behind the verdicts (semantics 3); `site` is that of a scope `worst_site`."""
    by = found.judged_by
    if by is None:
        return None
    return {
        "scope": by["scope"],
        "site": by.get("site"),
        "known": by["known"],
        "min": by["min"],
        "max": by["max"],
    }


def _amounts(raw: Amounts, own: Amounts) -> dict[str, Value]:
    whole, counted = sums(raw), sums(own)
    return {
        "figures": {
            "raw": _ratio(whole.up, whole.up + whole.down),
            "afterExclusions": _ratio(counted.up, counted.up + counted.down),
            "worstCase": _ratio(counted.up, counted.eligible),
        },
        "milliseconds": {
            "eligible": own.eligible,
            "up": own.up,
            "degraded": own.degraded,
            "down": own.down,
            "unknown": own.unknown,
            "excluded": own.excluded,
            "notMonitored": own.not_monitored,
        },
    }


def _ratio(numerator: int, denominator: int) -> dict[str, Value]:
    return {
        "numerator": numerator,
        "denominator": denominator,
        "percent": percent(numerator, denominator),
    }
