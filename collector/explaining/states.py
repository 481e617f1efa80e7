"""Sentences of quorum, roles and the system (semantics 2.4 and 2.5)."""

from __future__ import annotations

from collections.abc import Callable

from collector.core.steps import Reason, Step, Subject
from collector.explaining.words import instant, number
from probes.times import duration_text


def _ids(step: Step) -> str:
    names = step.facts["checks"]
    return ", ".join(names) if isinstance(names, tuple) else ""


def _checks(step: Step, role: str, state: str) -> str:
    names = step.facts["checks"]
    many = isinstance(names, tuple) and len(names) > 1
    return f"{role} check{'s' if many else ''} {_ids(step)} {'are' if many else 'is'} {state}"


def _fresh(step: Step) -> str:
    word = "site" if step.subject is Subject.CHECK else "agent"
    assigned, fresh = number(step, "assigned"), number(step, "fresh")
    plural = "" if assigned == 1 else "s"
    return f"Of {assigned} {word}{plural} {fresh} can be judged, {number(step, 'need')} needed"


def _too_few(step: Step) -> str:
    return f"{_fresh(step)}: too few, unknown."


def _majority_down(step: Step) -> str:
    return (
        f"{_fresh(step)}. {number(step, 'down')} of {number(step, 'fresh')} say down, "
        f"two thirds are {number(step, 'majority')}: down."
    )


def _some_down(step: Step) -> str:
    return (
        f"{_fresh(step)}. {number(step, 'down')} of {number(step, 'fresh')} say down, fewer than two "
        f"thirds ({number(step, 'majority')}): degraded."
    )


def _majority_degraded(step: Step) -> str:
    return (
        f"{_fresh(step)}. None says down, {number(step, 'degraded')} of {number(step, 'fresh')} say "
        f"degraded, two thirds are {number(step, 'majority')}: degraded."
    )


def _agreed_up(step: Step) -> str:
    return (
        f"{_fresh(step)}. None says down, {number(step, 'degraded')} of {number(step, 'fresh')} say "
        f"degraded, fewer than two thirds ({number(step, 'majority')}): up."
    )


def _role(step: Step) -> str:
    if step.reason is Reason.MEMBER:
        return f"The check is {step.verdict}; it is a member of group {step.facts['group']}."
    if step.reason is Reason.FEED:
        return (
            f"The check is {step.verdict}; it judges a feed: it opens incidents of its own and "
            "counts for no state."
        )
    if step.reason is Reason.SUPPORTING:
        return (
            f"The check is {step.verdict}; it is supporting: it can make the system degraded, "
            "never down or unknown."
        )
    return f"The check is {step.verdict}; it is critical: the system is no better than it."


def _group_down(step: Step) -> str:
    return (
        f"Of the {number(step, 'size')} members of group {step.facts['group']} {number(step, 'down')} "
        f"are down and {number(step, 'need')} must work: down."
    )


def _group_unknown(step: Step) -> str:
    return (
        f"Of the {number(step, 'size')} members of group {step.facts['group']} "
        f"{number(step, 'working')} are known to work and {number(step, 'need')} must: unknown."
    )


def _group_degraded(step: Step) -> str:
    return (
        f"Nothing critical is down, unknown or degraded, but of the {number(step, 'size')} members "
        f"of group {step.facts['group']} {number(step, 'up')} are up: degraded."
    )


def _outage_open(step: Step) -> str:
    ended = "has not ended" if step.end is None else f"ended {instant(step.end)}"
    said = f"This is inside the outage of the system that began {instant(step.start)} and {ended}."
    if step.verdict == "unknown":
        said += " Unknown time does not end it and is not counted as down."
    if step.end is not None:
        longest = step.facts["max_ms"]
        most = (
            "no longest length is known"
            if not isinstance(longest, int)
            else f"at most {duration_text(longest)}"
        )
        said += f" Its true length: at least {duration_text(number(step, 'min_ms'))}, {most}."
    return said


SENTENCES: dict[Reason, Callable[[Step], str]] = {
    Reason.TOO_FEW: _too_few,
    Reason.MAJORITY_DOWN: _majority_down,
    Reason.SOME_DOWN: _some_down,
    Reason.MAJORITY_DEGRADED: _majority_degraded,
    Reason.AGREED_UP: _agreed_up,
    Reason.CRITICAL: _role,
    Reason.SUPPORTING: _role,
    Reason.MEMBER: _role,
    Reason.FEED: _role,
    Reason.CRITICAL_DOWN: lambda s: f"{_checks(s, 'Critical', 'down')}: down.",
    Reason.GROUP_DOWN: _group_down,
    Reason.CRITICAL_UNKNOWN: lambda s: (
        f"Nothing critical is known to be down, but {_checks(s, 'critical', 'unknown')}: unknown."
    ),
    Reason.GROUP_UNKNOWN: _group_unknown,
    Reason.CRITICAL_DEGRADED: lambda s: f"{_checks(s, 'Critical', 'degraded')}: degraded.",
    Reason.GROUP_DEGRADED: _group_degraded,
    Reason.SUPPORTING_WORSE: lambda s: f"{_checks(s, 'Supporting', 'down or degraded')}: degraded.",
    Reason.ALL_UP: lambda _: "Every check that counts is up: up.",
    Reason.NOTHING_COUNTS: lambda _: (
        "No critical check and no group member is here: not monitored."
    ),
    Reason.SUPPORTING_UNKNOWN: lambda s: (
        f"{_checks(s, 'Supporting', 'unknown')}: that changes nothing."
    ),
    Reason.OUTAGE_OPEN: _outage_open,
}
