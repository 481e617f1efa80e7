"""By when a certificate ends, from days left as results tell them: whole days, rounded down."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from collector.core.expiring import expires
from collector.core.truth import fold_system
from collector.truths import Live
from probes.config import Config
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from probes.spans import Span
from tests.support.stories import T0, check, config, result, system

MIN, HOUR, DAY = 60_000, 3_600_000, 86_400_000
HTTPS = {"spec": {"url": "https://one.example.org/"}}
Told = list[tuple[int, int, int | None]]


def saw(at_ms: int, days: int | None, outcome: Outcome = Outcome.UP, agent: str = "a") -> Result:
    return replace(result(T0 + at_ms, outcome, "c", agent), cert_days_left=days)


def sees(ends_ms: int, at_ms: int) -> Result:
    """What an agent says at an instant of a certificate that ends at another."""
    return saw(at_ms, (ends_ms - at_ms) // DAY)


def told(results: list[Result], now_ms: int, *versions: tuple[int, Config]) -> Told:
    """(from, to, by when it ends) of what is known, in milliseconds from `T0`."""
    history = History([Version(T0 + at, one) for at, one in versions or ((0, ONE),)])
    by_source: Mapping[tuple[str, str], list[Result]] = {
        ("c", agent): [r for r in results if r.agent == agent] for agent in ("a", "s")
    }
    truth = fold_system("ehr", history, by_source, T0 + now_ms, None)
    return [
        (s.start - T0, s.end - T0, None if s.value is None else s.value - T0) for s in truth.expires
    ]


ONE = config(checks={"c": check(**{"from": ["a", "s"]}, **HTTPS)})


def test_days_left_are_whole_ones_so_it_ends_before_one_more_is_over() -> None:
    assert told([saw(MIN, 6)], HOUR) == [(MIN, HOUR, 7 * DAY + MIN)]
    assert told([saw(MIN, 0)], HOUR) == [(MIN, HOUR, DAY + MIN)]
    assert told([saw(MIN, -3)], HOUR) == [(MIN, HOUR, MIN)]


def test_the_run_that_sees_a_day_less_says_it_to_the_interval() -> None:
    ends = 3 * DAY + 30 * MIN + 1
    runs = [sees(ends, n * MIN) for n in range(120)]
    # At minute 30 three days and 1 ms are left, at minute 31 less than three.
    assert told(runs, 120 * MIN) == [
        (0, 31 * MIN, 4 * DAY),
        (31 * MIN, 120 * MIN, 3 * DAY + 31 * MIN),
    ]


def test_of_several_certificates_the_first_to_end_counts() -> None:
    runs = [saw(0, 80), saw(MIN, 6, agent="s")]
    assert told(runs, HOUR) == [(0, MIN, 81 * DAY), (MIN, HOUR, 7 * DAY + MIN)]


def test_a_later_end_counts_from_the_tenth_run_in_a_row_that_shows_it() -> None:
    old = [saw(n * MIN, 6) for n in range(5)]
    nine = [saw(n * MIN, 90) for n in range(5, 14)]
    assert told([*old, *nine], 20 * MIN) == [(0, 20 * MIN, 7 * DAY)]
    assert told([*old, *nine, saw(14 * MIN, 90)], 20 * MIN) == [
        (0, 14 * MIN, 7 * DAY),
        (14 * MIN, 20 * MIN, 91 * DAY + 14 * MIN),
    ]


def test_half_of_the_servers_renewed_is_not_renewed() -> None:
    runs = [saw(n * MIN, 90 if n % 2 else 6) for n in range(60)]
    assert told(runs, HOUR) == [(0, HOUR, 7 * DAY)]


def test_failing_runs_and_silence_take_nothing_back() -> None:
    runs = [saw(0, 6), *(saw(n * MIN, None, Outcome.DOWN) for n in range(1, 30))]
    assert told(runs, 10 * HOUR) == [(0, 10 * HOUR, 7 * DAY)]


def test_an_unknown_run_says_nothing_of_the_certificate() -> None:
    assert told([saw(0, 6, Outcome.UNKNOWN)], HOUR) == []


def test_of_one_instant_told_twice_the_fewer_days_count_in_any_order() -> None:
    expected = [(0, HOUR, 5 * DAY)]
    assert told([saw(0, 4), saw(0, 8)], HOUR) == expected
    assert told([saw(0, 8), saw(0, 4)], HOUR) == expected
    assert told([saw(0, None), saw(0, 4)], HOUR) == expected


def test_a_check_that_asks_another_server_knows_nothing_yet() -> None:
    other = config(checks={"c": check(spec={"url": "https://two.example.org/"})})
    runs = [saw(0, 6), saw(MIN, 6), saw(HOUR + MIN, 6)]
    assert told(runs, 2 * HOUR, (0, ONE), (HOUR, other)) == [
        (0, HOUR, 7 * DAY),
        (HOUR, HOUR + MIN, None),
        (HOUR + MIN, 2 * HOUR, 7 * DAY),
    ]


def test_a_version_that_changes_something_else_keeps_what_is_known() -> None:
    slower = config(checks={"c": check(every="120s", **HTTPS)})
    assert told([saw(0, 6)], 2 * HOUR, (0, ONE), (HOUR, slower)) == [(0, 2 * HOUR, 7 * DAY)]


def test_a_removed_check_and_a_removed_system_expire_no_more() -> None:
    gone = config(checks={"d": check()})
    assert told([saw(0, 6)], 2 * HOUR, (0, ONE), (HOUR, gone)) == [
        (0, HOUR, 7 * DAY),
        (HOUR, 2 * HOUR, None),
    ]
    none = config(systems={"lab": system()}, checks={})
    assert told([saw(0, 6)], 2 * HOUR, (0, ONE), (HOUR, none)) == [
        (0, HOUR, 7 * DAY),
        (HOUR, 2 * HOUR, None),
    ]


def test_more_of_the_same_folds_nothing_until_a_day_less_is_left() -> None:
    history = History([Version(T0, ONE)])
    live = Live("ehr")
    live.take([saw(n * MIN, 6) for n in range(12)], T0 + 12 * MIN)
    live.fold(history, T0 + 12 * MIN)
    live.take([saw(12 * MIN, 6), saw(13 * MIN, None)], T0 + 14 * MIN)
    assert not live.stale
    live.take([saw(14 * MIN, 5)], T0 + 15 * MIN)
    assert live.stale


def test_what_no_calendar_holds_is_as_far_as_any_certificate_goes() -> None:
    assert told([saw(0, 2**53 - 1)], HOUR) == [(0, HOUR, 4_000_001 * DAY)]


def test_what_is_settled_stays_and_is_followed_by_what_is_known_since() -> None:
    """Three settled spans, and nothing monitored or told since: from their end on nobody knows."""
    settled: tuple[Span[int | None], ...] = (Span(0, 10, 5), Span(10, 20, 6), Span(20, 30, 7))
    assert expires("ehr", settled, [], (), {}, 50) == (*settled, Span(30, 50, None))


def test_what_was_told_while_nothing_is_monitored_is_not_known() -> None:
    heard = fold_system("ehr", History([Version(T0, ONE)]), {("c", "a"): [saw(0, 6)]}, T0 + 9, None)
    assert any(voice.told for voice in heard.voices.values())
    assert expires("ehr", (), [], (), heard.voices, T0 + HOUR) == ()


def test_a_result_of_the_very_start_of_a_version_answers_what_it_asks() -> None:
    other = config(checks={"c": check(spec={"url": "https://two.example.org/"})})
    assert told([saw(0, 6), saw(HOUR, 5)], 2 * HOUR, (0, ONE), (HOUR, other)) == [
        (0, HOUR, 7 * DAY),
        (HOUR, 2 * HOUR, HOUR + 6 * DAY),
    ]


def test_what_was_told_before_the_first_version_is_history() -> None:
    assert told([saw(MIN, 6)], 2 * HOUR, (HOUR, ONE)) == [(HOUR, 2 * HOUR, 7 * DAY + MIN)]
