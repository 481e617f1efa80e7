"""What comes due in the course of an incident, with the instants written out."""

from __future__ import annotations

from dataclasses import replace

from alerts.course import taken
from alerts.deadlines import Deadline, DeadlineKind, Which
from alerts.events import Priority
from alerts.people import ActKind, CategoryReason
from alerts.transitions import Transition, TransitionKind
from tests.unit.alerts.courses import (
    DAY,
    HOUR,
    INCIDENT,
    MIN,
    START,
    act,
    look,
    opened,
    over,
    raised,
    step,
    terms,
    told,
)

A, K, T = ActKind, DeadlineKind, TransitionKind


def test_the_earlier_clock_warns_and_breaches_once() -> None:
    """Critical clinical: 2 h from detection. P2's four business hours end later."""
    course = opened(2)
    breach = START + MIN + 2 * HOUR
    assert told(course, breach) == []
    assert look(course, breach).look_at == breach + 1
    assert told(course, breach + 1) == [("response_breached", 7_260_000)]
    fired = {Which(K.RESPONSE_BREACHED): Deadline(Which(K.RESPONSE_BREACHED), breach)}
    assert look(course, breach + DAY, fired=fired).new == ()


def test_p1_warns_an_hour_after_detection() -> None:
    course = opened(3)
    assert told(course, START + 61 * MIN + 1) == [
        ("liaison_notice", 60_000),
        ("response_warned", 3_660_000),
    ]


def test_whoever_answers_in_time_is_not_breached_though_the_answer_runs_out() -> None:
    course = act(opened(2), A.ACKNOWLEDGED, START + 2 * HOUR)
    assert told(course, START + DAY) == [("acknowledgement_expired", 9_000_000)]


def test_an_answer_at_the_very_instant_is_in_time_and_a_later_one_is_not() -> None:
    breach = START + MIN + 2 * HOUR
    assert ("response_breached", 7_260_000) not in told(
        act(opened(2), A.ACKNOWLEDGED, breach), START + DAY
    )
    late = act(opened(2), A.ACKNOWLEDGED, breach + 1)
    assert told(late, START + DAY)[0] == ("response_breached", 7_260_000)


def test_a_service_answers_for_nobody() -> None:
    course = act(opened(2), A.ACKNOWLEDGED, START + 2 * MIN, by_service=True)
    assert told(course, START + 3 * HOUR) == [("response_breached", 7_260_000)]


def test_what_was_over_in_time_breaches_nothing_though_that_was_known_later() -> None:
    breach = START + MIN + 2 * HOUR
    course = over(opened(2), breach, known=breach + 5 * MIN)
    assert told(course, START + DAY) == []
    late = over(opened(2), breach + 1, known=breach + 5 * MIN)
    assert told(late, START + DAY) == [("response_breached", 7_260_000)]


def test_while_the_system_is_up_a_breach_waits_for_what_comes_of_it() -> None:
    breach = START + MIN + 2 * HOUR
    calm = look(opened(2), breach + MIN, known=terms(calm_since=breach - MIN))
    assert (calm.new, calm.look_at, calm.waits) == ((), None, True)
    # what is still to come is looked for all the same: the calm may end without a recovery
    early = look(opened(2), breach - MIN, known=terms(calm_since=breach - 2 * MIN))
    assert (early.new, early.look_at, early.waits) == ((), breach + 1, False)
    again = look(opened(2), breach + 3 * MIN, known=terms())
    assert [(d.which.kind, d.at) for d in again.new] == [(K.RESPONSE_BREACHED, breach)]


def test_a_rise_that_makes_an_answer_overdue_is_breached_at_the_rise() -> None:
    general = terms(service="general")
    course = raised(opened(2), START + 6 * HOUR)
    assert told(course, START + 6 * HOUR + 1, known=general) == [
        ("liaison_notice", 21_600_000),
        ("response_breached", 21_600_000),
    ]


def test_a_quiet_one_and_one_that_hangs_on_another_have_no_clocks_of_their_own() -> None:
    assert told(opened(3, quiet=True), START + DAY) == []
    child = opened(3, attached_to="core")
    assert told(child, START + DAY, known=terms(carried=True)) == []
    parted = step(child, T.PARTED, START + 3 * HOUR, attached_to=None)
    assert told(parted, START + 3 * HOUR + 1) == [
        ("liaison_notice", 10_800_000),
        ("response_breached", 10_800_000),
    ]


def test_an_acknowledgement_that_ran_out_is_said_unless_somebody_said_more() -> None:
    first = act(opened(1), A.ACKNOWLEDGED, START + 10 * MIN)
    assert told(first, START + 40 * MIN) == []
    assert told(first, START + 40 * MIN + 1) == [("acknowledgement_expired", 2_400_000)]
    again = act(first, A.ACKNOWLEDGED, START + 40 * MIN)
    assert told(again, START + 69 * MIN) == []
    merged = act(first, A.MERGED, START + 20 * MIN, into="other")
    assert told(merged, START + HOUR) == []
    assert told(over(first, START + 30 * MIN, START + 35 * MIN), START + HOUR) == []


def test_a_persons_category_comes_up_for_review() -> None:
    course = act(opened(2), A.RAISED, START + 5 * MIN, category=1)
    assert told(course, START + 2 * HOUR) == []
    assert told(course, START + 2 * HOUR + 5 * MIN + 1)[1:] == [("review_due", 7_500_000)]
    newer = act(course, A.RAISED, START + HOUR, category=1)
    assert ("review_due", 7_500_000) not in told(newer, START + DAY)


def test_the_liaison_is_told_at_once_of_category_3_whoever_reached_it() -> None:
    by_rules = raised(opened(2), START + 30 * MIN)
    assert told(by_rules, START + 30 * MIN) == [("liaison_notice", 1_800_000)]
    by_person = act(opened(2), A.RAISED, START + 7 * MIN, category=3)
    (notice,) = look(by_person, START + 7 * MIN).new
    assert notice == Deadline(Which(K.LIAISON_NOTICE), START + 7 * MIN, START + 7 * MIN + HOUR)


def test_a_person_who_says_less_puts_the_notice_off_until_the_review() -> None:
    lowered = act(opened(2), A.RAISED, START + 5 * MIN, category=2)
    rules = raised(lowered, START + 30 * MIN)
    assert told(rules, START + HOUR) == []
    assert told(rules, START + 2 * HOUR + 5 * MIN + 1)[-1] == ("liaison_notice", 7_500_001)


def test_a_notice_that_did_not_arrive_in_time_is_a_breach_and_one_that_did_is_none() -> None:
    course, notice = opened(3), Which(K.LIAISON_NOTICE)
    fired = {notice: Deadline(notice, START + MIN, START + MIN + HOUR)}
    by = START + MIN + HOUR
    assert look(course, by, fired=fired).look_at == by + 1
    breach = Which(K.NOTICE_BREACHED, "liaison_notice")
    assert Deadline(breach, by) in look(course, by + 1, fired=fired).new
    in_time, late = {notice: by}, {notice: by + 1}
    assert breach not in [
        d.which for d in look(course, by + DAY, fired=fired, delivered=in_time).new
    ]
    assert breach in [d.which for d in look(course, by + DAY, fired=fired, delivered=late).new]


def test_the_liaison_hears_half_an_hour_before_a_workaround_ends() -> None:
    known = terms(workaround={"name": "Binder", "valid_for": "4h"})
    course = act(opened(2), A.ACKNOWLEDGED, START + 5 * MIN, until=START + DAY)
    assert told(course, START + 210 * MIN, known=known) == []
    (notice,) = look(course, START + 210 * MIN + 1, known=known).new
    assert notice == Deadline(Which(K.WORKAROUND_NOTICE), START + 12_600_000, START + 14_400_000)
    short = terms(workaround={"name": "Binder", "valid_for": "10m"})
    assert told(opened(2), START + 2 * MIN, known=short) == [("workaround_notice", 60_000)]
    assert told(over(course, START + HOUR, START + 65 * MIN), START + DAY, known=known) == []


def test_category_4_is_told_to_leadership_and_legal_at_once_and_starts_the_mdr_clocks() -> None:
    aware = {"category": 4, "reason": CategoryReason.CARE_DELAYED, "aware_on": "2026-01-05"}
    course = act(opened(3), A.RAISED, START + 2 * HOUR, **aware)
    assert told(course, START + 2 * HOUR) == [
        ("liaison_notice", 60_000),
        ("response_warned", 3_660_000),
        ("leadership_notice", 7_200_000),
        ("legal_notice", 7_200_000),
    ]
    notices = {d.which.kind: d.by for d in look(course, START + 2 * HOUR).new}
    assert notices[K.LEADERSHIP_NOTICE] == notices[K.LEGAL_NOTICE] == START + 135 * MIN
    reminders = [d for d in look(course, START + 40 * DAY).new if d.which.kind.startswith("mdr")]
    assert [(d.which.kind.value, d.which.of, d.at) for d in reminders] == [
        ("mdr_soon", "manufacturer_5_work_days", 1_767_938_400_000),  # Thu 8 Jan ends
        ("mdr_due", "manufacturer_5_work_days", 1_768_284_000_000),  # Mon 12 Jan ends
        ("mdr_soon", "user_facility_10_work_days", 1_768_543_200_000),  # Thu 15 Jan ends
        ("mdr_due", "user_facility_10_work_days", 1_768_888_800_000),  # Mon 19 Jan ends
        ("mdr_soon", "manufacturer_30_days", 1_770_098_400_000),  # Mon 2 Feb ends
        ("mdr_due", "manufacturer_30_days", 1_770_271_200_000),  # Wed 4 Feb ends
    ]
    lowered = act(course, A.RAISED, START + DAY, category=3)
    kept = [d.which.kind for d in look(lowered, START + 40 * DAY).new]
    assert not any(kind.startswith("mdr") for kind in kept)


def test_the_report_of_a_p1_is_due_48_h_after_its_resolution_and_overdue_after_72() -> None:
    course = over(opened(3), START + HOUR, START + 65 * MIN)
    assert told(course, START + 9 * DAY) == [("liaison_notice", 60_000)]
    resolved = act(course, A.RESOLVED, START + 2 * HOUR)
    assert told(resolved, START + 9 * DAY)[1:] == [
        ("report_due", 7_200_000 + 172_800_000),
        ("report_overdue", 7_200_000 + 259_200_000),
    ]
    closed = act(resolved, A.CLOSED, START + 2 * HOUR + 50 * HOUR)
    assert told(closed, START + 9 * DAY)[1:] == [("report_due", 180_000_000)]
    assert told(over(opened(2), START + HOUR, START + 65 * MIN), START + 9 * DAY) == []


def test_a_past_outage_found_late_stands_in_the_digest_of_the_next_working_hours() -> None:
    past = replace(INCIDENT, category=3, priority=Priority.P1, recovered_at=START)
    found = taken(None, Transition(T.FOUND_LATE, past), START + MIN, START + MIN)
    found = step(found, T.RESOLVED, START + MIN)
    assert told(found, START + DAY) == [("late_digest", 12_600_000)]  # 09:00 in Chicago
    assert told(found, START + 9 * DAY)[1:] == [
        ("report_due", 60_000 + 172_800_000),
        ("report_overdue", 60_000 + 259_200_000),
    ]


def test_a_past_outage_that_is_back_has_its_clocks_and_its_notice() -> None:
    past = replace(INCIDENT, category=3, priority=Priority.P1, recovered_at=START)
    found = taken(None, Transition(T.FOUND_LATE, past), START + MIN, START + 20 * MIN)
    back = step(found, T.REOPENED, START + 25 * MIN, recovered_at=None)
    assert told(back, START + DAY) == [
        ("liaison_notice", 1_500_000),
        ("response_warned", 3_660_000),
        ("response_breached", 7_260_000),
    ]


def test_what_was_found_late_is_in_the_digest_after_it_was_found() -> None:
    """On Saturday, evidence of Friday's outage comes: its line stands in Monday's digest."""
    saturday = START + 5 * DAY
    past = replace(INCIDENT, category=3, priority=Priority.P1, recovered_at=START)
    found = step(taken(None, Transition(T.FOUND_LATE, past), START, saturday), T.RESOLVED, START)
    assert told(found, saturday + 3 * DAY) == [
        ("report_due", 432_000_000 + 172_800_000),
        ("late_digest", 617_400_000),  # Monday 12 January, 09:00 in Chicago
    ]


def test_an_acknowledgement_that_ends_while_it_was_over_runs_out_for_nobody() -> None:
    course = act(opened(1), A.ACKNOWLEDGED, START + 2 * MIN)
    course = over(course, START + 20 * MIN, START + 25 * MIN)
    back = step(course, T.REOPENED, START + 45 * MIN, recovered_at=None)
    assert told(back, START + HOUR) == []


def test_a_review_after_the_end_tells_the_liaison_nothing() -> None:
    lowered = act(opened(2), A.RAISED, START + 5 * MIN, category=2)
    rules = over(raised(lowered, START + 30 * MIN), START + 40 * MIN, START + 45 * MIN)
    ended = act(act(rules, A.RESOLVED, START + HOUR), A.CLOSED, START + HOUR)
    assert told(ended, START + DAY) == []


def test_a_report_counts_from_the_act_that_lets_the_resolution_stand() -> None:
    grave = act(opened(2), A.RAISED, START + 2 * MIN, category=3)
    over_ = step(over(grave, START + 10 * MIN, START + 15 * MIN), T.RESOLVED, START + 15 * MIN)
    lowered = act(over_, A.RAISED, START + 4 * DAY, category=2)
    assert [one for one in told(lowered, START + 9 * DAY) if one[0].startswith("report")] == [
        ("report_due", 4 * DAY + 172_800_000),
        ("report_overdue", 4 * DAY + 259_200_000),
    ]


def test_notices_of_an_act_do_not_wait_for_a_clock_that_was_set_back() -> None:
    course = act(opened(2), A.RAISED, START + HOUR, category=4)
    assert [kind for kind, _ in told(course, START + 2 * MIN)] == [
        "leadership_notice",
        "legal_notice",
        "liaison_notice",
    ]


def test_what_hangs_on_it_brings_the_liaison_though_a_person_says_less() -> None:
    lowered = act(opened(2), A.RAISED, START + 2 * MIN, category=1)
    carries = replace(terms(), carries=((START + 3 * MIN, 3),))
    assert told(lowered, START + 3 * MIN, known=carries) == [("liaison_notice", 180_000)]
