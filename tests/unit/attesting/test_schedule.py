"""Which months come due by themselves, once each; what is tried again; what is revised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from collector.attesting.schedule import due
from collector.journal import SYSTEM
from collector.store.attestations import Attestation, Issued, State, Wanted
from probes.history import History, Version
from tests.support.attested import CLOSED, DAY, FIRST, HOUR, LAST, MINUTE, two_systems
from tests.support.rounds import START

DUE = CLOSED + 15 * MINUTE
JANUARY = Wanted("2026-01", FIRST, LAST, ("ehr", "lab"))
BUNDLE = Issued(
    1, None, DUE, 1, 1, 9, b"s" * 32, b"t" * 32, b"f" * 32, 100, "a.zip", {"ehr": "met"}
)


def history(**attestations: Any) -> History:
    used = two_systems(attestations={"issue": "monthly", **attestations})
    return History([Version(FIRST, used, 1)])


def asked(
    number: int, state: State, at: int, wanted: Wanted = JANUARY, by: str = SYSTEM
) -> Attestation:
    one = Attestation(
        number, f"2026-01-{number}", wanted.period, wanted.start, wanted.end, wanted.systems,
        by, at, state, "waiting", 0, 0,
    )  # fmt: skip
    return replace(one, issued=replace(BUNDLE, issued_at=at)) if state is State.ISSUED else one


def names(found: Sequence[Wanted]) -> list[str]:
    return [one.period for one in found]


def test_a_month_is_due_a_quarter_of_an_hour_after_it_has_closed() -> None:
    assert due(history(), [], DUE) == [JANUARY]


def test_a_month_before_anything_was_monitored_is_never_due() -> None:
    assert due(history(), [], DUE - 1) == []


def test_without_the_section_or_its_key_nothing_is_due() -> None:
    assert due(History([Version(START, two_systems(), 1)]), [], DUE) == []
    timestamp = {"url": "http://tsa.example.org", "certificate": "file:/etc/tsa.pem"}
    used = two_systems(attestations={"timestamp": timestamp})
    assert due(History([Version(START, used, 1)]), [], DUE) == []


def test_only_the_systems_the_file_names_are_attested() -> None:
    assert due(history(systems=["lab"]), [], DUE) == [replace(JANUARY, systems=("lab",))]


def test_what_is_asked_for_issued_or_asked_for_by_a_person_is_not_due_again() -> None:
    for state in (State.ASKED, State.ISSUED, State.UNCHANGED):
        assert due(history(), [asked(1, state, DUE, by="ops-1")], DUE + DAY) == []


def test_what_was_refused_is_tried_again_each_time_twice_as_long_after_up_to_a_day() -> None:
    tried = [asked(1, State.REFUSED, DUE)]
    assert due(history(), tried, DUE + HOUR - 1) == []
    assert due(history(), tried, DUE + HOUR) == [JANUARY]
    tried.append(asked(2, State.REFUSED, DUE + HOUR))
    assert due(history(), tried, DUE + 3 * HOUR - 1) == []
    assert due(history(), tried, DUE + 3 * HOUR) == [JANUARY]
    tried = [asked(n, State.REFUSED, DUE) for n in range(1, 9)]
    assert due(history(), tried, DUE + DAY - 1) == []
    assert due(history(), tried, DUE + DAY) == [JANUARY]


def test_months_that_closed_while_nobody_was_there_are_due_one_after_the_other() -> None:
    known = [asked(1, State.ISSUED, DUE)]
    late = DUE + 70 * DAY
    assert names(due(history(), known, late)) == ["2026-02", "2026-03"]
    assert names(due(history(), [], late)) == ["2026-03"]


def test_a_month_that_was_refused_is_not_forgotten_once_a_later_one_is_issued() -> None:
    february = Wanted("2026-02", LAST, LAST + 28 * DAY, ("ehr", "lab"))
    later = DUE + 30 * DAY
    known = [asked(1, State.REFUSED, DUE), asked(2, State.ISSUED, later, february)]
    assert names(due(history(), known, later)) == ["2026-01"]
    assert due(history(), [*known, asked(3, State.ISSUED, later)], later) == []
    # of another time zone's month nothing is made in this one
    elsewhere = asked(1, State.REFUSED, DUE, replace(JANUARY, start=FIRST - HOUR, end=LAST - HOUR))
    assert due(history(), [elsewhere, known[1]], later) == []
    # nothing was issued yet, and another month has closed since
    assert names(due(history(), known[:1], later)) == ["2026-01", "2026-02"]


def test_a_revision_is_due_a_day_after_the_last_once_there_is_newer_evidence() -> None:
    issued = asked(1, State.ISSUED, DUE)
    assert due(history(), [issued], DUE + DAY) == []
    newer = replace(issued, newer=True)
    assert due(history(), [newer], DUE + DAY - 1) == []
    assert due(history(), [newer], DUE + DAY) == [JANUARY]
    assert due(history(), [newer, asked(2, State.ASKED, DUE + DAY)], DUE + 2 * DAY) == []


def test_of_several_revisions_only_the_newest_is_looked_at() -> None:
    first = replace(asked(1, State.ISSUED, DUE), newer=True)
    second = asked(2, State.ISSUED, DUE + DAY)
    assert due(history(), [first, second], DUE + 9 * DAY) == []


def test_what_a_person_asked_for_alone_is_not_revised_by_itself() -> None:
    by_hand = replace(JANUARY, systems=("lab",))
    one = replace(asked(1, State.ISSUED, DUE, by_hand, by="ops-1"), newer=True)
    assert due(history(), [one], DUE + 9 * DAY) == [JANUARY]
