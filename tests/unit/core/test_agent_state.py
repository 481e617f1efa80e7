"""Holds, confirmation and intermittence of one agent (semantics 2.1 to 2.3)."""

from __future__ import annotations

from typing import Any

import pytest

from collector.core.agent_state import distinct
from collector.core.truth import fold_system
from probes.config import Config
from probes.contract import Outcome
from probes.history import History, Version
from probes.spans import Interval
from tests.support.stories import T0, at, check, config, fold, result, told


def confirming(down: int, up: int) -> Config:
    return config(checks={"c": check(confirm={"down": down, "up": up})})


@pytest.mark.parametrize(
    ("words", "until", "expected"),
    [
        ("u", 300, "U0 ?130"),
        ("u.u", 200, "U0"),
        ("u..u", 200, "U0 ?130 U180"),
        ("ux", 200, "U0 ?130"),
        ("uxu", 200, "U0"),
        ("", 60, "?0"),
        (".u", 100, "?0 U60"),
    ],
)
def test_a_result_holds_twice_every_and_a_time_out(words: str, until: int, expected: str) -> None:
    assert told(fold(words, until=until).states) == expected


def test_a_result_at_the_very_end_of_a_hold_leaves_no_gap() -> None:
    assert told(fold("dd", every=130, until=200).states) == "D0"
    late = [result(T0, Outcome.UP), result(T0 + 130_001, Outcome.UP)]
    truth = fold_system(
        "ehr", History([Version(None, config())]), {("c", "a"): late}, T0 + 140_000, T0
    )
    assert [(s.start - T0, s.end - T0) for s in truth.states] == [
        (0, 130_000),
        (130_000, 130_001),
        (130_001, 140_000),
    ]


@pytest.mark.parametrize(
    ("words", "until", "expected"),
    [
        ("uddu", 200, "U0 D60 U180"),
        ("udu", 150, "U0 G60 U120"),
        ("ud", 100, "U0 ?60"),
        ("ud...u", 310, "U0 ?60 U300"),
        ("ud...d", 310, "U0 ?60"),
        ("ud...dd", 370, "U0 ?60 D300"),
        ("dd...d", 320, "D0 ?190 D300"),
        ("dd...u", 320, "D0 ?190 U300"),
        ("dxd", 130, "D0"),
        ("ugu", 150, "U0 G60 U120"),
        ("uddg", 200, "U0 D60 G180"),
    ],
)
def test_two_failing_runs_confirm_and_one_good_run_recovers(
    words: str, until: int, expected: str
) -> None:
    assert told(fold(words, until=until).states) == expected


def test_a_down_after_a_gap_is_still_the_same_outage() -> None:
    truth = fold("udd...du", until=430)
    assert [(o.start - T0, o.end) for o in truth.outages] == [(60_000, T0 + 420_000)]
    assert truth.blips == ()


def test_a_blip_is_listed_by_its_first_failing_result() -> None:
    assert fold("uduudu", until=320).blips == (T0 + 60_000, T0 + 240_000)
    assert fold("ud...u", until=320).blips == ()


def test_a_recovery_is_back_dated_to_the_first_of_m_good_results() -> None:
    assert told(fold("dduduu", until=330, used=confirming(2, 2)).states) == "D0 U240"
    assert told(fold("ddu", until=150, used=confirming(2, 2)).states) == "D0"


def test_a_good_run_shorter_than_m_is_down_also_before_a_gap() -> None:
    assert told(fold("ddu..uu", until=400, used=confirming(2, 2)).states) == "D0 ?250 U300"


def test_one_failing_run_is_an_outage_where_n_is_one() -> None:
    assert told(fold("udu", until=150, used=confirming(1, 1)).states) == "U0 D60 U120"


@pytest.mark.parametrize(
    ("words", "until", "states", "access"),
    [
        ("ummu", 200, "U0 ?60 U180", [(60, 180)]),
        ("umu", 130, "U0", []),
        ("mu", 100, "?0 U60", []),
        ("mumu", 200, "?0 U60", []),
        ("umm", 400, "U0 ?60", [(60, 250)]),
        ("dmd", 130, "D0", []),
        ("dmmd", 200, "D0 ?60 D180", [(60, 180)]),
        ("ddmu", 200, "D0 U180", []),
        ("umdu", 190, "U0 G120 U180", []),
        ("dmu", 130, "G0 U120", []),
    ],
)
def test_misconfigured_counts_once_confirmed_and_breaks_no_run(
    words: str, until: int, states: str, access: list[tuple[int, int]]
) -> None:
    truth = fold(words, until=until)
    assert told(truth.states) == states
    assert list(truth.access) == [Interval(T0 + a * 1000, T0 + b * 1000) for a, b in access]


def test_a_gap_does_not_break_a_row_of_misconfigured() -> None:
    truth = fold("um...m", until=320)
    assert told(truth.states) == "U0 ?60"
    assert [((i.start - T0) // 1000, (i.end - T0) // 1000) for i in truth.access] == [
        (60, 190),
        (300, 320),
    ]


def every(seconds: int) -> dict[str, Any]:
    return {"used": config(checks={"c": check(every=f"{seconds}s")}), "every": seconds}


@pytest.mark.parametrize(
    ("words", "until", "expected"),
    [
        ("udududuuuu", 600, "U0 G60 U360"),
        ("dududududu", 600, "D0 U540"),
        ("uduuduuuuu", 600, "U0 G60 U120 G240 U300"),
        ("udududuuu", 540, "U0 G60 U120 G180 U240 G300 U360"),
        ("ududududdu", 600, "U0 D60 U540"),
    ],
)
def test_three_failing_runs_of_ten_results_are_intermittence(
    words: str, until: int, expected: str
) -> None:
    assert told(fold(words, until=until).states) == expected


def test_ten_results_that_span_exactly_an_hour_are_within_it() -> None:
    assert told(fold("dududududu", until=4000, **every(400)).states) == "D0 U3600"


def test_ten_results_that_span_more_than_an_hour_are_not() -> None:
    states = fold("dududududu", until=4010, **every(401)).states
    assert told(states).startswith("G0 U401 G802 U1203")


def test_intermittent_downs_separated_by_a_gap_are_separate_runs() -> None:
    assert told(fold("d...d...duuuuuuu", until=960).states) == "G0 ?130 G240 ?370 G480 U540"


def test_intermittence_leaves_gaps_and_confirmed_misconfigured_unknown() -> None:
    assert told(fold("ududmmu..duuuuuu", until=960).states) == ("U0 G60 ?240 G360 ?490 G540 U600")


def test_identical_duplicates_count_once_and_of_two_different_the_worse_stands() -> None:
    line = [*at("ud"), *at("uu"), *at("x.")]
    kept, conflicts = distinct(line)
    assert [r.outcome for r in kept] == [Outcome.UNKNOWN, Outcome.DOWN]
    assert conflicts == 2
    assert distinct([*at("uu"), *at("uu")]) == (at("uu"), 0)


@pytest.mark.parametrize(
    ("worse", "better"),
    [("d", "m"), ("m", "x"), ("x", "g"), ("g", "u")],
)
def test_down_misconfigured_unknown_degraded_up_is_the_order(worse: str, better: str) -> None:
    for pair in ([worse, better], [better, worse]):
        kept, _ = distinct([r for word in pair for r in at(word)])
        assert kept == at(worse)


def test_results_at_or_after_now_are_ignored() -> None:
    assert told(fold("udd", until=120).states) == "U0 ?60"
    assert told(fold("udd", until=121).states) == "U0 D60"
