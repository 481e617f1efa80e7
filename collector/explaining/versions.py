"""Sentences of config versions (semantics 2, last paragraph)."""

from __future__ import annotations

from collections.abc import Callable

from collector.core.steps import Reason, Step
from collector.explaining.words import instant, moment
from probes.times import duration_text

_DURATIONS = ("every", "timeout", "valid_for", "expect_down")


def _version(step: Step) -> str:
    if step.facts["recorded_at"] is None:
        return "The config given"
    by = step.facts.get("by")
    return f"The config version recorded {moment(step, 'recorded_at')}{f' by {by}' if by else ''}"


def _in_force(step: Step) -> str:
    return f"{_version(step)} judges this instant."


def _waited(step: Step) -> str:
    return (
        f"{_version(step)} judges this instant. It waited for the outage that began "
        f"{moment(step, 'outage_start')} and took effect when that ended, {instant(step.start)}."
    )


def _waits(step: Step) -> str:
    until = (
        "which has not ended"
        if step.start is None
        else f"and takes effect when that ends, {instant(step.start)}"
    )
    return (
        f"{_version(step)} is not in force yet for this system: it waits for the outage that "
        f"began {moment(step, 'outage_start')}, {until}."
    )


def _overtaken(step: Step) -> str:
    return (
        f"{_version(step)} waited for the outage that began {moment(step, 'outage_start')} and was "
        "overtaken by a later version: it never takes effect for this system."
    )


def _changed(step: Step) -> str:
    path = str(step.facts["path"])
    if step.facts["told"] == "no":
        return f"It changes {path}."
    before, after = (_value(path, step.facts[key]) for key in ("before", "after"))
    return f"It changes {path} from {before} to {after}."


def _value(path: str, value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, tuple):
        return ", ".join(value) or "nobody"
    if isinstance(value, int) and path.rsplit(".", 1)[-1] in _DURATIONS:
        return duration_text(value)
    return str(value)


SENTENCES: dict[Reason, Callable[[Step], str]] = {
    Reason.IN_FORCE: _in_force,
    Reason.WAITED: _waited,
    Reason.WAITS: _waits,
    Reason.OVERTAKEN: _overtaken,
    Reason.CHANGED: _changed,
    Reason.ADDED: lambda s: f"It adds {s.facts['path']}.",
    Reason.REMOVED: lambda s: f"It removes {s.facts['path']}.",
}
