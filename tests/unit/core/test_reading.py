"""One agent's results, read for an explanation: holds, runs, outages, rows and tens."""

from __future__ import annotations

import pytest

from collector.core.reading import AgentOutage, Reading, read
from probes.config_checks import Check
from tests.support.stories import T0, at, check, config


def one(n: int = 2, m: int = 1, every: int = 60) -> Check:
    """It holds 2 * every + 10 seconds."""
    entry = check(every=f"{every}s", confirm={"down": n, "up": m})
    return config(checks={"c": entry}).checks["c"]


def reading(
    words: str, *, until: int = 100_000, slot: int = 60, used: Check | None = None
) -> Reading:
    chosen = used or one(every=slot)
    return read(at(words, every=slot), lambda _: chosen, T0 + until * 1000)


@pytest.mark.parametrize(
    ("slot", "until", "expected"),
    [
        # t and end in seconds; whether a gap came before; whether the next result ended it
        (60, 180, [(0, 60, True, True), (60, 120, False, True), (120, 180, False, False)]),
        (130, 390, [(0, 130, True, True), (130, 260, False, True), (260, 390, False, False)]),
        (131, 500, [(0, 130, True, False), (131, 261, True, False), (262, 392, True, False)]),
        (60, 120, [(0, 60, True, True), (60, 120, False, False)]),
        (60, 121, [(0, 60, True, True), (60, 120, False, True), (120, 121, False, False)]),
    ],
)
def test_a_result_speaks_until_the_next_one_or_now_and_at_most_its_hold(
    slot: int, until: int, expected: list[tuple[int, int, bool, bool]]
) -> None:
    found = reading("uuu", slot=slot, until=until, used=one())
    shown = [((h.t - T0) // 1000, (h.end - T0) // 1000, h.after_gap, h.cut) for h in found.held]
    assert shown == expected


def test_what_says_nothing_is_not_among_the_held() -> None:
    found = reading("xuxd")
    assert [((h.t - T0) // 1000, h.outcome, h.reason) for h in found.held] == [
        (60, "up", "any"),
        (180, "down", "any"),
    ]
    assert read(at("uu"), lambda _: None, T0 + 600_000).held == ()


@pytest.mark.parametrize(
    ("second", "last", "holder"),
    [(-1, None, None), (0, 0, 0), (59, 0, 0), (60, 1, 1), (189, 1, 1), (190, 1, None)],
)
def test_an_instant_has_a_last_result_and_outside_a_gap_one_that_speaks(
    second: int, last: int | None, holder: int | None
) -> None:
    found = reading("uu....u")
    assert found.last_before(T0 + second * 1000) == last
    assert found.holder(T0 + second * 1000) == holder


@pytest.mark.parametrize(
    ("words", "until", "runs"),
    [
        ("udd", 249, [(False, (0,), 1, False), (True, (1, 2), None, False)]),
        ("udd", 250, [(False, (0,), 1, False), (True, (1, 2), None, False)]),
        ("udd", 251, [(False, (0,), 1, False), (True, (1, 2), None, True)]),
        ("mdmdg", 300, [(True, (1, 3), 4, False), (False, (4,), None, False)]),
        ("d..dm", 300, [(True, (0,), None, True), (True, (1,), None, False)]),
        ("d..m", 300, [(True, (0,), None, True)]),
        ("m", 300, []),
    ],
)
def test_a_run_ends_with_the_other_side_or_a_gap(
    words: str, until: int, runs: list[tuple[bool, tuple[int, ...], int | None, bool]]
) -> None:
    found = reading(words, until=until)
    # whether it fails, its results, the one that ended it, whether a gap did
    assert [(r.fails, r.members, r.ended_by, r.gap) for r in found.runs] == runs
    for run in found.runs:
        assert [found.run_of(n) for n in run.members] == [run] * len(run.members)


@pytest.mark.parametrize(
    ("words", "n", "m", "outages"),
    [
        ("ududu", 2, 1, []),
        ("udduddd", 2, 1, [AgentOutage((1, 2), (3,)), AgentOutage((4, 5), ())]),
        ("ddduduu", 3, 2, [AgentOutage((0, 1, 2), (5, 6))]),
        ("dd....dd", 2, 1, [AgentOutage((0, 1), ())]),
        ("dd....u....u", 2, 2, [AgentOutage((0, 1), ())]),
        ("ddu....u", 2, 1, [AgentOutage((0, 1), (2,))]),
    ],
)
def test_an_outage_is_confirmed_at_both_ends(
    words: str, n: int, m: int, outages: list[AgentOutage]
) -> None:
    assert list(reading(words, used=one(n, m)).outages) == outages


def test_a_run_is_confirmed_by_the_version_in_force_at_its_results() -> None:
    patient, quick = one(4, 2), one(2, 1)
    found = read(at("ddddu"), lambda t: patient if t < T0 + 90_000 else quick, T0 + 600_000)
    assert found.outages == (AgentOutage((0, 1, 2), (4,)),)


@pytest.mark.parametrize(
    ("second", "began"),
    [(59, None), (60, 1), (179, 1), (180, None), (300, None), (360, 6), (9999, 6)],
)
def test_an_outage_is_open_from_its_first_failing_to_its_first_good_result(
    second: int, began: int | None
) -> None:
    found = reading("udduuudd").outage_at(T0 + second * 1000)
    assert (found.confirming[0] if found else None) == began


@pytest.mark.parametrize(
    ("words", "position", "row"),
    [
        ("mum", 0, (0,)),
        ("mum", 2, (2,)),
        ("mmmum", 1, (0, 1, 2)),
        ("ummdmm", 1, (1, 2)),
        ("ummdmm", 5, (4, 5)),
        ("ummdmm", 4, (4, 5)),
        ("um...m", 1, (1, 2)),
        ("mmmm", 2, (0, 1, 2, 3)),
    ],
)
def test_a_row_is_what_no_judged_result_breaks(
    words: str, position: int, row: tuple[int, ...]
) -> None:
    assert reading(words).row_of(position) == row


Shown = list[tuple[int, int, int, bool]]
ALL_FIVE = [
    (3, 12, 3, False),
    (4, 13, 3, False),
    (5, 14, 3, True),
    (6, 15, 3, True),
    (7, 16, 3, True),
]


def tens(found: Reading, position: int) -> Shown:
    """Of each: first and last position, runs, and whether it is down."""
    return [(t.members[0], t.members[-1], t.runs, t.is_down) for t in found.tens(position)]


@pytest.mark.parametrize(
    ("words", "position", "expected"),
    [
        # from the first failing to the first good one after the last
        ("udududuuuu", 0, []),
        ("udududuuuu", 1, [(0, 9, 3, False)]),
        ("udududuuuu", 4, [(0, 9, 3, False)]),
        ("udududuuuu", 5, [(0, 9, 3, False)]),
        ("udududuuuu", 6, []),
        ("dududuuuuu", 0, [(0, 9, 3, False)]),
        ("udududuuu", 3, []),
        ("udddduuuud", 3, []),
        ("uddudduudu", 3, [(0, 9, 3, True)]),
        ("uddudduuudu", 3, [(0, 9, 3, True), (1, 10, 3, True)]),
        ("ddd", 1, []),
        # a run cut by the edge of the ten counts as one of it
        ("dddududuuuuu", 0, [(0, 9, 3, True)]),
        ("dddududuuuuu", 1, [(0, 9, 3, True), (1, 10, 3, False)]),
        ("dddududuuuuu", 4, [(0, 9, 3, True), (1, 10, 3, False), (2, 11, 3, False)]),
        # the failing run goes on behind the ten, up to its good result
        ("uuuuuuuudududdddu", 12, ALL_FIVE),
        ("uuuuuuuudududdddu", 15, ALL_FIVE),
        ("uuuuuuuudududdddu", 16, []),
        # misconfigured results are none of the ten
        ("udumdududmuuu", 4, [(0, 11, 4, False), (1, 12, 4, False)]),
    ],
)
def test_tens_that_make_a_result_intermittent(words: str, position: int, expected: Shown) -> None:
    assert tens(reading(words), position) == expected


def test_ten_results_count_within_an_hour_and_not_a_second_longer() -> None:
    assert tens(reading("dudududuud", slot=400), 4) == [(0, 9, 5, True)]
    assert tens(reading("dudududuud", slot=401), 4) == []
    after_an_hour = reading("u" + 59 * "." + "dududuuuud")
    assert tens(after_an_hour, 1) == [(1, 10, 4, False)]


def test_a_gap_parts_one_failing_run_from_the_next() -> None:
    assert tens(reading("udd...dd...duuuu"), 3) == [(0, 9, 3, True)]
    assert tens(reading("uddddduuuu"), 3) == []
