"""When something happened is what asking every system at every moment says, too."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest

from alerts import policy
from alerts.events import Incident
from alerts.transitions import TransitionKind, match, transitions
from collector.occasions import occasions, shown_for
from collector.truths import Live, prolonged
from probes.config import Config
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from tests.support.rounds import START, config, document, result
from tests.support.soak import longer
from tests.unit.plain_occasions import plain_occasions

SLOTS = 40
EVERY = 10_000
MOODS = (*Outcome, Outcome.UP, Outcome.UP, Outcome.DOWN, Outcome.DOWN, None)
WINDOW = {
    "id": "w",
    "systems": ["ehr", "net"],
    "start": "2025-12-31T18:01:30",
    "end": "2025-12-31T18:03:20",
    "timezone": "America/Chicago",
    "expect_down": "40s",
    "proposed": {"by": "change-1", "at": "2025-12-30T00:00:00Z"},
    "approval": {"by": "approver-1", "at": "2025-12-31T00:00:00Z"},
}
BINDER = {"name": "Binder", "valid_for": "70s", "requires": ["net"]}
Systems = Mapping[str, tuple[list[str], dict[str, Any]]]
SYSTEMS: Systems = {
    "net": ([], {"class": "administrative"}),
    "app": (["net"], {"class": "clinical", "workaround": BINDER}),
    "ehr": (["app", "net"], {"class": "point_of_care"}),
    "lab": (["net"], {"class": "clinical", "workaround": {"name": "Fax"}}),
}


def hospital(rng: random.Random, systems: Systems | None = None) -> Config:
    given = document()["checks"]["ehr-read"] | {"from": ["north-1", "south-1"]}
    return config(
        systems={
            name: {"name": name, "depends_on": parents, "impact": impact}
            for name, (parents, impact) in (systems or SYSTEMS).items()
        },
        checks={
            name: given | {"system": name, "confirm": {"down": rng.choice([1, 2])}}
            for name in SYSTEMS
        },
        policy={
            "degraded_after": rng.choice(["0s", "30s"]),
            "blind_after": "30s",
            "recover_for": rng.choice(["0s", "20s"]),
            "reopen_within": "60s",
            "raise_after": "50s",
        },
        maintenance=[WINDOW] if rng.random() < 0.3 else [],
    )


def weather(rng: random.Random) -> list[tuple[int, Result]]:
    """(when it arrives, result): most at once, some late; the network takes others with it."""
    out: list[tuple[int, Result]] = []
    storm = range(start := rng.randrange(SLOTS), start + rng.randrange(4, 16))
    for name in SYSTEMS:
        for agent in ("north-1", "south-1"):
            mood: Outcome | None = Outcome.UP
            shift = rng.randrange(EVERY)
            for slot in range(SLOTS):
                if rng.random() < 0.08:
                    mood = rng.choice(MOODS)
                now = Outcome.DOWN if slot in storm else mood
                if now is not None:
                    one = result(slot * EVERY + shift, now, check=name, agent=agent)
                    late = rng.choice([0, 0, 0, 0, 0, 0, 0, 25_000])
                    out.append((one.t + one.duration_ms + late, one))
    return sorted(out, key=lambda each: each[0])


@pytest.mark.parametrize("seed", range(longer(3)))
def test_only_systems_that_have_a_say_need_be_asked(seed: int) -> None:
    rng = random.Random(seed)
    history = History([Version(START, hospital(rng))])
    waiting = weather(rng)
    lives = {name: Live(name) for name in SYSTEMS}
    recorded: dict[str, Incident] = {}
    since, now = 0, START
    told: set[TransitionKind] = set()
    while now < START + SLOTS * EVERY + 120_000:
        now += rng.choice([1_000, 5_000, 20_000, 60_000])
        while waiting and waiting[0][0] < now:
            one = waiting.pop(0)[1]
            lives[one.check].take([one], now)
        for live in lives.values():
            live.fold(history, now)
        views = {name: prolonged(live, now) for name, live in lives.items()}
        derived = policy.incidents(views, history, now)
        matched = match(recorded.values(), derived, history)
        found = shown_for(transitions(recorded, derived, history), derived, matched)
        quick = occasions(found, derived, lives, {}, history, since=since, now=now)
        assert quick == plain_occasions(found, lives, history, since=since, now=now), found
        recorded |= {step.incident.key: step.incident for step, _ in found}
        told |= {step.kind for step, _ in found}
        since = now
    assert TransitionKind.OPENED in told
