"""An insider changes what the statement says, or the evidence it is made of."""

from __future__ import annotations

import io
from collections.abc import Callable

from collector.bundle import evidencefile, layout
from collector.bundle.evidencefile import Segment
from collector.verifying.failures import Failure
from probes import segments
from probes.contract import Outcome
from probes.segments import Run
from tests.unit.verifying.ledgers import (
    stated,
    zipped,
)
from tests.unit.verifying.story import DAY
from tests.unit.verifying.tampering import (
    NOTHING,
    OWN,
    Made,
    case,
    file_of,
    members,
    predicate,
    rendered,
    resealed,
)


@case("changes a count of the statement", Failure.FIGURES_DIFFER, "results.0.received")
def _count() -> Made:
    found = members()
    results = predicate(found)["results"]
    results[0]["received"] -= 1
    return resealed(found, results=results), NOTHING


@case("says that the target was met", Failure.FIGURES_DIFFER, "results.0.verdict")
def _met() -> Made:
    found = members()
    results = predicate(found)["results"]
    results[0]["verdict"] = "met"
    return resealed(found, results=results), NOTHING


@case("says that maintenance counts as available", Failure.FIGURES_DIFFER, "results.0.formula")
def _formula() -> Made:
    found = members()
    results = predicate(found)["results"]
    results[0]["formula"] = "whole-period-v1"
    return resealed(found, results=results), NOTHING


@case("prints another number beside a verdict", Failure.FIGURES_DIFFER, "results.0.judgedBy.min")
def _beside() -> Made:
    found = members()
    results = predicate(found)["results"]
    results[0]["judgedBy"]["min"] = "99.9000"
    return resealed(found, results=results), NOTHING


@case("leaves an outage out of the statement", Failure.FIGURES_DIFFER, "outages")
def _no_outages() -> Made:
    return resealed(members(), outages=[]), NOTHING


@case("leaves a field out of the statement", Failure.FIGURES_DIFFER, "gaps")
def _no_field() -> Made:
    found = members()
    said = predicate(found)
    del said["gaps"]
    return zipped(stated(found, said)), NOTHING


@case("prints another percentage in the report", Failure.REPORT_DIFFERS, "report.html")
def _other_report() -> Made:
    found = rendered()
    found[layout.REPORT_HTML] = found[layout.REPORT_HTML].replace(b"86.6715", b"99.9500")
    return zipped(stated(found, predicate(found))), OWN


@case("says that the target was met in OSCAL", Failure.REPORT_DIFFERS, "oscal.json")
def _other_oscal() -> Made:
    found = rendered()
    found[layout.OSCAL] = found[layout.OSCAL].replace(b'"breached"', b'"met"')
    return zipped(stated(found, predicate(found))), OWN


@case("does not say which period it is about", Failure.STATEMENT_MALFORMED, layout.STATEMENT)
def _no_period() -> Made:
    return resealed(members(), period=None), NOTHING


@case("asks for ten years", Failure.FIGURES_ASKED, "period")
def _ten_years() -> Made:
    found = members()
    period = predicate(found)["period"]
    period |= {"end": period["end"] + 3_650 * DAY, "now": period["now"] + 3_650 * DAY}
    return resealed(found, period=period), NOTHING


@case("swaps the evidence of two systems", Failure.SEGMENT_FOREIGN)
def _swapped() -> Made:
    found = members("ehr", "lab")
    ehr, lab = layout.evidence_of("ehr"), layout.evidence_of("lab")
    found[ehr], found[lab] = found[lab], found[ehr]
    return resealed(found), NOTHING


@case("leaves out a piece of evidence where every system is disclosed", Failure.SEGMENT_WITHHELD)
def _one_segment_less() -> Made:
    return with_segments(lambda found: [*found[:5], *found[6:]], "ehr", "lab"), NOTHING


@case("changes what an agent measured", Failure.SEGMENT_PROOF)
def _measured() -> Made:
    def change(found: list[Segment]) -> list[Segment]:
        decoded = [segments.decode("ehr", one.data) for one in found]
        n = next(n for n, runs in enumerate(decoded) if runs[-1].outcome is Outcome.DOWN)
        other = segments.encode([_up(run) for run in decoded[n]])
        return [*found[:n], found[n]._replace(data=other), *found[n + 1 :]]

    return with_segments(change), NOTHING


@case("files a piece of evidence under another batch", Failure.SEGMENT_PROOF)
def _moved() -> Made:
    def change(found: list[Segment]) -> list[Segment]:
        return [found[0], found[1]._replace(data=found[0].data, tag=found[0].tag), *found[2:]]

    return with_segments(change), NOTHING


@case(
    "files a piece of evidence where the log has no batch",
    Failure.SEGMENT_PLACE,
    "evidence/ehr.bin:9",
)
def _nowhere() -> Made:
    def change(found: list[Segment]) -> list[Segment]:
        there = [one for one in found if one.entry > 9]
        return [one for one in found if one.entry < 9] + [there[0]._replace(entry=9)] + there

    return with_segments(change), NOTHING


@case(
    "files a piece of evidence behind the last batch", Failure.SEGMENT_PLACE, "evidence/ehr.bin:900"
)
def _behind() -> Made:
    return with_segments(lambda found: [*found, found[-1]._replace(entry=900)]), NOTHING


@case("hands in a piece of evidence twice", Failure.SEGMENT_ORDER)
def _twice() -> Made:
    found = members()
    data = found["evidence/ehr.bin"]
    found["evidence/ehr.bin"] = data + data[4:]
    return resealed(found), NOTHING


@case("puts something else in the place of evidence", Failure.SEGMENT_MALFORMED)
def _no_chunks() -> Made:
    return resealed({**members(), "evidence/ehr.bin": b"WWE1\0\0\0\1?"}), NOTHING


def with_segments(change: Callable[[list[Segment]], list[Segment]], *systems: str) -> bytes:
    """The EHR's evidence written anew after a change."""
    found, name = members(*systems), layout.evidence_of("ehr")
    changed = change([*evidencefile.read(file_of(found[name]), name)])
    out = io.BytesIO()
    writer = evidencefile.Writer(out)
    for one in changed:
        writer.put(one)
    writer.close()
    found[name] = out.getvalue()
    return resealed(found)


def _up(run: Run) -> Run:
    return Run(run.system, run.check, run.slot_ms, run.at_ms, Outcome.UP, "ok", run.duration_us)
