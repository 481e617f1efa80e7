"""An event in words, for a person at a bedside as much as for an engineer. Pure.

Made from the event alone, so whatever a letter says stands in the event too: configured names,
enumerations, integers and times (semantics 7).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from alerts import contacts, render
from alerts.events import Cause, Family, Priority
from alerts.people import ActKind, IncidentState, Ruling
from alerts.render import MEANINGS
from alerts.wording import (
    ABOUT,
    BY_SERVICE,
    CAUSES,
    CLASSES,
    DEADLINES,
    FAMILIES,
    PRIORITIES,
    RULINGS,
    STATES,
    STEPS,
    WHYS,
)
from probes.config_systems import ImpactClass
from probes.times import parse_datetime

LISTED = 20
"""How many attached systems a letter names at most."""
_STEPS = {step.value: text for step, text in STEPS.items()}
_DEADLINES = {kind.value: text for kind, text in DEADLINES.items()}
_ABOUT = {one.value: text for one, text in ABOUT.items()}
_OPEN = frozenset({IncidentState.OPEN.value, IncidentState.ACKNOWLEDGED.value})


@dataclass(frozen=True, slots=True)
class Row:
    """`link` is set where the value is an address to follow."""

    label: str
    value: str
    link: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """`subject` is the same for every letter of an incident, whatever happens to it."""

    subject: str
    headline: str
    step: str
    rows: tuple[Row, ...]
    organization: str


def letter(event: Mapping[str, Any]) -> Letter:
    """Of an event as `alerts/render.py` makes it, parsed."""
    match event["type"]:
        case render.TEST_TYPE:
            return _test(event)
        case render.DIGEST_TYPE:
            return _digest(event)
        case render.CONTACTS_TYPE:
            return _contacts(event)
        case render.MAINTENANCE_TYPE:
            return _maintenance(event)
        case render.ATTESTATION_TYPE:
            return _attestation(event)
        case _:
            return _incident(event)


def _test(event: Mapping[str, Any]) -> Letter:
    data = event["data"]
    organization = data["organization"]["name"]
    rows = (
        Row("Channel", data["receiver"]),
        Row("Sent", _instant(event["time"], zone_of(data))),
    )
    return Letter(
        subject=f"[TEST] Wardwatch at {organization}",
        headline="This is a test. No system is affected.",
        step="Somebody checks that messages arrive here. There is nothing to do.",
        rows=rows,
        organization=organization,
    )


def _digest(event: Mapping[str, Any]) -> Letter:
    data, zone = event["data"], zone_of(event["data"])
    rows = [
        Row(
            line["system"].get("name") or line["system"]["id"],
            f"{_causes(line)}, {_instant(line['started_at'], zone)} to "
            f"{_instant(line['recovered_at'], zone)}, category {line['category']}",
        )
        for line in data["incidents"]
    ]
    more = data["count"] - len(rows)
    if more:
        rows.append(Row("And", f"{more} more; see the list of incidents"))
    return Letter(
        subject=f"[Wardwatch] Past outages found late, {local_time(event['time'], zone)}",
        headline=f"Past outages found late: {data['count']}",
        step="They are over. Nobody was paged for them; this is for your records.",
        rows=tuple(rows),
        organization=data["organization"]["name"],
    )


def _contacts(event: Mapping[str, Any]) -> Letter:
    told = contacts.contacts_letter(event)
    return Letter(
        subject=told.subject,
        headline=told.headline,
        step=f"As of {told.as_of}. This is for your information.",
        rows=tuple(Row("Now", line) for line in told.lines),
        organization=told.organization,
    )


def _maintenance(event: Mapping[str, Any]) -> Letter:
    data, zone = event["data"], zone_of(event["data"])
    names = [system["name"] for system in data["systems"]]
    more = data["count"] - len(names[:LISTED])
    shown = ", ".join([*names[:LISTED], *([f"{more} more"] if more else [])])
    begins = data["step"] == render.MaintenanceStep.BEGAN
    rows = [
        Row("Systems", shown),
        Row("Window", data["window"]),
        Row("From", _instant(data["start"], zone)),
        Row("Until" if begins else "Ended", _instant(data["end"], zone)),
    ]
    return Letter(
        subject=f"[Wardwatch] Maintenance: {shown}, {local_time(data['start'], zone)}",
        headline=f"Maintenance {'begins' if begins else 'is over'}: {shown}",
        step="It was planned and approved. Nothing need be done.",
        rows=tuple(rows),
        organization=data["organization"]["name"],
    )


def _attestation(event: Mapping[str, Any]) -> Letter:
    data, zone = event["data"], zone_of(event["data"])
    names = [system["name"] for system in data["systems"]]
    more = data["count"] - len(names[:LISTED])
    shown = ", ".join([*names[:LISTED], *([f"{more} more"] if more else [])])
    again = "" if data["revision"] == 1 else f", revision {data['revision']}"
    rows = [
        Row("Period", f"{data['period']}{again}"),
        Row("From", _instant(data["start"], zone)),
        Row("Until", _instant(data["end"], zone)),
        Row("Systems", shown),
        Row("Attestation", data["attestation"]),
        Row("Bytes", str(data["length"])),
        Row("SHA-256", data["sha256"]),
        Row("Fetch it", f"wardwatch attest get {data['attestation']} --out attestation.zip"),
        Row("Verify it", "wardwatch verify attestation.zip"),
    ]
    if data.get("link") is not None:
        rows.append(Row("Wardwatch", data["link"], link=True))
    return Letter(
        subject=f"[Wardwatch] Attestation of availability: {data['period']}{again}",
        headline=f"The attestation of {data['period']} was issued{again}.",
        step=(
            "Late evidence came, so it supersedes the one before it."
            if data["revision"] > 1
            else "Its evidence and every number in it can be checked without us."
        ),
        rows=tuple(rows),
        organization=data["organization"]["name"],
    )


def _incident(event: Mapping[str, Any]) -> Letter:
    data = event["data"]
    name, zone = data["system"]["name"], zone_of(data)
    family = FAMILIES[Family(data["family"])]
    return Letter(
        subject=f"[Wardwatch] {name}: {family}, since {local_time(data['started_at'], zone)}",
        headline=_headline(data),
        step=BY_SERVICE if by_service(data) else _STEPS[data["step"]],
        rows=tuple(_rows(event, zone)),
        organization=data["organization"]["name"],
    )


def by_service(data: Mapping[str, Any]) -> bool:
    """Is it the acknowledgement of a service? A person's makes the incident an acknowledged one."""
    return data.get("step") == ActKind.ACKNOWLEDGED and data["state"] == IncidentState.OPEN


def _headline(data: Mapping[str, Any]) -> str:
    name = data["system"]["name"]
    if data["state"] == IncidentState.FALSE_POSITIVE:
        return f"{name}: nothing was wrong (it looked {_causes(data)})"
    if data["recovered_at"] is None:
        return f"{name}: {_causes(data)}"
    return f"{name}: over (was {_causes(data)})"


def _rows(event: Mapping[str, Any], zone: ZoneInfo) -> Iterator[Row]:
    data = event["data"]
    secure = data.get("secure_channel")
    if secure is not None:
        yield Row("It belongs in", f"{secure['name']}; ask {secure['contact']}")
    yield Row("System", data["system"]["name"])
    yield Row("Trouble", _causes(data))
    yield Row("Sites", _sites(data))
    yield from _for_whom(data)
    yield Row("Since", _instant(data["started_at"], zone))
    if data["recovered_at"] is not None:
        yield Row("Over since", _instant(data["recovered_at"], zone))
    yield Row("Incident is", STATES[IncidentState(data["state"])])
    yield Row("Category", f"{data['category']} of 4. {MEANINGS[data['category']]}")
    if data.get("category_why") is not None:
        yield Row("Why", WHYS[data["category_why"]])
    yield Row("Priority", f"{data['priority']}, {PRIORITIES[Priority(data['priority'])]}")
    if data.get("ruling") is not None:
        yield Row("Ruled", RULINGS[Ruling(data["ruling"])])
    yield from _deadline(data, zone)
    yield from _workaround(event, zone)
    if data["attached_to"] is not None:
        yield Row("Belongs to", data["attached_to"])
    yield from _attached(data)
    if data["flapping"]:
        yield Row("Repeated", f"reopened {data['reopened']} times; it comes and goes")
    if data["runbook"] is not None:
        yield Row("Runbook", data["runbook"], link=True)
    yield from _due(data, zone)
    yield from _rung(data)
    if data.get("minimal"):
        yield Row("Short form", "something in it looked like a patient's; Wardwatch shows the rest")
    if data.get("link") is not None:
        yield Row("Wardwatch", data["link"], link=True)
    yield Row("Incident", event["subject"])
    yield Row("Message", f"{data['sequence']}, of {_instant(event['time'], zone)}")


def _for_whom(data: Mapping[str, Any]) -> Iterator[Row]:
    impact, users = data.get("impact"), data.get("users")
    if impact is not None:
        count = "" if users is None else f"; about {users} users"
        yield Row("For whom", f"{CLASSES[ImpactClass(impact['class'])]}{count}")


def _deadline(data: Mapping[str, Any], zone: ZoneInfo) -> Iterator[Row]:
    found = data.get("deadline")
    if found is not None:
        yield Row("Deadline", f"{_instant(found['at'], zone)}: {_DEADLINES[found['kind']]}")


def _workaround(event: Mapping[str, Any], zone: ZoneInfo) -> Iterator[Row]:
    data = event["data"]
    documented = data["workaround"]
    if documented is not None or not data.get("minimal"):
        yield Row("Workaround", "none documented" if documented is None else documented["name"])
    if documented is not None and documented["until"] is not None and data["state"] in _OPEN:
        passed = parse_datetime(documented["until"]) < parse_datetime(event["time"])
        label = "Was usable" if passed else "Usable until"
        yield Row(
            label,
            f"until {_instant(documented['until'], zone)}"
            if passed
            else _instant(documented["until"], zone),
        )


def _rung(data: Mapping[str, Any]) -> Iterator[Row]:
    """Nothing in an event that was written before there were ladders."""
    rung = data.get("rung")
    if rung is not None:
        again = "" if rung["round"] == 1 else f", round {rung['round']}"
        yield Row("Escalated", f"to rung {rung['number']} of {rung['policy']}{again}")


def _due(data: Mapping[str, Any], zone: ZoneInfo) -> Iterator[Row]:
    due = data.get("due")
    if due is None:
        return
    if due["of"] is not None:
        yield Row("About", _ABOUT[due["of"]])
    yield Row("Due", _instant(due["at"], zone))


def _attached(data: Mapping[str, Any]) -> Iterator[Row]:
    """Nothing in an event that was written before events named them."""
    names = [f"{one['name']} (category {one['category']})" for one in data.get("attached", ())]
    more = data.get("attached_count", 0) - len(names[:LISTED])
    if names:
        rest = [f"{more} more"] if more else []
        yield Row("Affects", ", ".join([*names[:LISTED], *rest]))


def _causes(data: Mapping[str, Any]) -> str:
    return ", ".join(CAUSES[Cause(cause)] for cause in data["causes"])


def _sites(data: Mapping[str, Any]) -> str:
    """An incident names sites only where some were down while others may not have been."""
    return ", ".join(site["name"] for site in data["sites"]) or "no single one: the whole system"


def zone_of(data: Mapping[str, Any]) -> ZoneInfo:
    """UTC for a message written before events named the zone."""
    return ZoneInfo(data["organization"].get("timezone", "UTC"))


def local_time(instant: str, zone: ZoneInfo) -> str:
    """`2025-12-31 18:00 CST`: to the minute, as people tell the time."""
    return parse_datetime(instant).astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")


def _instant(instant: str, zone: ZoneInfo) -> str:
    local, utc = local_time(instant, zone), local_time(instant, ZoneInfo("UTC"))
    return utc if local == utc else f"{local} ({utc})"
