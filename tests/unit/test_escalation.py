"""Who is told when nobody takes an incident on: from the file to the messages."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from alerts.deadlines import Deadline, DeadlineKind, Which
from alerts.events import Cause, Family, Incident, Priority
from alerts.ladder import Ladder, Rank, Reached, RungDue
from alerts.letter import letter
from alerts.outbox import Message
from alerts.people import Act, ActKind
from alerts.targets import reaching
from alerts.transitions import Transition, TransitionKind
from collector.process_facts import deadline_fact, deadline_of
from probes.config import Config
from probes.config_escalation import Escalation
from probes.history import History, Version
from probes.times import parse_datetime, rfc3339
from tests.support.outages import an_outage
from tests.support.processing import Process

START = 1_767_225_600_000
"""2026-01-01T00:00:00Z, a Thursday."""
MIN, HOUR = 60_000, 3_600_000
INCIDENT = an_outage(START)
KEY = INCIDENT.key
T, A = TransitionKind, ActKind
HOOK = {"kind": "webhook", "url": "http://127.0.0.1:9/", "secret": "env:X"}
MAIL = {"kind": "email", "host": "127.0.0.1", "tls": "none", "from": "ww@example.org"}


def contact(role: str, *reach: str) -> dict[str, Any]:
    return {"name": "N", "role": role, "email": f"{role}@example.org", "reach": list(reach)}


def config(**changes: Any) -> Config:
    """Anna has the day from 00:00 to 12:00, and nobody the rest of it."""
    check = {"system": "ehr", "kind": "http", "every": "30s", "timeout": "5s"}
    return Config.model_validate(
        {
            "version": "1",
            "organization": {"id": "st-e", "name": "St E", "timezone": "UTC"},
            "sites": {"north": {"name": "North"}},
            "agents": {"north-1": {"site": "north"}},
            "systems": {
                "ehr": {"name": "EHR", "impact": {"class": "clinical"}, "depends_on": ["net"]},
                "net": {"name": "Network", "impact": {"class": "administrative"}},
            },
            "checks": {"c": check, "n": check | {"system": "net"}},
            "channels": {"desk": HOOK, "pager": HOOK, "mail": MAIL},
            "contacts": {
                "anna": contact("engineering", "mail"),
                "cleo": contact("incident_commander", "mail", "pager"),
            },
            "on_call": {
                "engineers": {
                    "role": "engineering",
                    "layers": [
                        {
                            "people": ["anna"],
                            "starts": "2026-01-01T00:00",
                            "turn": "7d",
                            "only": [{"times": [{"start_time": "00:00", "end_time": "12:00"}]}],
                        }
                    ],
                }
            },
            "escalation": {
                "clinical": {
                    "rungs": [
                        {"to": [{"channel": "desk"}]},
                        {"after": "15m", "to": [{"on_call": "engineers"}]},
                        {"after": "15m", "to": [{"role": "incident_commander"}]},
                    ]
                }
            },
            "routes": [{"families": ["availability"], "to": ["desk"], "escalate": "clinical"}],
            **changes,
        }
    )


def opened(process: Process, used: Config, incident: Incident = INCIDENT) -> list[Message]:
    at = incident.started_at
    return process.look(used, [(Transition(T.OPENED, incident), at)], at + 1)


def said(found: list[Message]) -> list[tuple[str, str]]:
    return [(one.receiver, json.loads(one.body)["data"]["step"]) for one in found]


def rungs(process: Process) -> list[tuple[int, int, int | None, tuple[str, ...]]]:
    """(minutes, rung, by which, receivers) of what was told of the incident."""
    return [
        ((one.at - START) // MIN, one.rung.number, one.reached.by, one.reached.receivers)
        for one in process.cases[KEY].fired.values()
        if one.rung is not None and one.reached is not None
    ]


def test_nobody_takes_it_on_and_rung_by_rung_more_people_hear_of_it() -> None:
    """The desk hears of the opening once: its rung goes with that message."""
    process, used = Process(), config()
    assert said(opened(process, used)) == [("desk", "opened")]
    assert said(process.look(used, [], START + 15 * MIN)) == []
    (second,) = process.look(used, [], START + 15 * MIN + 1)
    assert said([second]) == [("mail.anna", "opened")]
    assert json.loads(second.body)["data"]["deadline"] == {
        "kind": "escalated",
        "at": "2026-01-01T00:30:00.000Z",
    }
    third = process.look(used, [], START + 30 * MIN + 1)
    assert said(third) == [("mail.cleo", "opened"), ("pager", "opened")]
    assert rungs(process) == [
        (0, 1, 1, ("desk",)),
        (15, 2, 2, ("mail.anna",)),
        (30, 3, 3, ("mail.cleo", "pager")),
    ]


def test_whoever_was_told_hears_of_the_answer_and_of_the_end() -> None:
    process, used = Process(), config()
    opened(process, used)
    process.look(used, [], START + 20 * MIN)
    answer = Act(A.ACKNOWLEDGED, "ann", START + 21 * MIN, until=START + 51 * MIN)
    told = process.look(used, [], START + 22 * MIN, [(KEY, answer)])
    assert said(told) == [("desk", "acknowledged"), ("mail.anna", "acknowledged")]
    over = replace(INCIDENT, recovered_at=START + 30 * MIN)
    at = START + 35 * MIN
    steps = [(Transition(T.RECOVERED, over), at), (Transition(T.RESOLVED, over), at)]
    ended = process.look(used, steps, at + 1)
    assert sorted(said(ended)) == [
        ("desk", "recovered"),
        ("desk", "resolved"),
        ("mail.anna", "recovered"),
        ("mail.anna", "resolved"),
    ]


def test_when_an_answer_has_run_out_the_rung_told_last_hears_so_in_one_message() -> None:
    process, used = Process(), config()
    opened(process, used)
    process.look(used, [], START + 20 * MIN)
    answer = Act(A.ACKNOWLEDGED, "ann", START + 21 * MIN, until=START + 51 * MIN)
    process.look(used, [], START + 22 * MIN, [(KEY, answer)])
    ran_out = process.look(used, [], START + 51 * MIN + 1)
    assert said(ran_out) == [
        ("desk", "acknowledgement_expired"),
        ("mail.anna", "acknowledgement_expired"),
    ]
    assert rungs(process)[-1] == (51, 2, 2, ("mail.anna",))
    third = process.look(used, [], START + 66 * MIN + 1)
    assert said(third) == [("mail.cleo", "opened"), ("pager", "opened")]


def test_a_rung_that_reaches_nobody_is_told_to_the_next_one_at_once() -> None:
    """At 12:15 nobody is on duty. The rungs keep their times: the commander hears twice."""
    noon = an_outage(START + 12 * HOUR)
    process, used = Process(), config()
    opened(process, used, noon)
    second = process.look(used, [], noon.started_at + 15 * MIN + 1)
    assert said(second) == [("mail.cleo", "opened"), ("pager", "opened")]
    (found,) = [one for one in process.cases[noon.key].fired.values() if one.at > noon.started_at]
    assert (found.rung and found.rung.number, found.reached) == (
        2,
        Reached(3, ("mail.cleo", "pager")),
    )
    third = process.look(used, [], noon.started_at + 30 * MIN + 1)
    assert said(third) == [("mail.cleo", "escalated"), ("pager", "escalated")]
    assert json.loads(third[0].body)["data"]["rung"] == {
        "policy": "clinical",
        "number": 3,
        "round": 1,
    }


def test_where_no_rung_reaches_anybody_the_channels_of_the_route_hear_of_it_again() -> None:
    """Since the incident began another file was loaded, in which nobody of the policy is left."""
    process, used = Process(), config()
    opened(process, used)
    later = config(contacts={}, on_call={}, channels={"desk": HOOK, "pager": HOOK})
    policy = {
        "clinical": {
            "rungs": [{"to": [{"role": "csm"}]}, {"after": "15m", "to": [{"role": "csm"}]}]
        }
    }
    process.cases[KEY] = replace(process.cases[KEY], look_at=0)
    gone = later.model_copy(update={"escalation": config(escalation=policy).escalation})
    assert said(process.look(gone, [], START + 15 * MIN + 1)) == [("desk", "escalated")]
    assert rungs(process)[-1] == (15, 2, None, ("desk",))


def test_each_policy_of_the_routes_that_fit_has_its_own_ladder() -> None:
    second = {
        "rungs": [{"to": [{"channel": "pager"}]}, {"after": "5m", "to": [{"contact": "anna"}]}]
    }
    used = config(
        escalation={"clinical": {"rungs": [{"to": [{"channel": "desk"}]}]}, "urgent": second},
        routes=[
            {"families": ["availability"], "to": ["desk"], "escalate": "clinical"},
            {
                "families": ["availability"],
                "min_priority": "P1",
                "to": ["pager"],
                "escalate": "urgent",
            },
        ],
    )
    process = Process()
    assert said(opened(process, used)) == [("desk", "opened")]
    grave = replace(INCIDENT, category=3, priority=Priority.P1)
    at = START + 10 * MIN
    raised = process.look(used, [(Transition(T.RAISED, grave), at)], at + 1)
    assert ("pager", "opened") in said(raised)
    assert said(process.look(used, [], at + 5 * MIN + 1)) == [("mail.anna", "opened")]


def test_the_parent_climbs_by_the_most_urgent_of_what_hangs_on_it_and_the_child_not_at_all() -> (
    None
):
    used = config(
        routes=[
            {
                "families": ["availability"],
                "min_priority": "P2",
                "to": ["desk"],
                "escalate": "clinical",
            }
        ]
    )
    net = replace(
        an_outage(START),
        key=f"net.availability.{START}",
        system="net",
        category=1,
        priority=Priority.P3,
    )
    child = replace(INCIDENT, attached_to="net")
    process = Process()
    assert opened(process, used, net) == []
    at = START + 5 * MIN
    told = process.look(used, [(Transition(T.OPENED, child), at)], at + 1)
    assert said(told) == [("desk", "opened")]
    later = process.look(used, [], at + 15 * MIN + 1)
    assert [(one.incident_key, one.receiver) for one in later] == [(net.key, "mail.anna")]
    assert rungs(process) == []


def test_a_rung_is_a_row_that_is_read_back_as_it_was() -> None:
    which = Which(DeadlineKind.ESCALATED, "clinical", START)
    rung = RungDue(2, 1, Rank(Priority.P1, 3))
    for reached in (Reached(3, ("mail.cleo", "pager")), Reached(None, ())):
        one = Deadline(which, START, rung=rung, reached=reached)
        fact = deadline_fact(KEY, 4, one, [("m-1", "pager")])
        assert deadline_of(DeadlineKind.ESCALATED, json.loads(fact.data), fact.at) == one
    assert json.loads(fact.data) == {
        "key": KEY,
        "version": 4,
        "of": "clinical",
        "occasion": START,
        "rung": 2,
        "round": 1,
        "rank": ["P1", 3],
        "by_rung": None,
        "receivers": [],
    }


@pytest.mark.parametrize(
    ("first", "handoff", "opens", "told"),
    [
        # spring: 02:00 becomes 03:00 at 08:00Z, and with it the turn that begins at 03:00
        ("2026-03-07T15:00", "12h", "2026-03-08T07:30:00Z", "2026-03-08T07:50:00Z anna"),
        ("2026-03-07T15:00", "12h", "2026-03-08T07:50:00Z", "2026-03-08T08:10:00Z ben"),
        # autumn: 02:00 becomes 01:00 at 07:00Z; 01:30 comes twice, the first one hands off
        ("2026-10-31T13:30", "12h", "2026-11-01T06:05:00Z", "2026-11-01T06:25:00Z anna"),
        ("2026-10-31T13:30", "12h", "2026-11-01T06:15:00Z", "2026-11-01T06:35:00Z ben"),
        ("2026-10-31T13:30", "12h", "2026-11-01T07:15:00Z", "2026-11-01T07:35:00Z ben"),
    ],
)
def test_in_nights_that_clocks_change_delays_are_elapsed_time_and_duty_is_wall_clock(
    first: str, handoff: str, opens: str, told: str
) -> None:
    layer = {"people": ["anna", "ben"], "starts": first, "turn": handoff}
    rungs = [{"to": [{"channel": "desk"}]}, {"after": "20m", "to": [{"on_call": "nights"}]}]
    used = config(
        organization={"id": "st-e", "name": "St E", "timezone": "America/Chicago"},
        contacts={"anna": contact("engineering", "mail"), "ben": contact("engineering", "mail")},
        on_call={"nights": {"role": "engineering", "layers": [layer]}},
        escalation={"clinical": {"rungs": rungs}},
    )
    process = Process()
    start = int(parse_datetime(opens).timestamp()) * 1_000
    opened(process, used, an_outage(start))
    (message,) = process.look(used, [], start + 20 * MIN + 1)
    at, person = told.split()
    due = process.cases[message.incident_key].fired.values()
    assert [rfc3339(one.at) for one in due if one.rung and one.rung.number == 2] == [
        at.replace("Z", ".000Z")
    ]
    assert message.receiver == f"mail.{person}"


def network(**changes: Any) -> Incident:
    one = an_outage(START)
    return replace(one, key=f"net.availability.{START}", system="net", **changes)


def carried(process: Process, used: Config) -> int:
    """The network is down, and five minutes later the EHR with it; when that was."""
    opened(process, used, network())
    at = START + 5 * MIN
    process.look(used, [(Transition(T.OPENED, replace(INCIDENT, attached_to="net")), at)], at + 1)
    assert rungs(process) == []
    return at


def test_however_many_join_in_one_look_the_rung_goes_with_the_one_message_that_says_so() -> None:
    clinical = {"name": "N", "impact": {"class": "clinical"}, "depends_on": ["net"]}
    net = {"name": "Network", "impact": {"class": "administrative"}}
    used = config(systems={"ehr": clinical, "lab": clinical, "net": net})
    process, at = Process(), START + 5 * MIN
    opened(process, used, network(category=1, priority=Priority.P3))
    first = replace(INCIDENT, attached_to="net")
    second = replace(first, key=f"lab.availability.{START}", system="lab")
    steps = [(Transition(T.OPENED, first), at), (Transition(T.OPENED, second), at + 1_000)]
    assert said(process.look(used, steps, at + 1_500)) == [("desk", "gathered")]
    (rung,) = [one for one in process.cases[network().key].fired.values() if one.at > START]
    assert (rung.at, rung.rung and rung.rung.number) == (at, 1)


def test_a_child_whose_parent_a_person_has_settled_climbs_from_then_on() -> None:
    process, used = Process(), config()
    carried(process, used)
    wrong = Act(A.FALSE_POSITIVE, "ann", START + 60 * MIN)
    process.look(used, [], START + 60 * MIN + 1, [(network().key, wrong)])
    assert rungs(process) == [(60, 1, 1, ("desk",))]
    process.look(used, [], START + 75 * MIN + 1)
    assert rungs(process)[1:] == [(75, 2, 2, ("mail.anna",))]


def test_a_child_whose_parent_has_recovered_climbs_once_it_has_parted() -> None:
    process, used = Process(), config()
    carried(process, used)
    over = network(recovered_at=START + 55 * MIN)
    process.look(used, [(Transition(T.RECOVERED, over), START + 60 * MIN)], START + 60 * MIN + 1)
    process.look(used, [], START + 62 * MIN)
    assert rungs(process) == []
    parted = [(Transition(T.PARTED, INCIDENT), START + 63 * MIN)]
    process.look(used, parted, START + 63 * MIN + 1)
    assert rungs(process) == [(63, 1, 1, ("desk",))]


def test_one_that_paged_before_it_was_found_to_hang_on_another_climbs_no_more() -> None:
    process, used = Process(), config()
    opened(process, used)
    opened(process, used, network())
    hangs = replace(INCIDENT, attached_to="net")
    at = START + 10 * MIN
    process.look(used, [(Transition(T.ATTACHED, hangs), at)], at + 1)
    process.look(used, [], START + 60 * MIN)
    assert rungs(process) == [(0, 1, 1, ("desk",))]


def test_what_is_rejected_by_all_climbs_the_ladder_of_availability_from_then_on() -> None:
    used = config(
        routes=[
            {"families": ["access"], "to": ["desk"]},
            {"families": ["availability"], "to": ["pager"], "escalate": "clinical"},
        ]
    )
    key = f"ehr.access.{START}"
    access = replace(INCIDENT, key=key, family=Family.ACCESS, causes=(Cause.MISCONFIGURED,))
    process = Process()
    opened(process, used, access)
    process.look(used, [], START + 60 * MIN)
    assert not [one for one in process.cases[key].fired.values() if one.rung]
    refused = replace(access, causes=(Cause.MISCONFIGURED, Cause.REJECTED_BY_ALL))
    at = START + 60 * MIN
    process.look(used, [(Transition(T.CAUSE_ADDED, refused), at)], at + 1)
    process.look(used, [], at + 15 * MIN + 1)
    due = [one for one in process.cases[key].fired.values() if one.rung]
    assert [((one.at - at) // MIN, one.rung and one.rung.number) for one in due] == [
        (0, 1),
        (15, 2),
    ]


def test_a_policy_of_two_routes_begins_when_one_of_them_takes_the_incident() -> None:
    """Until it is rejected by all it is not urgent enough for the only route that takes it."""
    used = config(
        routes=[
            {"families": ["access"], "min_priority": "P1", "to": ["desk"], "escalate": "clinical"},
            {"families": ["availability"], "to": ["pager"], "escalate": "clinical"},
        ]
    )
    key = f"ehr.access.{START}"
    mild: dict[str, Any] = {"category": 1, "priority": Priority.P3}
    access = replace(INCIDENT, key=key, family=Family.ACCESS, causes=(Cause.MISCONFIGURED,), **mild)
    process, at = Process(), START + 60 * MIN
    opened(process, used, access)
    causes = (Cause.MISCONFIGURED, Cause.REJECTED_BY_ALL)
    refused = replace(access, causes=causes, category=2, priority=Priority.P2)
    process.look(used, [(Transition(T.CAUSE_ADDED, refused), at)], at + 1)
    process.look(used, [], at + 15 * MIN + 1)
    due = [one for one in process.cases[key].fired.values() if one.rung]
    assert [((one.at - START) // MIN, one.rung and one.rung.number) for one in due] == [
        (60, 1),
        (75, 2),
    ]


def test_whoever_was_told_in_words_reads_how_far_it_has_gone() -> None:
    later = {"rungs": [{"to": [{"channel": "desk"}]}], "repeat": 1, "repeat_after": "1h"}
    once = config(escalation={"clinical": later})
    process = Process()
    opened(process, once)
    (message,) = process.look(once, [], START + 60 * MIN + 1)
    told = letter(json.loads(message.body))
    assert told.step == "Nobody has taken it on: please do, or find somebody who does."
    assert ("Escalated", "to rung 1 of clinical, round 2") in [
        (r.label, r.value) for r in told.rows
    ]


def test_who_answers_for_a_child_is_not_told_of_a_rung_that_will_never_come() -> None:
    """It paged by itself first; since it hangs on the network its parent calls."""
    process, used = Process(), config()
    opened(process, used)
    opened(process, used, network())
    at = START + 5 * MIN
    hangs = replace(INCIDENT, attached_to="net")
    process.look(used, [(Transition(T.ATTACHED, hangs), at)], at + 1)
    answer = Act(A.ACKNOWLEDGED, "ann", at + MIN, until=at + 31 * MIN)
    told = process.look(used, [], at + 2 * MIN, [(KEY, answer)])
    (message,) = [one for one in told if one.incident_key == KEY]
    assert json.loads(message.body)["data"]["deadline"]["kind"] == "acknowledgement_expired"
    answers = [(KEY, replace(answer, at=at + 3 * MIN, by="svc", by_service=True, until=None))]
    (again,) = process.look(used, [], at + 4 * MIN, answers)
    following = json.loads(again.body)["data"]["deadline"]
    assert following is None or following["kind"] != "escalated"


def test_where_alertmanager_pages_nobody_climbs_and_for_a_budget_nobody_does() -> None:
    process, used = Process(), config(page_owner="alertmanager")
    opened(process, used)
    assert process.look(used, [], START + 60 * MIN) == []
    assert rungs(process) == []
    key = f"ehr.budget.{START}"
    burning = replace(INCIDENT, key=key, family=Family.BUDGET, causes=(Cause.BURNING,))
    routes = [{"families": ["budget"], "to": ["desk"], "escalate": "clinical"}]
    process, used = Process(), config(routes=routes)
    opened(process, used, burning)
    assert process.look(used, [], START + 60 * MIN) == []


def test_a_rung_calls_no_pager_once_alertmanager_pages() -> None:
    """Since the incident began a file was loaded by which it does; the ladder began before."""
    on = {"page_owner": "alertmanager", "channels": {"desk": HOOK, "pager": {"kind": "pagerduty"}}}
    reach = reaching(History([Version(0, config(**on, contacts={}, on_call={}))]))
    policy = Escalation.model_validate(
        {"rungs": [{"to": [{"channel": "pager"}]}, {"after": "5m", "to": [{"channel": "desk"}]}]}
    )
    ladder, rank = Ladder("clinical", policy, ((Priority.P4, 0),)), Rank(Priority.P1, 3)
    assert reach(ladder, RungDue(1, 1, rank), INCIDENT, START) == Reached(2, ("desk",))


def test_a_channel_that_has_become_the_customers_is_called_by_no_rung() -> None:
    """Since the incident began a file was loaded by which customers read it."""
    later = config(
        channels={"desk": HOOK, "pager": HOOK | {"audience": "customer"}, "mail": MAIL},
        escalation={"clinical": {"rungs": [{"to": [{"channel": "desk"}]}]}},
    )
    policy = Escalation.model_validate(
        {"rungs": [{"to": [{"channel": "pager"}, {"contact": "cleo"}]}]}
    )
    ladder, rank = Ladder("clinical", policy, ((Priority.P4, 0),)), Rank(Priority.P1, 3)
    reach = reaching(History([Version(0, later)]))
    assert reach(ladder, RungDue(1, 1, rank), INCIDENT, START) == Reached(1, ("mail.cleo",))


def test_who_is_called_a_moment_before_somebody_takes_it_on_hears_of_that_too() -> None:
    """The rung was due half a second before the answer, both are seen by one look."""
    process, used = Process(), config()
    opened(process, used)
    due = START + 15 * MIN
    answer = Act(A.ACKNOWLEDGED, "ann", due + 500, until=due + 30 * MIN)
    told = process.look(used, [], due + 900, [(KEY, answer)])
    assert sorted((m.receiver, m.seq, json.loads(m.body)["data"]["step"]) for m in told) == [
        ("desk", 2, "acknowledged"),
        ("mail.anna", 1, "opened"),
        ("mail.anna", 2, "acknowledged"),
    ]
