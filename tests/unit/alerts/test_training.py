"""HIPAA training: what is current, soon to lapse, lapsed or without a date."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from alerts.training import TrainingKind, TrainingState, lapsed, remarks, trained
from probes.config_people import Contact

TODAY = date(2026, 11, 29)


def contact(**training: Any) -> Contact:
    return Contact.model_validate({"name": "Anna", "role": "engineering", "training": training})


def states(one: Contact, today: date = TODAY) -> dict[str, str]:
    return {row.kind.value: row.state.value for row in trained("anna", one, today)}


@pytest.mark.parametrize(
    ("done", "state"),
    [
        ("2025-11-28", TrainingState.LAPSED),
        ("2025-11-29", TrainingState.SOON),
        ("2026-01-28", TrainingState.SOON),
        ("2026-01-29", TrainingState.CURRENT),
        ("2026-11-29", TrainingState.CURRENT),
    ],
)
def test_a_training_is_good_for_a_year_to_the_end_of_its_last_day(
    done: str, state: TrainingState
) -> None:
    for kind in TrainingKind:
        found = states(contact(**{kind.value: done}))
        assert found.pop(kind.value) == state
        assert set(found.values()) == {TrainingState.MISSING}


def test_a_refresher_is_the_last_day_of_all_of_them_sooner_or_later_than_a_year() -> None:
    later = contact(privacy="2024-01-01", security="2024-06-01", refresher_until="2027-11-29")
    assert states(later) == {
        "privacy": "current",
        "security": "current",
        "role": "missing",
        "deidentification": "missing",
    }
    sooner = contact(privacy="2026-11-01", refresher_until="2026-11-28")
    assert states(sooner)["privacy"] == "lapsed"
    assert states(sooner, TODAY - timedelta(days=1))["privacy"] == "soon"


def test_past_the_refresher_all_has_lapsed_what_has_no_date_too() -> None:
    assert set(states(contact(refresher_until="2026-11-28")).values()) == {"lapsed"}
    assert set(states(contact(refresher_until="2026-11-29")).values()) == {"missing"}


def test_of_a_leap_day_the_year_ends_on_the_28th() -> None:
    (row, *_) = trained("anna", contact(privacy="2024-02-29"), TODAY)
    assert row.until == date(2025, 2, 28)


def test_a_date_that_is_still_to_come_is_no_training_yet() -> None:
    """2062 for 2026 would hide for decades that somebody is not trained."""
    (row, *_) = trained("anna", contact(privacy="2062-11-01"), TODAY)
    assert (row.done, row.until, row.state) == (date(2062, 11, 1), None, TrainingState.MISSING)
    assert states(contact(privacy="2026-11-30"), TODAY + timedelta(days=1))["privacy"] == "current"
    until = contact(privacy="2026-11-30", refresher_until="2027-11-29")
    assert states(until)["privacy"] == "missing"


def test_lapsed_contacts_are_counted_by_kind() -> None:
    contacts = {
        "anna": contact(privacy="2025-01-01", role="2025-01-01"),
        "ben": contact(privacy="2025-01-01", role="2026-10-01"),
        "cleo": Contact(name="Cleo", role="csm"),
    }
    assert lapsed(contacts, TODAY) == {
        "privacy": 2,
        "security": 0,
        "role": 1,
        "deidentification": 0,
    }


def test_remarks_name_contacts_kinds_and_days_and_are_silent_where_all_is_well() -> None:
    whole = dict.fromkeys((kind.value for kind in TrainingKind), "2026-10-01")
    assert remarks({"ann": contact(**whole)}, TODAY) == []
    contacts = {
        "anna": contact(**whole | {"privacy": "2025-03-01", "role": "2025-12-24"}),
        "ben": contact(**whole | {"security": "2025-04-01"}),
        "cleo": Contact(name="Cleo", role="csm"),
        "dora": contact(privacy="2026-10-01", security="2026-10-01", role="2026-10-01"),
        "emil": contact(**whole | {"role": "2062-10-01"}),
    }
    assert remarks(contacts, TODAY) == [
        "HIPAA training that has lapsed: anna (privacy on 2026-03-01), ben (security on 2026-04-01)",
        "HIPAA training that lapses within 60 days: anna (role on 2026-12-24)",
        "no date of HIPAA training: cleo, dora (deidentification)",
        "HIPAA training with a date that is still to come: emil (role on 2062-10-01)",
    ]


def test_a_date_that_is_none_and_a_refresher_before_a_training_are_errors() -> None:
    with pytest.raises(ValidationError, match="write a date, such as 2026-12-24"):
        contact(privacy="spring")
    with pytest.raises(ValidationError, match="refresher_until comes not before a training"):
        contact(privacy="2026-03-02", refresher_until="2026-03-01")
