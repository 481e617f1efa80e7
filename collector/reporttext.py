"""An incident report as plain Markdown, to be finished by people. Pure.

Made from the answer of the API and, for who may read them, the notes; every instant stands in the
organization's zone and in UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from alerts.deadlines import DeadlineKind
from alerts.outbox import DeliveryReason
from alerts.wording import CAUSES, FAMILIES, PRIORITIES
from probes.times import duration_text, parse_datetime

Document = Mapping[str, Any]
REVIEW = f"incident.{DeadlineKind.REVIEW_DUE.value}"
WRITE = "(to be written)"
LATE = timedelta(minutes=1)
"""What is recorded so much later than it happened says so."""


def markdown(report: Document, notes: Sequence[Document] | None) -> str:
    """`notes` as the API gives them; None: who asks may not read what was typed."""
    zone = ZoneInfo(report["organization"]["timezone"])
    family = _word(FAMILIES, report["incident"]["family"])
    blocks = [
        [f"# Incident report: {report['system']['name']}, {family}"],
        list(_summary(report, zone)),
        ["## Durations", "", *_durations(report["durations"])],
        ["## Category", "", *_categories(report, zone)],
        ["## Timeline", "", *(_step(step, zone) for step in report["steps"])],
        ["## Outages", "", *_outages(report["outages"], zone)],
        ["## Messages", "", *_messages(report["messages"], zone)],
        ["## Receivers", "", *_receivers(report["receivers"])],
        ["## Written by people", "", *_notes(report, notes, zone)],
        ["## Cause", "", WRITE],
        ["## Remediation", "", WRITE],
    ]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _summary(report: Document, zone: ZoneInfo) -> Iterator[str]:
    one, system = report["incident"], report["system"]
    yield f"- Organization: {report['organization']['name']}"
    yield f"- Incident: {one['key']}"
    yield f"- System: {system['name']} ({system['id']})"
    sites = ", ".join(f"{site['name']} ({site['id']})" for site in report["sites"])
    yield f"- Sites: {sites or 'no single one: the whole system'}"
    yield f"- Trouble: {', '.join(_word(CAUSES, cause) for cause in one['causes'])}"
    yield f"- Category: {one['category']} of 4. {report['category_meaning']}"
    yield f"- Priority: {one['priority']}, {_word(PRIORITIES, one['priority'])}"
    merged = f" into {one['merged_into']}" if one["merged_into"] else ""
    yield f"- Status: {one['status'].replace('_', ' ')}{merged}"
    for label, at in (
        ("Started", one["started_at"]),
        ("Detected", one["detected_at"]),
        ("Acknowledged", report["acknowledged_at"]),
        ("Recovered", one["recovered_at"]),
        ("Resolved", report["resolved_at"]),
    ):
        yield f"- {label}: {'not' if at is None else when(at, zone)}"
    ruled = one["ruled"]
    if ruled is not None:
        yield f"- Ruled: {ruled['ruling']}, by {ruled['by']}, {when(ruled['at'], zone)}"
    if one["reopened"]:
        yield f"- Reopened: {one['reopened']} times"
    if one["attached_to"]:
        yield f"- Belongs to: {one['attached_to']}"
    until = system["workaround_until"]
    yield f"- Workaround: {system['workaround'] or 'none documented'}" + (
        f", usable until {when(until, zone)} at most" if until else ""
    )
    yield f"- Runbook: {system['runbook'] or 'none'}"
    yield f"- Made: {when(report['made_at'], zone)}"


def _durations(found: Document) -> Iterator[str]:
    for label, name in (
        ("Start to detection", "detection_ms"),
        ("Detection to acknowledgement", "acknowledgement_ms"),
        ("Start to recovery", "recovery_ms"),
        ("Start to resolution", "resolution_ms"),
    ):
        yield f"- {label}: {_long(found[name])}"


def _categories(report: Document, zone: ZoneInfo) -> Iterator[str]:
    """Each change of the category the rules set, and each a person did."""
    rules: int | None = None
    for step in report["steps"]:
        category = step["category"]
        by_person = step["reason"] is not None
        if step["kind"] == REVIEW and rules is not None:
            yield f"- {when(step['at'], zone)}: {rules} by the rules counts again: a review is due"
        if category is None or (not by_person and category == rules):
            continue
        rules = rules if by_person else category
        until = f", until {when(step['until'], zone)}" if by_person and step["until"] else ""
        why = f": {_plain(step['reason'])}" if by_person else ""
        yield f"- {when(step['at'], zone)}: {category}, {_by(step['by'])}{why}{until}"


def _step(step: Document, zone: ZoneInfo) -> str:
    told = [
        f"category {step['category']}" if step["category"] is not None else "",
        step["priority"] or "",
        ", ".join(_word(CAUSES, cause) for cause in step["causes"]),
        _plain(step["reason"] or ""),
        f"until {when(step['until'], zone)}" if step["until"] else "",
        f"into {step['into']}" if step["into"] else "",
        f"aware on {step['aware_on']}" if step["aware_on"] else "",
        step["ruling"] or "",
        _plain(step["of"] or ""),
        f"by {step['receiver']}" if step["receiver"] else "",
        f"rung {rung_of(step)}, to {rung_to(step)}" if step["rung"] is not None else "",
        _recorded(step, zone),
    ]
    details = "; ".join(text for text in told if text)
    kind = _plain(step["kind"].removeprefix("incident."))
    line = f"- {when(step['at'], zone)}: {kind}, {_by(step['by'])}"
    return f"{line} ({details})" if details else line


def rung_of(rung: Document) -> str:
    """`2`, in later rounds `2, round 3`."""
    return str(rung["rung"]) + ("" if rung["round"] == 1 else f", round {rung['round']}")


def rung_to(rung: Document) -> str:
    """The receivers, and whose they are where the rung itself reached nobody."""
    told = ", ".join(rung["receivers"]) or "nobody"
    if rung["by_rung"] is None:
        return f"{told} (no rung reaches anybody: by the route)"
    if rung["by_rung"] != rung["rung"]:
        return f"{told} (rung {rung['rung']} reaches nobody: by rung {rung['by_rung']})"
    return told


def _recorded(step: Document, zone: ZoneInfo) -> str:
    late = parse_datetime(step["recorded_at"]) - parse_datetime(step["at"])
    if late <= LATE:
        return ""
    return f"recorded {when(step['recorded_at'], zone)}"


def _outages(found: Sequence[Document], zone: ZoneInfo) -> Iterator[str]:
    if not found:
        yield "None overlaps the incident."
    for one in found:
        end = "lasting" if one["end"] is None else when(one["end"], zone)
        least, most = _long(one["min_ms"], "unknown"), _long(one["max_ms"], "unknown")
        yield f"- {when(one['start'], zone)} to {end}; at least {least}, at most {most}"


def _messages(found: Sequence[Document], zone: ZoneInfo) -> Iterator[str]:
    if not found:
        yield "None was written."
    for one in found:
        what = f"{one['receiver']} {one['sequence']} ({_plain(one['step'] or 'message')})"
        if one["reason"] == DeliveryReason.UNTOLD:
            became = "not sent: its readers are told nothing of this"
        elif one["sent_at"] is not None:
            became = f"sent {when(one['sent_at'], zone)}"
        else:
            became = one["state"] + (f", {_plain(one['reason'])}" if one["reason"] else "")
        tries = "" if one["attempts"] == 1 else f", {one['attempts']} attempts"
        yield f"- {when(one['written_at'], zone)}: {what}, {became}{tries}"


def _receivers(found: Sequence[Document]) -> Iterator[str]:
    """Who was written to, and the business associate agreement with them."""
    if not found:
        yield "Nobody was written to."
    for one in found:
        kind = "no longer in the config" if one["kind"] is None else one["kind"]
        yield f"- {one['receiver']} ({kind}): {agreement(one['agreement'])}"


def agreement(found: Document | None) -> str:
    if found is None:
        return "no agreement written down"
    if not found["covered"]:
        return "not covered by an agreement"
    details = [
        "in force" if found["in_force"] else "ended",
        f"until {found['until']}" if found["until"] else "without an end written down",
        found["ref"] or "without a reference",
        f"verified by {found['verified_by']}" if found["verified_by"] else "verified by nobody",
        found["plan"] or "",
    ]
    return f"agreement {', '.join(text for text in details if text)}"


def _notes(report: Document, notes: Sequence[Document] | None, zone: ZoneInfo) -> Iterator[str]:
    count = sum(step["typed"] is not None for step in report["steps"])
    if not count:
        yield "Nothing."
    elif notes is None:
        yield f"{count} kept apart: the roles clinical and admin read them."
    for note in notes or ():
        kind = _plain(note["kind"].removeprefix("incident."))
        yield f"- {when(note['at'], zone)}: {kind}, {_by(note['by'])}"
        yield from (f"  > {line}" for line in note["text"].split("\n"))


def when(instant: str, zone: ZoneInfo) -> str:
    """`2025-12-31 18:00:11 CST (2026-01-01 00:00:11 UTC)`."""
    at = parse_datetime(instant)
    utc = f"{at:%Y-%m-%d %H:%M:%S} UTC"
    local = f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"
    return utc if local == utc else f"{local} ({utc})"


def _long(ms: int | None, missing: str = "not") -> str:
    return missing if ms is None else duration_text(ms)


def _by(actor: str) -> str:
    return "by the rules" if actor == "system" else f"by {actor}"


def _plain(code: str) -> str:
    return code.replace("_", " ")


def _word(words: Mapping[Any, str], code: str) -> str:
    """What a reader calls it; a code without a word of its own stays as it is."""
    return words.get(code, _plain(code))
