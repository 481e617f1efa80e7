"""Rejected by all (semantics 5) and time that feeds `access` and not `blind`."""

from __future__ import annotations

from probes.spans import Interval
from tests.support.stories import T0, check, config, fold, told


def part(start: int, end: int) -> tuple[Interval, ...]:
    return (Interval(T0 + start * 1000, T0 + end * 1000),)


BOTH = config(checks={"c": check(**{"from": ["a", "s"]})})


def test_a_check_that_was_up_and_refuses_every_agent_is_rejected_by_all() -> None:
    truth = fold({("c", "a"): "ummm", ("c", "s"): "uumm"}, until=240, used=BOTH)
    assert truth.rejected_by_all == part(120, 240)
    assert told(truth.states) == "U0 ?120"
    assert truth.access == part(120, 240)


def test_one_agent_that_is_not_refused_is_enough() -> None:
    truth = fold({("c", "a"): "ummm", ("c", "s"): "uuuu"}, until=240, used=BOTH)
    assert truth.rejected_by_all == ()
    assert truth.access == ()
    assert told(truth.states) == "U0"


def test_a_check_that_never_was_up_is_not_rejected() -> None:
    truth = fold("mmm", until=180)
    assert truth.rejected_by_all == ()
    assert truth.access == part(0, 180)


def test_a_check_that_was_up_under_another_definition_is_not_rejected() -> None:
    other = config(checks={"c": check(spec={"url": "https://x.example.org/"})})
    truth = fold("ummm", until=240, history=[(T0, config()), (T0 + 50_000, other)])
    assert truth.rejected_by_all == ()
    assert truth.access == part(60, 240)


def test_unknown_time_that_would_stay_unknown_is_not_a_matter_of_access() -> None:
    used = config(checks={"c": check(), "silent": check()})
    truth = fold("ummm", until=240, used=used)
    assert told(truth.states) == "?0"
    assert truth.access == ()


def test_a_supporting_check_is_never_rejected_by_all() -> None:
    used = config(checks={"c": check(), "t": check(role="supporting")})
    truth = fold({("c", "a"): "uuuu", ("t", "a"): "ummm"}, until=240, used=used)
    assert truth.rejected_by_all == ()
    assert told(truth.states) == "U0"
