"""Who hears what about a transition, in which order."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from alerts.customer import is_told
from alerts.events import Incident, Priority
from alerts.outbox import Message
from alerts.people import Act, ActKind
from alerts.transitions import Transition, TransitionKind
from probes.config import Config
from probes.config_channels import Channel, Notices
from tests.support.outages import an_outage
from tests.support.processing import Process, evaluated

START = 1_767_225_600_000
KEY = f"ehr.availability.{START}"
INCIDENT = an_outage(START)
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
    return evaluated(used or config(), found, START + 6_000, told=told)


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


def test_who_was_paged_before_alertmanager_was_to_page_hears_of_the_end() -> None:
    written = config().model_dump(mode="json", by_alias=True)
    pager = {"kind": "pagerduty", "routing_key": "file:/key"}
    written["channels"] |= {"pager": pager}
    used = Config.model_validate(written | {"page_owner": "alertmanager"})
    raised = replace(INCIDENT, category=3, priority=Priority.P1)
    assert said(tell((TransitionKind.OPENED, raised), used=used)) == [("desk", 1, "opened")]
    found = tell((TransitionKind.RECOVERED, RECOVERED), told={(KEY, "pager"): 3}, used=used)
    assert said(found) == [("pager", 4, "recovered")]


def test_who_heard_nothing_does_not_hear_of_an_end() -> None:
    assert tell((TransitionKind.RECOVERED, RECOVERED)) == []


def test_a_past_outage_found_late_is_one_message_for_a_ticket_created_closed() -> None:
    found = tell((TransitionKind.FOUND_LATE, RECOVERED), (TransitionKind.RESOLVED, RECOVERED))
    assert said(found) == [("desk", 1, "resolved")]


def notified(used: Config) -> list[tuple[str, int, str]]:
    severe = replace(INCIDENT, category=3, priority=Priority.P1)
    return said(tell((TransitionKind.OPENED, severe), used=used))


def test_a_notice_for_a_role_without_channels_goes_to_whom_p1_goes() -> None:
    """Here they hear of category 3 in the same breath, and are not told twice."""
    assert notified(config()) == [("desk", 1, "opened"), ("pager", 1, "opened")]


def test_a_role_with_channels_gets_its_notice_there_and_nobody_else_does() -> None:
    used = config()
    told = used.model_copy(update={"notices": Notices(clinical_liaison=("liaison",))})
    assert notified(told) == [
        ("desk", 1, "opened"),
        ("pager", 1, "opened"),
        ("liaison", 1, "notice"),
    ]
    paged = used.model_copy(update={"notices": Notices(clinical_liaison=("pager",))})
    assert notified(paged) == [("desk", 1, "opened"), ("pager", 1, "opened")]


def after(act: Act, *steps: tuple[TransitionKind, Incident]) -> list[tuple[str, str, str]]:
    """(receiver, step, state) of what an act and the steps after it say; the desk has heard."""
    dated = [(Transition(kind, one), act.at + 1_000) for kind, one in steps]
    told = evaluated(
        config(),
        dated,
        act.at + 2_000,
        acts=[(KEY, act)],
        known=[INCIDENT],
        told={(KEY, "desk"): 1},
    )
    data = [(message.receiver, body(message)["data"]) for message in told]
    return [(receiver, one["step"], one["state"]) for receiver, one in data]


ENDS = ((TransitionKind.RECOVERED, RECOVERED), (TransitionKind.RESOLVED, RECOVERED))


def test_what_a_person_has_settled_is_said_no_more_until_it_is_back() -> None:
    """A false positive recovers without a word; a reopening is said."""
    again = (TransitionKind.REOPENED, replace(INCIDENT, reopened=1))
    assert after(Act(ActKind.FALSE_POSITIVE, "ann", START + 1_000), *ENDS, again) == [
        ("desk", "false_positive", "false_positive"),
        ("desk", "reopened", "open"),
    ]


def test_customers_of_a_merged_incident_hear_of_the_end_of_its_own_trouble() -> None:
    """Those who run it were told where it goes on; a ward knows only that it was told of trouble."""
    used = config()
    ward = {"kind": "email", "audience": "customer", "to": ["ward@example.org"]}
    used = used.model_copy(
        update={"channels": {**used.channels, "ward": Channel.model_validate(ward)}}
    )
    merged = Act(ActKind.MERGED, "ann", START + 1_000, into=f"net.availability.{START}")
    dated = [(Transition(kind, one), START + 2_000) for kind, one in ENDS]
    for heard, expected in (
        (("desk", "ward"), [("desk", "merged"), ("ward", "merged"), ("ward", "recovered")]),
        (("desk",), [("desk", "merged")]),
    ):
        told = {(KEY, one): 1 for one in heard}
        sent = evaluated(
            used, dated, START + 3_000, acts=[(KEY, merged)], known=[INCIDENT], told=told
        )
        found = [(message.receiver, body(message)["data"]["step"]) for message in sent]
        assert found == expected
    (last,) = [body(m) for m in sent[-1:]]
    assert not is_told(last)


def test_what_a_person_made_grave_is_not_resolved_by_the_rules() -> None:
    grave = Act(ActKind.RAISED, "ann", START + 1_000, category=3, review_by=START + 7_200_000)
    assert after(grave, *ENDS) == [
        ("desk", "category_set", "open"),
        ("desk", "recovered", "recovered"),
        ("pager", "opened", "open"),
        ("pager", "recovered", "recovered"),
    ]


def test_a_quiet_incident_that_a_person_made_grave_is_told_to_its_end() -> None:
    quiet = replace(INCIDENT, quiet=True)
    grave = Act(ActKind.RAISED, "ann", START + 1_000, category=3, review_by=START + 7_200_000)
    process = Process()
    process.look(config(), [(Transition(TransitionKind.OPENED, quiet), START)], START + 500)
    assert said(process.look(config(), [], START + 2_000, [(KEY, grave)])) == [
        ("desk", 1, "opened"),
        ("pager", 1, "opened"),
    ]
    over = replace(quiet, recovered_at=START + 60_000)
    ends = [(Transition(TransitionKind.RECOVERED, over), START + 60_000)]
    assert said(process.look(config(), ends, START + 61_000)) == [
        ("desk", 2, "recovered"),
        ("pager", 2, "recovered"),
    ]


def test_a_review_opens_the_incident_to_whom_the_rules_category_concerns() -> None:
    holds = Act(ActKind.RAISED, "ann", START + 1_000, category=2, review_by=START + 7_201_000)
    raised = replace(INCIDENT, category=3, priority=Priority.P1)
    process = Process()
    process.look(config(), [(Transition(TransitionKind.OPENED, INCIDENT), START)], START + 500)
    process.look(config(), [], START + 2_000, [(KEY, holds)])
    rise = [(Transition(TransitionKind.RAISED, raised), START + 1_800_000)]
    assert process.look(config(), rise, START + 1_801_000) == []
    found = process.look(config(), [], START + 7_201_002)
    assert ("pager", 1, "opened") in said(found)
    assert [
        (one.receiver, body(one)["data"]["category"])
        for one in found
        if body(one)["data"]["step"] in ("review_due", "opened")
    ] == [("desk", 3), ("pager", 3)]
