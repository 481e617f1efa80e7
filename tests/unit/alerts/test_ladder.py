"""When which rung of a ladder is due, with the instants written out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from alerts.course import Course
from alerts.deadlines import Deadline, DeadlineKind, Settings, Which
from alerts.events import Priority
from alerts.ladder import Ladder, Rank, RungDue
from alerts.people import ActKind, Standing
from alerts.transitions import TransitionKind
from probes.config_escalation import Escalation
from tests.unit.alerts.courses import (
    DAY,
    HOUR,
    MIN,
    START,
    act,
    look,
    opened,
    over,
    raised,
    step,
    terms,
)

A, K, T = ActKind, DeadlineKind, TransitionKind
BEGIN = START + MIN
"""When `opened` is detected."""
THREE = Escalation.model_validate(
    {
        "rungs": [
            {"to": [{"role": "support"}]},
            {"after": "15m", "to": [{"role": "engineering"}]},
            {"after": "30m", "to": [{"role": "incident_commander"}]},
        ]
    }
)
TWICE = THREE.model_copy(update={"repeat": 1, "repeat_after": 20 * MIN})


def climbing(policy: Escalation = THREE, least: Priority = Priority.P4) -> Settings:
    return replace(terms(), ladders=(Ladder("clinical", policy, ((least, 0),)),))


def due(
    course: Course,
    now: int,
    *,
    known: Settings | None = None,
    fired: Sequence[Deadline] = (),
) -> list[tuple[int, int, int]]:
    """(minutes after it began, round, rung), told by `now` and not before."""
    told = {one.which: one for one in fired}
    found = look(course, now, known=known or climbing(), fired=told).new
    return [(_minutes(one), one.rung.round, one.rung.number) for one in found if one.rung]


def _minutes(one: Deadline) -> int:
    whole, rest = divmod(one.at - BEGIN, MIN)
    assert rest == 0
    return whole


def one_told(at: int, number: int, category: int = 2, round_: int = 1) -> Deadline:
    rank = Rank({1: Priority.P3, 2: Priority.P2, 3: Priority.P1}[category], category)
    which = Which(K.ESCALATED, "clinical", at)
    return Deadline(which, at, rung=RungDue(number, round_, rank))


def test_the_first_rung_is_told_with_the_opening_and_each_other_its_delay_after_the_one_before() -> (
    None
):
    """One that is due exactly at `now` has not fired."""
    course = opened()
    assert due(course, BEGIN) == [(0, 1, 1)]
    assert due(course, BEGIN + 15 * MIN) == [(0, 1, 1)]
    assert due(course, BEGIN + 15 * MIN + 1) == [(0, 1, 1), (15, 1, 2)]
    assert due(course, BEGIN + DAY) == [(0, 1, 1), (15, 1, 2), (45, 1, 3)]
    found = look(course, BEGIN, known=climbing()).following
    assert found is not None
    assert (found.which.kind, found.at) == (K.ESCALATED, BEGIN + 15 * MIN)


def test_what_was_told_is_not_told_again_and_the_rest_comes_after_it() -> None:
    fired = [one_told(BEGIN, 1), one_told(BEGIN + 15 * MIN, 2)]
    assert due(opened(), BEGIN + 45 * MIN, fired=fired) == []
    assert due(opened(), BEGIN + DAY, fired=fired) == [(45, 1, 3)]


def test_after_the_last_rung_all_begins_anew_as_often_as_the_policy_says() -> None:
    assert due(opened(), BEGIN + DAY, known=climbing(TWICE)) == [
        (0, 1, 1),
        (15, 1, 2),
        (45, 1, 3),
        (65, 2, 1),
        (80, 2, 2),
        (110, 2, 3),
    ]


def test_of_a_long_ladder_only_what_comes_next_is_reckoned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """420 rungs cost a look no more than three: a thousand incidents may open at once."""
    rung = {"after": "15m", "to": [{"role": "support"}]}
    rungs = [{"to": [{"role": "support"}]}, *[rung] * 19]
    longest = {"rungs": rungs, "repeat": 20, "repeat_after": "15m"}
    stands, asked = Course.stands, [0]

    def counting(course: Course, now: int, *, until: int | None = None) -> Standing:
        asked[-1] += 1
        return stands(course, now, until=until)

    monkeypatch.setattr(Course, "stands", counting)
    for policy in (THREE, Escalation.model_validate(longest)):
        assert due(opened(), BEGIN, known=climbing(policy)) == [(0, 1, 1)]
        asked.append(0)
    assert asked[0] == asked[1]


def test_a_persons_acknowledgement_stops_it_and_once_that_ran_out_it_goes_on() -> None:
    """Taken on at 20 min for half an hour: the rung told last again at 50, the next 30 min later."""
    course = act(opened(), A.ACKNOWLEDGED, BEGIN + 20 * MIN)
    assert due(course, BEGIN + 50 * MIN) == [(0, 1, 1), (15, 1, 2)]
    assert due(course, BEGIN + DAY) == [(0, 1, 1), (15, 1, 2), (50, 1, 2), (80, 1, 3)]
    again = act(course, A.ACKNOWLEDGED, BEGIN + 40 * MIN)
    assert due(again, BEGIN + 70 * MIN) == [(0, 1, 1), (15, 1, 2)]
    assert due(again, BEGIN + 70 * MIN + 1) == [(0, 1, 1), (15, 1, 2), (70, 1, 2)]


def test_one_at_the_very_instant_a_rung_is_due_is_in_time_and_a_later_one_is_not() -> None:
    course = act(opened(), A.ACKNOWLEDGED, BEGIN + 15 * MIN)
    assert due(course, BEGIN + 40 * MIN) == [(0, 1, 1)]
    late = act(opened(), A.ACKNOWLEDGED, BEGIN + 15 * MIN + 1)
    assert due(late, BEGIN + 40 * MIN) == [(0, 1, 1), (15, 1, 2)]


def test_an_acknowledgement_of_an_integration_or_a_service_stops_nothing() -> None:
    course = act(opened(), A.ACKNOWLEDGED, BEGIN + MIN, by_service=True)
    assert due(course, BEGIN + DAY) == [(0, 1, 1), (15, 1, 2), (45, 1, 3)]


def test_after_the_last_rung_one_that_ran_out_has_that_told_again() -> None:
    course = act(opened(), A.ACKNOWLEDGED, BEGIN + 60 * MIN)
    assert due(course, BEGIN + DAY) == [(0, 1, 1), (15, 1, 2), (45, 1, 3), (90, 1, 3)]


def test_a_rise_begins_it_anew_by_the_rules_or_by_a_person() -> None:
    by_rules = raised(opened(), BEGIN + 20 * MIN)
    told = [one_told(BEGIN, 1), one_told(BEGIN + 15 * MIN, 2)]
    assert due(by_rules, BEGIN + DAY, fired=told) == [(20, 1, 1), (35, 1, 2), (65, 1, 3)]
    by_person = act(opened(), A.RAISED, BEGIN + 20 * MIN, category=3)
    assert due(by_person, BEGIN + DAY, fired=told) == [(20, 1, 1), (35, 1, 2), (65, 1, 3)]
    safety = act(by_person, A.RAISED, BEGIN + 30 * MIN, category=4)
    fresh = [*told, one_told(BEGIN + 20 * MIN, 1, 3)]
    assert due(safety, BEGIN + DAY, fired=fresh) == [(30, 1, 1), (45, 1, 2), (75, 1, 3)]
    known = [
        *fresh,
        Deadline(
            Which(K.ESCALATED, "clinical", BEGIN + 30 * MIN),
            BEGIN + 30 * MIN,
            rung=RungDue(1, 1, Rank(Priority.P1, 4)),
        ),
    ]
    assert due(safety, BEGIN + DAY, fired=known) == [(45, 1, 2), (75, 1, 3)]


def test_a_person_who_says_less_stops_nothing() -> None:
    course = act(opened(3), A.RAISED, BEGIN + MIN, category=1)
    fired = [one_told(BEGIN, 1, 3)]
    assert due(course, BEGIN + DAY, fired=fired) == [(15, 1, 2), (45, 1, 3)]


def test_a_rise_while_somebody_is_on_it_begins_it_anew_once_that_ran_out() -> None:
    course = raised(act(opened(), A.ACKNOWLEDGED, BEGIN + 20 * MIN), BEGIN + 30 * MIN)
    told = [one_told(BEGIN, 1), one_told(BEGIN + 15 * MIN, 2)]
    assert due(course, BEGIN + 50 * MIN, fired=told) == []
    assert due(course, BEGIN + DAY, fired=told) == [(50, 1, 1), (65, 1, 2), (95, 1, 3)]


def test_a_route_for_more_urgent_ones_begins_with_the_rise_that_brings_it_there() -> None:
    urgent = climbing(least=Priority.P1)
    assert due(opened(), BEGIN + DAY, known=urgent) == []
    later = raised(opened(), BEGIN + 20 * MIN)
    assert due(later, BEGIN + DAY, known=urgent) == [(20, 1, 1), (35, 1, 2), (65, 1, 3)]
    ran_out = act(opened(), A.ACKNOWLEDGED, BEGIN + MIN)
    assert due(ran_out, BEGIN + DAY, known=urgent) == []


def test_the_end_ends_it_whoever_or_whatever_ends_it() -> None:
    told = [one_told(BEGIN, 1)]
    recovered = over(opened(), BEGIN + 14 * MIN, known=BEGIN + 19 * MIN)
    assert due(recovered, BEGIN + DAY, fired=told) == []
    for kind in (A.MERGED, A.FALSE_POSITIVE):
        ended = act(opened(), kind, BEGIN + 14 * MIN, into="other")
        assert due(ended, BEGIN + DAY, fired=told) == []


def test_nobody_is_called_to_what_is_over_when_it_is_looked_at() -> None:
    """The collector was away from minute 1 to minute 50, the system came back in minute 40."""
    recovered = over(opened(), BEGIN + 40 * MIN, known=BEGIN + 45 * MIN)
    assert due(recovered, BEGIN + 50 * MIN, fired=[one_told(BEGIN, 1)]) == []


def test_while_the_system_is_up_a_rung_waits_for_what_comes_of_it() -> None:
    told = [one_told(BEGIN, 1)]
    calm = replace(climbing(), calm_since=BEGIN + 14 * MIN)
    found = look(opened(), BEGIN + 16 * MIN, known=calm, fired={one.which: one for one in told})
    assert ([one for one in found.new if one.rung], found.waits) == ([], True)
    assert due(opened(), BEGIN + 17 * MIN, fired=told) == [(15, 1, 2)]


def test_a_reopening_begins_it_anew() -> None:
    course = over(opened(), BEGIN + 20 * MIN, known=BEGIN + 25 * MIN)
    back = step(course, T.REOPENED, BEGIN + 30 * MIN, recovered_at=None, reopened=1)
    told = [one_told(BEGIN, 1), one_told(BEGIN + 15 * MIN, 2)]
    assert due(back, BEGIN + DAY, fired=told) == [(30, 1, 1), (45, 1, 2), (75, 1, 3)]


def test_a_quiet_one_and_one_that_another_speaks_for_have_none_until_they_page() -> None:
    quiet = opened(quiet=True)
    assert due(quiet, BEGIN + DAY) == []
    paged = step(quiet, T.PAGED, BEGIN + HOUR, quiet=False)
    assert due(paged, BEGIN + DAY) == [(60, 1, 1), (75, 1, 2), (105, 1, 3)]
    child = opened(attached_to="core")
    carried = replace(climbing(), carried=True, held=True)
    assert due(child, BEGIN + DAY, known=carried) == []
    assert due(child, BEGIN + DAY, known=replace(carried, carried=False)) == []
    parted = step(child, T.PARTED, BEGIN + HOUR, attached_to=None)
    assert due(parted, BEGIN + DAY) == [(60, 1, 1), (75, 1, 2), (105, 1, 3)]
    freed = replace(climbing(), freed_at=BEGIN + 2 * HOUR)
    assert due(child, BEGIN + DAY, known=freed) == [(120, 1, 1), (135, 1, 2), (165, 1, 3)]


def test_what_hangs_on_it_raises_it_and_does_so_once() -> None:
    """A second one as urgent changes nothing, and neither does the end of the first."""
    told = [one_told(BEGIN, 1)]
    first, second = BEGIN + 10 * MIN, BEGIN + 12 * MIN
    worse = Rank(Priority.P1, 3)
    one = replace(climbing(), lifts=((first, worse),))
    assert due(opened(), BEGIN + DAY, known=one, fired=told) == [(10, 1, 1), (25, 1, 2), (55, 1, 3)]
    fresh = [*told, one_told(first, 1, 3)]
    both = replace(climbing(), lifts=((first, worse), (second, worse)))
    assert due(opened(), BEGIN + DAY, known=both, fired=fresh) == [(25, 1, 2), (55, 1, 3)]
    left = replace(climbing(), lifts=((second, worse),))
    assert due(opened(), BEGIN + DAY, known=left, fired=fresh) == [(25, 1, 2), (55, 1, 3)]
    assert due(opened(), BEGIN + DAY, fired=fresh) == [(25, 1, 2), (55, 1, 3)]


def test_a_past_outage_found_late_calls_nobody_until_it_is_back() -> None:
    found = replace(opened(), found_at=BEGIN + HOUR)
    assert due(found, BEGIN + DAY) == []
