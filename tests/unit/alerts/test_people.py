"""What an incident stands at: the rules' facts with people's acts laid over them."""

from __future__ import annotations

from alerts.people import Act, ActKind, IncidentState
from tests.unit.alerts.people import ANN, BOB, act, stands

S, K = IncidentState, ActKind


def category(number: int, at: int = 100, **more: object) -> Act:
    return act(K.RAISED, ANN, at, category=number, **more)


def test_an_acknowledgement_lasts_up_to_and_including_its_timeout() -> None:
    ack = act(K.ACKNOWLEDGED)
    assert stands(ack, at=130).state is S.ACKNOWLEDGED
    assert stands(ack, at=130).acknowledged == ack
    assert stands(ack, at=131).state is S.OPEN
    assert stands(ack, at=131).acknowledged is None


def test_acknowledging_again_lasts_from_then_on() -> None:
    assert stands(act(K.ACKNOWLEDGED), act(K.ACKNOWLEDGED, at=120), at=150).state is S.ACKNOWLEDGED


def test_a_services_acknowledgement_is_shown_and_stops_nothing() -> None:
    ack = act(K.ACKNOWLEDGED, "svc-1", by_service=True)
    found = stands(ack, at=10_000)
    assert (found.state, found.acknowledged) == (S.OPEN, ack)


def test_a_services_acknowledgement_never_takes_the_place_of_a_persons() -> None:
    person, service = act(K.ACKNOWLEDGED), act(K.ACKNOWLEDGED, "svc-1", 110, by_service=True)
    assert stands(person, service, at=110).acknowledged == person
    late = act(K.ACKNOWLEDGED, "svc-1", 131, by_service=True)
    assert stands(person, late, at=131).acknowledged == late


def test_a_persons_category_holds_until_its_review_then_the_rules_may_raise_it_again() -> None:
    assert [stands(category(2), at=at).category for at in (100, 220, 221)] == [2, 2, 3]
    assert stands(category(2), at=221).rules_category == 3
    assert [stands(category(3), at=at, category=2).category for at in (220, 221)] == [3, 3]
    assert [stands(category(4), at=at).category for at in (220, 221)] == [4, 4]


def test_past_the_workarounds_end_a_lower_category_does_not_hold_at_all() -> None:
    assert stands(category(2, review_by=90)).category == 3


def test_of_two_categories_the_later_stands() -> None:
    found = stands(category(4), category(2, 110), at=110)
    assert (found.category, found.category_set) == (2, category(2, 110))


def test_1_and_2_resolve_by_themselves_and_3_and_4_by_a_person() -> None:
    self_resolved = {"recovered_at": 50, "resolved": True, "category": 2}
    assert stands(**self_resolved).state is S.RESOLVED
    assert stands(category(1), **self_resolved).state is S.RESOLVED
    assert stands(category(3), **self_resolved).state is S.RECOVERED
    assert stands(category(4), **self_resolved).state is S.RECOVERED
    assert stands(recovered_at=50).state is S.RECOVERED
    assert stands(act(K.RESOLVED), recovered_at=50).state is S.RESOLVED


def test_a_person_who_lowers_3_to_2_resolves_it_too() -> None:
    assert stands(category(2), recovered_at=50).state is S.RECOVERED


def test_a_past_outage_found_late_stays_resolved_whatever_its_category() -> None:
    assert stands(recovered_at=50, resolved=True).state is S.RESOLVED


def test_harm_that_shows_late_is_resolved_anew() -> None:
    ended = (act(K.RESOLVED), act(K.CLOSED))
    assert stands(*ended, recovered_at=50).state is S.CLOSED
    found = stands(*ended, category(4), recovered_at=50)
    assert (found.state, found.resolved, found.closed) == (S.RECOVERED, None, None)
    assert stands(*ended, category(4), act(K.RESOLVED), recovered_at=50).state is S.RESOLVED


def test_a_reopening_ends_what_people_said_of_the_time_before() -> None:
    reopened = Act(K.REOPENED, "system", 105)
    for one in (
        act(K.ACKNOWLEDGED),
        act(K.RESOLVED),
        act(K.CLOSED),
        act(K.FALSE_POSITIVE),
        act(K.MERGED, into="lab.blind.1"),
    ):
        assert stands(one, reopened, at=106).state is S.OPEN, one.kind
    found = stands(category(4), act(K.NOTED, BOB), act(K.RESOLVED), reopened, at=106)
    assert (found.state, found.category, found.notes) == (S.OPEN, 4, 1)


def test_what_was_merged_or_no_incident_stays_so_when_it_recovers() -> None:
    merged = act(K.MERGED, into="lab.blind.1")
    assert stands(merged, recovered_at=50).state is S.MERGED
    assert stands(merged).merged_into == "lab.blind.1"
    assert stands(act(K.FALSE_POSITIVE), recovered_at=50).state is S.FALSE_POSITIVE


def test_an_acknowledgement_ends_with_the_incident() -> None:
    assert stands(act(K.ACKNOWLEDGED), recovered_at=99).state is S.RECOVERED
