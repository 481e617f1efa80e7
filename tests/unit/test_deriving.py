"""What is derived only where something has changed is what deriving everything gives."""

from __future__ import annotations

import random

import pytest

from alerts import policy
from alerts.concerns import Concerns
from collector.deriving import Deriving, Views
from collector.truths import Live, is_due, prolonged
from probes.history import History, Version
from tests.support.rounds import START
from tests.support.soak import longer
from tests.unit.test_occasions_plainly import EVERY, SLOTS, SYSTEMS, Systems, hospital, weather

CLINICAL = {"class": "clinical"}
APART: Systems = {
    "net": ([], {"class": "administrative"}),
    "lab": (["net"], {"class": "clinical", "workaround": {"name": "Fax", "valid_for": "60s"}}),
    "app": ([], CLINICAL),
    "ehr": ([], {"class": "point_of_care", "workaround": {"name": "Binder", "requires": ["app"]}}),
}


def test_systems_hang_together_by_dependencies_and_by_what_workarounds_require() -> None:
    given = Concerns(History([Version(START, hospital(random.Random(1), APART))]))
    assert given.together(APART) == [("app", "ehr"), ("lab", "net")]


def test_a_version_that_parts_two_systems_leaves_them_together_for_what_was_before_it() -> None:
    alone: Systems = {**APART, "lab": ([], CLINICAL)}
    given = Concerns(
        History(
            [
                Version(START, hospital(random.Random(1), APART)),
                Version(START + 1, hospital(random.Random(1), alone)),
            ]
        )
    )
    assert given.together(APART) == [("app", "ehr"), ("lab", "net")]


@pytest.mark.parametrize("systems", [SYSTEMS, APART], ids=["together", "apart"])
@pytest.mark.parametrize("seed", range(longer(2)))
def test_incidents_and_timers_are_those_of_deriving_everything(seed: int, systems: Systems) -> None:
    rng = random.Random(seed)
    history = History([Version(START, hospital(rng, systems))])
    waiting, deriving = weather(rng), Deriving()
    lives = {name: Live(name) for name in systems}
    now = START
    while now < START + SLOTS * EVERY + 120_000:
        now += rng.choice([1_000, 3_000, 10_000, 20_000])
        while waiting and waiting[0][0] < now:
            one = waiting.pop(0)[1]
            lives[one.check].take([one], now)
        for live in lives.values():
            if live.stale or is_due(live, now):
                live.fold(history, now)
        whole = {name: prolonged(live, now) for name, live in lives.items()}
        views = Views(lives, now)
        found = deriving.derive(lives, views, history, now)
        assert list(found.incidents) == policy.incidents(whole, history, now)
        assert found.dues == policy.dues(whole, history, now)
        assert views == whole
    assert found.incidents
    again = deriving.derive(lives, views, history, now)
    assert all(one is two for one, two in zip(found.incidents, again.incidents, strict=True))
