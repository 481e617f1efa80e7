"""Rows of a simulated hospital's journal: keys, versions, windows, an incident, a correction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from alerts.people import ActKind as IncidentActKind
from alerts.transitions import TransitionKind
from collector import acts
from collector.bundle.samplestory import (
    HOUR_MS,
    ORG,
    Fault,
    Story,
    canonical,
    config,
    is_pinned,
    window_times,
)
from collector.core.agent_keys import KeyAct
from collector.facts import AWAY, CONFIG, SYSTEM, Fact
from collector.facts import canonical as json_of
from probes import agentkeys
from probes.acts import ActKind, CorrectAs, Correction, CorrectionReason, Signed, WindowAct
from probes.config_windows import Window
from probes.windows import digest

MINUTE_MS = 60_000


def facts(
    story: Story, keys: Mapping[str, Ed25519PrivateKey], rotated: Ed25519PrivateKey
) -> list[Fact]:
    """All there are, in the order of their instants: each is recorded when it is said."""
    public = [agentkeys.text_of(keys[name].public_key()) for name in story.agent_names]
    found = [
        Fact(CONFIG, story.begin, canonical(config(story, public))),
        *_enrolments(story, public),
        *_windows(story),
        *_incident(story),
        *_correction(story),
    ]
    if story.has(Fault.VERSION):
        found += [
            Fact(CONFIG, story.at(330), canonical(config(story, public, 2))),
            Fact(CONFIG, story.at(370), canonical(config(story, public, 3))),
        ]
    if story.has(Fault.AWAY):
        away = story.away
        data = json_of({"from": away.start, "to": away.end})
        found.append(Fact(AWAY, away.end, data))
    if story.has(Fault.ROTATION):
        found.append(_rotation(story, keys[story.agent_names[0]], rotated))
    return sorted(found, key=lambda fact: fact.at)


def _enrolments(story: Story, public: list[str]) -> list[Fact]:
    found = []
    for n, name in enumerate(story.agent_names):
        if is_pinned(n):
            continue
        at = story.begin + (n + 1) * 10 * MINUTE_MS
        who = {"agent": name, "fingerprint": agentkeys.fingerprint(public[n])}
        enrolled = {**who, "site": "north", "key": public[n], "invited_by": "admin-1"}
        approved = {**who, "by": "admin-1", "replaces": []}
        found += [
            Fact(KeyAct.ENROLLED.value, at, json_of(enrolled), f"agent:{name}"),
            Fact(KeyAct.APPROVED.value, at + MINUTE_MS, json_of(approved), "admin-1"),
        ]
    return found


def _rotation(story: Story, old: Ed25519PrivateKey, new: Ed25519PrivateKey) -> Fact:
    at, name = story.at(550), story.agent_names[0]
    before, after = (agentkeys.text_of(key.public_key()) for key in (old, new))
    statement = agentkeys.rotation(ORG, name, before, after, at)
    data = {
        "agent": name,
        "from": agentkeys.fingerprint(before),
        "to": agentkeys.fingerprint(after),
        "key": after,
        "at": at,
        "signature_from": agentkeys.sign(old, statement),
        "signature_to": agentkeys.sign(new, statement),
        "valid_until": at + 21 * 24 * HOUR_MS,
    }
    return Fact(KeyAct.ROTATED.value, at, json_of(data), f"agent:{name}")


def _windows(story: Story) -> list[Fact]:
    """One that is approved the day before it begins."""
    if not story.has(Fault.WINDOW):
        return []
    at = story.window.start - 30 * HOUR_MS
    told = {
        "id": "patch-night",
        "systems": [story.system_names[0]],
        **window_times(story.window),
        "proposed": {"by": "change-1", "at": "2026-06-01T00:00:00Z"},
    }
    window = Window.model_validate(told)
    proposed = WindowAct(
        ActKind.PROPOSED, window.id, "change-1", at, "CHG1", digest(window), window
    )
    approved = WindowAct(
        ActKind.APPROVED, window.id, "approver-1", at + HOUR_MS, "CHG1", digest(window)
    )
    return [acts.fact_of(proposed), acts.fact_of(approved)]


def _correction(story: Story) -> list[Fact]:
    if not (story.has(Fault.CORRECTION) and story.has(Fault.OUTAGE)):
        return []
    outage = story.outage
    one = Correction(
        "power-cut",
        story.system_names[0],
        outage.start,
        outage.end,
        CorrectAs.EXCLUDED,
        CorrectionReason.CUSTOMER_POWER,
        Signed("change-1", story.at(900), "REQ1"),
    )
    approved = Signed("approver-1", story.end + 5 * HOUR_MS, "REQ1")
    return [acts.fact_of_request(one), acts.fact_of_approval(one.id, approved)]


def _incident(story: Story) -> list[Fact]:
    """Of the outage, as rules and people would have told it."""
    if not story.has(Fault.OUTAGE):
        return []
    outage, system = story.outage, story.system_names[0]
    detected, over = outage.start + 2 * story.every, outage.end + 5 * MINUTE_MS
    fields: dict[str, Any] = {
        "key": f"{system}.availability.{outage.start}",
        "version": 1,
        "system": system,
        "family": "availability",
        "causes": ["down"],
        "category": 3,
        "priority": "P1",
        "started_at": outage.start,
        "due_at": outage.start,
        "recovered_at": None,
        "attached_to": None,
        "quiet": False,
        "reopened": 0,
        "flapping": False,
        "sites": ["north", "south"],
        "config": 1,
    }
    ended = {**fields, "version": 2, "recovered_at": outage.end}
    said = {"key": fields["key"], "version": 1, "by": "oncall-1"}
    return [
        Fact(_of(TransitionKind.OPENED), detected, json_of(fields)),
        Fact(
            _of(IncidentActKind.ACKNOWLEDGED), detected + 4 * MINUTE_MS, json_of(said), "oncall-1"
        ),
        Fact(_of(TransitionKind.RECOVERED), over, json_of(ended)),
        Fact(_of(TransitionKind.RESOLVED), over + MINUTE_MS, json_of(ended), SYSTEM),
    ]


def _of(kind: TransitionKind | IncidentActKind) -> str:
    """As the journal names it."""
    return f"incident.{kind.value}"
