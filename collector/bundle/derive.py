"""From a bundle's evidence to its numbers: the one way of the issuer and of every verifier.

A function of the evidence and of what is asked, alone. The folds are those of the live collector
(`collector/core/`); whole numbers and text come out, so equal answers are equal bytes.
"""

from __future__ import annotations

from collections.abc import Callable

from collector.attest.strictjson import Value
from collector.bundle import exclusions, figures, folding, gaps, incidents, reading, scope
from collector.bundle.assurance import assurance
from collector.bundle.evidence import Asked, Evidence
from collector.bundle.faults import BundleError, BundleFault
from collector.bundle.folding import Folded
from collector.bundle.reading import Order, Record
from collector.bundle.slots import Slots

See = Callable[[str, Record], None]
"""Shown each record of a system once."""


def derive(
    evidence: Evidence,
    asked: Asked,
    progress: Callable[[str], None] | None = None,
    see: See | None = None,
) -> dict[str, Value]:
    """The derived fields of the predicate; `progress` is told each system before it is read.

    BundleError for evidence that cannot be read or was not signed so. Every segment is proven by
    the `segments_root` of its batch's header; that the headers were signed and stand in the log is
    for the caller to verify.
    """
    if not evidence.systems:
        raise BundleError(BundleFault.MISSING, "evidence")
    order, causes = Order(evidence.log), gaps.Causes(evidence)
    results: list[Value] = []
    outages: list[Value] = []
    excluded: list[Value] = []
    missing: list[Value] = []
    states: list[Value] = []
    found, configs, left_out = [], {}, 0
    for system in evidence.systems:
        if progress is not None:
            progress(system)
        slots = Slots(system, evidence.rows.histories[system], asked)
        shown = slots.see if see is None else _both(slots, system, see)
        folded = fold(evidence, asked, system, order, shown)
        one = figures.judged(folded, asked)
        found.append(one)
        configs[system] = scope.config_at_end(folded.truth, folded.history, asked)
        results.append(figures.result(folded, one, slots, asked))
        outages += figures.outages(one)
        excluded += exclusions.exclusions(folded, evidence, asked)
        listed, more = gaps.listed(system, slots.missing(), causes)
        missing += listed
        left_out += more
        states.append(figures.states(folded.truth, asked))
    points = scope.vantage_points(evidence, evidence.rows.histories, asked)
    organization = scope.organization_of(configs)
    return {
        "scope": scope.scope(evidence, configs),
        "period": scope.period(asked, configs),
        "method": scope.method(found, configs),
        "vantagePoints": [*points],
        "results": results,
        "outages": outages,
        "exclusions": excluded,
        "gaps": missing,
        "gapsLeftOut": left_out,
        "incidents": incidents.incidents(evidence, asked),
        "configChanges": scope.config_changes(evidence, asked),
        "lateEvidence": scope.late_evidence(evidence, asked),
        "log": scope.log(evidence),
        "assurance": assurance(
            evidence,
            organization,
            [str(one["operator"]) for one in points if one["batches"]],
            asked.operators,
        ),
        "states": states,
    }


def fold(
    evidence: Evidence,
    asked: Asked,
    system: str,
    order: Order,
    see: Callable[[Record], None] | None = None,
) -> Folded:
    """The truth of one disclosed system."""
    return folding.fold(
        system,
        evidence.rows.histories[system],
        lambda: reading.records(evidence.members, evidence.log, order, system),
        asked,
        see,
    )


def _both(slots: Slots, system: str, see: See) -> Callable[[Record], None]:
    def shown(record: Record) -> None:
        slots.see(record)
        see(system, record)

    return shown
