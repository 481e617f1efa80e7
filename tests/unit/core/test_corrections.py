"""Corrections of a number: what counts, and what it leaves alone (semantics 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from collector.core.acting import RefusedActError
from collector.core.availability import availability
from collector.core.corrections import approve, corrected, request
from collector.core.truth import SystemTruth
from probes.acts import CorrectAs, Correction, CorrectionReason, Signed
from probes.history import History, Version
from tests.support.stories import T0, config, fold

EXCLUDED, UP, DOWN = CorrectAs.EXCLUDED, CorrectAs.UP, CorrectAs.DOWN
MINUTE = 60_000
END = T0 + 10 * MINUTE


def told() -> SystemTruth:
    """Ten minutes: up, down from the third to the sixth, up again."""
    return fold("uuudddduuu", until=600)


def correction(
    name: str, start: int, end: int, counts_as: CorrectAs, approved: int | None = 1
) -> Correction:
    """Minutes after `T0`; `approved` is its order among approvals."""
    signed = None if approved is None else Signed("approver-1", END + approved)
    return Correction(
        name,
        "ehr",
        T0 + start * MINUTE,
        T0 + end * MINUTE,
        counts_as,
        CorrectionReason.PROBE_AT_FAULT,
        Signed("csm-1", END, "CHG1"),
        signed,
    )


def number(*found: Correction, now: int = END + 100) -> tuple[int, int, int, int] | None:
    """Up, down, unknown, excluded minutes with the corrections; None for no second number."""
    truth = replace(told(), now=now)
    history = History([Version(None, config())], corrections=found)
    one = corrected(truth, history, T0, END, now)
    if one is None:
        return None
    a = one.availability.amounts
    assert a.eligible == a.up + a.degraded + a.down + a.unknown
    return (a.up // MINUTE, a.down // MINUTE, a.unknown // MINUTE, a.excluded // MINUTE)


def test_what_was_measured() -> None:
    one = availability(told(), History([Version(None, config())]), T0, END, END)
    assert (one.amounts.up, one.amounts.down) == (6 * MINUTE, 4 * MINUTE)
    assert number() is None


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([correction("a", 3, 7, EXCLUDED)], (6, 0, 0, 4)),
        ([correction("a", 3, 7, UP)], (10, 0, 0, 0)),
        ([correction("a", 0, 2, DOWN)], (4, 6, 0, 0)),
        ([correction("a", 2, 5, EXCLUDED)], (5, 2, 0, 3)),
        ([correction("a", -60, 1, DOWN)], (5, 5, 0, 0)),
    ],
)
def test_corrected_time_counts_as_two_people_agreed(
    found: Sequence[Correction], expected: tuple[int, int, int, int]
) -> None:
    assert number(*found) == expected


def test_without_a_second_person_nothing_counts() -> None:
    assert number(correction("a", 3, 7, UP, approved=None)) is None
    alone = replace(correction("a", 3, 7, UP), approved=Signed("csm-1", END + 1))
    assert number(alone) is None


def test_an_approval_counts_once_it_is_known() -> None:
    one = correction("a", 3, 7, UP, approved=50)
    assert number(one, now=END + 50) is None
    assert number(one, now=END + 51) == (10, 0, 0, 0)


def test_of_two_that_overlap_the_one_approved_last_stands() -> None:
    first, last = correction("a", 3, 7, EXCLUDED, 2), correction("b", 5, 8, DOWN, 3)
    assert number(first, last) == (5, 3, 0, 2)
    assert number(last, first) == (5, 3, 0, 2)
    sooner = replace(last, approved=Signed("approver-1", END + 1))
    assert number(first, sooner) == (5, 1, 0, 4)


def test_a_correction_of_another_time_or_system_changes_nothing() -> None:
    assert number(correction("a", 10, 12, UP)) is None
    assert number(correction("a", -2, 0, UP)) is None
    assert number(replace(correction("a", 3, 7, UP), system="other")) is None


def test_time_that_is_not_monitored_stays_so() -> None:
    truth = fold("uuuu", until=600, used=config(systems={
        "ehr": {"name": "EHR", "impact": {"class": "clinical"},
                "effective_from": "2026-01-01T00:02"}}))  # fmt: skip
    history = History([Version(None, config())], corrections=[correction("a", 0, 4, DOWN)])
    one = corrected(truth, history, T0, T0 + 4 * MINUTE, END + 100)
    assert one is not None
    a = one.availability.amounts
    assert (a.not_monitored, a.down, a.up) == (2 * MINUTE, 2 * MINUTE, 0)


def test_an_approved_window_stays_excluded_whatever_a_correction_says() -> None:
    window = {
        "id": "w", "systems": ["ehr"], "start": "2026-01-01T00:03", "end": "2026-01-01T00:07",
        "timezone": "UTC", "proposed": {"by": "p", "at": "2025-12-01T00:00:00Z"},
        "approval": {"by": "q", "at": "2025-12-02T00:00:00Z"},
    }  # fmt: skip
    used = config(maintenance=[window])
    truth = fold("uuudddduuu", until=600, used=used)
    history = History([Version(None, used)], corrections=[correction("a", 2, 8, DOWN)])
    one = corrected(truth, history, T0, END, END + 100)
    assert one is not None
    a = one.availability.amounts
    assert (a.excluded, a.down, a.up) == (4 * MINUTE, 2 * MINUTE, 4 * MINUTE)


def test_every_site_is_corrected_with_its_system() -> None:
    history = History([Version(None, config())], corrections=[correction("a", 3, 7, UP)])
    one = corrected(told(), history, T0, END, END + 100)
    assert one is not None
    north = one.availability.sites["north"]
    assert (north.up, north.down) == (10 * MINUTE, 0)
    assert one.availability.sites["south"].eligible == 0


def test_two_corrections_are_named_in_the_order_of_their_approvals() -> None:
    found = [correction("b", 0, 1, DOWN, 2), correction("a", 3, 7, UP, 1)]
    history = History([Version(None, config())], corrections=found)
    one = corrected(told(), history, T0, END, END + 100)
    assert one is not None
    assert one.ids == ("a", "b")


def test_under_whole_period_v1_excluded_time_counts_as_approved_maintenance_does() -> None:
    used = config(
        systems={
            "ehr": {
                "name": "EHR",
                "impact": {"class": "clinical"},
                "slo": {"target": "99.9", "formula": "whole-period-v1"},
            }
        }
    )
    truth = fold("uuudddduuu", until=600, used=used)
    history = History([Version(None, used)], corrections=[correction("a", 3, 7, EXCLUDED)])
    one = corrected(truth, history, T0, END, END + 100)
    assert one is not None
    a = one.availability.amounts
    assert (a.eligible, a.numerator, a.up, a.excluded, a.down) == (
        10 * MINUTE,
        10 * MINUTE,
        6 * MINUTE,
        4 * MINUTE,
        0,
    )


def recorded(*found: Correction) -> History:
    return History([Version(None, config())], corrections=found)


@pytest.mark.parametrize(
    ("one", "code", "about"),
    [
        (correction("one", 2, 3, UP), "correction.exists", "one"),
        (replace(correction("two", 2, 3, UP), system="lab"), "correction.unknown_system", "lab"),
        (correction("two", 3, 3, UP), "correction.empty", "two"),
        (replace(correction("two", 2, 10, UP), end=END + 1), "correction.not_past", "two"),
    ],
)
def test_a_request_is_refused_by_code_and_by_what_it_is_about(
    one: Correction, code: str, about: str
) -> None:
    with pytest.raises(RefusedActError) as refused:
        request(recorded(correction("one", 2, 3, UP)), one)
    assert (refused.value.code, refused.value.about) == (code, about)


def test_a_request_for_time_up_to_its_own_instant_stands() -> None:
    one = correction("two", 2, 10, UP)
    assert request(recorded(correction("one", 2, 3, UP)), one) is one


@pytest.mark.parametrize(
    ("name", "by", "code", "about"),
    [
        ("none", "approver-1", "correction.unknown", "none"),
        ("open", "csm-1", "act.own_request", "csm-1"),
        ("done", "approver-1", "correction.approved", "done"),
    ],
)
def test_an_approval_is_refused_by_code_and_by_what_it_is_about(
    name: str, by: str, code: str, about: str
) -> None:
    history = recorded(correction("done", 2, 3, UP), correction("open", 2, 3, UP, approved=None))
    with pytest.raises(RefusedActError) as refused:
        approve(history, name, Signed(by, END + 5))
    assert (refused.value.code, refused.value.about) == (code, about)


def test_somebody_who_did_not_request_it_approves() -> None:
    signed = Signed("approver-1", END + 5)
    history = recorded(correction("done", 2, 3, UP), correction("open", 2, 3, UP, approved=None))
    assert approve(history, "open", signed) is signed


def test_corrections_approved_at_one_instant_keep_the_order_of_their_requests() -> None:
    found = (correction("late", 6, 7, DOWN), correction("early", 4, 5, UP))
    history = History([Version(None, config())], corrections=found)
    one = corrected(replace(told(), now=END + 100), history, T0, END, END + 100)
    assert one is not None
    assert one.ids == ("late", "early")
    # Runs are of what was measured; a corrected number counts none.
    assert one.availability.judged_runs == 0
