"""Sentences of the class of an instant and of its number (semantics 3 and 4)."""

from __future__ import annotations

from collections.abc import Callable

from collector.core.steps import Reason, Step
from collector.explaining.words import instant, moment, number
from probes.times import duration_text

_WHY = {
    "cancelled": "it was cancelled",
    "unapproved": "nobody approved it",
    "self_approved": "its proposer approved it",
    "approved_late": "the approval was not there before it started",
    "during_outage": "it was approved during an outage that covers this instant",
    "empty": "it has no length",
    "other_version": "the config version in force then does not have it so",
}
_COLUMNS = {"U": "U (up or degraded)", "D": "D (down)", "K": "K (unknown)"}


def _before_recorded(step: Step) -> str:
    since = "" if step.start is None else f" before {instant(step.start)}"
    return f"Nothing was recorded of this system{since}: not monitored."


def _not_in_config(step: Step) -> str:
    since = (
        "given" if step.start is None or step.start < 0 else f"in force since {instant(step.start)}"
    )
    return f"The config version {since} does not have this system: not monitored."


def _window(step: Step) -> str:
    proposed, approved = step.facts["proposed_by"], step.facts["approved_by"]
    told = "" if proposed is None else f", proposed by {proposed}"
    if approved is not None:
        told += f", approved by {approved} {moment(step, 'approved_at')}"
    name = f"Window {step.facts['id']} from {instant(step.start)} to {instant(step.end)}{told}{',' if told else ''}"
    if step.reason is Reason.WINDOW_EXCLUDES:
        return f"{name} excludes this instant."
    return f"{name} does not exclude this instant: {_WHY[str(step.facts['why'])]}."


def _counts(step: Step) -> str:
    facts = step.facts
    period = (
        f"the period from {instant(step.start)} to {instant(step.end)}, formula {facts['formula']}"
    )
    column, raw = str(step.verdict), str(facts["raw"])
    if column == "none":
        said = f"In {period}, it is in no column: it changes neither known nor min nor max."
    elif column == "K":
        said = (
            f"In {period}, it counts in column {_COLUMNS[column]}: known does not change, min "
            "falls as if it were down, max rises as if it were up."
        )
    elif facts["class"] == "excluded":
        said = (
            f"In {period}, it counts as kept: in U, and known, min and max rise, but in the "
            "column excluded and never in the column up."
        )
    else:
        moves = "rise" if column == "U" else "fall"
        said = f"In {period}, it counts in column {_COLUMNS[column]}: known, min and max {moves}."
    if raw != column:
        said += f" Beside it, in raw, where nothing is excluded, it counts in {_COLUMNS[raw]}."
    if facts["scope"] in ("worst_site", "user_weighted"):
        said += (
            f" The verdicts of scope {facts['scope']} are judged by the sites' own numbers, in "
            f"which it counts so: {_sites(step)}."
        )
    return said


def _sites(step: Step) -> str:
    """`north in D, south in no column`."""
    sites = step.facts["sites"]
    pairs = [one.rsplit(":", 1) for one in sites] if isinstance(sites, tuple) else []
    return ", ".join(f"{site} in {'no column' if c == 'none' else c}" for site, c in pairs)


def _numbers(step: Step) -> str:
    facts = step.facts
    shown = ", ".join(
        f"{name} {'undefined' if facts[name] is None else f'{facts[name]} %'}"
        for name in ("known", "min", "max")
    )
    times = ", ".join(
        f"{name} {duration_text(number(step, key))}"
        for name, key in (("U", "u_ms"), ("D", "d_ms"), ("K", "k_ms"), ("excluded", "excluded_ms"))
    )
    said = f"As known now the period has {times}: {shown}."
    if facts["target"] is not None:
        said += f" Against {facts['target']} %, scope {facts['scope']}: {step.verdict}."
    return said


def _ruled(step: Step) -> str:
    facts = step.facts
    ours = facts["ruling"] == "ours"
    who = f"{facts['by']} ruled it {facts['ruling']} at {moment(step, 'at')} ({facts['incident']})"
    counts = (
        "it stays unknown"
        if ours
        else f"beside it, in the number with what was ruled, it counts in {_COLUMNS[step.verdict or '']}"
        if step.verdict in _COLUMNS
        else "it is in no column all the same"
    )
    return (
        f"The system rejected the monitoring from everywhere from {instant(step.start)} to "
        f"{instant(step.end)}: {who}; {counts}."
    )


SENTENCES: dict[Reason, Callable[[Step], str]] = {
    Reason.BEFORE_RECORDED: _before_recorded,
    Reason.BEFORE_EFFECTIVE: lambda s: (
        f"The system is monitored from {instant(s.start)} on (effective_from): not monitored."
    ),
    Reason.NOT_IN_CONFIG: _not_in_config,
    Reason.AFTER_NOW: lambda s: f"Nothing is known from {instant(s.start)} on: not monitored.",
    Reason.WINDOW_EXCLUDES: _window,
    Reason.WINDOW_DOES_NOT: _window,
    Reason.EXCLUDED: lambda _: (
        "Approved maintenance comes before the system's state: this instant is excluded."
    ),
    Reason.STATE: lambda s: (
        f"No approved window takes this instant out: its class is the system's state, {s.verdict}."
    ),
    Reason.COUNTS: _counts,
    Reason.NUMBERS: _numbers,
    Reason.RULED: _ruled,
}
