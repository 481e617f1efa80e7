"""Versions at awkward instants: overtaken, unconcerned, at the very end of an outage."""

from __future__ import annotations

from typing import Any

import pytest

from collector.core.truth import SystemTruth
from probes.config import Config
from tests.support.stories import T0, check, config, fold, system, told
from tests.unit.core.test_truth_versions import BLIND, at_second, seconds

UNCONCERNED = config(policy={"recover_for": "1s"})


def spans(truth: SystemTruth) -> list[tuple[int, int | None]]:
    """Outages in seconds."""
    return [
        ((o.start - T0) // 1000, None if o.end is None else (o.end - T0) // 1000)
        for o in truth.outages
    ]


def test_a_version_that_says_the_same_of_a_system_ends_no_outage_and_waits_for_none() -> None:
    history = at_second((0, config()), (300, UNCONCERNED))
    truth = fold("dd....dd", until=450, history=history)
    assert told(truth.states) == "D0 ?190 D360"
    assert seconds(truth.versions) == [0, 300]
    assert spans(truth) == [(0, None)]


def test_a_version_overtaken_by_one_that_says_the_same_still_waits() -> None:
    again = BLIND.model_copy(update={"policy": UNCONCERNED.policy})
    history = at_second((0, config()), (90, BLIND), (100, again))
    truth = fold("ddu", until=180, history=history)
    assert told(truth.states) == "D0 ?120"
    assert [v.config for v in truth.versions] == [config(), again]
    assert seconds(truth.versions) == [0, 120]


def test_a_version_recorded_as_the_outage_ends_overtakes_the_one_that_waited() -> None:
    history = at_second((0, config()), (90, BLIND), (120, config()))
    truth = fold({("c", "a"): "dduu", ("new", "a"): "..dd"}, until=240, history=history)
    assert told(truth.states) == "D0 U120"
    assert seconds(truth.versions) == [0, 120]


def test_an_outage_after_silence_goes_on_where_the_version_that_waited_finds_it_down() -> None:
    lines = {("c", "a"): "dd...uu", ("new", "a"): ".....ddu"}
    truth = fold(lines, until=430, history=at_second((0, config()), (90, BLIND)))
    assert told(truth.states) == "D0 ?190 D300 U420"
    assert spans(truth) == [(0, 420)]


def test_whether_a_system_is_down_is_judged_by_every_version_up_to_then() -> None:
    others = config(checks={"c": check(**{"from": ["b"]})})
    patient = config(checks={"c": check(confirm={"down": 3})})
    history = at_second((0, others), (100, patient), (200, config()), (260, BLIND))
    # Two failures: none by three in a row, an outage by two, and the second falls under two.
    truth = fold("...ddu", until=330, history=history)
    assert told(truth.states) == "?0 D180 ?300"
    assert seconds(truth.versions) == [0, 100, 200, 300]


@pytest.mark.parametrize(
    "changes",
    [
        {"agents": {"a": {"site": "south"}, "b": {"site": "north"}, "s": {"site": "south"}}},
        {"sites": {"north": {"name": "North", "users": 5}, "south": {"name": "South"}}},
        {"systems": {"ehr": system(slo={"target": "50"})}},
        {"systems": {"ehr": system(name="The new EHR")}},
        {"checks": {"c": check(confirm={"down": 5})}},
        {"checks": {"c": check(**{"from": ["a", "b"]})}},
        {"checks": {"c": check(), "t": check(role="supporting")}},
    ],
)
def test_whatever_changes_of_a_system_that_is_down_waits(changes: dict[str, Any]) -> None:
    history = at_second((0, config()), (90, config(**changes)))
    assert seconds(fold("ddu", until=180, history=history).versions) == [0, 120]


def test_an_agent_that_moves_moves_when_the_outage_is_over() -> None:
    moved = config(agents={"a": {"site": "south"}, "b": {"site": "north"}, "s": {"site": "south"}})
    truth = fold("ddu", until=180, history=at_second((0, config()), (90, moved)))
    assert told(truth.sites["north"]) == "D0 -120"
    assert told(truth.sites["south"]) == "-0 U120"


def test_of_two_versions_of_one_instant_the_later_counts() -> None:
    history = at_second((0, BLIND), (0, config()))
    truth = fold("uu", until=120, history=history)
    assert told(truth.states) == "U0"
    assert [v.config for v in truth.versions] == [config()]


def test_a_history_that_begins_later_than_now_has_no_version_in_force() -> None:
    truth = fold("uu", until=90, history=at_second((90, config())))
    assert (truth.versions, truth.states, truth.monitored_from) == ((), (), None)


def test_a_config_that_says_nothing_of_a_system_waits_for_nothing() -> None:
    gone: Config = config(systems={"other": system()}, checks={})
    truth = fold("dduuu", until=300, history=at_second((0, config()), (90, gone), (200, config())))
    # What was seen while the system was gone says nothing of it.
    assert told(truth.states) == "D0 -90 ?200 U240"
    assert spans(truth) == [(0, 90)]
