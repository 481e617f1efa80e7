from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from collector.agreements import remarks
from probes.config import Config
from tests.support import ticket_messages

TODAY = date(2026, 11, 29)
FULL = {"covered": True, "ref": "contract 7", "verified_by": "admin-1", "until": "2027-12-31"}


def agreed(**channels: Any) -> Config:
    made = {
        name: {"kind": "webhook", "url": "https://h.example.org", "secret": "file:/s", **entry}
        for name, entry in channels.items()
    }
    written = ticket_messages.with_channels(made)
    return Config.model_validate(written)


def test_who_is_covered_and_written_down_gets_no_remark() -> None:
    assert remarks(agreed(desk={"baa": FULL}), TODAY) == []


def test_who_is_not_covered_is_named_whether_or_not_the_file_says_so() -> None:
    config = agreed(desk={}, ward={"baa": {"covered": False}}, kept={"baa": FULL})
    assert remarks(config, TODAY) == [
        "no business associate agreement with the receivers of: desk, ward"
    ]


@pytest.mark.parametrize(
    ("until", "said"),
    [
        ("2026-11-28", "agreements that have ended: desk on 2026-11-28"),
        ("2026-11-29", "agreements that end within 60 days: desk on 2026-11-29"),
        ("2027-01-28", "agreements that end within 60 days: desk on 2027-01-28"),
        ("2027-01-29", None),
    ],
)
def test_an_agreement_holds_to_the_end_of_its_last_day(until: str, said: str | None) -> None:
    config = agreed(desk={"baa": FULL | {"until": until}})
    assert remarks(config, TODAY) == ([] if said is None else [said])


@pytest.mark.parametrize("missing", ["ref", "verified_by", "until"])
def test_an_agreement_nobody_can_find_again_is_named(missing: str) -> None:
    told = {name: value for name, value in FULL.items() if name != missing}
    assert remarks(agreed(desk={"baa": told}), TODAY) == [
        "agreements without ref, verified_by or until: desk"
    ]
