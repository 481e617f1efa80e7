"""A silent agent that speaks of a settled time takes it back, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from collector.core.truth import fold_system
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from tests.support.stories import T0, at, check, config, result, told
from tests.unit.core.test_settled import Follower, same

LATER = T0 + 3 * 3_600_000
"""When all has been quiet for two hours."""
EDGE = LATER - 900_000


def follower(lines: Mapping[tuple[str, str], str]) -> Follower:
    """`c` from `a` decides, `d` from `b` supports; all of it told and settled at `EDGE`."""
    used = config(checks={"c": check(), "d": check(role="supporting", **{"from": ["b"]})})
    found = Follower(History([Version(T0, used)]))
    found.take([r for source, line in lines.items() for r in at(line, *source)], None)
    found.settle(found.tell(LATER), EDGE)
    return found


def late(found: Follower, t: int, check_id: str, agent: str) -> Follower:
    """A failing result for `t` seconds after `T0`, and the truth as a fold of everything has it."""
    news: list[Result] = [result(T0 + t * 1000, Outcome.DOWN, check_id, agent)]
    found.take(news, found.tell(LATER))
    expected = fold_system("ehr", found.history, found.everything, LATER, None)
    same(found.tell(LATER), expected)
    found.settle(found.tell(LATER), EDGE)
    same(found.tell(LATER), expected)
    return found


HOUR = 60
AWAY = "uuu"


@pytest.mark.parametrize(
    "words",
    [
        "u" * HOUR,
        "uuuuu" + "d" * (HOUR - 5),
        "uudddu" + "m" * (HOUR - 6),
        "dduu" * 15,
        "u.d..m" * 10,
    ],
)
@pytest.mark.parametrize("t", [310, 360, 400, 900, 2400, 2699])
def test_what_is_taken_back_in_whatever_the_system_was_in_is_told_anew(words: str, t: int) -> None:
    found = late(follower({("c", "a"): words, ("d", "b"): AWAY}), t, "d", "b")
    assert (found.taken_back, found.started_anew) == (1, 0)


def test_an_outage_that_was_open_then_keeps_its_start() -> None:
    found = follower({("c", "a"): "uuuuu" + "d" * (HOUR - 5), ("d", "b"): AWAY})
    assert (found.settled.open_since, found.settled.outages) == (T0 + 300_000, ())
    found = late(found, 900, "d", "b")
    assert found.settled.open_since == T0 + 300_000
    assert [(o.start, o.end) for o in found.tell(LATER).outages] == [(T0 + 300_000, None)]


def test_a_result_between_others_of_its_agent_takes_an_older_start() -> None:
    found = late(follower({("c", "a"): "u" * HOUR, ("d", "b"): AWAY}), 901, "c", "a")
    assert (found.taken_back, found.started_anew) == (0, 1)


def test_a_voice_that_took_time_back_is_late_only_before_it() -> None:
    found = follower({("c", "a"): "u" * HOUR, ("d", "b"): AWAY})
    found.take([result(T0 + 900_000, Outcome.DOWN, "d", "b")], found.tell(LATER))
    assert found.settled.voices["d", "b"].edge == T0 + 900_000
    assert not found.settled.is_late(("d", "b"), T0 + 900_000)
    assert found.settled.is_late(("d", "b"), T0 + 899_999)


def test_a_second_outcome_of_the_last_instant_takes_an_older_start() -> None:
    found = late(follower({("c", "a"): "u" * HOUR, ("d", "b"): AWAY}), 120, "d", "b")
    assert (found.taken_back, found.started_anew) == (0, 1)


def test_what_an_agent_says_from_the_edge_on_ends_no_silence_before_it() -> None:
    lines = {("c", "a"): "u" * HOUR, ("d", "b"): AWAY + "." * 162 + "uu"}
    found = late(follower(lines), 900, "d", "b")
    assert (found.taken_back, found.started_anew) == (1, 0)


def test_a_first_word_of_an_agent_takes_time_back_too() -> None:
    found = late(follower({("c", "a"): "u" * HOUR}), 900, "d", "b")
    assert (found.taken_back, found.started_anew) == (1, 0)


def test_a_failure_still_in_doubt_when_its_agent_fell_silent_takes_an_older_start() -> None:
    # Nine good results later, no ten that hold a later result hold the failure.
    found = follower({("c", "a"): "u" * HOUR, ("d", "b"): "uudu" + "u" * 8})
    assert late(found, 800, "d", "b").started_anew == 0
    found = follower({("c", "a"): "u" * HOUR, ("d", "b"): "u" * 11 + "d"})
    assert late(found, 800, "d", "b").started_anew == 1


def test_what_begins_at_the_very_instant_that_is_settled_takes_nothing_back() -> None:
    found = follower({("c", "a"): "u" * HOUR, ("d", "b"): AWAY})
    assert found.settled.until == EDGE
    assert not found.settled.is_late(("d", "b"), EDGE)
    assert found.settled.is_late(("d", "b"), EDGE - 1)


def test_what_was_told_with_later_results_is_late_for_those_between() -> None:
    # A failure five results before the edge: ten that hold a later result may hold it.
    beside = "u" * 160 + "d" + "u" * 19
    found = follower({("c", "a"): "u" * 180, ("d", "b"): beside})
    assert found.settled.upto(("d", "b")) == T0 + 160 * 60_000
    assert found.settled.is_late(("d", "b"), T0 + 160 * 60_000 + 1)
    assert found.settled.is_late(("d", "b"), EDGE - 1)
    assert not found.settled.is_late(("d", "b"), EDGE)
    found.settle(found.tell(LATER), EDGE - 60_000)
    assert found.settled.is_late(("d", "b"), EDGE - 1)
    found.settle(found.tell(LATER), EDGE + 60_000)
    assert found.settled.is_late(("d", "b"), EDGE + 59_999)
    assert not found.settled.is_late(("d", "b"), EDGE + 60_000)
    assert late(found, 161 * 60 + 30, "d", "b").started_anew == 1


def test_an_earlier_edge_makes_nothing_less_final() -> None:
    found = follower({("c", "a"): "u" * 180, ("d", "b"): AWAY})
    before = found.settled
    found.settle(found.tell(LATER), EDGE - 600_000)
    assert found.settled == before


def test_after_a_restart_a_silent_agent_is_still_settled() -> None:
    found = follower({("c", "a"): "u" * 180, ("d", "b"): AWAY})
    found.restart()
    assert ("d", "b") not in found.tail
    found.settle(found.tell(LATER), EDGE + 600_000)
    assert found.settled.upto(("d", "b")) == EDGE + 600_000


def test_a_check_and_a_site_that_come_after_what_is_settled_were_not_monitored_before() -> None:
    more = config(checks={"c": check(), "new": check(**{"from": ["s"]})})
    history = History([Version(T0, config()), Version(T0 + 1_800_000, more)])
    found = Follower(history)
    found.take([*at("u" * HOUR), *at("." * 31 + "u" * 29, "new", "s")], None)
    found.settle(found.tell(T0 + 1_500_000), T0 + 1_200_000)
    truth = found.tell(T0 + 3_600_000)
    assert found.settled.until == T0 + 1_200_000
    assert told(truth.checks["new"]) == "-0 ?1800 U1860"
    assert told(truth.sites["south"]) == "-0 ?1800 U1860"
    assert told(truth.states) == "U0 ?1800 U1860"
