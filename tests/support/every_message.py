"""Messages of every type and step there is, as a channel gets them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from alerts.attested import Attested, render_attested
from alerts.checkpoints import Anchor, render_checkpoints
from alerts.contacts import render_contacts
from alerts.deadlines import Deadline, DeadlineKind, Which
from alerts.events import Cause, Incident, Priority
from alerts.outbox import Message, message_id
from alerts.people import ActKind, IncidentState
from alerts.render import MaintenanceStep, render, render_digest, render_maintenance, render_test
from alerts.telling import Step
from alerts.transitions import TransitionKind
from probes.config import Config
from tests.support.outages import an_outage

NOW = 1_767_225_600_000
MINUTE = 60_000
ORG = "st-elsewhere"
S, A, D = IncidentState, ActKind, DeadlineKind
T = TransitionKind
_STORY: tuple[tuple[Step, IncidentState], ...] = (
    (T.OPENED, S.OPEN),
    (T.PAGED, S.OPEN),
    (T.CAUSE_ADDED, S.OPEN),
    (T.SITE_ADDED, S.OPEN),
    (T.RAISED, S.OPEN),
    (T.ATTACHED, S.OPEN),
    (T.PARTED, S.OPEN),
    (D.RESPONSE_WARNED, S.OPEN),
    (D.RESPONSE_BREACHED, S.OPEN),
    (D.LIAISON_NOTICE, S.OPEN),
    (D.WORKAROUND_NOTICE, S.OPEN),
    (A.ACKNOWLEDGED, S.ACKNOWLEDGED),
    (A.RULED, S.ACKNOWLEDGED),
    (D.ACKNOWLEDGEMENT_EXPIRED, S.OPEN),
    (A.RAISED, S.OPEN),
    (D.LEADERSHIP_NOTICE, S.OPEN),
    (D.LEGAL_NOTICE, S.OPEN),
    (D.REVIEW_DUE, S.OPEN),
    (D.NOTICE_BREACHED, S.OPEN),
    (T.RECOVERED, S.RECOVERED),
    (T.CORRECTED, S.RECOVERED),
    (T.RESOLVED, S.RESOLVED),
    (D.REPORT_DUE, S.RESOLVED),
    (D.REPORT_OVERDUE, S.RESOLVED),
    (D.MDR_SOON, S.RESOLVED),
    (D.MDR_DUE, S.RESOLVED),
    (T.REOPENED, S.OPEN),
    (A.REOPENED, S.OPEN),
    (A.RESOLVED, S.RESOLVED),
    (A.CLOSED, S.CLOSED),
)
OTHERS: tuple[tuple[tuple[Step, IncidentState], ...], ...] = (
    ((T.OPENED, S.OPEN), (A.MERGED, S.MERGED)),
    ((T.OPENED, S.OPEN), (A.FALSE_POSITIVE, S.FALSE_POSITIVE)),
    ((T.FOUND_LATE, S.RESOLVED),),
)
UNTOLD: frozenset[StrEnum] = frozenset({D.LATE_DIGEST, A.NOTED})
"""Told as a digest; told to nobody."""
_PLACED = {step for story in (_STORY, *OTHERS) for step, _ in story}
_NEW: list[Step] = [
    step
    for step in (*TransitionKind, *ActKind, *DeadlineKind)
    if step not in _PLACED | UNTOLD and step.value not in {one.value for one in _PLACED}
]
STORY = (*_STORY[:1], *((step, S.OPEN) for step in _NEW), *_STORY[1:])
"""A step that has no place of its own here is told while the incident is open."""


def every_message(config: Config, receiver: str = "desk") -> list[Message]:
    """One incident by every step in an order that can be, others by the ends there are besides, a
    digest, a test, changed contacts, maintenance, attestations and checkpoints: each to `receiver`, in order.
    """
    told = [
        message
        for n, story in enumerate((STORY, *OTHERS))
        for message in _story(config, receiver, story, NOW + n)
    ]
    late = [_incident(NOW - 90 * MINUTE, S.RESOLVED)]
    digest = render_digest(config, late, message_id="digest-1", receiver=receiver, at=NOW)
    test = render_test(config, receiver, name="test-1", at=NOW)
    before = config.model_copy(update={"contacts": {}})
    contacts = render_contacts(before, config, message_id="contacts-1", receiver=receiver, at=NOW)
    for name, body in (("digest", digest), ("test", test), ("contacts", contacts)):
        told.append(Message(f"{name}-1", ORG, name, receiver, 1, body, NOW, NOW))
    for sequence, step in enumerate(MaintenanceStep, 1):
        name = f"maintenance-{sequence}"
        body = render_maintenance(
            config,
            step,
            "upgrade",
            ["ehr"],
            message_id=name,
            receiver=receiver,
            start=NOW,
            end=NOW + MINUTE,
        )
        told.append(Message(name, ORG, "maintenance", receiver, sequence, body, NOW, NOW))
    for revision in (1, 2):
        name = f"attestation-{revision}"
        issued = Attested(
            f"2026-01-{revision}", "2026-01", NOW, NOW + MINUTE, ["ehr"], revision, "ab" * 32, 1_000
        )
        body = render_attested(config, issued, message_id=name, receiver=receiver, at=NOW)
        told.append(Message(name, ORG, name, receiver, 1, body, NOW, NOW))
    anchors = [
        Anchor("evidence", "log.example/evidence", 7, NOW, None, "log.example/evidence\n7\n")
    ]
    name = "checkpoints-1"
    body = render_checkpoints(config, anchors, message_id=name, receiver=receiver, at=NOW)
    told.append(Message(name, ORG, "log_checkpoints", receiver, 1, body, NOW, NOW))
    return told


def _story(
    config: Config, receiver: str, told: Sequence[tuple[Step, IncidentState]], start: int
) -> list[Message]:
    made = []
    for sequence, (step, state) in enumerate(told, 1):
        incident, at = _incident(start, state), start + sequence * MINUTE
        name = message_id(ORG, incident.key, receiver, sequence)
        due = Deadline(Which(step), at, at + MINUTE) if isinstance(step, DeadlineKind) else None
        body = render(
            config,
            step,
            incident,
            message_id=name,
            receiver=receiver,
            sequence=sequence,
            at=at,
            detected_at=start + MINUTE,
            state=state,
            due=due,
            attached=[an_outage(start, "lab", attached_to=incident.key)],
            deadline=(D.RESPONSE_WARNED.value, at + MINUTE),
        )
        made.append(Message(name, ORG, incident.key, receiver, sequence, body, at, at))
    return made


def _incident(start: int, state: IncidentState) -> Incident:
    up = state not in (S.OPEN, S.ACKNOWLEDGED)
    return an_outage(
        start,
        causes=(Cause.DOWN,),
        category=3,
        priority=Priority.P1,
        sites=("north",),
        recovered_at=start + MINUTE if up else None,
    )
