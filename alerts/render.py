"""What leaves the house: one CloudEvents 1.0 document per step of an incident. Pure.

Rendered only from configured names, enumerations, integers and times (semantics 7). No field
holds text from a probed system or from a person. What trips the wire all the same leaves in
minimal form.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from alerts.deadlines import NOTICES, Deadline
from alerts.events import Incident
from alerts.minimal import encoded, harmless
from alerts.people import ActKind, CategoryReason, IncidentState, Ruling
from alerts.telling import Step
from alerts.transitions import TransitionKind
from alerts.why import why
from probes.config import Config
from probes.config_systems import Impact, Workaround
from probes.times import rfc3339

MEANINGS = {
    1: "Administrative impact; care is not affected.",
    2: "Care is affected; a workaround is usable or the service is only impaired.",
    3: "Care is affected and there is no usable workaround.",
    4: "Patient safety event.",
}
"""The clinical risk categories as a reader needs them (semantics 5)."""

NAMED = 200
"""How many attached incidents a message names at most; the rest is counted."""

TEST_TYPE = "org.wardwatch.test.v1"
DIGEST_TYPE = "org.wardwatch.digest.v1"
CONTACTS_TYPE = "org.wardwatch.contacts.v1"
MAINTENANCE_TYPE = "org.wardwatch.maintenance.v1"
ATTESTATION_TYPE = "org.wardwatch.attestation.v1"
DIGEST_LINES = 200

_TYPES: dict[Step, str] = {
    TransitionKind.OPENED: "opened",
    TransitionKind.PAGED: "opened",
    TransitionKind.RECOVERED: "recovered",
    TransitionKind.CORRECTED: "recovered",
    TransitionKind.RESOLVED: "resolved",
    TransitionKind.FOUND_LATE: "resolved",
    ActKind.MERGED: "resolved",
    ActKind.FALSE_POSITIVE: "resolved",
    **dict.fromkeys(NOTICES, "notice"),
}


def event_type(step: Step) -> str:
    """`opened` is the first a receiver hears of an incident; a step in between is `updated`."""
    return f"org.wardwatch.incident.{_TYPES.get(step, 'updated')}.v1"


def _type(step: Step, state: IncidentState) -> str:
    """A person who lowers the category of what has recovered resolves it with that."""
    resolves = step is ActKind.RAISED and state is IncidentState.RESOLVED
    return event_type(TransitionKind.RESOLVED if resolves else step)


def render(
    config: Config,
    step: Step,
    incident: Incident,
    *,
    message_id: str,
    receiver: str,
    sequence: int,
    at: int,
    detected_at: int,
    state: IncidentState,
    due: Deadline | None = None,
    attached: Sequence[Incident] = (),
    deadline: tuple[str, int] | None = None,
    category_reason: CategoryReason | None = None,
    ruling: Ruling | None = None,
) -> bytes:
    """The body of one message: JSON with sorted keys, at most a few dozen kB.

    `at` is the step's instant, `detected_at` the incident's first detection; `due` the deadline
    that the step tells of, `deadline` what comes due next (its kind, UTC ms); `attached` hang on
    it, the most serious first; `category_reason` a person's, where a person's category is in force;
    `ruling` theirs on a rejection by all.
    A system that the config no longer has is called by its id.
    """
    system = config.systems.get(incident.system)
    impact = system.impact if system else None
    event = {
        "specversion": "1.0",
        "id": message_id,
        "source": f"urn:wardwatch:{config.organization.id}",
        "type": _type(step, state),
        "subject": incident.key,
        "time": rfc3339(at),
        "datacontenttype": "application/json",
        "data": {
            "organization": organization_of(config),
            "system": _system(config, incident.system),
            "key": f"{config.organization.id}.{incident.key}.{receiver}",
            "sequence": sequence,
            "step": step.value,
            "state": state.value,
            "family": incident.family.value,
            "causes": [cause.value for cause in incident.causes],
            "category": incident.category,
            "category_meaning": MEANINGS[incident.category],
            "category_why": category_reason or _why(config, impact, incident, at),
            "priority": incident.priority.value,
            "ruling": ruling,
            "impact": None if impact is None else _impact(impact),
            "sites": [_site(config, site) for site in incident.sites],
            "users": _users(config, incident.sites),
            "started_at": rfc3339(incident.started_at),
            "detected_at": rfc3339(detected_at),
            "recovered_at": _instant(incident.recovered_at),
            "deadline": _deadline(deadline),
            "attached_to": incident.attached_to,
            "attached": [_attached(config, one) for one in attached[:NAMED]],
            "attached_count": len(attached),
            "reopened": incident.reopened,
            "flapping": incident.flapping,
            "workaround": _workaround(impact.workaround if impact else None, incident),
            "runbook": system.runbook if system else None,
            "due": _due(due),
            "rung": _rung(due),
            "link": _link(config),
            "minimal": [],
            **({"secure_channel": _secure(config)} if step is ActKind.CAUTIONED else {}),
        },
    }
    return encoded(harmless(event))


def _secure(config: Config) -> dict[str, str] | None:
    """Where patient information belongs, and whom to ask: names alone, as everything that leaves."""
    place = config.secure_channel
    if place is None:
        return None
    return {"name": place.name, "contact": config.contacts[place.contact].name}


def render_digest(
    config: Config,
    incidents: Sequence[Incident],
    *,
    message_id: str,
    receiver: str,
    at: int,
) -> bytes:
    """Past outages that were found late: a line each, `DIGEST_LINES` at most, and their number."""
    event = {
        "specversion": "1.0",
        "id": message_id,
        "source": f"urn:wardwatch:{config.organization.id}",
        "type": DIGEST_TYPE,
        "subject": f"digest.{receiver}",
        "time": rfc3339(at),
        "datacontenttype": "application/json",
        "data": {
            "organization": organization_of(config),
            "count": len(incidents),
            "incidents": [_line(config, incident) for incident in incidents[:DIGEST_LINES]],
        },
    }
    return encoded(harmless(event))


class MaintenanceStep(StrEnum):
    """What an approved occurrence of a window does."""

    BEGAN = "began"
    ENDED = "ended"


def render_maintenance(
    config: Config,
    step: MaintenanceStep,
    window: str,
    systems: Sequence[str],
    *,
    message_id: str,
    receiver: str,
    start: int,
    end: int,
) -> bytes:
    """Maintenance that begins or is over, for channels that show changes."""
    event = {
        "specversion": "1.0",
        "id": message_id,
        "source": f"urn:wardwatch:{config.organization.id}",
        "type": MAINTENANCE_TYPE,
        "subject": f"maintenance.{receiver}",
        "time": rfc3339(start if step is MaintenanceStep.BEGAN else end),
        "datacontenttype": "application/json",
        "data": {
            "organization": organization_of(config),
            "step": step.value,
            "window": window,
            "systems": [_system(config, system) for system in systems[:NAMED]],
            "count": len(systems),
            "start": rfc3339(start),
            "end": rfc3339(end),
            "link": _link(config),
        },
    }
    return encoded(harmless(event))


def _line(config: Config, incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.key,
        "system": _system(config, incident.system),
        "family": incident.family.value,
        "causes": [cause.value for cause in incident.causes],
        "category": incident.category,
        "started_at": rfc3339(incident.started_at),
        "recovered_at": _instant(incident.recovered_at),
    }


def _system(config: Config, system: str) -> dict[str, str]:
    known = config.systems.get(system)
    return {"id": system, "name": known.name if known else system}


def render_test(config: Config, receiver: str, *, name: str, at: int) -> bytes:
    """The body of a test message: a type of its own, and no incident in it."""
    event = {
        "specversion": "1.0",
        "id": name,
        "source": f"urn:wardwatch:{config.organization.id}",
        "type": TEST_TYPE,
        "subject": f"test.{receiver}",
        "time": rfc3339(at),
        "datacontenttype": "application/json",
        "data": {"organization": organization_of(config), "receiver": receiver},
    }
    return encoded(harmless(event))


def organization_of(config: Config) -> dict[str, str]:
    one = config.organization
    return {"id": one.id, "name": one.name, "timezone": one.timezone}


def _due(due: Deadline | None) -> dict[str, Any] | None:
    """What came due, with the notice or horizon it is about; a notice says by when it arrives."""
    if due is None or due.rung is not None:
        return None
    return {"of": due.which.of or None, "at": rfc3339(due.at), "by": _instant(due.by)}


def _rung(due: Deadline | None) -> dict[str, Any] | None:
    """How far up its ladder nobody has taken it on."""
    if due is None or due.rung is None:
        return None
    return {"policy": due.which.of, "number": due.rung.number, "round": due.rung.round}


def _attached(config: Config, incident: Incident) -> dict[str, Any]:
    return {**_system(config, incident.system), "category": incident.category}


def _site(config: Config, site: str) -> dict[str, str]:
    known = config.sites.get(site)
    return {"id": site, "name": known.name if known else site}


def _impact(impact: Impact) -> dict[str, str]:
    return {"class": impact.class_.value, "service": impact.service.value}


def _why(config: Config, impact: Impact | None, incident: Incident, at: int) -> str | None:
    return None if impact is None else why(impact, config.policy, incident, at)


def _users(config: Config, sites: Sequence[str]) -> int | None:
    """Of the sites named, else of all; None unless each of them has a number."""
    counts = [
        config.sites[site].users if site in config.sites else None for site in sites or config.sites
    ]
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def _deadline(deadline: tuple[str, int] | None) -> dict[str, str] | None:
    return None if deadline is None else {"kind": deadline[0], "at": rfc3339(deadline[1])}


def _link(config: Config) -> str | None:
    """The collector's first page: it lists the incidents that are open."""
    public = None if config.access is None else config.access.public_url
    return None if public is None else f"{public}/"


def _instant(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339(at_ms)


def _workaround(workaround: Workaround | None, incident: Incident) -> dict[str, Any] | None:
    """Its name and until when it may be used at most; None when none is documented."""
    if workaround is None:
        return None
    span = workaround.valid_for
    return {
        "name": workaround.name,
        "until": None if span is None else rfc3339(incident.started_at + span),
    }
