"""Which controls an attestation speaks to, and what it found for each. Pure.

A finding is about the topic beside the control (`collector/audit/controls.py`), in our words: it
says what was found, not that the control is met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from collector.audit.controls import HIPAA, MAPPED, SOC2, Control
from collector.reports.predicate import Predicate

WITNESSED = ("L2", "L3")


class Found(StrEnum):
    """OSCAL's reasons of an objective's status; only `PASS` is `satisfied`."""

    PASS = "pass"  # noqa: S105 - a word of OSCAL
    FAIL = "fail"
    OTHER = "other"


class Judgement(NamedTuple):
    found: Found
    text: str


class Finding(NamedTuple):
    population: str
    control: Control
    judgement: Judgement


def _measured(read: Predicate) -> Judgement:
    if read.results and all(one.runs.judged for one in read.results):
        return Judgement(Found.PASS, "Of every system that is disclosed there are judged results.")
    return Judgement(Found.FAIL, "Of a system that is disclosed there is no judged result.")


def _targets(read: Predicate) -> Judgement:
    verdicts = {one.verdict for one in read.results if one.target is not None}
    if not verdicts:
        return Judgement(Found.OTHER, "No system that is disclosed has a target.")
    if verdicts == {"met"}:
        return Judgement(Found.PASS, "Every system that has a target met it.")
    if "breached" in verdicts:
        return Judgement(Found.FAIL, "A system breached its target.")
    return Judgement(Found.OTHER, "Of a system it is not decided whether it met its target.")


def _authorized(read: Predicate) -> Judgement:
    late = any(one.pre_registered is False for one in read.exclusions if one.excludes)
    if late:
        return Judgement(
            Found.OTHER, "A window that excludes time was witnessed only after it had begun."
        )
    return Judgement(
        Found.PASS, "No time is excluded but by windows that a second person approved."
    )


def _detected(read: Predicate) -> Judgement:
    if all(one.detected_at is not None for one in read.incidents):
        return Judgement(Found.PASS, "Every incident has the time at which it was detected.")
    return Judgement(Found.FAIL, "An incident has no time of detection.")


def _answered(read: Predicate) -> Judgement:
    if all(one.acknowledged_at or one.recovered_at for one in read.incidents):
        return Judgement(Found.PASS, "Every incident was acknowledged by somebody, or recovered.")
    return Judgement(Found.FAIL, "An incident was neither acknowledged nor recovered.")


def _recovered(read: Predicate) -> Judgement:
    if all(one.recovered_at is not None for one in read.incidents):
        return Judgement(Found.PASS, "Every incident recovered.")
    return Judgement(Found.FAIL, "An incident had not recovered when this was computed.")


def _intact(read: Predicate) -> Judgement:
    if read.assurance.level in WITNESSED:
        return Judgement(
            Found.PASS, "Witnesses saw the log of the evidence grow, and nothing of it changed."
        )
    return Judgement(Found.OTHER, "The log of the evidence is signed, but nobody witnessed it.")


JUDGED: Mapping[tuple[str, str, str], Callable[[Predicate], Judgement]] = {
    ("systems", SOC2, "A1.1"): _measured,
    ("systems", SOC2, "CC7.2"): _measured,
    ("windows", SOC2, "A1.2"): _authorized,
    ("windows", SOC2, "CC7.1"): _authorized,
    ("incidents", SOC2, "A1.2"): _targets,
    ("incidents", SOC2, "CC7.3"): _detected,
    ("incidents", SOC2, "CC7.4"): _answered,
    ("incidents", SOC2, "CC7.5"): _recovered,
    ("incidents", HIPAA, "164.308(a)(7)(i)"): _targets,
    ("corrections", HIPAA, "164.312(c)(1)"): _intact,
}
"""By population, framework and control, as in `controls.csv`."""


def findings(read: Predicate) -> Iterator[Finding]:
    for (population, framework, name), judge in JUDGED.items():
        control = next(
            one for one in MAPPED[population] if (one.framework, one.id) == (framework, name)
        )
        yield Finding(population, control, judge(read))
