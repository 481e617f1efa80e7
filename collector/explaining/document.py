"""An explanation as a document and as plain lines: words made of enumerations, integers, ids and
times only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from collector.core.explain import Explanation
from collector.core.steps import Step, Subject
from collector.explaining.sentences import sentence
from probes.times import from_ms, parse_datetime, rfc3339, to_ms

_INSTANTS = ("approved_at", "outage_start", "recorded_at")
"""Facts that are instants."""


def document(found: Explanation) -> dict[str, Any]:
    """What `wardwatch explain --json` prints; every step with its sentence."""
    return {
        "system": found.system,
        "at": rfc3339(found.at),
        "now": rfc3339(found.now),
        "timezone": found.timezone,
        "period": {"start": rfc3339(found.period.start), "end": rfc3339(found.period.end)},
        "state": found.state.value,
        "class": found.verdict,
        "column": found.column,
        "steps": [_step(step) for step in found.steps],
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "rule": step.rule.value,
        "reason": step.reason.value,
        "subject": step.subject.value,
        "verdict": None if step.verdict is None else str(step.verdict),
        "check": step.check,
        "agent": step.agent,
        "site": step.site,
        "instants": [rfc3339(t) for t in step.instants],
        "start": _instant(step.start),
        "end": _instant(step.end),
        "facts": {
            key: _instant(value) if key in _INSTANTS and isinstance(value, int) else value
            for key, value in step.facts.items()
        },
        "sentence": sentence(step),
    }


def _instant(at: int | None) -> str | None:
    return None if at is None else rfc3339(at)


def lines(told: Mapping[str, Any]) -> list[str]:
    """A document as text: who is spoken of, below it what each rule says, with its clause."""
    local = from_ms(_ms(told["at"]), ZoneInfo(told["timezone"]))
    where = "no column" if told["column"] == "none" else f"column {told['column']}"
    out = [
        f"{told['system']} at {told['at']}: {told['class']}, counted in {where}",
        f"{local.strftime('%Y-%m-%d %H:%M:%S')} in {told['timezone']}; known up to {told['now']}",
    ]
    heading = ""
    for step in told["steps"]:
        if _heading(step, told["system"]) != heading:
            heading = _heading(step, told["system"])
            out += ["", heading]
        out.append(f"  {step['sentence']} [{step['rule']}]")
    return out


def _ms(instant: str) -> int:
    return to_ms(parse_datetime(instant), ZoneInfo("UTC"))


def _heading(step: Mapping[str, Any], system: str) -> str:
    check, agent, site = (step[key] for key in ("check", "agent", "site"))
    return {
        Subject.VERSION: "The rules in force",
        Subject.VOICE: f"Check {check}, agent {agent} at site {site}",
        Subject.SITE_OF_CHECK: f"Check {check} at site {site}",
        Subject.CHECK: f"Check {check}",
        Subject.SITE: f"System {system} at site {site}",
        Subject.SYSTEM: f"System {system}",
        Subject.NUMBER: "The number",
    }[Subject(step["subject"])]
