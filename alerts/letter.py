"""An event in words, for a person at a bedside as much as for an engineer. Pure.

Made from the event alone, so whatever a letter says stands in the event too: configured names,
enumerations, integers and times (semantics 7).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from alerts.events import Cause, Family, Priority
from alerts.render import TEST_TYPE
from alerts.transitions import TransitionKind
from probes.times import parse_datetime

CAUSES = {
    Cause.DOWN: "down",
    Cause.DEGRADED: "impaired",
    Cause.OVERRUN: "still down after its maintenance window",
    Cause.UNKNOWN: "not observed: nobody can tell whether it works",
    Cause.MISCONFIGURED: "refusing the monitoring's requests",
    Cause.REJECTED_BY_ALL: "refusing the monitoring from everywhere",
    Cause.SILENT: "sending nothing though it should",
    Cause.FLOODED: "sending far more than usual",
    Cause.EXPIRING: "a certificate ends soon",
    Cause.BURNING: "its error budget is being spent too fast",
}
FAMILIES = {
    Family.AVAILABILITY: "availability",
    Family.ACCESS: "access of the monitoring",
    Family.BLIND: "no observation",
    Family.FEED: "feed",
    Family.EXPIRY: "expiry",
    Family.BUDGET: "error budget",
}
PRIORITIES = {
    Priority.P1: "most urgent",
    Priority.P2: "urgent",
    Priority.P3: "not urgent",
    Priority.P4: "for information",
}
STEPS = {
    TransitionKind.OPENED: "A new incident.",
    TransitionKind.FOUND_LATE: "A past incident, found late; it is over.",
    TransitionKind.REOPENED: "The trouble is back: the incident is open again.",
    TransitionKind.CAUSE_ADDED: "The trouble has changed its form.",
    TransitionKind.SITE_ADDED: "Another site is affected.",
    TransitionKind.RAISED: "The incident has become more serious.",
    TransitionKind.ATTACHED: "It was found to belong to the incident of another system.",
    TransitionKind.PARTED: "It no longer belongs to the incident of another system.",
    TransitionKind.PAGED: "A new incident.",
    TransitionKind.RECOVERED: "The trouble is over.",
    TransitionKind.CORRECTED: "Late evidence shows that the trouble is over.",
    TransitionKind.RESOLVED: "The incident is closed.",
}
STATES = {
    "open": "open",
    "recovered": "recovered, not yet closed",
    "resolved": "closed",
}


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
    return _test(event) if event["type"] == TEST_TYPE else _incident(event)


def _test(event: Mapping[str, Any]) -> Letter:
    data = event["data"]
    organization = data["organization"]["name"]
    rows = (
        Row("Channel", data["receiver"]),
        Row("Sent", _instant(event["time"], _zone(data))),
    )
    return Letter(
        subject=f"[TEST] Wardwatch at {organization}",
        headline="This is a test. No system is affected.",
        step="Somebody checks that messages arrive here. There is nothing to do.",
        rows=rows,
        organization=organization,
    )


def _incident(event: Mapping[str, Any]) -> Letter:
    data = event["data"]
    name, zone = data["system"]["name"], _zone(data)
    family = FAMILIES[Family(data["family"])]
    return Letter(
        subject=f"[Wardwatch] {name}: {family}, since {_local(data['started_at'], zone)}",
        headline=_headline(data),
        step=STEPS[TransitionKind(data["step"])],
        rows=tuple(_rows(event, zone)),
        organization=data["organization"]["name"],
    )


def _headline(data: Mapping[str, Any]) -> str:
    name = data["system"]["name"]
    if data["state"] == "open":
        return f"{name}: {_causes(data)}"
    return f"{name}: over (was {_causes(data)})"


def _rows(event: Mapping[str, Any], zone: ZoneInfo) -> Iterator[Row]:
    data = event["data"]
    yield Row("System", data["system"]["name"])
    yield Row("Trouble", _causes(data))
    yield Row("Sites", _sites(data))
    yield Row("Since", _instant(data["started_at"], zone))
    if data["recovered_at"] is not None:
        yield Row("Over since", _instant(data["recovered_at"], zone))
    yield Row("Incident is", STATES[data["state"]])
    yield Row("Category", f"{data['category']} of 4. {data['category_meaning']}")
    yield Row("Priority", f"{data['priority']}, {PRIORITIES[Priority(data['priority'])]}")
    yield from _workaround(data, zone)
    if data["attached_to"] is not None:
        yield Row("Belongs to", data["attached_to"])
    if data["flapping"]:
        yield Row("Repeated", f"reopened {data['reopened']} times; it comes and goes")
    if data["runbook"] is not None:
        yield Row("Runbook", data["runbook"], link=True)
    yield Row("Incident", event["subject"])
    yield Row("Message", f"{data['sequence']}, of {_instant(event['time'], zone)}")


def _workaround(data: Mapping[str, Any], zone: ZoneInfo) -> Iterator[Row]:
    documented = data["workaround"]
    yield Row("Workaround", "none documented" if documented is None else documented["name"])
    if documented is not None and documented["until"] is not None and data["state"] == "open":
        yield Row("Usable until", _instant(documented["until"], zone))


def _causes(data: Mapping[str, Any]) -> str:
    return ", ".join(CAUSES[Cause(cause)] for cause in data["causes"])


def _sites(data: Mapping[str, Any]) -> str:
    """An incident names sites only where some were down while others may not have been."""
    return ", ".join(site["name"] for site in data["sites"]) or "no single one: the whole system"


def _zone(data: Mapping[str, Any]) -> ZoneInfo:
    """UTC for a message written before events named the zone."""
    return ZoneInfo(data["organization"].get("timezone", "UTC"))


def _local(instant: str, zone: ZoneInfo) -> str:
    """`2025-12-31 18:00 CST`: to the minute, as people tell the time."""
    return parse_datetime(instant).astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")


def _instant(instant: str, zone: ZoneInfo) -> str:
    local, utc = _local(instant, zone), _local(instant, ZoneInfo("UTC"))
    return utc if local == utc else f"{local} ({utc})"
