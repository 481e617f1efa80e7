"""Runs and rows at their edges: what a gap, a refusal or an earlier outage leaves behind (2.2)."""

from __future__ import annotations

import pytest

from probes.config import Config
from probes.spans import Interval
from tests.support.stories import T0, check, config, fold, told


def confirming(down: int, up: int) -> Config:
    return config(checks={"c": check(confirm={"down": down, "up": up})})


@pytest.mark.parametrize(
    ("words", "until", "expected"),
    [
        # An outage that is over leaves nothing: one failure after it is a blip, two are another.
        ("udduduu", 400, "U0 D60 U180 G240 U300"),
        ("uddudduu", 420, "U0 D60 U180 D240 U360"),
        ("uddud", 250, "U0 D60 U180 ?240"),
        # A row of refusals that a judged result broke begins anew.
        ("ummumu", 360, "U0 ?60 U180"),
        ("umumum", 360, "U0"),
    ],
)
def test_what_is_over_counts_no_more(words: str, until: int, expected: str) -> None:
    assert told(fold(words, until=until).states) == expected


@pytest.mark.parametrize(
    ("words", "until", "expected"),
    [
        # A gap breaks a run of good results: one before it and one after it are no two in a row.
        ("ddu...u", 400, "D0 ?250 D360"),
        ("ddu...uu", 430, "D0 ?250 U360"),
        ("ddu...udu", 500, "D0 ?250 D360"),
        # A refusal neither extends nor breaks it, and keeps the state before it.
        ("ddumu", 290, "D0 U120"),
        ("ddgmu", 290, "D0 G120 U240"),
        ("ddumd", 290, "D0"),
        ("ddum", 230, "D0"),
        ("ddummu", 350, "D0 U120 ?180 U300"),
        # An unknown neither: the slot it stands for is simply held.
        ("dduxu", 290, "D0 U120"),
    ],
)
def test_two_good_results_in_a_row_end_an_outage(words: str, until: int, expected: str) -> None:
    assert told(fold(words, until=until, used=confirming(2, 2)).states) == expected


def test_three_good_results_of_different_kinds_end_it_with_a_refusal_between_them() -> None:
    truth = fold("ddugmu", until=350, used=confirming(2, 3))
    assert told(truth.states) == "D0 U120 G180 U300"


def test_a_confirmed_refusal_after_a_gap_needs_no_second_one() -> None:
    truth = fold("mm...m", until=400)
    assert told(truth.states) == "?0"
    assert truth.access == (
        Interval(T0, T0 + 190_000),
        Interval(T0 + 300_000, T0 + 400_000),
    )


def test_an_unconfirmed_refusal_after_a_gap_is_not_ours_to_name() -> None:
    truth = fold("u...m", until=300)
    assert told(truth.states) == "U0 ?130"
    assert truth.access == ()
