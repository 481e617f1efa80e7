"""When a transition happened is asked of systems that are settled no later than that."""

from __future__ import annotations

import pytest

from alerts.events import Priority
from alerts.transitions import Transition, TransitionKind
from collector.hindsight import DAY_MS, TooDeepError
from collector.occasions import occasions
from collector.truths import Live
from probes.contract import Outcome
from probes.history import History, Version
from tests.support.outages import an_outage
from tests.support.rounds import START, config, result

HISTORY = History([Version(START, config())])
OUTAGE = an_outage(START + 30_000, category=3, priority=Priority.P1, recovered_at=START + 60_000)


def settled(*, at: int) -> Live:
    """Down from 30 s to 60 s, then up; settled to `at` ms after `START`, known to an hour."""
    live = Live("ehr")
    outcomes = [Outcome.DOWN if n in (3, 4, 5) else Outcome.UP for n in range(360)]
    live.take([result(n * 10_000, o) for n, o in enumerate(outcomes)], START + 3_600_000)
    live.fold(HISTORY, START + 3_600_000)
    live.settle(START + at, live.at)
    return live


def test_a_system_that_was_looked_up_not_far_enough_is_looked_up_again() -> None:
    found = [(Transition(TransitionKind.FOUND_LATE, OUTAGE), OUTAGE)]
    lives = {"ehr": settled(at=3_000_000)}
    deep = {"ehr": settled(at=1_200_000)}
    since = START + 1_800_000
    with pytest.raises(TooDeepError) as caught:
        occasions(found, [OUTAGE], lives, deep, HISTORY, since=since, now=START + 3_600_000)
    assert caught.value.wanted == {"ehr": START + 30_000 - DAY_MS}
    deep = {"ehr": settled(at=0)}
    # The second failing result, of 40 ms, confirms it.
    at = occasions(found, [OUTAGE], lives, deep, HISTORY, since=since, now=START + 3_600_000)
    assert at == [START + 40_040]
