"""An event in words for who depends on a system and does not run it: a ward, a customer. Pure.

What is affected, where, since when, what to do meanwhile, when we write next. No category, no
priority, no name of a step: those are for the people who mend it (`letter.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from alerts.deadlines import DeadlineKind
from alerts.events import Cause, Family
from alerts.grouping import GroupStep
from alerts.letter import local_time, zone_of
from alerts.people import ActKind
from alerts.render import ATTESTATION_TYPE, DIGEST_TYPE, MAINTENANCE_TYPE, event_type
from alerts.transitions import TransitionKind
from probes.times import parse_datetime


class Stage(StrEnum):
    """Which letter it is; the templates `customer_STAGE` say it."""

    OPENED = "opened"
    UPDATE = "update"
    RESOLVED = "resolved"


NOW = {
    Cause.DOWN: "does not work",
    Cause.OVERRUN: "does not work, longer than was announced",
    Cause.DEGRADED: "works slowly or only in part",
    Cause.UNKNOWN: "may not work: we cannot see it at present",
    Cause.MISCONFIGURED: "may refuse some requests: we are finding out",
    Cause.REJECTED_BY_ALL: "refuses requests: we are finding out whose",
    Cause.SILENT: "sends nothing, which it should",
    Cause.FLOODED: "sends far more than it should",
    Cause.EXPIRING: "works; its certificate ends soon",
    Cause.BURNING: "has failed more often than was agreed",
}
THEN = {
    Cause.DOWN: "did not work",
    Cause.OVERRUN: "did not work, longer than was announced",
    Cause.DEGRADED: "worked slowly or only in part",
    Cause.UNKNOWN: "could not be seen by us",
    Cause.MISCONFIGURED: "may have refused some requests",
    Cause.REJECTED_BY_ALL: "refused requests",
    Cause.SILENT: "sent nothing",
    Cause.FLOODED: "sent far more than it should",
    Cause.EXPIRING: "had a certificate that was about to end",
    Cause.BURNING: "failed more often than was agreed",
}
_IN = {Cause.MISCONFIGURED: Cause.REJECTED_BY_ALL, Cause.DOWN: Cause.OVERRUN}
"""What is part of something that has come since."""
NEWS: dict[str, str] = {
    TransitionKind.REOPENED: "It had worked again, and has failed anew.",
    TransitionKind.CAUSE_ADDED: "The trouble has changed.",
    TransitionKind.SITE_ADDED: "Another site is affected.",
    TransitionKind.RAISED: "The trouble has become more serious.",
    TransitionKind.ATTACHED: "Another system that it needs is in trouble, too.",
    TransitionKind.PARTED: "Another system that it needs works again, this one not yet.",
}
"""What an update is about; of a step that tells a customer nothing: `LASTS`."""
LASTS = "It goes on."
OVER = {Family.BLIND: "we can see it again"}
"""How it ended, where not `ENDED`: what can be seen again may work or not."""
ENDED = "the trouble is over"
NOTHING = "nothing was wrong, we were mistaken"
UNTOLD = frozenset(
    {
        ActKind.ACKNOWLEDGED,
        ActKind.RAISED,
        ActKind.CLOSED,
        ActKind.MERGED,
        ActKind.RULED,
        ActKind.CAUTIONED,
        TransitionKind.RESOLVED,
        GroupStep.GATHERED,
        DeadlineKind.RESPONSE_WARNED,
        DeadlineKind.RESPONSE_BREACHED,
        DeadlineKind.ACKNOWLEDGEMENT_EXPIRED,
        DeadlineKind.REVIEW_DUE,
        DeadlineKind.REPORT_DUE,
        DeadlineKind.REPORT_OVERDUE,
        DeadlineKind.NOTICE_BREACHED,
        DeadlineKind.LATE_DIGEST,
        DeadlineKind.ESCALATED,
    }
)
"""Steps that are for the people who run the system: a customer gets no letter of them."""
_UNTOLD = frozenset(step.value for step in UNTOLD)


@dataclass(frozen=True, slots=True)
class CustomerLetter:
    """`subject` is the same for every letter of an incident. Times are local, to the minute.

    `meanwhile`: how to go on without it; None in a short form (`minimal.py`), which has no such
    names. `late`: it was found out afterwards. `again`: we write again if it comes back.
    """

    stage: Stage
    subject: str
    headline: str
    name: str
    trouble: str
    news: str
    where: str
    since: str
    over_since: str | None
    meanwhile: str | None
    late: bool
    again: bool
    organization: str


def is_told(event: Mapping[str, Any]) -> bool:
    """Does a customer get a letter of it? Of a test, a notice, other contacts: yes."""
    untold = event["type"] in (DIGEST_TYPE, MAINTENANCE_TYPE, ATTESTATION_TYPE)
    return not untold and event["data"].get("step") not in _UNTOLD


def customer_letter(event: Mapping[str, Any]) -> CustomerLetter:
    """Of an event of an incident, parsed."""
    data = event["data"]
    zone = zone_of(data)
    name, organization = data["system"]["name"], data["organization"]["name"]
    since, over = local_time(data["started_at"], zone), data["recovered_at"]
    stage = Stage.OPENED if event["type"] == event_type(TransitionKind.OPENED) else Stage.UPDATE
    if over is not None or data["step"] == ActKind.FALSE_POSITIVE:
        stage = Stage.RESOLVED
    return CustomerLetter(
        stage=stage,
        subject=f"[{organization}] {name}: notice of trouble since {since}",
        headline=_headline(data, stage),
        name=name,
        trouble=_trouble(data["causes"], THEN if stage is Stage.RESOLVED else NOW),
        news=NEWS.get(data["step"], LASTS),
        where=", ".join(site["name"] for site in data["sites"]) or "everywhere",
        since=since,
        over_since=None if over is None else local_time(over, zone),
        meanwhile=_meanwhile(event, zone),
        late=data["step"] == TransitionKind.FOUND_LATE,
        again=data["step"] in (TransitionKind.RECOVERED, TransitionKind.CORRECTED),
        organization=organization,
    )


def _headline(data: Mapping[str, Any], stage: Stage) -> str:
    name, trouble = data["system"]["name"], _trouble(data["causes"], NOW)
    match stage:
        case Stage.OPENED:
            return f"{name} {trouble}"
        case Stage.RESOLVED if data["step"] == ActKind.FALSE_POSITIVE:
            return f"{name}: {NOTHING}"
        case Stage.RESOLVED:
            return f"{name}: {OVER.get(Family(data['family']), ENDED)}"
    again = "again" if data["step"] == TransitionKind.REOPENED else "still"
    return f"{name} {again} {trouble}"


def _meanwhile(event: Mapping[str, Any], zone: ZoneInfo) -> str | None:
    data = event["data"]
    workaround = data["workaround"]
    if workaround is None:
        return None if data.get("minimal") else "there is no documented way to go on without it"
    name, until = workaround["name"], workaround["until"]
    if until is not None and parse_datetime(until) < parse_datetime(event["time"]):
        return f"the time of this has passed: {name}"
    return name if until is None else f"{name}, until {local_time(until, zone)}"


def _trouble(causes: Sequence[str], words: Mapping[Cause, str]) -> str:
    """What one of them says already is not said again."""
    found = [Cause(cause) for cause in causes]
    return ", or ".join(words[one] for one in found if _IN.get(one) not in found)
