"""Sentences of holds, confirmation and intermittence (semantics 2.1 to 2.3)."""

from __future__ import annotations

from collections.abc import Callable

from collector.core.steps import Reason, Step
from collector.explaining.words import cited, in_a_row, instant, number, verb
from probes.times import duration_text


def _hold(step: Step) -> str:
    every, timeout = (
        duration_text(number(step, "every_ms")),
        duration_text(number(step, "timeout_ms")),
    )
    return f"2 * {every} + {timeout} = {duration_text(number(step, 'hold_ms'))}"


def _held(step: Step) -> str:
    said = f"The result of {instant(step.start)} is {step.facts['outcome']} ({step.facts['code']})."
    if step.facts["cut"] == "yes":
        return f"{said} It speaks until the next result, {instant(step.end)}."
    if (step.end or 0) - (step.start or 0) < number(step, "hold_ms"):
        return f"{said} It is the last one known and speaks for at most {_hold(step)}."
    return f"{said} It speaks for {_hold(step)}, until {instant(step.end)}; a gap follows."


def _gap(step: Step) -> str:
    return (
        f"The last result, of {instant(step.start)}, was {step.facts['outcome']} "
        f"({step.facts['code']}) and spoke for {_hold(step)}, until {instant(step.end)}. "
        "This instant is in the gap after it."
    )


def _conflict(step: Step) -> str:
    outcomes = step.facts["outcomes"]
    told = ", ".join(outcomes) if isinstance(outcomes, tuple) else ""
    return f"Results of {cited(step)} contradict each other ({told}): the worse stands, {step.verdict}."


def _no_information(step: Step) -> str:
    count = number(step, "count")
    return (
        f"{count} explicit unknown since then (the latest of {cited(step)}, "
        f"{step.facts['code']}): no information, it neither ends nor extends a hold."
    )


def _short(step: Step, word: str) -> str:
    need = number(step, "need")
    made = in_a_row(number(step, "count"), word)
    return f"{made} ({cited(step)}) where {need} are needed"


def _good(step: Step) -> str:
    return f"This agent is in no outage of the check and the result is good: {step.verdict}."


def _recovered(step: Step) -> str:
    return (
        f"The outage that began {instant(step.start)} is over: {in_a_row(number(step, 'need'), 'good')} "
        f"({cited(step)}) {verb(number(step, 'need'), 'confirm')} the recovery, back-dated to the first of them: "
        f"{step.verdict}."
    )


def _short_recovery(step: Step) -> str:
    return (
        f"In the outage that began {instant(step.start)} only {_short(step, 'good')} to end it: "
        "still down."
    )


def _outage(step: Step) -> str:
    ended = "it has not ended" if step.end is None else f"it ends {instant(step.end)}"
    return (
        f"{in_a_row(number(step, 'need'), 'failing')} ({cited(step)}) "
        f"{verb(number(step, 'need'), 'make')} an outage, back-dated to the first of them; {ended}: down."
    )


def _gap_in_outage(step: Step) -> str:
    return (
        f"The outage that began {instant(step.start)} has not ended, for silence is no recovery; "
        "but time in a gap is unknown."
    )


def _blip(step: Step) -> str:
    return (
        f"Only {_short(step, 'failing')}, then the good result of {instant(step.end)}: a blip, "
        f"and its time from {instant(step.start)} is degraded."
    )


def _unconfirmed_gap(step: Step) -> str:
    return f"Only {_short(step, 'failing')}, then a gap: unconfirmed, its time is unknown."


def _unconfirmed_yet(step: Step) -> str:
    return f"Only {_short(step, 'failing')}, and nothing yet after: its time is unknown."


def _rejected(step: Step) -> str:
    return (
        f"{in_a_row(number(step, 'need'), 'misconfigured')} ({cited(step)}) "
        f"{verb(number(step, 'need'), 'confirm')} that the target rejects us: unknown from {instant(step.start)} on, with the cause misconfigured."
    )


def _rejected_unconfirmed(step: Step) -> str:
    return (
        f"Only {_short(step, 'misconfigured')}: unconfirmed, so the state before it goes on, "
        f"{step.verdict}."
    )


def _rejected_after_gap(step: Step) -> str:
    return (
        f"Only {_short(step, 'misconfigured')}: unconfirmed, and no state before it goes on: "
        "unknown."
    )


def _intermittent(step: Step) -> str:
    count = number(step, "count")
    enough = "5 or more" if count >= 5 else "fewer than 5"
    least = "down" if count >= 5 else "at least degraded"
    return (
        f"Of the 10 judged results from {instant(step.start)} to {instant(step.end)}, within 60 min, "
        f"{count} failed in {number(step, 'runs')} separate runs ({cited(step)}): intermittent. "
        f"With {enough} of 10 this time is {least}: {step.verdict}."
    )


SENTENCES: dict[Reason, Callable[[Step], str]] = {
    Reason.HELD: _held,
    Reason.GAP: _gap,
    Reason.SILENT: lambda _: "No result came before this instant.",
    Reason.CONFLICT: _conflict,
    Reason.NO_INFORMATION: _no_information,
    Reason.GOOD: _good,
    Reason.RECOVERED: _recovered,
    Reason.SHORT_RECOVERY: _short_recovery,
    Reason.OUTAGE: _outage,
    Reason.GAP_IN_OUTAGE: _gap_in_outage,
    Reason.NOTHING_HOLDS: lambda _: "Time for which no result speaks is unknown.",
    Reason.BLIP: _blip,
    Reason.UNCONFIRMED_GAP: _unconfirmed_gap,
    Reason.UNCONFIRMED_YET: _unconfirmed_yet,
    Reason.REJECTED: _rejected,
    Reason.REJECTED_UNCONFIRMED: _rejected_unconfirmed,
    Reason.REJECTED_AFTER_GAP: _rejected_after_gap,
    Reason.INTERMITTENT: _intermittent,
}
