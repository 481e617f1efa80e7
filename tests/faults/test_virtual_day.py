"""A day of twenty agents whose lines, hosts and collector fail all day long: nothing is lost, nothing
comes twice, and what is known at its end is what the same runs say when nothing fails.
"""

from __future__ import annotations

import pytest

from collector.replay import Input, replay
from probes.history import History, Version
from probes.results import Result
from tests.support.evidence_laws import Gap, broken
from tests.support.soak import SOAKING, longer
from tests.support.virtual_day import AGENTS, START, Day
from tests.support.virtual_line import Fate
from tests.support.virtual_time import run_virtually

DAYS = [(seed, 3_600) for seed in range(1, 1 + longer(1))]
"""(seed, seconds between two runs of a check)."""
DENSE = [(1, 300)] if SOAKING else []


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("seed", "every_s"), DAYS + DENSE)
def test_a_day_of_twenty_agents_with_all_that_can_fail(seed: int, every_s: int) -> None:
    day = Day(seed, every_s)
    run_virtually(day.live())
    assert broken(day.history) == []
    assert day.numbers["systems"] == at_once(day)["systems"]
    # And it was a day as meant: everybody worked, and every kind of fault came.
    assert {promised.agent for promised in day.history.promised} == set(AGENTS)
    assert set(day.fates) == set(Fate)
    gaps = {event.why for event in day.history.events if isinstance(event, Gap)}
    assert gaps == {"lost its power", "stopped"}
    states = ("up_ms", "degraded_ms", "down_ms", "unknown_ms")
    assert all(any(one[state] for one in day.numbers["systems"].values()) for state in states)


def at_once(day: Day) -> dict[str, object]:
    """The document of the same runs, all of them there from the start."""
    by_source: dict[tuple[str, str], list[Result]] = {}
    for one in sorted(day.collected, key=lambda one: one.t):
        by_source.setdefault((one.check, one.agent), []).append(one)
    history = History([Version(START, day.config)])
    return replay(history, Input(by_source, 0), START, day.now, day.now)
