"""Who hears what about a transition, in which order."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from alerts.events import Cause, Family, Incident, Priority
from alerts.outbox import Message
from alerts.transitions import Transition, TransitionKind
from collector.messages import messages
from collector.process import advance
from probes.config import Config
from probes.history import History, Version
from tests.support.processing import settings

START = 1_767_225_600_000
KEY = f"ehr.availability.{START}"
INCIDENT = Incident(
    key=KEY,
    system="ehr",
    family=Family.AVAILABILITY,
    causes=(Cause.DOWN,),
    category=2,
    priority=Priority.P2,
    started_at=START,
    due_at=START,
    recovered_at=None,
    attached_to=None,
    quiet=False,
    reopened=0,
    flapping=False,
)
RECOVERED = replace(INCIDENT, recovered_at=START + 60_000)


def config(*, desk_from: str = "P3", pager_from: str = "P1") -> Config:
    return Config.model_validate(
        {
            "version": "1",
            "organization": {"id": "st-e", "name": "St Elsewhere", "timezone": "UTC"},
            "sites": {"north": {"name": "North"}},
            "agents": {"north-1": {"site": "north"}},
            "systems": {"ehr": {"name": "EHR", "impact": {"class": "clinical"}}},
            "checks": {
                "c": {"system": "ehr", "kind": "http", "every": "30s", "timeout": "5s"},
            },
            "channels": {"desk": {"kind": "webhook"}, "pager": {"kind": "webhook"}},
            "routes": [
                {"families": ["availability"], "min_priority": desk_from, "to": ["desk"]},
                {"families": ["availability"], "min_priority": pager_from, "to": ["pager"]},
            ],
        }
    )


def tell(
    *steps: tuple[TransitionKind, Incident],
    told: dict[tuple[str, str], int] | None = None,
    used: Config | None = None,
) -> list[Message]:
    found = [
        (Transition(kind, incident), START + 5_000 + n) for n, (kind, incident) in enumerate(steps)
    ]
    now, known = START + 6_000, used or config()
    steps_said = advance({}, (), found, (), lambda _: settings(known), now).said
    return [
        one.message
        for one in messages(steps_said, told or {}, History([Version(START, known)]), now)
    ]


def said(found: list[Message]) -> list[tuple[str, int, str]]:
    return [(m.receiver, m.seq, body(m)["type"].split(".")[-2]) for m in found]


def body(message: Message) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(message.body)
    return parsed


def test_an_opened_incident_is_told_to_whom_its_priority_concerns() -> None:
    (message,) = tell((TransitionKind.OPENED, INCIDENT))
    assert (message.receiver, message.seq, message.incident_key) == ("desk", 1, KEY)
    assert (message.org, message.created_at, message.next_at) == (
        "st-e",
        START + 6_000,
        START + 6_000,
    )
    assert body(message)["time"] == "2026-01-01T00:00:05.000Z"
    assert body(message)["data"]["detected_at"] == "2026-01-01T00:00:05.000Z"


def test_a_quiet_incident_tells_nobody_until_it_pages() -> None:
    quiet = replace(INCIDENT, quiet=True)
    assert tell((TransitionKind.OPENED, quiet)) == []
    assert said(tell((TransitionKind.PAGED, INCIDENT))) == [("desk", 1, "opened")]
    assert tell((TransitionKind.RECOVERED, replace(quiet, recovered_at=START + 1))) == []


def test_who_hears_of_it_first_at_a_raise_hears_that_it_is_open() -> None:
    raised = replace(INCIDENT, category=3, priority=Priority.P1)
    found = tell((TransitionKind.RAISED, raised), told={(KEY, "desk"): 1})
    assert said(found) == [("desk", 2, "updated"), ("pager", 1, "opened")]


def test_the_steps_of_one_evaluation_are_numbered_in_order() -> None:
    raised = replace(INCIDENT, category=3, priority=Priority.P1)
    found = tell((TransitionKind.OPENED, INCIDENT), (TransitionKind.RAISED, raised))
    assert said(found) == [("desk", 1, "opened"), ("desk", 2, "updated"), ("pager", 1, "opened")]
    assert len({m.id for m in found}) == 3


def test_who_heard_of_the_beginning_hears_of_the_end_though_routes_changed() -> None:
    found = tell(
        (TransitionKind.RECOVERED, RECOVERED),
        (TransitionKind.RESOLVED, RECOVERED),
        told={(KEY, "pager"): 3},
        used=config(desk_from="P1"),
    )
    assert said(found) == [("pager", 4, "recovered"), ("pager", 5, "resolved")]


def test_who_heard_nothing_does_not_hear_of_an_end() -> None:
    assert tell((TransitionKind.RECOVERED, RECOVERED)) == []


def test_a_past_outage_found_late_is_one_message_for_a_ticket_created_closed() -> None:
    found = tell((TransitionKind.FOUND_LATE, RECOVERED), (TransitionKind.RESOLVED, RECOVERED))
    assert said(found) == [("desk", 1, "resolved")]
