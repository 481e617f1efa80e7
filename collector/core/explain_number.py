"""Which class an instant has, and how it counts in the number of its period (semantics 3 and 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from alerts.events import State
from alerts.people import Ruling
from collector.core.amounts import Amounts, percent
from collector.core.availability import Availability, availability
from collector.core.planned import planned
from collector.core.rulings import Ruled, known
from collector.core.steps import ContradictionError, Reason, Rule, Step, Subject, Value
from collector.core.truth import SystemTruth
from collector.core.windows import Occurrence
from probes.spans import Interval

EXCLUDED = "excluded"
NOT_MONITORED = State.NOT_MONITORED.value
NO_COLUMN = "none"
_COLUMNS = {State.UP.value: "U", State.DEGRADED.value: "U", State.DOWN.value: "D"}
_EFFECTS = {
    "U": ("raises", "raises", "raises"),
    "D": ("lowers", "lowers", "lowers"),
    "K": ("leaves", "lowers", "raises"),
    "none": ("leaves", "leaves", "leaves"),
}
"""What time in a column does to `known`, `min` and `max`."""


def explain_class(truth: SystemTruth, at: int, state: State) -> tuple[str, list[Step]]:
    """not_monitored > excluded > the state; the windows that hold the instant are named."""
    if state is State.NOT_MONITORED:
        reason, start = _unmonitored(truth, at)
        step = Step(Rule.AVAILABILITY, reason, Subject.SYSTEM, NOT_MONITORED, start=start)
        return NOT_MONITORED, [step]
    found = [o for o in truth.occurrences(at + 1) if o.start <= at < o.end]
    steps = [_window(truth, one, at) for one in found]
    out = any(i.start <= at < i.end for i in truth.excluded(at + 1))
    if out is not any(s.reason is Reason.WINDOW_EXCLUDES for s in steps):
        raise ContradictionError(f"{truth.system} {at}")
    verdict = EXCLUDED if out else state.value
    reason = Reason.EXCLUDED if out else Reason.STATE
    steps.append(Step(Rule.AVAILABILITY, reason, Subject.SYSTEM, verdict))
    return verdict, steps


def _unmonitored(truth: SystemTruth, at: int) -> tuple[Reason, int | None]:
    if at >= truth.now:
        return Reason.AFTER_NOW, truth.now
    version = next((v for v in truth.versions if v.start <= at < v.end), None)
    if version is None:
        return Reason.BEFORE_RECORDED, truth.versions[0].start if truth.versions else None
    found = version.config.systems.get(truth.system)
    if found is None:
        return Reason.NOT_IN_CONFIG, version.start
    if found.effective_from is not None and version.config.ms(found.effective_from) > at:
        return Reason.BEFORE_EFFECTIVE, version.config.ms(found.effective_from)
    return Reason.BEFORE_RECORDED, truth.monitored_from


def _window(truth: SystemTruth, one: Occurrence, at: int) -> Step:
    excludes = any(part.start <= at < part.end for part in one.parts)
    here = (
        p
        for p in planned(truth.history, recorded=truth.recorded)
        if p.window.id == one.id and p.start <= at < p.end
    )
    window = next(here, None)
    approval = None if window is None else window.approval
    facts: dict[str, Value] = {
        "id": one.id,
        "proposed_by": None if window is None else window.window.proposed.by,
        "approved_by": None if approval is None else approval.by,
        "approved_at": None if approval is None else approval.at,
    }
    if not excludes:
        facts["why"] = "other_version" if one.why is None else one.why.value
    return Step(
        Rule.MAINTENANCE,
        Reason.WINDOW_EXCLUDES if excludes else Reason.WINDOW_DOES_NOT,
        Subject.SYSTEM,
        EXCLUDED if excludes else None,
        start=one.start,
        end=one.end,
        facts=facts,
    )


def column_of(verdict: str, formula: str) -> str:
    """`U`, `D`, `K`, or `none` for time that is not eligible."""
    if verdict == NOT_MONITORED:
        return NO_COLUMN
    if verdict == EXCLUDED:
        return "U" if formula == "whole-period-v1" else NO_COLUMN
    return _COLUMNS.get(verdict, "K")


def explain_rulings(
    truth: SystemTruth, at: int, column: str, rulings: Sequence[Ruled]
) -> list[Step]:
    """What people ruled of the rejection that holds the instant; theirs counts as down beside."""
    out: list[Step] = []
    for one in known(rulings, truth.system, truth.now):
        held = next((i for i in one.time(truth) if i.start <= at < i.end), None)
        if held is not None:
            changes = column == "K" and one.ruling is Ruling.THEIRS
            facts: dict[str, Value] = {
                "incident": one.key,
                "ruling": one.ruling.value,
                "by": one.by,
                "at": one.at,
            }
            verdict = "D" if changes else column
            rule, reason = Rule.INCIDENTS, Reason.RULED
            step = Step(rule, reason, Subject.NUMBER, verdict, start=held.start, end=held.end)
            out.append(replace(step, facts=facts))
    return out


def explain_number(
    truth: SystemTruth, at: int, verdict: str, state: State, period: Interval
) -> tuple[str, list[Step]]:
    """The column of the period an instant of this class counts in, and the period's numbers."""
    found = availability(
        truth, truth.history, period.start, period.end, truth.now, count_runs=False
    )
    column = column_of(verdict, found.formula)
    known, least, most = _EFFECTS[column]
    scope = None if found.slo is None else found.slo.scope
    return column, [
        Step(
            Rule.AVAILABILITY,
            Reason.COUNTS,
            Subject.NUMBER,
            column,
            start=period.start,
            end=period.end,
            facts={
                "formula": found.formula,
                "class": verdict,
                "raw": column_of(state.value, found.formula),
                "known": known,
                "min": least,
                "max": most,
                "scope": scope,
                "sites": _sites(truth, at, verdict, found),
            },
        ),
        Step(
            Rule.AVAILABILITY,
            Reason.NUMBERS,
            Subject.NUMBER,
            found.verdict,
            start=period.start,
            end=period.end,
            facts={
                **_numbers(found.amounts),
                "target": None if found.slo is None else found.slo.target,
                "scope": scope,
            },
        ),
    ]


def _sites(truth: SystemTruth, at: int, verdict: str, found: Availability) -> tuple[str, ...]:
    """`north:D` for each site: the column of its own number."""
    out = []
    for site in found.sites:
        states = truth.sites.get(site, ())
        state = next((s.value for s in states if s.start <= at < s.end), State.NOT_MONITORED)
        own = verdict if verdict == EXCLUDED and state is not State.NOT_MONITORED else state.value
        out.append(f"{site}:{column_of(own, found.formula)}")
    return tuple(out)


def _numbers(a: Amounts) -> dict[str, Value]:
    seen = a.numerator + a.down
    return {
        "known": percent(a.numerator, seen),
        "min": None if seen == 0 else percent(a.numerator, a.eligible),
        "max": None if seen == 0 else percent(a.numerator + a.unknown, a.eligible),
        "u_ms": a.numerator,
        "d_ms": a.down,
        "k_ms": a.unknown,
        "excluded_ms": a.excluded,
    }
