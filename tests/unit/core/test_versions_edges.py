"""Versions at awkward instants: overtaken, unconcerned, at the very end of an outage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from collector.core.truth import SystemTruth
from collector.core.versions import Decided, InForce, in_force
from collector.core.windows import FAR
from probes.config import Config
from probes.history import History, Version
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


LONG = config(checks={"c": check(confirm={"down": 5})})
THREE = Decided(
    (
        InForce(0, 100, config(), number=0),
        InForce(100, 200, BLIND, waited=True, number=1),
        InForce(200, FAR, LONG, number=3),
    ),
    (0, 100, 150, 200),
)
"""The third was overtaken at 150."""


@pytest.mark.parametrize(
    ("t", "kept"),
    [
        (0, Decided((), ())),
        (1, Decided((InForce(0, FAR, config(), number=0),), (0,))),
        (100, Decided((InForce(0, FAR, config(), number=0),), (0,))),
        (
            101,
            Decided((THREE.versions[0], InForce(100, FAR, BLIND, waited=True, number=1)), (0, 100)),
        ),
        (
            200,
            Decided(
                (THREE.versions[0], InForce(100, FAR, BLIND, waited=True, number=1)),
                (0, 100, 150),
            ),
        ),
        (201, THREE),
    ],
)
def test_what_is_decided_before_an_instant(t: int, kept: Decided) -> None:
    assert THREE.before(t) == kept


def test_each_version_is_decided_when_it_acts_or_is_overtaken() -> None:
    history = History([Version(0, config()), Version(90, BLIND), Version(100, LONG)])
    found = in_force("ehr", history, 200, lambda _, t: (t in (90, 100), 120), Decided())
    assert found == Decided(
        (InForce(0, 120, config(), number=0), InForce(120, FAR, LONG, waited=True, number=2)),
        (0, 100, 120),
    )


def test_what_was_decided_is_not_asked_again() -> None:
    history = History([Version(0, config()), Version(100, BLIND), Version(300, LONG)])
    first = Decided((InForce(0, FAR, config(), number=0),), (0, 100))
    asked: list[tuple[list[InForce], int]] = []

    def outage_at(versions: Sequence[InForce], t: int) -> tuple[bool, int | None]:
        asked.append((list(versions), t))
        return False, None

    # The second was overtaken, whatever an outage would say of it now.
    assert in_force("ehr", history, 301, outage_at, first) == Decided(
        (InForce(0, 300, config(), number=0), InForce(300, FAR, LONG, number=2)), (0, 100, 300)
    )
    assert asked == [([InForce(0, FAR, config(), number=0)], 300)]
