"""A truth kept up with results is the truth a fold tells; a view is prolonged until it is due."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from collector import snapshots
from collector.truths import GRACE_MS, Live, is_due, prolonged
from probes.acts import ActKind, WindowAct
from probes.config_windows import Window
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from probes.windows import digest
from tests.support.rounds import START, config, document, result
from tests.support.soak import longer

TARGET = {"target": "99.9"}
HISTORY = History([Version(START, config())])
TARGETED = History(
    [Version(START, config(systems={"ehr": {**document()["systems"]["ehr"], "slo": TARGET}}))]
)
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
UP, DOWN = Outcome.UP, Outcome.DOWN
MOODS = [*Outcome, *[Outcome.UP] * 12, *[Outcome.DOWN] * 6]

runs = st.lists(
    st.tuples(st.integers(0, 240_000), st.sampled_from(list(Outcome))), max_size=12
).map(sorted)


def folded(results: list[Result], history: History, now: int) -> Live:
    live = Live("ehr")
    live.take(results, now)
    live.fold(history, now)
    return live


@settings(max_examples=longer(150), deadline=None)
@given(
    runs,
    st.integers(1, 250_000),
    st.integers(0, 60_000),
    st.sampled_from([HISTORY, TARGETED, WITH_WINDOW, WITH_ACTS]),
    st.lists(st.sampled_from([None, 6, 6, 5, 90]), min_size=12, max_size=12),
)
def test_a_view_is_prolonged_only_while_a_fold_would_say_the_same(
    outcomes: list[tuple[int, Outcome]],
    first: int,
    later: int,
    history: History,
    days: list[int | None],
) -> None:
    results = [
        replace(result(t, outcome), cert_days_left=left)
        for (t, outcome), left in zip(outcomes, days, strict=False)
    ]
    now = START + first
    then = now + later
    live = folded(results, history, now)
    if is_due(live, then):
        return
    assert prolonged(live, then) == folded(results, history, then).view


def test_a_certificate_that_ends_when_it_ended_before_folds_nothing_and_any_other_does() -> None:
    def seen(number: int, days: int) -> Result:
        return replace(result(number * 10_000, UP), cert_days_left=days)

    live = folded([seen(n, 90) for n in range(3)], HISTORY, START + 20_001)
    live.take([seen(3, 90)], START + 30_001)
    assert not live.stale
    live.take([result(40_000, UP)], START + 40_001)  # none was seen
    assert not live.stale
    for days in (89, 91):
        live = folded([seen(n, 90) for n in range(3)], HISTORY, START + 20_001)
        live.take([seen(3, days)], START + 30_001)
        assert live.stale


def test_a_system_is_due_the_millisecond_after_a_hold_ends() -> None:
    live = folded([result(1_000, Outcome.UP)], HISTORY, START + 5_000)
    assert live.until == START + 26_001
    assert not is_due(live, START + 26_000)
    assert is_due(live, START + 26_001)


def test_a_system_is_due_the_millisecond_after_somebody_acted() -> None:
    live = folded([], WITH_ACTS, START + 60_000)
    assert live.view.windows == ()
    assert live.until == START + 60_001
    (window,) = folded([], WITH_ACTS, START + 60_001).view.windows
    assert (window.start, window.end) == (START + 120_000, START + 180_000)
    (window,) = folded([], WITH_ACTS, START + 150_001).view.windows
    assert (window.start, window.end) == (START + 120_000, START + 150_000)


def test_a_budget_burns_from_the_millisecond_its_row_fires() -> None:
    up, down = result(0, Outcome.UP), [result(n, Outcome.DOWN) for n in (10_000, 20_000)]
    live = folded([up, *down], TARGETED, START + 20_001)
    # 31/30 of 0.1 % of what is known: down since 10 s, that is exceeded 10.345 ms later.
    assert [(i.start - START, i.end - START) for i in live.view.burning] == [(10_011, 20_001)]
    live = folded([up, *down, result(30_000, Outcome.UP)], TARGETED, START + 30_001)
    assert live.view.burning[0].end == START + 30_001


def test_a_system_is_due_the_millisecond_after_its_budget_begins_to_burn() -> None:
    loose = {**document()["systems"]["ehr"], "slo": {"target": "90"}}
    history = History([Version(START, config(systems={"ehr": loose}))])
    line = [result(n * 10_000, DOWN if n >= 20 else UP) for n in range(22)]
    # 31/30 of 10 % may be down: of 200 s and what follows, 23.049 s are more.
    live = folded(line, history, START + 211_000)
    assert (live.view.burning, live.until) == ((), START + 223_050)
    assert not is_due(live, START + 223_049)
    live.fold(history, START + 223_050)
    assert [(i.start - START, i.end - START) for i in live.view.burning] == [(223_049, 223_050)]
    assert (
        prolonged(live, START + 230_000).burning
        == folded(line, history, START + 230_000).view.burning
    )


def test_a_result_from_a_clock_ahead_of_ours_is_looked_at_when_it_comes_of_age() -> None:
    live = folded([result(9_000, Outcome.UP)], HISTORY, START + 5_000)
    assert live.until == START + 9_001


def steady(outcome: Outcome, count: int) -> Live:
    """The same every 10 s, folded one second after the last."""
    results = [result(n * 10_000, outcome) for n in range(count)]
    return folded(results, HISTORY, START + count * 10_000 - 9_000)


@pytest.mark.parametrize("outcome", [Outcome.UP, Outcome.DEGRADED, Outcome.DOWN])
def test_more_of_the_same_folds_nothing_and_prolongs_the_hold(outcome: Outcome) -> None:
    live = steady(outcome, 11)
    assert live.until == START + 125_001
    live.take([result(110_000, outcome), result(115_000, Outcome.UNKNOWN)], START + 116_000)
    assert not live.stale
    assert live.until == START + 135_001


def test_what_says_nothing_of_an_instant_that_lies_behind_folds_nothing() -> None:
    """Missed slots come in batches of their own, after what was measured since."""
    live = steady(Outcome.UP, 11)
    late, same = result(95_000, Outcome.UNKNOWN), result(90_000, Outcome.UNKNOWN)
    live.take([late, result(110_000, Outcome.UP)], START + 111_000)
    assert (live.stale, live.until) == (False, START + 135_001)
    assert [r.t - START for r in live.tail["ehr-read", "north-1"]][-4:] == [
        90_000,
        95_000,
        100_000,
        110_000,
    ]
    live.take([same], START + 112_000)
    assert live.stale  # of two at one instant the worse stands
    live.fold(HISTORY, START + 112_000)
    assert live.truth.conflicts == 1


@pytest.mark.parametrize(
    ("news", "now"),
    [
        (result(110_000, Outcome.DOWN), 116_000),
        (result(110_000, Outcome.DEGRADED), 116_000),
        (result(110_000, Outcome.MISCONFIGURED), 116_000),
        (result(125_001, Outcome.UP), 126_000),
        (result(99_999, Outcome.UP), 116_000),
        (result(110_000, Outcome.UP), 110_000),
        (result(110_000, Outcome.UP, agent="south-1"), 116_000),
    ],
)
def test_anything_else_folds(news: Result, now: int) -> None:
    live = steady(Outcome.UP, 11)
    live.take([news], START + now)
    assert live.stale


def test_more_of_the_same_that_comes_after_silence_was_seen_folds() -> None:
    """What was `unknown` since 125 s was up: the view may not stand until the next settling."""
    results = [result(n * 10_000, Outcome.UP) for n in range(11)]
    live = folded(results, HISTORY, START + 140_000)
    live.take([result(110_000, Outcome.UP), result(120_000, Outcome.UP)], START + 140_000)
    assert live.stale


@pytest.mark.parametrize(
    ("before", "then"),
    [
        ("U", UP),
        ("UD", None),  # one that fails is not confirmed
        ("UDD", DOWN),
        ("UDU", UP),
        ("UDDU", UP),
        ("UDUDU", UP),
        ("UDUDUDUUUU", None),  # three failing runs among ten (2.3)
        ("UDUDUDUUUUUUU", UP),
        ("UDUDUDD", None),
        ("M", None),
    ],
)
def test_a_run_that_is_decided_only_goes_on(before: str, then: Outcome | None) -> None:
    said = {"U": UP, "D": DOWN, "M": Outcome.MISCONFIGURED}
    line = [result(n * 10_000, said[word]) for n, word in enumerate(before)]
    live, end = folded(line, HISTORY, START + len(line) * 10_000 - 1), len(line) * 10_000
    for outcome in (UP, DOWN, Outcome.DEGRADED, Outcome.MISCONFIGURED):
        fresh = Live("ehr", live.settled, {source: [*some] for source, some in live.tail.items()})
        fresh.fold(HISTORY, live.at)
        fresh.take([result(end, outcome)], START + end + 1_000)
        assert fresh.stale is (outcome is not then)


changing = st.lists(
    st.tuples(st.sampled_from([1_000, 10_000, 10_000, 10_000, 40_000]), st.sampled_from(MOODS)),
    min_size=1,
    max_size=60,
)
flapping = st.lists(
    st.tuples(st.sampled_from([10_000] * 9 + [40_000]), st.sampled_from([UP, UP, UP, DOWN, DOWN])),
    min_size=11,
    max_size=50,
)


@settings(max_examples=longer(200), deadline=None)
@given(changing | flapping, st.integers(1, 9))
def test_a_truth_kept_up_is_the_truth_told_at_once(
    steps: list[tuple[int, Outcome]], size: int
) -> None:
    live = Live("ehr")
    results: list[Result] = []
    t = now = START
    for n in range(0, len(steps), size):
        fresh = []
        for step, outcome in steps[n : n + size]:
            t += step
            fresh.append(result(t - START, outcome))
        results += fresh
        now = t + 5
        live.take(fresh, now)
        if live.stale or is_due(live, now):
            live.fold(HISTORY, now)
        assert prolonged(live, now) == folded(results, HISTORY, now).view
    live.fold(HISTORY, now)
    live.settle(now - 20_000, now)
    live.fold(HISTORY, now)
    assert live.truth.states == folded(results, HISTORY, now).truth.states


@settings(max_examples=longer(100), deadline=None)
@given(changing, st.integers(1, 9))
def test_explicit_unknowns_that_come_later_than_the_rest_change_nothing(
    steps: list[tuple[int, Outcome]], size: int
) -> None:
    live = Live("ehr")
    results: list[Result] = []
    missed: list[Result] = []
    t = now = START
    for n in range(0, len(steps), size):
        come, missed = missed, []
        for step, outcome in steps[n : n + size]:
            t += step
            (missed if outcome is Outcome.UNKNOWN else come).append(result(t - START, outcome))
        results += come
        now = t + 5
        live.take(sorted(come, key=lambda r: r.t), now)
        if live.stale or is_due(live, now):
            live.fold(HISTORY, now)
        if live.older is not None:
            return
        assert prolonged(live, now) == folded(results, HISTORY, now).view
        if live.only_lasts(HISTORY, now):
            live.settle(now - 200_000, now)


def test_what_is_settled_is_kept_as_bytes_and_taken_up_again() -> None:
    live = steady(Outcome.UP, 200)
    late = [result(n * 10_000, o) for n, o in ((200, Outcome.DOWN), (201, Outcome.DOWN))]
    live.take(late, START + 2_020_000)
    live.fold(HISTORY, START + 2_020_000)
    live.settle(START + 2_020_000 - GRACE_MS, live.at)
    again = snapshots.decode("ehr", snapshots.encode(live), HISTORY)
    assert again.settled == live.settled
    assert again.tail == live.tail
    assert again.ended == live.ended == START + 1_110_040
    again.fold(HISTORY, START + 2_020_000)
    assert again.view == live.view
    assert again.truth.outages == live.truth.outages
