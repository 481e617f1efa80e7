"""An incident that hangs on another is said by that one; nobody hears two thousand times."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from alerts.events import Family, Incident, Priority
from alerts.outbox import Message
from alerts.people import Act, ActKind
from alerts.transitions import Transition, TransitionKind
from probes.config import Config
from probes.config_systems import Impact
from tests.support.outages import an_outage
from tests.support.processing import Process, evaluated

START = 1_767_225_600_000
PRIORITIES = {1: Priority.P3, 2: Priority.P2, 3: Priority.P1}
NAMES = ("net", "app", "ehr", "lab")
OPENED, ATTACHED, PARTED = TransitionKind.OPENED, TransitionKind.ATTACHED, TransitionKind.PARTED
RAISED, PAGED, RECOVERED = TransitionKind.RAISED, TransitionKind.PAGED, TransitionKind.RECOVERED
CONFIG = Config.model_validate(
    {
        "version": "1",
        "organization": {"id": "st-e", "name": "St Elsewhere", "timezone": "UTC"},
        "sites": {"north": {"name": "North"}},
        "agents": {"north-1": {"site": "north"}},
        "systems": {
            name: {"name": name.upper(), "impact": {"class": "clinical"}} for name in NAMES
        },
        "checks": {},
        "channels": {"desk": {"kind": "webhook"}, "pager": {"kind": "webhook"}},
        "routes": [
            {"families": ["availability"], "to": ["desk"]},
            {"families": ["availability"], "min_priority": "P1", "to": ["pager"]},
        ],
    }
)


def incident(system: str, category: int = 1, *, on: str | None = None) -> Incident:
    return an_outage(
        START, system, category=category, priority=PRIORITIES[category], attached_to=on
    )


NET = incident("net")
EHR = incident("ehr", 3, on="net")


def tell(
    *steps: tuple[TransitionKind, Incident],
    known: Iterable[Incident] = (),
    told: Mapping[tuple[str, str], int] | None = None,
) -> list[Message]:
    """Steps of one look, a second apart; `known` are the incidents no step is of."""
    found = [(Transition(kind, one), START + n * 1_000) for n, (kind, one) in enumerate(steps)]
    return evaluated(CONFIG, found, START + 60_000, known=known, told=told)


def said(found: Iterable[Message]) -> list[str]:
    """`receiver system step: attached`."""
    out = []
    for one in found:
        data = json.loads(one.body)["data"]
        named = " ".join(f"{a['id']}{a['category']}" for a in data["attached"])
        out.append(f"{one.receiver} {data['system']['id']} {data['step']}: {named}".rstrip(": "))
    return out


def heard(*pairs: tuple[Incident, str]) -> dict[tuple[str, str], int]:
    return {(one.key, receiver): 1 for one, receiver in pairs}


def test_a_parent_that_opens_with_its_child_names_it_and_the_child_says_nothing() -> None:
    carried = replace(NET, category=3, priority=Priority.P1)
    assert said(tell((OPENED, carried), (OPENED, EHR))) == [
        "desk net opened: ehr3",
        "pager net opened: ehr3",
    ]


def test_a_child_that_is_attached_at_once_is_an_update_of_its_parent() -> None:
    carried = replace(NET, category=3, priority=Priority.P1)
    lab = incident("lab", on="net")
    found = tell((OPENED, lab), known=[carried, EHR], told=heard((NET, "desk"), (NET, "pager")))
    assert said(found) == ["desk net gathered: ehr3 lab1", "pager net gathered: ehr3 lab1"]
    assert {m.seq for m in found} == {2}
    assert json.loads(found[0].body)["time"] == "2026-01-01T00:00:00.000Z"


def test_the_owners_of_a_child_hear_of_its_parent_though_its_own_priority_is_lower() -> None:
    """As after a correction: the parent's record did not come to carry the child's category."""
    found = tell((OPENED, EHR), known=[NET], told=heard((NET, "desk")))
    assert said(found) == ["desk net gathered: ehr3", "pager net opened: ehr3"]


def test_a_raise_that_a_child_brings_pages_again_and_names_it_once_for_each() -> None:
    carried = replace(NET, category=3, priority=Priority.P1)
    found = tell((RAISED, carried), (OPENED, EHR), told=heard((NET, "desk")))
    assert said(found) == ["desk net raised: ehr3", "pager net opened: ehr3"]


def test_a_raise_of_a_child_is_said_though_the_parent_stays_what_it_was() -> None:
    carried = replace(NET, category=3, priority=Priority.P1)
    found = tell((RAISED, EHR), known=[carried], told=heard((NET, "desk"), (NET, "pager")))
    assert said(found) == ["desk net gathered: ehr3", "pager net gathered: ehr3"]


def test_two_thousand_children_are_one_message_for_each_receiver_of_the_parent() -> None:
    children = [(OPENED, incident(f"s-{n}", on="net")) for n in range(2_000)]
    found = tell(*children, known=[NET], told=heard((NET, "desk")))
    assert [(m.receiver, m.seq) for m in found] == [("desk", 2)]
    data = json.loads(found[0].body)["data"]
    assert data["attached_count"] == 2_000


def test_a_child_that_was_paged_first_is_linked_and_goes_on_to_its_end() -> None:
    alone = replace(EHR, category=1, priority=Priority.P3)
    known = heard((NET, "desk"), (alone, "desk"))
    linked = tell((ATTACHED, alone), known=[NET], told=known)
    assert said(linked) == ["desk ehr attached", "desk net gathered: ehr1"]
    carried = replace(NET, category=3, priority=Priority.P1)
    raised = tell((RAISED, carried), (RAISED, EHR), told=known)
    assert said(raised) == ["desk net raised: ehr3", "pager net opened: ehr3", "desk ehr raised"]
    over = replace(EHR, recovered_at=START + 1)
    assert said(tell((RECOVERED, over), known=[carried], told=known)) == ["desk ehr recovered"]


def test_a_child_that_recovers_while_attached_is_over_without_a_word() -> None:
    over = replace(EHR, recovered_at=START + 1)
    assert tell((RAISED, EHR), (RECOVERED, over), known=[NET], told=heard((NET, "desk"))) == []


def test_after_parting_a_child_that_is_still_down_pages_with_its_own_start() -> None:
    over = replace(NET, recovered_at=START + 1)
    found = tell((PARTED, replace(EHR, attached_to=None)), known=[over], told=heard((NET, "desk")))
    assert said(found) == ["desk ehr opened", "pager ehr opened"]
    assert json.loads(found[0].body)["data"]["started_at"] == "2026-01-01T00:00:00.000Z"


def test_until_it_parts_it_says_only_what_pages() -> None:
    over = replace(NET, recovered_at=START + 1)
    more = (TransitionKind.CAUSE_ADDED, incident("ehr", 2, on="net"))
    assert tell(more, known=[over], told=heard((NET, "desk"))) == []
    raised = tell((RAISED, EHR), known=[over], told=heard((NET, "desk")))
    assert said(raised) == ["desk ehr opened", "pager ehr opened"]


@pytest.mark.parametrize(
    "parent",
    [replace(NET, quiet=True), replace(NET, recovered_at=START + 1), incident("lab")],
    ids=["quiet", "over", "not there"],
)
def test_a_parent_that_does_not_page_silences_nobody(parent: Incident) -> None:
    assert said(tell((OPENED, EHR), known=[parent])) == ["desk ehr opened", "pager ehr opened"]


def test_a_quiet_child_is_said_by_its_parent_once_it_pages() -> None:
    quiet = replace(EHR, quiet=True)
    assert tell((OPENED, quiet), known=[NET], told=heard((NET, "desk"))) == []
    paged = tell((PAGED, EHR), known=[NET], told=heard((NET, "desk")))
    assert said(paged) == ["desk net gathered: ehr3", "pager net opened: ehr3"]


def test_a_parent_that_hangs_on_another_leaves_its_children_to_that_one() -> None:
    app = incident("app", 3, on="net")
    ehr = replace(EHR, attached_to="app")
    found = tell((OPENED, app), (OPENED, ehr), known=[NET], told=heard((NET, "desk")))
    assert said(found) == ["desk net gathered: app3 ehr3", "pager net opened: app3 ehr3"]
    linked = tell((OPENED, ehr), known=[NET, app], told=heard((NET, "desk"), (app, "desk")))
    assert said(linked) == [
        "desk app gathered: ehr3",
        "desk net gathered: app3 ehr3",
        "pager net opened: app3 ehr3",
    ]


def test_in_a_circle_that_two_versions_close_everyone_speaks() -> None:
    net, ehr = replace(NET, attached_to="ehr"), EHR
    lab = incident("lab", on="ehr")
    assert said(tell((OPENED, net), (OPENED, ehr), (OPENED, lab))) == [
        "desk net opened: ehr3 lab1",
        "pager net opened: ehr3 lab1",
        "desk ehr opened: lab1 net1",
        "pager ehr opened: lab1 net1",
    ]


def test_a_past_outage_found_late_has_a_ticket_of_its_own() -> None:
    past = replace(EHR, recovered_at=START + 1)
    found = tell((TransitionKind.FOUND_LATE, past), known=[NET], told=heard((NET, "desk")))
    assert said(found) == ["desk ehr found_late", "pager ehr found_late"]


def test_an_incident_of_another_family_is_not_taken_for_the_parent() -> None:
    blind = replace(NET, key="net.blind.1", family=Family.BLIND)
    assert said(tell((OPENED, EHR), known=[blind])) == ["desk ehr opened", "pager ehr opened"]


def test_a_parent_is_breached_by_the_earliest_clock_of_all_that_hang_on_it() -> None:
    """The network's own clock is a business day; what hangs on it is answered for in 2 h."""
    systems = {
        name: one.model_copy(update={"impact": Impact.model_validate(IMPACTS[name])})
        for name, one in CONFIG.systems.items()
        if name in IMPACTS
    }
    used = CONFIG.model_copy(update={"systems": systems})
    opened = [(Transition(OPENED, EHR), START + 60_000)]
    due = START + 60_000 + 7_200_000

    def at(now: int) -> list[str]:
        found = evaluated(used, opened, now, known=[NET], told=heard((NET, "desk")))
        return [one for one in said(found) if one.startswith("desk")]

    steps = ("gathered", "notice_breached", "response_warned")
    warned = [f"desk net {step}: ehr3" for step in steps]
    assert at(due) == warned
    assert at(due + 1) == [*warned, "desk net response_breached: ehr3"]


IMPACTS = {
    "net": {"class": "administrative", "service": "general"},
    "ehr": {"class": "clinical", "service": "critical_clinical"},
}


def acted(kind: ActKind, **more: Any) -> Act:
    return Act(kind, "ann", START + 30_000, **more)


def test_a_parent_that_a_person_has_settled_silences_nobody() -> None:
    """What hung on it is said at once, and what comes later speaks for itself."""
    wrong = [(NET.key, acted(ActKind.FALSE_POSITIVE))]
    process = Process(told=heard((NET, "desk")))
    both = [(Transition(OPENED, one), START) for one in (NET, EHR)]
    process.look(CONFIG, both, START + 1_000)
    assert said(process.look(CONFIG, [], START + 40_000, wrong)) == [
        "desk net false_positive: ehr3",
        "pager net false_positive: ehr3",
        "desk ehr opened",
        "pager ehr opened",
    ]
    lab = incident("lab", 2, on="net")
    later = process.look(CONFIG, [(Transition(OPENED, lab), START + 50_000)], START + 60_000)
    assert said(later) == ["desk lab opened"]


def test_a_person_cannot_say_less_of_a_parent_than_what_hangs_on_it() -> None:
    lower = acted(ActKind.RAISED, category=1, review_by=START + 7_200_000)
    process = Process(told=heard((NET, "desk")))
    process.look(CONFIG, [(Transition(OPENED, NET), START)], START + 1_000)
    process.look(CONFIG, [], START + 40_000, [(NET.key, lower)])
    carried = incident("net", 3)
    steps = [
        (Transition(OPENED, EHR), START + 50_000),
        (Transition(RAISED, carried), START + 50_000),
    ]
    found = process.look(CONFIG, steps, START + 60_000)
    assert {json.loads(one.body)["data"]["category"] for one in found} == {3}
    assert {one.receiver for one in found} == {"desk", "pager"}
