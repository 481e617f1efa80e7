"""A prolonged view is the view a fold would give, until the system is due."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.truths import due, fold, prolonged
from probes.acts import ActKind, WindowAct
from probes.config import Window
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from probes.windows import digest
from tests.support.rounds import START, config, result
from tests.support.soak import longer

HISTORY = History([Version(START, config())])
WITH_WINDOW = History(
    [
        Version(
            START,
            config(
                maintenance=[
                    {
                        "id": "w",
                        "systems": ["ehr"],
                        "start": "2025-12-31T18:02:00",
                        "end": "2025-12-31T18:03:00",
                        "timezone": "America/Chicago",
                        "proposed": {"by": "change-1", "at": "2025-12-30T00:00:00Z"},
                        "approval": {"by": "approver-1", "at": "2025-12-31T00:00:00Z"},
                    }
                ]
            ),
        )
    ]
)

PROPOSED = Window.model_validate(
    {
        "id": "w",
        "systems": ["ehr"],
        "start": "2025-12-31T18:02:00",
        "end": "2025-12-31T18:03:00",
        "timezone": "America/Chicago",
        "proposed": {"by": "change-1", "at": "2026-01-01T00:00:30Z"},
    }
)
WITH_ACTS = History(
    [Version(START, config())],
    [
        WindowAct(
            ActKind.PROPOSED, "w", "change-1", START + 30_000, None, digest(PROPOSED), PROPOSED
        ),
        WindowAct(ActKind.APPROVED, "w", "approver-1", START + 60_000, None, digest(PROPOSED)),
        WindowAct(ActKind.FINISHED, "w", "change-1", START + 150_000),
    ],
)

runs = st.lists(
    st.tuples(st.integers(0, 240_000), st.sampled_from(list(Outcome))), max_size=12
).map(sorted)


@settings(max_examples=longer(150), deadline=None)
@given(
    runs,
    st.integers(1, 250_000),
    st.integers(0, 60_000),
    st.sampled_from([HISTORY, WITH_WINDOW, WITH_ACTS]),
)
def test_a_view_is_prolonged_only_while_a_fold_would_say_the_same(
    outcomes: list[tuple[int, Outcome]], first: int, later: int, history: History
) -> None:
    results: dict[tuple[str, str], list[Result]] = {
        ("ehr-read", "north-1"): [result(t, outcome) for t, outcome in outcomes]
    }
    now = START + first
    then = now + later
    folded = fold("ehr", history, results, now)
    if due({"ehr": folded}, then):
        return
    assert prolonged(folded, then) == fold("ehr", history, results, then).view


def test_a_system_is_due_the_millisecond_after_a_hold_ends() -> None:
    results = {("ehr-read", "north-1"): [result(1_000, Outcome.UP)]}
    folded = fold("ehr", HISTORY, results, START + 5_000)
    assert folded.until == START + 26_001
    assert due({"ehr": folded}, START + 26_000) == set()
    assert due({"ehr": folded}, START + 26_001) == {"ehr"}


def test_a_system_is_due_the_millisecond_after_somebody_acted() -> None:
    folded = fold("ehr", WITH_ACTS, {}, START + 60_000)
    assert folded.view.windows == ()
    assert folded.until == START + 60_001
    (window,) = fold("ehr", WITH_ACTS, {}, START + 60_001).view.windows
    assert (window.start, window.end) == (START + 120_000, START + 180_000)
    (window,) = fold("ehr", WITH_ACTS, {}, START + 150_001).view.windows
    assert (window.start, window.end) == (START + 120_000, START + 150_000)


def test_a_result_from_a_clock_ahead_of_ours_is_looked_at_when_it_comes_of_age() -> None:
    results = {("ehr-read", "north-1"): [result(9_000, Outcome.UP)]}
    folded = fold("ehr", HISTORY, results, START + 5_000)
    assert folded.until == START + 9_001
